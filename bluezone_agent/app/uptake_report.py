"""The report of a campaign: who has it, who runs it, who did not report in time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from bluezone_agent.app.result import Result, utc
from bluezone_agent.errors import N_
from bluezone_agent.extra_packages import imported
from bluezone_agent.tables.names import DEFAULT_ENGINE
from bluezone_agent.uptake.blocks import LEAST_PEOPLE, Blocks, blocks_of
from bluezone_agent.uptake.folder import COUNTED, UptakeFolder
from bluezone_agent.uptake.records import CountedLine, Evidence, read
from bluezone_agent.uptake.sums import FigureKey, Sums, WorkKey
from bluezone_agent.uptake.units import UnitTree, UptakeError

EXTRA: Final = "uptake"


class UptakeShare(Result, frozen=True, kw_only=True):
    """People by one kind of evidence, of all people of the unit."""

    people: int
    share_percent: float
    change: int | None
    """Since the round before; None if there is no figure of it."""


class UptakeOnAir(Result, frozen=True, kw_only=True):
    """Counted on the air: people whom somebody counted at places of the unit, and devices there at the same time."""

    places: int
    people: int
    devices: float
    devices_low: float
    """Bounds of the 95 % interval."""
    devices_high: float
    share_percent: float
    """Devices of the people counted; it says nothing of other people."""


class UptakeUnit(Result, frozen=True, kw_only=True):
    """A unit in the report."""

    unit: str
    name: str
    parent: str
    level: int
    """0 for the unit that the report is about."""
    hidden: bool
    """Whether its figures are withheld, because it or one next to it has fewer than 5 people."""
    headcount: int | None
    """None if hidden, as are all figures, or if its report is awaited."""
    units: int
    """Units without sub-units in it."""
    units_reported: int
    units_on_time: int
    installed: UptakeShare | None
    """Reported by heads of units."""
    receipts: UptakeShare | None
    """Confirmed by devices: members with a valid receipt."""
    running: UptakeShare | None
    """Confirmed by devices: those of them that scanned at least half of the time."""
    on_air: UptakeOnAir | None
    """Counted on the air."""
    target_reached: bool | None
    """By reported figures; None without a target or a figure."""
    streets: int | None
    leaflets: int | None


class UptakeMissed(Result, frozen=True, kw_only=True):
    """A unit that did not report by the deadline."""

    unit: str
    name: str
    reported_at: datetime | None
    """None if it has not reported at all."""


class UptakeCounted(Result, frozen=True, kw_only=True):
    """People and identifiers counted at one place at the same time; it says nothing of other people of the unit."""

    unit: str
    counted_at: datetime
    counted_by: str
    """Who counted the people, by role."""
    minutes: int
    people: int
    devices: float
    devices_low: float
    devices_high: float


class UptakeReport(Result, frozen=True, kw_only=True):
    """A round of a campaign, for one unit and those below it."""

    round: int
    round_before: int | None
    denominator: str
    timezone: str
    deadline_at: datetime | None
    target_percent: float | None
    meetings_percent: float | None
    """Of the meetings of two people of this unit, in how many both take part, by reported figures: share squared."""
    hidden_units: int
    """In the whole campaign."""
    units: tuple[UptakeUnit, ...]
    """The unit itself, then those below it, each after its parent."""
    missed_units: int
    missed: tuple[UptakeMissed, ...]
    """The first 1,000 of them."""
    counted: tuple[UptakeCounted, ...]
    """The last count of each unit of this folder itself that may be shown."""
    awaited: tuple[str, ...]
    """Units whose headcount and figures come with a signed report that has not been merged yet."""
    made_at: datetime


def report(
    folder: Path,
    *,
    number: int | None,
    unit: str | None,
    levels: int,
    deadline: str | None,
    engine: str = DEFAULT_ENGINE,
) -> UptakeReport:
    """Return the report of a round; ``number`` None is the latest one.

    Raises UptakeError, MissingPackageError, EngineError.
    """
    campaign = UptakeFolder(folder)
    joined = imported("uptake.merge", EXTRA).joined(campaign)
    counted = list(read(folder / COUNTED, CountedLine))
    return evaluate(
        campaign,
        joined.tree,
        joined.figures,
        counted,
        number=number,
        unit=unit,
        levels=levels,
        deadline=deadline,
        engine=engine,
    )


def evaluate(
    campaign: UptakeFolder,
    tree: UnitTree,
    figures: Any,
    counted: list[CountedLine],
    *,
    number: int | None = None,
    unit: str | None = None,
    levels: int = 1,
    deadline: str | None = None,
    engine: str = DEFAULT_ENGINE,
) -> UptakeReport:
    """Return the report of a round from figures of units without sub-units. Raises UptakeError, EngineError."""
    blocks = blocks_of(tree)
    with imported("uptake.rollup", EXTRA).RollUp(tree, blocks, figures, engine) as rollup:
        this, before = _rounds(rollup.rounds(), number)
        deadline_at = _deadline(campaign, rollup, this, deadline)
        deadline_s = int(deadline_at.timestamp()) if deadline_at else None
        root = tree.require(unit) if unit else 0
        view = _view(tree, root, levels)
        sums: Sums = rollup.sums([at for at, _level in view], [n for n in (before, this) if n], deadline_s)
        missed = rollup.missed(root, this, deadline_s)
    rows = _Rows(tree, blocks, sums, (this, before), campaign.settings.target_percent)
    units = tuple(rows.row(at, level) for at, level in view)
    share = units[0].installed.share_percent / 100 if units[0].installed else None
    return UptakeReport(
        round=this,
        round_before=before,
        denominator=campaign.settings.denominator,
        timezone=campaign.settings.timezone,
        deadline_at=deadline_at,
        target_percent=campaign.settings.target_percent,
        meetings_percent=None if share is None else 100 * share * share,
        hidden_units=sum(not shown for shown in blocks.shown),
        units=units,
        missed_units=units[0].units - units[0].units_on_time,
        missed=tuple(
            UptakeMissed(unit=tree.units[at].unit, name=tree.title(at), reported_at=utc(at_s)) for at, at_s in missed
        ),
        counted=tuple(_counted(tree, blocks, [line for line in counted if line.round == this])),
        awaited=tuple(tree.title(leaf) for leaf in tree.leaves() if tree.is_awaited(leaf)),
        made_at=datetime.now(UTC).replace(microsecond=0),
    )


def _rounds(known: list[int], number: int | None) -> tuple[int, int | None]:
    """Return the round of the report, and the one before it that has figures."""
    if not known or (number is not None and number not in known):
        raise UptakeError(
            N_("nothing was recorded in round {round}") if number else N_("nothing was recorded yet"),
            N_("rounds with figures: {rounds}")
            if known
            else N_("record what a unit reported: bluezone-agent uptake record"),
            round=number,
            rounds=", ".join(map(str, known)),
        )
    this = known[-1] if number is None else number
    return this, max((n for n in known if n < this), default=None)


def _deadline(campaign: UptakeFolder, rollup: Any, number: int, text: str | None) -> datetime | None:
    """Return the deadline: a time of day is that of the day on which the round's first report came."""
    if text is None:
        return None
    first_s = rollup.first_report_s(number)
    first = datetime.now(UTC) if first_s is None else datetime.fromtimestamp(first_s, UTC)
    return campaign.moment(text, lambda: first).astimezone(UTC)


