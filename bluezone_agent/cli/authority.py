"""``bluezone-agent authority``: what a health authority does to publish the keys of cases."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import click

from bluezone_agent.app import authority as publishing
from bluezone_agent.app.authority import Fate, Publication, SubmissionResult, SubmissionVerdict
from bluezone_agent.cli.base import (
    PATH,
    Command,
    Group,
    exit_with,
    fail,
    json_option,
    option,
    print_json,
    printable,
    say,
)
from bluezone_agent.cli.layout import columns, hanging
from bluezone_agent.cli.progress import working
from bluezone_agent.core.identifiers import ReportType
from bluezone_agent.errors import EXIT_FAULT, N_
from bluezone_agent.i18n import _, local_time, ngettext

PLACEHOLDER: Final = "https://keys.example.org/"
"""Stands in the printed [[source]] until the authority says where its folder is reached."""


WIDEST: Final = 40
"""Characters of the column of names."""
VERDICTS: Final = {
    SubmissionVerdict.ACCEPTED: N_("accepted"),
    SubmissionVerdict.WAITS: N_("waits until {when}"),
    SubmissionVerdict.DONE_BEFORE: N_("nothing new"),
    SubmissionVerdict.NO_KEYS: N_("no key that can be published"),
    SubmissionVerdict.REFUSED: N_("refused"),
}
FATES: Final = {
    Fate.PUBLISHED: N_("published: {n}"),
    Fate.REVOKED: N_("revoked: {n}"),
    Fate.WITHDRAWN: N_("withdrawn before publication: {n}"),
    Fate.HELD_BACK: N_("held back: {n}"),
    Fate.PUBLISHED_BEFORE: N_("published before: {n}"),
    Fate.REVOKED_BEFORE: N_("revoked before: {n}"),
    Fate.WITHDRAWN_BEFORE: N_("withdrawn earlier, never published: {n}"),
}
TOTALS: Final = {
    Fate.REVOKED: N_("keys revoked: {n}"),
    Fate.WITHDRAWN: N_("held back keys withdrawn, never to be published: {n}"),
}


submissions_argument = click.argument("submissions", nargs=-1, required=True, type=PATH)
key_option = option(
    "--key", "key_folder", metavar="DIR", required=True, type=PATH, help=N_("Folder of the signing key.")
)
to_option = option("--to", "folder", metavar="FOLDER", required=True, type=PATH, help=N_("Folder to publish in."))
region_option = option(
    "--region",
    default="VN",
    metavar="REGION",
    show_default=True,
    help=N_("Region that the Exposure Notification files name."),
)
index_days_option = option(
    "--index-days",
    metavar="DAYS",
    type=click.IntRange(1, 14),
    default=3,
    show_default=True,
    help=N_("Days for which the signed index holds: agents refuse it afterwards, so publish again before."),
)


@click.group(
    cls=Group, help=N_("For a health authority: make a signing key, publish the keys of cases, take keys back.")
)
def authority() -> None:
    """Group of the authority's commands."""


@authority.command(
    cls=Command,
    answers=publishing.SigningKeyMade,
    help=N_("Make a signing key in DIR, and print what agents need in order to trust it."),
)
@click.argument("folder", metavar="DIR", type=PATH)
@option(
    "--key-id",
    required=True,
    metavar="ID",
    help=N_("Name of the key; by custom the mobile country code, 452 for Vietnam."),
)
@option("--key-version", default="v1", metavar="VERSION", show_default=True, help=N_("Version of the key."))
@option(
    "--location",
    default=PLACEHOLDER,
    metavar="LOCATION",
    help=N_("Where agents will reach the published folder: a URL or a path."),
)
@json_option
def init(*, folder: Path, key_id: str, key_version: str, location: str, as_json: bool) -> None:
    """Make a key and print its [[source]] block."""
    made = publishing.make_signing_key(folder, key_id, key_version, location)
    if as_json:
        print_json(made)
        return
    (key,) = made.source.key
    say(_("signing key written to {path}: keep it secret, and keep a copy").format(path=made.signing_key))
    say(_("agents trust it with these lines in their bluezone-agent.toml:"))
    click.echo("[[source]]")
    click.echo(f"location = {json.dumps(location)}" + (_("  # put your own address here") * (location == PLACEHOLDER)))
    click.echo("[[source.key]]")
    click.echo(f'id = "{key.id}"\nversion = "{key.version}"\npublic_key = """\n{key.public_key}"""')


