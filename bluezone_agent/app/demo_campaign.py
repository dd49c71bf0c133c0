"""A simulated campaign: five offices of a province, three rounds, without Bluetooth.

Everything is made by the functions of the real commands: folders, codes, receipts, counts on the air, signed reports,
letters and leaflets. Simulated are what heads of units report, how long members' devices ran, and the air.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Final

from bluezone_agent.app import campaign as leaflets
from bluezone_agent.app import take_part, uptake, uptake_census
from bluezone_agent.app.result import Result
from bluezone_agent.app.uptake_report import UptakeReport, UptakeUnit, report
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.errors import N_
from bluezone_agent.extra_packages import imported
from bluezone_agent.files import PRIVATE_FOLDER, create, require_new_folder
from bluezone_agent.i18n import _
from bluezone_agent.scenarios.hall import Hall, count
from bluezone_agent.scenarios.scratch import scratch_folder
from bluezone_agent.stores.store import Store
from bluezone_agent.uptake.census import Census
from bluezone_agent.uptake.codes import MemberCode
from bluezone_agent.uptake.folder import ZONE, UptakeFolder
from bluezone_agent.uptake.units import UnitTree

OFFICES: Final = (
    (N_("Department of Health"), (24, 14, 16, 3)),
    (N_("Department of Education"), (21, 12, 9)),
    (N_("Provincial hospital"), (64, 48, 31, 4)),
    (N_("Port authority"), (17, 28, 11)),
    (N_("Secondary school"), (35, 8, 6, 2)),
)
"""Offices, and how many people each of their departments has."""
DEPARTMENTS: Final = (N_("Office"), N_("Planning"), N_("Technical department"), N_("Guards"))
ROUNDS: Final = (
    (datetime(2021, 5, 10, 2, 40, tzinfo=UTC), 0.25),
    (datetime(2021, 5, 17, 2, 40, tzinfo=UTC), 0.5),
    (datetime(2021, 5, 24, 2, 40, tzinfo=UTC), 0.7),
)
"""When each is, 9:40 in Vietnam, and which share of people has installed it by then."""
DEADLINE: Final = "10:00"
TARGET_PERCENT: Final = 60.0
LATE: Final = 0.1
"""Share of the departments that report late, or not at all."""
RUNS: Final = ((0.5, 14.0, 1.0), (0.25, 14.0, 0.5), (0.15, 5.0, 0.75), (0.1, 2.0, 0.2))
"""Devices: share of them, days that they ran, share of these days that they scanned."""
RECEIPTS: Final = 0.8
"""Share of those who have it that leave a receipt."""
CENSUS_S: Final = 120
HALL: Final = Hall(radius_m=8.0, come_or_leave=0.0)
PRESENT: Final = 0.8
"""Share of the largest department that is there when people are counted."""


class DemoRound(Result, frozen=True, kw_only=True):
    """A round as the province sees it."""

    round: int
    whole: UptakeUnit
    missed_units: int
    letter: Path
    table: Path
    """For a spreadsheet."""


class SimulatedCampaign(Result, frozen=True, kw_only=True):
    """What the simulated campaign left."""

    seed: int
    folder: Path
    province: Path
    """The folder of its campaign, to continue by hand."""
    offices: tuple[Path, ...]
    units: int
    headcount: int
    receipts: int
    """That were accepted, in all rounds together."""
    rounds: tuple[DemoRound, ...]
    slips: Path
    """Slips with codes, of the first office."""
    leaflets: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class _Office:
    number: int
    folder: Path
    largest: str
    """Where people are counted."""

    @property
    def unit(self) -> str:
        return f"office-{self.number}"


class _Campaign:
    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.random = Random(seed)
        self.accepted = 0
        self.has_it: dict[str, float] = {}
        """By unit: how much keener its people are than others."""

    def path(self, *parts: str) -> Path:
        """Return a path below the folder; its folder is there."""
        path = self.folder.joinpath(*parts)
        path.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        return path

    def make_offices(self) -> Iterator[_Office]:
        """Make each office's folder, codes and slips."""
        for number, (name, people) in enumerate(OFFICES, start=1):
            unit = f"office-{number}"
            lines = [f'{unit},,,"{_(name)}"']
            lines += [
                f'{unit}.{place},{unit},{n},"{_(DEPARTMENTS[place - 1])} {number}.{place}"'
                for place, n in enumerate(people, start=1)
            ]
            folder = self._new(unit, lines)
            uptake.make_codes(folder, self.path("slips", f"{unit}.csv"), self.path("slips", f"{unit}.pdf"))
            yield _Office(number, folder, f"{unit}.{1 + people.index(max(people))}")

    def make_province(self, offices: list[_Office]) -> Path:
        """Make the folder of the province."""
        names = zip(offices, OFFICES, strict=True)
        lines = [f'province,,,"{_("Province")}"', *(f'{o.unit},province,,"{_(name)}"' for o, (name, _p) in names)]
        return self._new("province", lines)

    def _new(self, name: str, lines: list[str]) -> Path:
        units = self.path("units", f"{name}.csv")
        create(units, "\n".join(["unit,parent,headcount,name", *lines, ""]).encode(), durable=False)
        return uptake.new(units, self.folder / name, "staff", ZONE, TARGET_PERCENT, language=_("en")).folder

    def hold_round(self, office: _Office, number: int, stores: list[Path]) -> uptake.UptakeSubmitted:
        """Record, collect, count and submit a signed report."""
        at, share = ROUNDS[number - 1]
        tree = UptakeFolder(office.folder).own_units()
        reports_last = self.random.randrange(len(OFFICES)) == 0
        installed = {tree.units[leaf].unit: self._installed(tree, leaf, share) for leaf in tree.leaves()}
        for place, (unit, people) in enumerate(installed.items()):
            late = reports_last and place == 0
            if self.random.random() < LATE and not late and number < len(ROUNDS):
                continue
            when = at + timedelta(minutes=50 if late else 3 * place)
            uptake.record(
                office.folder,
                unit,
                installed=people,
                streets=None,
                leaflets=None,
                number=number,
                at=when.astimezone(UptakeFolder(office.folder).zone).strftime("%Y-%m-%dT%H:%M"),
            )
        box = self._fill_box(office, number, installed, stores)
        self.accepted += uptake.collect_receipts(office.folder, box, number).accepted
        self._count(office, number, tree.headcount[tree.require(office.largest)], installed[office.largest])
        return uptake.submit(office.folder, self.path("reports", f"{office.unit}-round-{number}.zip"))

    def _installed(self, tree: UnitTree, leaf: int, share: float) -> int:
        keen = self.has_it.setdefault(tree.units[leaf].unit, self.random.uniform(0.7, 1.35))
        return round(min(1.0, share * keen) * tree.headcount[leaf])

    def _fill_box(self, office: _Office, number: int, installed: dict[str, int], stores: list[Path]) -> Path:
        """Let members draw slips, and those who have it leave a receipt of their device."""
        at_s = ROUNDS[number - 1][0].timestamp()
        drawn: dict[str, list[MemberCode]] = {}
        for code, unit in uptake.read_codes(UptakeFolder(office.folder)):
            drawn.setdefault(unit, []).append(code)
        box = self.path("boxes", f"{office.unit}-round-{number}", "-").parent
        weights = [share for share, _days, _scanned in RUNS]
        for unit, people in installed.items():
            for code in self.random.sample(drawn[unit], round(RECEIPTS * people)):
                with Store(self.random.choices(stores, weights)[0]) as store:
                    made = take_part.receipt_at(store, code, at_s)
                take_part.write_receipt(made, box / f"{self.random.randbytes(4).hex()}.json")
        return box

    def _count(self, office: _Office, number: int, headcount: int, installed: int) -> None:
        """Count people and devices in the largest department."""
        at, people = ROUNDS[number - 1][0], round(PRESENT * headcount)
        devices, census = round(installed * people / headcount), Census()
        _true, lines = count(HALL, devices, self.random, begins_s=int(at.timestamp()), lasts_s=CENSUS_S)
        for line in lines:
            census.add(line)
        uptake_census.record(
            office.folder, office.largest, census, people=people, counted_by=_("guard"), number=number, at=None
        )

    def report(self, province: Path, number: int) -> DemoRound:
        """Write the province's letter and tables of a round."""
        found: UptakeReport = report(province, number=number, unit=None, levels=2, deadline=DEADLINE)
        paper = imported("app.uptake_paper", uptake.EXTRA)
        for form in ("csv", "xlsx", "pdf"):
            content = getattr(paper, f"report_{form}")(found)
            create(self.path("province-reports", f"round-{number}.{form}"), content, durable=False)
        return DemoRound(
            round=number,
            whole=found.units[0],
            missed_units=found.missed_units,
            letter=self.path("province-reports", f"round-{number}.pdf"),
            table=self.path("province-reports", f"round-{number}.xlsx"),
        )

    def make_leaflets(self, language: str) -> tuple[Path, ...]:
        """Write posters, leaflets and all other products of a campaign."""
        plan = self.path("campaign.toml")
        leaflets.new(plan, language)
        made = leaflets.make(plan, self.path("leaflets"))
        return tuple(one.path for one in made.files)