def _view(tree: UnitTree, root: int, levels: int) -> list[tuple[int, int]]:
    """Return the units of a report with their levels, each after its parent."""
    found, stack = list[tuple[int, int]](), [(root, 0)]
    while stack:
        number, level = stack.pop()
        found.append((number, level))
        if level < levels:
            stack.extend((child, level + 1) for child in reversed(tree.children[number]))
    return found


class _Rows:
    def __init__(
        self,
        tree: UnitTree,
        blocks: Blocks,
        sums: Sums,
        rounds: tuple[int, int | None],
        target_percent: float | None,
    ) -> None:
        self._tree, self._blocks, self._sums = tree, blocks, sums
        self._this, self._before = rounds
        self._target_percent = target_percent
        self._leaves = [0] * len(tree.units)
        for number in reversed(range(len(tree.units))):
            self._leaves[number] += not tree.children[number]
            if tree.parent[number] >= 0:
                self._leaves[tree.parent[number]] += self._leaves[number]

    def row(self, number: int, level: int) -> UptakeUnit:
        tree, shown = self._tree, self._blocks.shown[number]
        work = self._sums.work.get(WorkKey(number, self._this))
        installed = self._share(number, Evidence.REPORTED, "installed")
        target = self._target_percent
        return UptakeUnit(
            unit=tree.units[number].unit,
            name=tree.title(number),
            parent=tree.units[tree.parent[number]].unit if number else "",
            level=level,
            hidden=not shown,
            headcount=tree.headcount[number] if shown and not tree.is_awaited(number) else None,
            units=self._leaves[number],
            units_reported=work.reporters if work else 0,
            units_on_time=work.on_time if work else 0,
            installed=installed,
            receipts=self._share(number, Evidence.CONFIRMED, "installed"),
            running=self._share(number, Evidence.CONFIRMED, "running"),
            on_air=self._on_air(number),
            target_reached=None if installed is None or target is None else installed.share_percent >= target,
            streets=work.streets if work and shown else None,
            leaflets=work.leaflets if work and shown else None,
        )

    def _on_air(self, number: int) -> UptakeOnAir | None:
        found = self._sums.counts.get(WorkKey(number, self._this))
        if found is None or not self._blocks.shown[number]:
            return None
        return UptakeOnAir(
            places=found.places,
            people=found.people,
            devices=found.devices,
            devices_low=found.devices_low,
            devices_high=found.devices_high,
            share_percent=100 * found.devices / found.people,
        )

    def _share(self, number: int, kind: Evidence, column: str) -> UptakeShare | None:
        """Return one kind of evidence, and the change of the same kind."""
        now, before = (
            getattr(self._sums.figures.get(FigureKey(number, at or 0, kind.value)), column, None)
            for at in (self._this, self._before)
        )
        people = self._tree.headcount[number]
        if now is None or not self._blocks.shown[number]:
            return None
        return UptakeShare(
            people=now,
            share_percent=100 * now / people if people else 0.0,
            change=None if before is None else now - before,
        )


def _counted(tree: UnitTree, blocks: Blocks, lines: list[CountedLine]) -> Iterator[UptakeCounted]:
    """Yield the last count of each unit, unless it or the people counted are too few to be shown."""
    for line in {line.unit: line for line in lines}.values():
        if line.people >= LEAST_PEOPLE and blocks.shown[tree.require(line.unit)]:
            yield UptakeCounted(
                unit=line.unit,
                counted_at=line.at,
                counted_by=line.counted_by,
                minutes=line.minutes,
                people=line.people,
                devices=line.devices,
                devices_low=line.devices_low,
                devices_high=line.devices_high,
            )
