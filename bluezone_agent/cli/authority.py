"""``bluezone-agent authority``: how a health authority publishes the keys of cases."""

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
    argument,
    exit_with,
    fail,
    json_option,
    option,
    print_json,
    printable,
    say,
)
from bluezone_agent.cli.progress import working
from bluezone_agent.cli.wrapping import columns, wrapped
from bluezone_agent.core.identifiers import ReportType
from bluezone_agent.errors import EXIT_FAULT, N_
from bluezone_agent.i18n import _, local_time, ngettext

PLACEHOLDER: Final = "https://keys.example.org/"
"""Location in the printed [[source]] until the authority gives the real one."""


WIDEST: Final = 40
"""Width limit of the name column, in characters."""
VERDICTS: Final = {
    SubmissionVerdict.ACCEPTED: N_("accepted"),
    SubmissionVerdict.WAITS: N_("waiting until {when}"),
    SubmissionVerdict.DONE_BEFORE: N_("nothing new"),
    SubmissionVerdict.NO_KEYS: N_("no keys that can be published"),
    SubmissionVerdict.REFUSED: N_("refused"),
}
FATES: Final = {
    Fate.PUBLISHED: N_("published: {n}"),
    Fate.REVOKED: N_("revoked: {n}"),
    Fate.WITHDRAWN: N_("withdrawn before publication: {n}"),
    Fate.HELD_BACK: N_("held back: {n}"),
    Fate.PUBLISHED_BEFORE: N_("published earlier: {n}"),
    Fate.REVOKED_BEFORE: N_("revoked earlier: {n}"),
    Fate.WITHDRAWN_BEFORE: N_("withdrawn earlier, never published: {n}"),
}
TOTALS: Final = {
    Fate.REVOKED: N_("keys revoked: {n}"),
    Fate.WITHDRAWN: N_("held-back keys withdrawn, never to be published: {n}"),
}


submissions_argument = argument("submissions", nargs=-1, required=True, type=PATH)
key_option = option(
    "--key", "key_folder", metavar="DIR", required=True, type=PATH, help=N_("Folder with the signing key.")
)
to_option = option("--to", "folder", metavar="FOLDER", required=True, type=PATH, help=N_("Folder to publish in."))
region_option = option(
    "--region",
    metavar="REGION",
    default="VN",
    show_default=True,
    help=N_("Region named in the Exposure Notification files."),
)
index_days_option = option(
    "--index-days",
    metavar="DAYS",
    type=click.IntRange(1, 14),
    default=3,
    show_default=True,
    help=N_("Days until the signed index expires; agents then refuse it, so publish again before that."),
)


@click.group(cls=Group, help=N_("For a health authority: create a signing key, publish and revoke keys of cases."))
def authority() -> None:
    """Group of the authority's commands."""


@authority.command(
    cls=Command,
    answers=publishing.SigningKeyMade,
    help=N_("Create a signing key in DIR and print the settings with which agents trust it."),
)
@argument("folder", metavar="DIR", type=PATH)
@option("--key-id", metavar="ID", required=True, help=N_("Key ID; usually the mobile country code, 452 for Vietnam."))
@option("--key-version", metavar="VERSION", default="v1", show_default=True, help=N_("Key version."))
@option(
    "--location",
    metavar="LOCATION",
    default=PLACEHOLDER,
    help=N_("Public address of the published folder: a URL or a path."),
)
@json_option
def init(*, folder: Path, key_id: str, key_version: str, location: str, as_json: bool) -> None:
    """Create a key and print its [[source]] block."""
    made = publishing.make_signing_key(folder, key_id, key_version, location)
    if as_json:
        print_json(made)
        return
    (key,) = made.source.key
    say(_("signing key written to {path}: keep it secret, and keep a copy").format(path=made.signing_key))
    say(_("devices that are to trust it need these lines in their bluezone-agent.toml:"))
    click.echo("[[source]]")
    click.echo(
        f"location = {json.dumps(location)}" + (_("  # replace with your own address") * (location == PLACEHOLDER))
    )
    click.echo("[[source.key]]")
    click.echo(f'id = "{key.id}"\nversion = "{key.version}"\npublic_key = """\n{key.public_key}"""')


@authority.command(
    cls=Command,
    answers=Publication,
    help=N_(
        "Verify SUBMISSIONS (key files that owners exported, or folders of them) and publish their"
        " keys in FOLDER, which any web server can serve as it is. Keys that are still valid are held"
        " back. You can run it again at any time: nothing is published twice."
    ),
)
@submissions_argument
@key_option
@to_option
@option("--contact", is_flag=True, help=N_("The submissions are from contacts of a case (F1), not from cases (F0)."))
@option(
    "--minimum",
    metavar="KEYS",
    type=click.IntRange(0, 10_000),
    default=1000,
    show_default=True,
    help=N_("Pad each file with random keys to this size, to hide the count (0: no padding)."),
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
        "Revoke keys that were submitted by mistake: SUBMISSIONS are the files that contained them."
        " For published keys, agents delete their matches and never match them again; keys that are"
        " not yet published never will be."
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
            minimum=0,  # each revoked key costs every agent one row
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
        click.echo(wrapped(name + _outcome(submission), hanging=min(len(name), WIDEST)))
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
    """Describe the outcome of a submission: accepted, waiting or refused, then the outcomes of its keys."""
    verdict = _(VERDICTS[submission.verdict])
    if submission.verdict is SubmissionVerdict.WAITS and submission.held_until:
        verdict = verdict.format(when=local_time(submission.held_until))
    parts = [_(FATES[fate]).format(n=n) for fate in FATES if (n := submission.keys.get(fate))]
    parts += [
        ngettext("{n} key skipped: {reason}", "{n} keys skipped: {reason}", n).format(n=n, reason=_(reason))
        for reason, n in sorted(submission.dropped.items())
    ]
    return "; ".join([verdict, *parts])
