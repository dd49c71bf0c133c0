"""``bluezone-agent calibrate``: how strongly this device's radio receives, measured or looked up."""

from __future__ import annotations

import asyncio
import sys
import time
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from bluezone_agent.cli.base import (
    PATH,
    Command,
    Group,
    fail,
    iso,
    json_option,
    option,
    print_json,
    printable,
    say,
    settings,
)
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.errors import N_, CalibrationError
from bluezone_agent.i18n import _, local_date, ngettext
from bluezone_agent.stores.calibrations import MEASURED, StoredCalibration
from bluezone_agent.stores.store import Store

if TYPE_CHECKING:
    from bluezone_agent.core.calibration import Calibration, Reading
    from bluezone_agent.ports import Radio

SIDES: Final = (N_("front"), N_("left side"), N_("back"), N_("right side"))
"""Of this device, turned towards the peer one after the other."""


@click.group(
    cls=Group,
    help=N_("Measure how strongly this device receives, so that a rule's decibels mean the same here as elsewhere."),
)
def calibrate() -> None:
    """Group of the calibration commands."""


antenna_option = option("--antenna", default="", metavar="TEXT", help=N_("Your word for antenna and case."))
valid_option = option(
    "--valid-days",
    type=click.IntRange(1, 3650),
    default=365,
    show_default=True,
    help=N_("How long it is believed."),
)


@calibrate.command(
    cls=Command,
    help=N_(
        "Measure with a peer, another agent or a phone with such an app: at each distance the device is turned four"
        " times. Stand both free, at the same height, with nobody between them."
    ),
)
@option(
    "--distance",
    "distances_m",
    type=click.FloatRange(0.3, 20),
    multiple=True,
    default=(1.0,),
    metavar="METRES",
    help=N_("May be given several times; with two or more the loss over distance is fitted as well."),
)
@option(
    "--seconds",
    type=click.IntRange(1, 3600),
    default=30,
    show_default=True,
    help=N_("How long to listen in each position."),
)
@option(
    "--peer-power",
    "peer_power_dbm",
    type=click.IntRange(-127, 20),
    metavar="DBM",
    help=N_("The transmit power that the peer is scored by, where its frames do not state it."),
)
@antenna_option
@valid_option
@json_option
def measure(
    *,
    distances_m: tuple[float, ...],
    seconds: int,
    peer_power_dbm: int | None,
    antenna: str,
    valid_days: int,
    as_json: bool,
) -> None:
    """Lead through the positions, print each reading, keep the result."""
    from bluezone_agent.core.calibration import calibrate as fit  # noqa: PLC0415

    radio, readings = asyncio.run(_read_all(_radio(), distances_m, seconds, peer_power_dbm))
    _keep(radio, antenna, MEASURED, fit(readings), valid_days, as_json=as_json)


async def _read_all(
    radio: Radio, distances_m: tuple[float, ...], seconds: int, peer_power_dbm: int | None
) -> tuple[str, list[Reading]]:
    from bluezone_agent.actions.calibrate import read  # noqa: PLC0415

    readings = []
    async with radio:
        for distance_m, side in product(dict.fromkeys(distances_m), SIDES):
            text = _("{metres:g} m between the two, the {side} of this device towards the peer; then press Enter")
            asked = text.format(metres=distance_m, side=_(side))
            while True:
                click.prompt(asked, default="", show_default=False, prompt_suffix=" ", err=True)
                try:
                    reading = await read(radio, distance_m, seconds, peer_power_dbm)
                    break
                except CalibrationError as error:
                    if not sys.stdin.isatty():
                        raise
                    fail(error)  # a person can mend it, and keeps the readings so far
            text = ngettext("  {n} packet, {db:.0f} dB", "  {n} packets, {db:.0f} dB", reading.packets)
            say(text.format(n=reading.packets, db=reading.attenuation_db))
            readings.append(reading)
        return radio.description, readings


@calibrate.command(
    cls=Command,
    help=N_(
        "Take the correction of DEVICE from TABLE, a CSV file with the columns device, rssi_correction_db and, where"
        " known, margin_db."
    ),
)
@click.argument("table", type=PATH)
@click.argument("device")
@antenna_option
@valid_option
@json_option
def table(*, table: Path, device: str, antenna: str, valid_days: int, as_json: bool) -> None:
    """Look the device up and keep what is found."""
    from bluezone_agent.actions.calibrate import read_table  # noqa: PLC0415

    found = read_table(table, device)
    _keep(asyncio.run(_describe(_radio())), antenna, f"{table.name}: {device}", found, valid_days, as_json=as_json)


async def _describe(radio: Radio) -> str:
    async with radio:
        return radio.description


def _radio() -> Radio:
    from bluezone_agent.clocks.system import SystemClock  # noqa: PLC0415
    from bluezone_agent.radios import make_radio  # noqa: PLC0415

    config = settings().config()
    clock = SystemClock(always_trusted=config.clock_trusted)
    return make_radio(config.radios, clock, plan=config.radio_plan, allow_linkable=config.allow_linkable)


def _keep(radio: str, antenna: str, source: str, calibration: Calibration, valid_days: int, *, as_json: bool) -> None:
    now_s = int(time.time())
    made = StoredCalibration(radio, antenna, source, calibration, now_s, now_s + valid_days * DAY_S)
    with Store(settings().state_dir) as store, store.transaction():
        store.calibrations.add(made)
    if as_json:
        print_json(_as_json(made))
    else:
        _print(made)


@calibrate.command(cls=Command, help=N_("Show what was measured or looked up, newest last."))
@json_option
def show(*, as_json: bool) -> None:
    """Print the calibrations."""
    with Store(settings().state_dir) as store:
        made = store.calibrations.all()
    if as_json:
        print_json({"calibrations": [_as_json(one) for one in made]})
        return
    for one in made:
        _print(one)
    if not made:
        click.echo(_("not calibrated: attenuations may be off by 10 dB and more"))


@calibrate.command(cls=Command, help=N_("Forget every calibration; from then on RSSI counts as it is."))
def forget() -> None:
    """Delete them."""
    with Store(settings().state_dir) as store, store.transaction():
        n = store.calibrations.forget()
    say(ngettext("{n} calibration forgotten", "{n} calibrations forgotten", n).format(n=n))


def _as_json(made: StoredCalibration) -> dict[str, object]:
    c = made.calibration
    return {
        "radio": made.radio,
        "antenna": made.antenna,
        "source": made.source,
        "rssi_correction_db": c.rssi_correction_db,
        "margin_db": c.margin_db,
        "decade_db": c.decade_db,
        "decade_margin_db": c.decade_margin_db,
        "packets": c.packets,
        "made_at": iso(made.made_at_s),
        "expires_at": iso(made.expires_at_s),
    }


def _print(made: StoredCalibration) -> None:
    c = made.calibration
    antenna = f", {printable(made.antenna)}" if made.antenna else ""
    source = _("measured") if made.source == MEASURED else printable(made.source)
    click.echo(f"{printable(made.radio)}{antenna} ({source})")
    margin = "" if c.margin_db is None else f" ± {c.margin_db:.1f}"
    text = _("  {correction:+.1f}{margin} dB are added to every RSSI; valid until {day}")
    click.echo(text.format(correction=c.rssi_correction_db, margin=margin, day=local_date(made.expires_at_s)))
    if c.decade_db is not None:
        margin = "" if c.decade_margin_db is None else f" ± {c.decade_margin_db:.1f}"
        click.echo(_("  {db:.1f}{margin} dB for ten times the distance").format(db=c.decade_db, margin=margin))