@authority.command(
    cls=Command,
    answers=Publication,
    help=N_(
        "Check SUBMISSIONS, files that owners exported or folders of them, and publish their keys in FOLDER, which a"
        " web server can serve as it is. Keys that are still valid are held back. Run it again at any time: nothing is"
        " published twice."
    ),
)
@submissions_argument
@key_option
@to_option
@option("--contact", is_flag=True, help=N_("The owners are contacts of a case (F1), not cases (F0)."))
@option(
    "--minimum",
    metavar="KEYS",
    type=click.IntRange(0, 10_000),
    default=1000,
    show_default=True,
    help=N_("Fill each file up to this many keys with random ones, so that their number tells nothing; 0: don't."),
)
@region_option
@index_days_option
@json_option
def publish(
    *,
    submissions: tuple[Path, ...],
    key_folder: Path,
    folder: Path,
    contact: bool,
    minimum: int,
    region: str,
    index_days: int,
    as_json: bool,
) -> None:
    """Publish; exit 1 when a submission was refused."""
    with working(_("checking submissions")):
        done = publishing.publish(
            submissions,
            key_folder,
            folder,
            report_type=ReportType.RECURSIVE if contact else ReportType.CONFIRMED_TEST,
            region=region,
            minimum=minimum,
            index_days=index_days,
        )
    _show(done, as_json=as_json)


@authority.command(
    cls=Command,
    answers=Publication,
    help=N_(
        "Take back keys that were submitted by mistake: SUBMISSIONS are the ones that brought them. Agents forget what"
        " they found of those that were published, and never match them again; those that were not never will be."
    ),
)
@submissions_argument
@key_option
@to_option
@region_option
@index_days_option
@json_option
def revoke(
    *, submissions: tuple[Path, ...], key_folder: Path, folder: Path, region: str, index_days: int, as_json: bool
) -> None:
    """Revoke; exit 1 when a submission was refused."""
    with working(_("checking submissions")):
        done = publishing.publish(
            submissions,
            key_folder,
            folder,
            report_type=ReportType.REVOKED,
            region=region,
            minimum=0,  # each revoked key costs every agent a row
            index_days=index_days,
        )
    _show(done, as_json=as_json)


def _show(done: Publication, *, as_json: bool) -> None:
    if as_json:
        print_json(done)
    else:
        _print(done)
    if any(submission.error for submission in done.submissions):
        exit_with(EXIT_FAULT)


def _print(done: Publication) -> None:
    for submission in done.submissions:
        if submission.error:
            fail(submission.error)
    width = max((len(printable(s.name)) for s in done.submissions), default=0)
    for submission in done.submissions:
        name = f"{printable(submission.name):{min(width, WIDEST, columns() // 3)}}  "
        click.echo(name + hanging(min(len(name), WIDEST), _outcome(submission)))
    for file in done.published:
        click.echo(
            _in_file(file.keys, is_revoked=bool(done.keys.get(Fate.REVOKED))).format(file=file.file, n=file.keys)
        )
    for fate, text in TOTALS.items():
        if fate in done.keys:
            click.echo(_(text).format(n=done.keys[fate]))
    if not {Fate.PUBLISHED, *TOTALS} & done.keys.keys():
        click.echo(_("nothing new to publish"))
    if done.held_until:
        n = done.keys[Fate.HELD_BACK]
        say(
            ngettext(
                "{n} key is still valid and held back until {when}: publish the same submissions again then",
                "{n} keys are still valid and held back until {when}: publish the same submissions again then",
                n,
            ).format(n=n, when=local_time(done.held_until))
        )


def _in_file(n: int, *, is_revoked: bool) -> str:
    if is_revoked:
        return ngettext("{file}: {n} key revoked", "{file}: {n} keys revoked", n)
    return ngettext("{file}: {n} key published", "{file}: {n} keys published", n)


def _outcome(submission: SubmissionResult) -> str:
    """Return what became of a submission: accepted, waits or refused, then its keys by what became of them."""
    verdict = _(VERDICTS[submission.verdict])
    if submission.verdict is SubmissionVerdict.WAITS and submission.held_until:
        verdict = verdict.format(when=local_time(submission.held_until))
    parts = [_(FATES[fate]).format(n=n) for fate in FATES if (n := submission.keys.get(fate))]
    parts += [
        ngettext("{n} key left out: {reason}", "{n} keys left out: {reason}", n).format(n=n, reason=_(reason))
        for reason, n in sorted(submission.dropped.items())
    ]
    return "; ".join([verdict, *parts])
