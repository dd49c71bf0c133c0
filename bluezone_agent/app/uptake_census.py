"""``uptake census``: devices on the air at one place, against people whom somebody counted there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from bluezone_agent.app.around import live
from bluezone_agent.app.device import Device
from bluezone_agent.app.result import Result
from bluezone_agent.app.uptake import latest_round, require_own
from bluezone_agent.core.live_line import LiveLine
from bluezone_agent.errors import N_
from bluezone_agent.files import read_text
from bluezone_agent.uptake.census import LEAST_S, LEAST_SCANNED, Census, Estimate
from bluezone_agent.uptake.folder import COUNTED, UptakeFolder
from bluezone_agent.uptake.records import CountedLine, append
from bluezone_agent.uptake.units import LONGEST, UptakeError, normal

DECIMALS: Final = 1
"""Of a device: further ones would tell nothing."""


class UptakeCensus(Result, frozen=True, kw_only=True):
    """Devices counted on the air at one place, and people counted there at the same time."""

    unit: str
    round: int
    counted_at: datetime
    """When the people were counted; the middle of the time on the air, unless said otherwise."""
    counted_by: str
    minutes: int
    people: int
    devices: float
    """Present at a moment, on average over these minutes."""
    devices_low: float
    """Bounds of the 95 % interval."""
    devices_high: float
    share_percent: float
    share_low_percent: float
    share_high_percent: float
    identifiers: int
    """Distinct ones that were received; a device has several one after the other."""
    unseen: float
    """Of the devices, those that are estimated from identifiers received once or never."""


async def from_agent(device: Device, lasts_s: int, advance: Callable[[int], None]) -> Census:
    """Count what the running agent receives for some time; ``advance`` gets the seconds. Raises NoLiveFeedError."""
    census = Census()
    async with aclosing(live(device)) as lines:
        async for line in lines:
            before_s = census.lasted_s
            census.add(line)
            advance(int(census.lasted_s) - int(before_s))
            if census.lasted_s >= lasts_s:
                break
    return census


def from_recording(path: Path) -> Census:
    """Count what ``bluezone-agent around --json`` printed. Raises UptakeError."""
    census = Census()
    for line in _lines(path):
        census.add(line)
    return census


def _lines(path: Path) -> Iterator[LiveLine]:
    try:
        text = read_text(path)
    except (OSError, UnicodeDecodeError) as error:
        raise UptakeError(
            N_("can't read {path}: {reason}"),
            N_('name a file that "bluezone-agent around --json" wrote'),
            path=path,
            reason=getattr(error, "strerror", None) or error,
        ) from error
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            yield msgspec.json.decode(line, type=LiveLine)
        except msgspec.DecodeError as error:  # ValidationError is one
            raise UptakeError(
                N_("{path}, line {line}: this is not a line of the live feed"),
                N_('name a file that "bluezone-agent around --json" wrote'),
                path=path,
                line=number,
            ) from error


def record(
    folder: Path, unit: str, census: Census, *, people: int, counted_by: str, number: int | None, at: str | None
) -> UptakeCensus:
    """Keep a count on the air; ``number`` is the round, None for the latest. Raises UptakeError."""
    campaign, name = checked(folder, unit, counted_by)
    found = _estimate(census)
    middle = census.middle or datetime.now(UTC)
    line = CountedLine(
        round=number or latest_round(campaign),
        unit=name,
        at=campaign.moment(at, lambda: middle).astimezone(UTC) if at else middle,
        minutes=max(1, round(found.lasted_s / 60)),
        people=people,
        devices=round(found.devices, DECIMALS),
        devices_low=found.low,
        devices_high=found.high,
        counted_by=normal(counted_by),
    )
    append(folder / COUNTED, [line])
    return _answer(line, found)


def checked(folder: Path, unit: str, counted_by: str) -> tuple[UptakeFolder, str]:
    """Return the campaign and the unit's name, before anybody counts for minutes in vain. Raises UptakeError."""
    campaign = UptakeFolder(folder)
    tree = campaign.own_units()
    place = tree.require(unit)
    require_own(campaign, tree, place)
    if not counted_by.strip() or len(counted_by) > LONGEST or not counted_by.isprintable():
        raise UptakeError(
            N_('"{value}" does not say who counted the people'),
            N_("name a role in up to {longest} letters, such as guard or teacher"),
            value=counted_by,
            longest=LONGEST,
        )
    return campaign, tree.units[place].unit


def _estimate(census: Census) -> Estimate:
    lasted_s, scanned_s = census.lasted_s, census.scanned_s
    if lasted_s < LEAST_S:
        raise UptakeError(
            N_("{seconds:.0f} s are too short for a count"),
            N_("count for at least {least} s, better for 5 minutes"),
            seconds=lasted_s,
            least=LEAST_S,
        )
    if scanned_s < LEAST_SCANNED * lasted_s:
        raise UptakeError(
            N_("the agent scanned for {scanned:.0f} of {seconds:.0f} s, so this is no count"),
            N_('to see why, run "bluezone-agent status"; then count again'),
            scanned=scanned_s,
            seconds=lasted_s,
        )
    if not census.continuous:
        raise UptakeError(
            N_("these lines are not of one stretch of time: {lines:.0f} s by the uptime, {clock:.0f} s by the clock"),
            N_("count again without a break, and don't set the clock meanwhile"),
            lines=lasted_s,
            clock=census.clock_s,
        )
    return census.estimate()


def _answer(line: CountedLine, found: Estimate) -> UptakeCensus:
    low, share, high = (100 * n / line.people for n in (line.devices_low, line.devices, line.devices_high))
    return UptakeCensus(
        unit=line.unit,
        round=line.round,
        counted_at=line.at,
        counted_by=line.counted_by,
        minutes=line.minutes,
        people=line.people,
        devices=line.devices,
        devices_low=line.devices_low,
        devices_high=line.devices_high,
        share_percent=share,
        share_low_percent=low,
        share_high_percent=high,
        identifiers=found.identifiers,
        unseen=round(found.unseen, DECIMALS),
    )
