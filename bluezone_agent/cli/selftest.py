"""``bluezone-agent selftest``: is the own broadcast on the air? Only somebody else can tell."""

from __future__ import annotations

import asyncio
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from bluezone_agent.cli.base import (
    PATH,
    Command,
    exit_with,
    iso,
    json_option,
    option,
    print_json,
    printable,
    say,
    settings,
)
from bluezone_agent.cli.passphrase import passphrase_option
from bluezone_agent.errors import EXIT_FAULT, N_
from bluezone_agent.i18n import _, local_time, ngettext

if TYPE_CHECKING:
    from bluezone_agent.actions.selftest import Outcome
    from bluezone_agent.config import Config
    from bluezone_agent.ports import Clock, Radio

SECONDS: Final = 60
LONGEST_S: Final = 3600


@click.command(
    cls=Command,
    help=N_(
        "Prove that the broadcast is on the air: by a second adapter of this device, or by the report of another"
        " device (--peer). That device makes its report with --listen and --report."
    ),
)
@option(
    "--seconds",
    type=click.IntRange(5, LONGEST_S),
    default=SECONDS,
    show_default=True,
    help=N_("How long the second adapter may take."),
)
@option("--peer", type=PATH, metavar="FILE", help=N_("Look for this device in another one's report."))
@option(
    "--listen",
    "listen_s",
    type=click.IntRange(5, LONGEST_S),
    metavar="SECONDS",
    help=N_("Listen for others, to report to them."),
)
@option("--report", type=PATH, metavar="FILE", help=N_("The new file for the report."))
@option("--name", metavar="NAME", help=N_("This device's name in the report; the host's otherwise."))
@passphrase_option
@json_option
def selftest(
    *,
    seconds: int,
    peer: Path | None,
    listen_s: int | None,
    report: Path | None,
    name: str | None,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Test once; exit 1 when nobody heard it."""
    if (listen_s is None) != (report is None) or (peer and listen_s):
        raise click.UsageError(_("--listen and --report belong together, and not to --peer"))
    if listen_s is not None and report is not None:
        _report(listen_s, report, name or platform.node() or "?", as_json=as_json)
        return
    outcome = _with_peer(peer, passphrase_file) if peer else _with_adapters(seconds)
    if as_json:
        print_json(
            {
                "proved": outcome.received,
                "by": outcome.by or None,
                "packets": outcome.count,
                "strongest_dbm": outcome.max_dbm,
                "received_at": iso(outcome.at_s),
            }
        )
    else:
        _print(outcome)
    if not outcome.received:
        exit_with(EXIT_FAULT)


def _print(outcome: Outcome) -> None:
    if not outcome.received:
        click.secho(_("not proved: nobody has heard the broadcast of this device"), fg="red")
        return
    packets = ngettext("{n} packet", "{n} packets", outcome.count).format(n=outcome.count)
    text = _("proved: {by} heard this device, {packets}, {rssi} dBm at best, the last at {time}")
    rssi = "?" if outcome.max_dbm is None else outcome.max_dbm
    time = local_time(outcome.at_s or 0)
    click.secho(text.format(by=printable(outcome.by), packets=packets, rssi=rssi, time=time), fg="green")


def _with_peer(peer: Path, passphrase_file: Path | None) -> Outcome:
    from bluezone_agent.actions.peer_report import read_report  # noqa: PLC0415
    from bluezone_agent.actions.selftest import with_report  # noqa: PLC0415
    from bluezone_agent.app.unlock import unlocked  # noqa: PLC0415

    with unlocked(settings().state_dir, passphrase_file) as store:
        return with_report(store, read_report(peer))


def _with_adapters(seconds: int) -> Outcome:
    """Test the running agent's radio by what it wrote down, a free one by broadcasting."""
    from bluezone_agent.actions import selftest as testing  # noqa: PLC0415
    from bluezone_agent.clocks.system import SystemClock  # noqa: PLC0415
    from bluezone_agent.core.protocols import PROTOCOLS  # noqa: PLC0415
    from bluezone_agent.stores.store import StateLock, Store, agent_runs  # noqa: PLC0415

    options = settings()
    config = options.config()
    clock = SystemClock(always_trusted=config.clock_trusted)
    with Store(options.state_dir) as store:
        if agent_runs(options.state_dir):
            say(_("the agent runs: waiting for what its other adapter hears, a minute or two"))
            return asyncio.run(testing.of_running_agent(store, clock, seconds))
        if len(config.radios) < 2:
            raise testing.not_provable()
        with StateLock(options.state_dir):
            radio = _radio(config, clock)
            protocol = PROTOCOLS[config.protocol]
            return asyncio.run(testing.with_adapters(radio, clock, protocol, seconds, tx_power_dbm=config.tx_power_dbm))


def _radio(config: Config, clock: Clock) -> Radio:
    from bluezone_agent.radios import make_radio  # noqa: PLC0415

    return make_radio(config.radios, clock, plan=config.radio_plan, allow_linkable=config.allow_linkable)


def _report(seconds: int, path: Path, name: str, *, as_json: bool) -> None:
    """Listen and write the report; a running agent listens already, so what it stores is reported."""
    from bluezone_agent.actions import selftest as testing  # noqa: PLC0415
    from bluezone_agent.actions.peer_report import make_report, write_report  # noqa: PLC0415
    from bluezone_agent.clocks.system import SystemClock  # noqa: PLC0415
    from bluezone_agent.files import require_absent  # noqa: PLC0415
    from bluezone_agent.stores.store import Store, agent_runs  # noqa: PLC0415

    options = settings()
    config = options.config()
    require_absent(path)
    clock = SystemClock(always_trusted=config.clock_trusted)
    from_s = clock.now_s()
    say(_("listening for {n} s").format(n=seconds))
    with Store(options.state_dir) as store:
        if agent_runs(options.state_dir):
            minutes = asyncio.run(testing.received_by_running_agent(store, clock, seconds))
        else:
            minutes = asyncio.run(testing.listen(_radio(config, clock), clock, seconds))
    report = make_report(name, minutes, from_s, clock.now_s())
    write_report(report, path)
    n = len(report.received)
    if as_json:
        print_json({"file": str(path), "by": report.by, "identifiers": n})
    else:
        text = ngettext("{n} identifier heard, written to {path}", "{n} identifiers heard, written to {path}", n)
        say(text.format(n=n, path=path))
