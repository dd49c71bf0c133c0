"""``bluezone-agent keys publish``: the owner's keys to a key server of Google's kind."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bluezone_agent.app.unlock import unlocked
from bluezone_agent.cli.base import Command, json_option, option, print_json, printable, say, settings
from bluezone_agent.cli.passphrase import passphrase_option
from bluezone_agent.errors import N_, ConfigError
from bluezone_agent.i18n import _, ngettext
from bluezone_agent.stores.store import RETENTION_DAYS

if TYPE_CHECKING:
    from bluezone_agent.actions.upload_keys import SubmittedKeys
    from bluezone_agent.config import Config
    from bluezone_agent.key_servers.google import GoogleKeyServer


@click.command(
    cls=Command,
    help=N_(
        "Send your Exposure Notification keys to the key server of [publish], when you are a case (F0) and your health"
        " authority gave you a code."
    ),
)
@option("--code", default="", help=N_("The code that you were given; not needed again after a failure of the network."))
@option(
    "--days",
    type=click.IntRange(1, RETENTION_DAYS),
    default=RETENTION_DAYS,
    show_default=True,
    help=N_("How many days back, today included."),
)
@option(
    "--onset",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="YYYY-MM-DD",
    help=N_("Day on which symptoms began, YYYY-MM-DD."),
)
@option("--traveler", is_flag=True, help=N_("You were in other regions: your keys are for them too."))
@option("--yes", is_flag=True, help=N_("Do not ask; for scripts."))
@passphrase_option
@json_option
def publish(
    *,
    code: str,
    days: int,
    onset: datetime | None,
    traveler: bool,
    yes: bool,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Publish after an explicit yes; the key on the air is cut and replaced at once."""
    from bluezone_agent.actions import upload_keys  # noqa: PLC0415 - imports httpx2
    from bluezone_agent.actions.export_keys import require_past  # noqa: PLC0415

    options = settings()
    server = key_server(options.config())
    day = onset.date() if onset else None
    now_s = time.time()
    require_past(day, now_s)
    if not yes:
        say(
            _(
                "This sends your keys of the last {days} days to the key server, which publishes them: everybody can"
                " then tell which broadcasts were yours on those days. It can't be undone. The key in use is closed"
                " now, and a new one goes on the air."
            ).format(days=days)
        )
        click.confirm(_("Publish your keys?"), abort=True, err=True)
    with unlocked(options.state_dir, passphrase_file) as store:
        done = upload_keys.publish(store, server, code, now_s, days=days, onset=day, traveler=traveler)
    if as_json:
        print_json({"sent": done.sent, "inserted": done.receipt.inserted, "refused": done.receipt.refused or None})
    else:
        _print(done)


def key_server(config: Config) -> GoogleKeyServer:
    """Return the configured key server; raises ConfigError when there is none."""
    from bluezone_agent.key_servers.google import GoogleKeyServer  # noqa: PLC0415 - imports httpx2

    if config.publish is None:
        raise ConfigError(
            N_("no key server is configured"),
            N_('add a [publish] to the configuration; "bluezone-agent config init -" shows how'),
        )
    return GoogleKeyServer(
        config.publish.verification_server,
        config.publish.key_server,
        config.publish.api_key,
        config.publish.health_authority_id,
    )


def _print(done: SubmittedKeys) -> None:
    say(
        ngettext("{n} key sent, {inserted} published", "{n} keys sent, {inserted} published", done.sent).format(
            n=done.sent, inserted=done.receipt.inserted
        )
    )
    if done.receipt.refused:
        say(_("not taken: {reason}").format(reason=printable(done.receipt.refused)))


@click.command(
    cls=Command,
    help=N_(
        "Send a publication that the servers throw away, so that a real one can't be told from the traffic. With"
        " chaff = true in [publish] the agent does it by itself, about once a day."
    ),
)
def chaff() -> None:
    """Send chaff once; no key of this device is in it."""
    key_server(settings().config()).send_chaff()
    say(_("chaff sent"))
