"""``bluezone-agent authority``: what a health authority does to publish the keys of cases."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import click

from bluezone_agent.app import authority as publishing
from bluezone_agent.app.authority import Publication
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
from bluezone_agent.core.identifiers import ReportType
from bluezone_agent.errors import EXIT_FAULT, N_
from bluezone_agent.i18n import _, local_time, ngettext

PLACEHOLDER: Final = "https://keys.example.org/"
"""Stands in the printed [[source]] until the authority says where its folder is reached."""


submissions_argument = click.argument("submissions", nargs=-1, required=True, type=PATH)
key_option = option(
    "--key", "key_folder", metavar="DIR", required=True, type=PATH, help=N_("Folder of the signing key.")
)
to_option = option("--to", "folder", metavar="FOLDER", required=True, type=PATH, help=N_("Folder to publish in."))
region_option = option(
    "--region", default="VN", show_default=True, help=N_("Region that the Exposure Notification files name.")
)
index_days_option = option(
    "--index-days",
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
@option("--key-id", required=True, help=N_("Name of the key; by custom the mobile country code, 452 for Vietnam."))
@option("--key-version", default="v1", show_default=True, help=N_("Version of the key."))
@option("--location", default=PLACEHOLDER, help=N_("Where agents will reach the published folder: a URL or a path."))
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
        "Take back keys that were published by mistake: SUBMISSIONS are the ones that brought them. Agents forget what"
        " they found of them and never match them again."
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
    if done.refused:
        exit_with(EXIT_FAULT)


def _print(done: Publication) -> None:
    for error in done.refused:
        fail(error)
    for name, reasons in done.dropped.items():
        _print_dropped(name, reasons)
    for file in done.published:
        click.echo(
            ngettext("{file}: {n} key published", "{file}: {n} keys published", file.keys).format(
                file=file.file, n=file.keys
            )
        )
    if not done.published:
        click.echo(_("nothing new to publish"))
    if done.already_published:
        say(
            ngettext("{n} key was published before", "{n} keys were published before", done.already_published).format(
                n=done.already_published
            )
        )
    if done.held_back and done.held_until:
        say(
            ngettext(
                "{n} key is still valid and held back until {when}: publish the same submissions again then",
                "{n} keys are still valid and held back until {when}: publish the same submissions again then",
                done.held_back,
            ).format(n=done.held_back, when=local_time(done.held_until))
        )


def _print_dropped(name: str, reasons: dict[str, int]) -> None:
    for reason, n in sorted(reasons.items()):
        say(
            ngettext("{name}: {n} key left out: {reason}", "{name}: {n} keys left out: {reason}", n).format(
                name=printable(name), n=n, reason=_(reason)
            )
        )
