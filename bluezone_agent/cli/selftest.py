"""``bluezone-agent selftest``: does this device really transmit? Only another receiver can tell."""

from __future__ import annotations

import logging
import platform
from pathlib import Path
from typing import Final

import click

from bluezone_agent.app import logs
from bluezone_agent.app import selftest as testing
from bluezone_agent.app.passphrase import Passphrase
from bluezone_agent.app.radio_test import RadioTest
from bluezone_agent.app.selftest import ReportWritten, Selftest
from bluezone_agent.cli import radio_test
from bluezone_agent.cli.base import (
    PATH,
    PATH_OR_STREAM,
    Command,
    device,
    exit_with,
    json_option,
    new_device,
    option,
    print_json,
    printable,
    say,
)
from bluezone_agent.cli.passphrase import passphrase_option
from bluezone_agent.cli.progress import waiting
from bluezone_agent.cli.talk import log_level
from bluezone_agent.errors import EXIT_FAULT, N_
from bluezone_agent.i18n import _, local_time, ngettext

SECONDS: Final = 60
LONGEST_S: Final = 3600


@click.command(
    cls=Command,
    answers=Selftest | ReportWritten | RadioTest,
    help=N_(
        "Verify that this device really transmits, with its second adapter or with the report of"
        " another device (--peer). The other device writes the report with --listen and --report."
    ),
)
@option(
    "--seconds",
    metavar="SECONDS",
    type=click.IntRange(5, LONGEST_S),
    default=SECONDS,
    show_default=True,
    help=N_("How long to wait for the second adapter, or to measure (--radio)."),
)
@option("--peer", type=PATH, metavar="FILE", help=N_("Look for this device in the report of another device."))
@option(
    "--listen",
    "listen_s",
    type=click.IntRange(5, LONGEST_S),
    metavar="SECONDS",
    help=N_("Receive other devices and write a report for them."),
)
@option(
    "--radio",
    is_flag=True,
    help=N_("Measure this radio against another device that runs the same command at the same time."),
)
@option("--report", type=PATH_OR_STREAM, metavar="FILE", help=N_("New file for the report."))
@option("--note", metavar="NOTE", default="", help=N_("With --radio: a remark for the report."))
@option("--name", metavar="NAME", help=N_("Name of this device in the report (default: the host name)."))
@passphrase_option
@json_option
def selftest(
    *,
    seconds: int,
    peer: Path | None,
    listen_s: int | None,
    radio: bool,
    report: Path | None,
    note: str,
    name: str | None,
    passphrase: Passphrase,
    as_json: bool,
) -> None:
    """Test once; exit 1 if no other receiver received this device."""
    if radio and (peer or listen_s):
        raise click.UsageError(_("use --radio without --peer and --listen"))
    if not radio and ((listen_s is None) != (report is None) or (peer and listen_s)):
        raise click.UsageError(_("use --listen and --report together, and without --peer"))
    logs.to_stderr(log_level(logging.WARNING))
    if radio:
        radio_test.run(seconds, note, report, as_json=as_json)
        return
    if listen_s is not None and report is not None:
        _report(listen_s, report, name or platform.node() or "?", as_json=as_json)
        return
    if peer:
        found = testing.with_peer(device(), peer, passphrase)
    else:
        with waiting(_("waiting for the second adapter"), seconds):
            found = testing.with_adapters(new_device(), seconds, waiting=_waiting)  # also before the first run
    if as_json:
        print_json(found)
    else:
        _print(found)
    if not found.proved:
        exit_with(EXIT_FAULT)


def _waiting() -> None:
    say(_("the agent is running: waiting a minute or two for its other adapter"))


def _print(found: Selftest) -> None:
    if not found.proved or found.received_at is None:
        click.secho(_("not verified: no advertisement of this device was received"), fg="red")
        return
    packets = ngettext("{n} packet", "{n} packets", found.packets).format(n=found.packets)
    text = _("verified: {by} received this device, {packets}, strongest {rssi} dBm, last at {time}")
    rssi = "?" if found.strongest_dbm is None else found.strongest_dbm
    time = local_time(found.received_at)
    click.secho(text.format(by=printable(found.by or "?"), packets=packets, rssi=rssi, time=time), fg="green")


def _report(seconds: int, path: Path, name: str, *, as_json: bool) -> None:
    """Receive other devices and write the report."""
    say(_("receiving for {n} s").format(n=seconds))
    with waiting(_("receiving"), seconds):
        done = testing.report_to_peer(new_device(), path, name, seconds)
    if as_json:
        print_json(done)
    else:
        n = done.identifiers
        text = ngettext("{n} identifier received, written to {path}", "{n} identifiers received, written to {path}", n)
        say(text.format(n=n, path=path))