def _devices(folder: Path, at: datetime) -> list[Path]:
    """Make a device of each kind, as it is at ``at``; receipts of the same kind differ in their code alone."""
    stores = []
    for number, (_share, days, scanned) in enumerate(RUNS):
        place = folder / f"{at:%m%d}-{number}"
        place.mkdir(PRIVATE_FOLDER)
        now_s = int(at.timestamp())
        with Store(place) as store, store.transaction():
            for day in range(int(days), 0, -1):
                store.listening.resume(now_s - day * DAY_S, "active", utc_offset_s=7 * 3600)
                store.listening.extend(now_s - day * DAY_S + int(scanned * DAY_S) - 1)
        stores.append(place)
    return stores


def simulate(folder: Path, seed: int, language: str) -> SimulatedCampaign:
    """Simulate the campaign into a new folder. Raises NewFileError, MissingPackageError, OSError."""
    for module, extra in (
        ("uptake.rollup", uptake.EXTRA),
        ("app.uptake_paper", uptake.EXTRA),
        ("campaign.products", leaflets.EXTRA),
    ):
        imported(module, extra)
    require_new_folder(folder)
    folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    campaign = _Campaign(folder, seed)
    offices = list(campaign.make_offices())
    province = campaign.make_province(offices)
    rounds = []
    with scratch_folder() as scratch:
        for number, (at, _share) in enumerate(ROUNDS, start=1):
            stores = _devices(scratch, at)
            reports = [campaign.hold_round(office, number, stores) for office in offices]
            for one in reports:
                uptake.trust(province, one.unit, one.public_key)
            uptake.merge(province, [one.file for one in reports])
            rounds.append(campaign.report(province, number))
    return SimulatedCampaign(
        seed=seed,
        folder=folder,
        province=province,
        offices=tuple(office.folder for office in offices),
        units=rounds[-1].whole.units,
        headcount=rounds[-1].whole.headcount or 0,
        receipts=campaign.accepted,
        rounds=tuple(rounds),
        slips=folder / "slips" / "office-1.pdf",
        leaflets=campaign.make_leaflets(language),
    )
