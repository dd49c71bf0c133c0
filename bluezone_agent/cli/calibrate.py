"""``bluezone-agent calibrate``: how strongly this device's radio receives, measured or looked up."""

from __future__ import annotations

import logging
from functools import partial
from itertools import product
from pathlib import Path
from typing import Final

import click

from bluezone_agent.app import calibrate as calibrating
from bluezone_agent.app import logs
from bluezone_agent.app.calibrate import MEASURED, CalibrationList, CalibrationMade
from bluezone_agent.cli.base import (
    PATH,
    Command,
    Group,
    argument,
    device,
    fail,
    json_option,
    option,
    print_json,
    printable,
    say,
)
from bluezone_agent.cli.progress import waiting
from bluezone_agent.cli.questions import wait_for_enter
from bluezone_agent.cli.talk import log_level
from bluezone_agent.core.calibration import Reading
from bluezone_agent.errors import N_
from bluezone_agent.i18n import _, local_date, local_number, ngettext

SIDES: Final = (N_("front"), N_("left side"), N_("back"), N_("right side"))
"""Sides of this device, turned towards the peer one after the other."""


@click.group(
    cls=Group,
    help=N_("Calibrate this receiver so that attenuation is comparable between devices."),
)
def calibrate() -> None:
    """Group of the calibration commands."""


antenna_option = option("--antenna", default="", metavar="NOTE", help=N_("Note on antenna and enclosure."))
valid_option = option(
    "--valid-days",
    metavar="DAYS",
    type=click.IntRange(1, 3650),
    default=365,
    show_default=True,
    help=N_("Days until it expires."),
)


@calibrate.command(
    cls=Command,
    answers=CalibrationMade,
    help=N_(
        "Measure with a peer: another agent, or a phone with a contact tracing app. At each distance you turn"
        " this device four times. Place both in the open, at the same height, with line of sight."
    ),
)
@option(
    "--distance",
    "distances_m",
    type=click.FloatRange(0.3, 20),
    multiple=True,
    default=(1.0,),
    metavar="METRES",
    help=N_("Distance to the peer; can be repeated. Two or more also give the path loss."),
)
@option(
    "--seconds",
    metavar="SECONDS",
    type=click.IntRange(1, 3600),
    default=30,
    show_default=True,
    help=N_("How long to receive in each position."),
)
@option(
    "--peer-power",
    "peer_power_dbm",
    type=click.IntRange(-127, 20),
    metavar="DBM",
    help=N_("Transmit power assumed for the peer if its advertisements state none."),
)
@antenna_option
@valid_option
@option("--yes", is_flag=True, help=N_("Don't wait for Enter before each position (for scripts)."))
@json_option
def measure(
    *,
    distances_m: tuple[float, ...],
    seconds: int,
    peer_power_dbm: int | None,
    antenna: str,
    valid_days: int,
    yes: bool,
    as_json: bool,
) -> None:
    """Guide the user through the positions, print each reading, store the result."""
    logs.to_stderr(log_level(logging.WARNING))
    made = calibrating.measure(
        device(),
        list(product(dict.fromkeys(distances_m), SIDES)),
        place=partial(_place, wait=not yes),
        reading=partial(waiting, _("measuring"), seconds),
        show=_show_reading,
        explain=None if yes else fail,
        seconds=seconds,
        peer_power_dbm=peer_power_dbm,
        antenna=antenna,
        valid_days=valid_days,
    )
    _show(made, as_json=as_json)


def _place(distance_m: float, side: str, *, wait: bool) -> None:
    text = _("Place the devices {metres:g} m apart, the {side} of this device facing the peer")
    asked = text.format(metres=local_number(distance_m), side=_(side))
    if wait:
        wait_for_enter(_("{position}; then press Enter").format(position=asked))
    else:
        say(asked)


def _show_reading(reading: Reading) -> None:
    text = ngettext("  {n} packet, {db:.0f} dB", "  {n} packets, {db:.0f} dB", reading.packets)
    say(text.format(n=reading.packets, db=reading.attenuation_db))


@calibrate.command(
    cls=Command,
    answers=CalibrationMade,
    help=N_(
        "Take the correction for DEVICE from TABLE, a CSV file with the columns device,"
        " rssi_correction_db and, if known, margin_db."
    ),
)
@argument("table", type=PATH)
@argument("name", metavar="DEVICE")
@antenna_option
@valid_option
@json_option
def table(*, table: Path, name: str, antenna: str, valid_days: int, as_json: bool) -> None:
    """Look up the device and store its calibration."""
    made = calibrating.look_up(device(), table, name, antenna=antenna, valid_days=valid_days)
    _show(made, as_json=as_json)


def _show(made: CalibrationMade, *, as_json: bool) -> None:
    if as_json:
        print_json(made)
    else:
        _print(made)


@calibrate.command(cls=Command, answers=CalibrationList, help=N_("Show the calibrations, newest last."))
@json_option
def show(*, as_json: bool) -> None:
    """Print the calibrations."""
    found = calibrating.calibrations(device())
    if as_json:
        print_json(found)
        return
    for one in found.calibrations:
        _print(one)
    if not found.calibrations:
        click.echo(_("not calibrated: attenuation may be off by 10 dB or more"))


@calibrate.command(cls=Command, help=N_("Delete all calibrations; RSSI is then used as received."))
def forget() -> None:
    """Delete all calibrations."""
    n = calibrating.forget(device())
    say(ngettext("{n} calibration deleted", "{n} calibrations deleted", n).format(n=n))


def _print(made: CalibrationMade) -> None:
    antenna = f", {printable(made.antenna)}" if made.antenna else ""
    source = _("measured") if made.source == MEASURED else printable(made.source)
    click.echo(f"{printable(made.radio)}{antenna} ({source})")
    margin = "" if made.margin_db is None else f" ± {local_number(made.margin_db):.1f}"
    text = _("  {correction:+.1f}{margin} dB added to every RSSI; valid until {day}")
    click.echo(
        text.format(correction=local_number(made.rssi_correction_db), margin=margin, day=local_date(made.expires_at))
    )
    if made.decade_db is not None:
        margin = "" if made.decade_margin_db is None else f" ± {local_number(made.decade_margin_db):.1f}"
        click.echo(
            _("  {db:.1f}{margin} dB of loss per tenfold distance").format(
                db=local_number(made.decade_db), margin=margin
            )
        )
