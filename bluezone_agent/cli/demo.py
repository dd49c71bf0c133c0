"""``bluezone-agent demo``: one simulated day with six devices, without a radio."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path
from typing import Final

import click

from bluezone_agent.app import demo_door, logs
from bluezone_agent.app.demo import Day, DevicesLeft, PersonVerdict, SimulatedDay, keep, simulate
from bluezone_agent.app.demo_campaign import SimulatedCampaign
from bluezone_agent.app.demo_door import DoorMorning
from bluezone_agent.app.demo_door_text import sentences
from bluezone_agent.app.exposure_day import ExposureDay
from bluezone_agent.app.sentences import advice, describe
from bluezone_agent.cli import demo_campaign
from bluezone_agent.cli.base import PATH, PATH_OR_STREAM, Command, json_option, option, print_json, printable, say
from bluezone_agent.cli.page_file import write_page
from bluezone_agent.cli.progress import working
from bluezone_agent.cli.table import print_table
from bluezone_agent.cli.talk import log_level
from bluezone_agent.cli.wrapping import columns, wrapped
from bluezone_agent.core.names import PROTOCOL_NAMES
from bluezone_agent.errors import N_
from bluezone_agent.files import require_folder
from bluezone_agent.html.demo import render
from bluezone_agent.html.door import report_page
from bluezone_agent.i18n import _, local_clock, local_number, ngettext
from bluezone_agent.scenarios.cast import co_presence

VIETNAM: Final = "ICT-7"
"""POSIX notation for UTC+7, which needs no time zone database."""
CAMPAIGN: Final = "demo-campaign"
CELLS_MIN: Final = (30, 60)
"""Minutes per character: the first that fits the terminal."""


@click.command(
    cls=Command,
    answers=SimulatedDay | DevicesLeft | DoorMorning | SimulatedCampaign,
    help=N_(
        "Simulate one day with six devices: one person tests positive and submits their keys, and"
        " those who were close are warned. The simulation needs no Bluetooth and takes less than a minute."
    ),
)
@option(
    "--seed",
    type=int,
    metavar="SEED",
    default=1,
    show_default=True,
    help=N_("Seed of the simulation; the same seed gives the same day."),
)
@option(
    "--protocol",
    type=click.Choice(PROTOCOL_NAMES),
    default="bluezone",
    show_default=True,
    help=N_("Protocol of the device whose owner tests positive."),
)
@option("--page", type=PATH_OR_STREAM, metavar="FILE", help=N_("HTML page to write (default: demo-seed-N.html)."))
@option(
    "--keep",
    "kept",
    type=PATH,
    metavar="DIR",
    help=N_(
        "Simulate yesterday until the evening and leave the six devices in this new folder, so that you can continue by"
        " hand: export keys, publish them, check."
    ),
)
@option(
    "--door",
    is_flag=True,
    help=N_("Simulate a morning at a door instead: what its guard sees of sixty people, forty with a device."),
)
@option(
    "--campaign",
    type=PATH,
    is_flag=False,
    flag_value=CAMPAIGN,
    metavar="[DIR]",
    help=N_(
        "Simulate a campaign of a province instead: five offices, three rounds, with codes, receipts, signed reports,"
        " letters and leaflets, in the new folder DIR (default: demo-campaign)."
    ),
)
@json_option
def demo(
    *,
    seed: int,
    protocol: str,
    page: Path | None,
    kept: Path | None,
    door: bool,
    campaign: Path | None,
    as_json: bool,
) -> None:
    """Simulate, print the timeline and write the page; the exit code is always 0."""
    if kept and page:
        raise click.UsageError(_("--keep writes no page: leave out --page"))
    if kept and door:
        raise click.UsageError(_("--door leaves no devices: leave out --keep"))
    if campaign:
        if kept or page or door:
            raise click.UsageError(_("--campaign is another simulation: leave out --keep, --page and --door"))
        demo_campaign.show(campaign, seed, as_json=as_json)
        return
    os.environ["TZ"] = VIETNAM
    time.tzset()
    logs.to_stderr(log_level(logging.WARNING))
    if kept:
        _keep(kept, seed, protocol, as_json=as_json)
        return
    if door:
        _door(page or Path(f"demo-door-seed-{seed}.html"), seed, as_json=as_json)
        return
    path = page or Path(f"demo-seed-{seed}.html")
    require_folder(path)
    with working(_("simulating one day with six devices")):
        day = simulate(seed, protocol)
    write_page(path, render(day))
    if as_json:
        print_json(SimulatedDay.of(day, path))
    else:
        _print(day)
        click.echo(_("page with charts: {path}").format(path=printable(str(path))))


def _door(path: Path, seed: int, *, as_json: bool) -> None:
    """Simulate the morning, write its page for print, and compare what the guard saw with the truth."""
    require_folder(path)
    with working(_("simulating a morning at a door")):
        simulated = demo_door.simulate(seed)
    write_page(path, report_page(simulated.report))
    found = DoorMorning.of(simulated.morning, path)
    if as_json:
        print_json(found)
        return
    for line in sentences(found):
        click.echo(wrapped(line))
    click.echo(_("page for print: {path}").format(path=printable(str(path))))


def _keep(folder: Path, seed: int, protocol: str, *, as_json: bool) -> None:
    """Leave the devices and print where they are."""
    left = keep(folder, seed, protocol)
    if as_json:
        print_json(left)
        return
    for device in left.devices:
        options = f"--state-dir {printable(str(device.state_dir))} --config {printable(str(device.config))}"
        click.echo(f"{device.name:<6} {options}")
    say(
        _("{case} was among the others yesterday and will test positive; docs/authority.md continues from here").format(
            case=left.case
        )
    )


def _print(day: Day) -> None:
    click.echo(_("{case}'s day, in Vietnam time (seed {seed}):").format(case=day.case.name, seed=day.seed))
    for stay, others in co_presence(day.case, [v.person for v in day.verdicts]):
        whole_min = (stay.ends_at_s - stay.starts_at_s) // 60
        near = ", ".join(_near(*other, whole_min) for other in others) or _("alone")
        times = f"{local_clock(stay.starts_at_s)}-{local_clock(stay.ends_at_s)}"
        click.echo(wrapped(f"  {times}  {_(stay.where)}: {near}"))
    click.echo()
    _print_strip(day)
    click.echo()
    _print_morning(day)
    click.echo()
    _print_table(day)


def _near(name: str, distance_m: float, minutes: int, whole_min: int) -> str:
    if minutes >= whole_min:
        return _("{name} at {distance:.1f} m").format(name=name, distance=local_number(distance_m))
    text = ngettext("{name} at {distance:.1f} m for {n} minute", "{name} at {distance:.1f} m for {n} minutes", minutes)
    return text.format(name=name, distance=local_number(distance_m), n=minutes)


def _print_strip(day: Day) -> None:
    """Print one line per device: when it received the case's device, and when that was within 2 m."""
    width = max(len(v.person.name) for v in day.verdicts) + 2
    minutes = (day.ends_at_s - day.starts_at_s) // 60
    cell_min = next((c for c in CELLS_MIN if width + minutes // c <= columns()), CELLS_MIN[-1])
    starts = range(day.starts_at_s // 60, day.ends_at_s // 60, cell_min)
    click.echo(" " * width + "".join(f"{local_clock(minute * 60)[:2]:<4}" for minute in starts[::4]))
    for v in day.others:
        received, near = set(v.received.get(day.case.name, ())), set(v.near)
        cells = [_cell(set(range(minute, minute + cell_min)), received, near) for minute in starts]
        click.echo(f"{v.person.name:<{width}}{''.join(cells)}")
    legend = _("█ received {case} within 2 m   ░ received from farther away   · not received").format(
        case=day.case.name
    )
    if width + len(legend) > columns():
        legend = legend.replace("   ", "\n" + " " * width)
    click.echo(" " * width + legend)


def _cell(minutes: set[int], received: set[int], near: set[int]) -> str:
    if not minutes & received:
        return "·"
    return "█" if minutes & received & near else "░"


def _print_morning(day: Day) -> None:
    text = ngettext(
        "{clock}  {case} tests positive (F0) and submits the daily keys; the health authority publishes {n} expired"
        " key",
        "{clock}  {case} tests positive (F0) and submits the daily keys; the health authority publishes {n} expired"
        " keys",
        day.keys_published,
    )
    published = text.format(clock=local_clock(day.published_at_s), case=day.case.name, n=day.keys_published)
    click.echo(wrapped(published, hanging=7))
    for v in sorted((v for v in day.others if v.warned_at_s), key=lambda v: v.warned_at_s or 0):
        click.echo(_("{clock}  {name} is warned:").format(clock=local_clock(v.warned_at_s or 0), name=v.person.name))
        for exposure in v.days:
            shown = ExposureDay.of(exposure, day.calendar)
            text = "\n".join([describe(shown), *(advice(shown.degree, None) if shown.warning else ())])
            click.echo(wrapped("       " + text.replace("\n", "\n       ")))


def _print_table(day: Day) -> None:
    names = (_("who"), "", _("true ≤ 2 m"), _("measured"), _("result"), "")
    rows = [
        (
            v.person.name,
            _(v.person.role),
            _("{n} min").format(n=v.true_near_minutes),
            _("{n:.0f} min").format(n=max((d.near_minutes for d in v.days), default=0.0)),
            verdict_text(v),
            _("right") if v.right else _("WRONG"),
        )
        for v in day.others
    ]
    print_table(names, rows)


def verdict_text(verdict: PersonVerdict) -> str:
    """Return what a device told its owner, in a word or two."""
    if verdict.warned_at_s is not None:
        return _("warned")
    return _("no warning") if verdict.days else _("not received")
