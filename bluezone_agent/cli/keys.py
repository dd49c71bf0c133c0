"""``bluezone-agent keys``: the owner's own daily keys."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path

import click

from bluezone_agent.app.unlock import unlocked
from bluezone_agent.cli.base import PATH, Command, Group, iso, json_option, option, print_json, say, settings
from bluezone_agent.cli.passphrase import passphrase_option
from bluezone_agent.errors import N_
from bluezone_agent.files import require_absent
from bluezone_agent.i18n import _, local_time, ngettext
from bluezone_agent.stores.keys import ListedKey
from bluezone_agent.stores.store import RETENTION_DAYS, Store


@click.group(
    cls=Group,
    help=N_("Your own daily keys, to list, or to hand in when you are a case; and those of cases that were published."),
    lazy={
        "encrypt": "encrypt:encrypt",
        "decrypt": "encrypt:decrypt",
        "sources": "sources:sources",
        "publish": "publish:publish",
        "chaff": "publish:chaff",
    },
)
def keys() -> None:
    """Group of the key commands."""


@keys.command("list", cls=Command, help=N_("List your daily keys. The keys themselves are never shown."))
@json_option
def list_keys(*, as_json: bool) -> None:
    """Print what there is to export."""
    with Store(settings().state_dir) as store:
        own_keys = store.keys.listed()
        encrypted = store.keys.encrypted
        if as_json:
            print_json({"encrypted": encrypted, "keys": [_as_json(own) for own in own_keys]})
        for own in own_keys if not as_json else ():
            click.echo(
                _("{start} to {end}  {protocol}  {state}").format(
                    start=local_time(own.starts_at_s),
                    end=local_time(own.ends_at_s),
                    protocol=own.protocol,
                    state=_state(own),
                )
            )
        if not own_keys and not as_json:
            click.echo(_("no keys yet: they are made while the agent runs"))
        if encrypted and not as_json:
            click.echo(_("sealed: a passphrase opens them"))


def _as_json(own: ListedKey) -> dict[str, object]:
    return {
        "protocol": own.protocol,
        "starts_at": iso(own.starts_at_s),
        "ends_at": iso(own.ends_at_s),
        "on_air": not own.closed,
        "exportable": own.exportable,
    }


def _state(own: ListedKey) -> str:
    if not own.exportable:
        return _("never exported: the clock was not trusted")
    return _("closed") if own.closed else _("in use")


@keys.command(
    cls=Command, help=N_("Write your keys to FILE, to hand to the health authority when you are a case (F0).")
)
@click.argument("file", type=PATH)
@option(
    "--days",
    type=click.IntRange(1, RETENTION_DAYS),
    default=RETENTION_DAYS,
    show_default=True,
    help=N_("How many days back, today included."),
)
@option("--onset", type=click.DateTime(["%Y-%m-%d"]), help=N_("Day on which symptoms began, YYYY-MM-DD."))
@option("--yes", is_flag=True, help=N_("Do not ask; for scripts."))
@passphrase_option
@json_option
def export(
    *, file: Path, days: int, onset: datetime | None, yes: bool, passphrase_file: Path | None, as_json: bool
) -> None:
    """Write a submission after an explicit yes; the key on the air is cut and replaced at once."""
    from bluezone_agent.actions import export_keys as exporting  # noqa: PLC0415 - imports cryptography

    exporting.require_past(onset.date() if onset else None, time.time())
    require_absent(file)
    if not yes:
        say(
            _(
                "This writes your keys of the last {days} days to {file}. Whoever has the file can tell which"
                " broadcasts were yours on those days. The key in use is closed now, and a new one goes on the air."
            ).format(days=days, file=file)
        )
        click.confirm(_("Export your keys?"), abort=True, err=True)
    with unlocked(settings().state_dir, passphrase_file) as store:
        exporting.end_current_key(store)
        exported = exporting.exportable(store, days, time.time())
    exporting.write(file, exported, onset.date() if onset else None)
    if as_json:
        print_json({"file": str(file), "keys": len(exported)})
    else:
        say(
            ngettext("{n} key written to {file}", "{n} keys written to {file}", len(exported)).format(
                n=len(exported), file=file
            )
        )
