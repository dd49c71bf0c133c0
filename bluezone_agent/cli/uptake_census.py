"""``bluezone-agent uptake census``: devices on the air at one place, against people counted there."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import click

from bluezone_agent.app import uptake_census as counts
from bluezone_agent.cli.base import PATH, Command, argument, device, json_option, option, print_json, say
from bluezone_agent.cli.durations import Duration
from bluezone_agent.cli.progress import counting
from bluezone_agent.cli.uptake import COUNT, folder_option, round_option
from bluezone_agent.cli.wrapping import wrapped
from bluezone_agent.errors import N_
from bluezone_agent.i18n import _, local_number, ngettext

DURATION: Final = Duration("smh", 60, 3600, N_("{value} is not a duration from 1m to 1h: write for example 5m or 10m"))
PEOPLE: Final = click.IntRange(1, COUNT.max)
NOT_PROVED: Final = (
    N_("devices are not people: two telephones of one person count twice, and so do the apps of both protocols on one"),
    N_(
        "devices in the next room or in the street count too, as far as they are received; iPhones with the old"
        " Bluezone app are not, because they only answer connections"
    ),
    N_("the device that counted is not among them: leave whoever carries it out of the people"),
)


@click.command(
    cls=Command,
    answers=counts.UptakeCensus,
    help=N_(
        "Count devices on the air where people of UNIT are together, with the running agent, and record them next to"
        " how many people somebody counted there. Identifiers that rotate, devices that come and go and packets that"
        " are missed are allowed for, with a 95 % interval."
    ),
)
@argument("unit", metavar="UNIT")
@option("--people", type=PEOPLE, required=True, metavar="NUMBER", help=N_("How many people were counted there."))
@option("--by", "counted_by", required=True, metavar="NAME", help=N_("Who counted them, by role: guard, teacher."))
@option(
    "--at", metavar="TIME", help=N_("When they were counted: 09:40, or 2021-05-10T09:40 (default: the middle of it).")
)
@option(
    "--for",
    "lasts_s",
    type=DURATION,
    default="5m",
    show_default=True,
    metavar="TIME",
    help=N_("How long to count on the air, from 1m to 1h."),
)
@option(
    "--feed", type=PATH, metavar="FILE", help=N_("Count what bluezone-agent around --json printed, instead of now.")
)
@round_option
@folder_option
@json_option
def census(
    *,
    unit: str,
    people: int,
    counted_by: str,
    at: str | None,
    lasts_s: int,
    feed: Path | None,
    number: int | None,
    folder: Path,
    as_json: bool,
) -> None:
    """Append a line to counted.csv."""
    counts.checked(folder, unit, counted_by)
    if feed:
        found = counts.from_recording(feed)
    else:
        with counting(_("counting devices"), lasts_s) as advance:
            found = asyncio.run(counts.from_agent(device(), lasts_s, advance))
    done = counts.record(folder, unit, found, people=people, counted_by=counted_by, number=number, at=at)
    if as_json:
        print_json(done)
        return
    for line in _lines(done):
        click.echo(wrapped(line))
    for text in NOT_PROVED:
        say(_(text))


def _lines(done: counts.UptakeCensus) -> list[str]:
    lines = [
        _("round {round}, {unit}: {devices:.1f} devices ({low:.0f} to {high:.0f}) for {people} people").format(
            round=done.round,
            unit=done.unit,
            devices=local_number(done.devices),
            low=done.devices_low,
            high=done.devices_high,
            people=done.people,
        ),
        _("share: {share:.1f} % ({low:.1f} to {high:.1f} %, a 95 % interval)").format(
            share=local_number(done.share_percent),
            low=local_number(done.share_low_percent),
            high=local_number(done.share_high_percent),
        ),
        ngettext(
            "{n} identifier received in {minutes} min; {unseen:.1f} devices added for those received once or never",
            "{n} identifiers received in {minutes} min; {unseen:.1f} devices added for those received once or never",
            done.identifiers,
        ).format(n=done.identifiers, minutes=done.minutes, unseen=local_number(done.unseen)),
    ]
    if done.devices_low > done.people:
        lines.append(_("more devices than people: count where only these people are, or count the people again"))
    return lines
