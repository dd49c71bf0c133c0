"""The campaign of a unit: what its organiser does."""

from __future__ import annotations

import csv
import io
import os
import random
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from bluezone_agent.app.result import Result
from bluezone_agent.errors import N_
from bluezone_agent.extra_packages import imported
from bluezone_agent.files import create, read_text, write_new
from bluezone_agent.uptake import inbox
from bluezone_agent.uptake.codes import MemberCode, new_code, parse_code
from bluezone_agent.uptake.folder import CODES, COLLECTED, COUNTED, KEY, REPORTED, UNITS, UptakeFolder, make_folder
from bluezone_agent.uptake.receipts import LARGEST, Members, collect
from bluezone_agent.uptake.records import CollectedLine, CountedLine, ReportedLine, append, read
from bluezone_agent.uptake.signing import public_text, read_key
from bluezone_agent.uptake.units import UnitTree, UptakeError, csv_rows, read_units

EXTRA: Final = "uptake"


class UptakeMade(Result, frozen=True, kw_only=True):
    """A new campaign."""

    folder: Path
    units: int
    reporting_units: int
    """Units without sub-units."""
    headcount: int
    awaited: tuple[str, ...]
    """Units without a headcount: it comes with their signed reports."""
    denominator: str


class UptakeRecorded(Result, frozen=True, kw_only=True):
    """What the head of a unit reported."""

    unit: str
    round: int
    installed: int | None
    headcount: int
    streets: int | None
    leaflets: int | None
    reported_at: datetime


class UptakeCodes(Result, frozen=True, kw_only=True):
    """Codes that were made."""

    made: int
    codes: int
    """In all; one a member."""
    slips: Path | None


class UptakeCollected(Result, frozen=True, kw_only=True):
    """What became of the receipts in a drop box."""

    round: int
    accepted: int
    running: int
    """Of these, devices that scanned at least half of the time."""
    refused: dict[str, int]
    """By reason."""


class UptakeSubmitted(Result, frozen=True, kw_only=True):
    """A signed report for the unit above."""

    file: Path
    unit: str
    units: int
    public_key: str


class UptakeTrusted(Result, frozen=True, kw_only=True):
    """Whose reports are accepted now."""

    unit: str
    public_key: str
    replaced: str | None
    """The key that was accepted before."""


class MergedReport(Result, frozen=True, kw_only=True):
    """A report that was merged."""

    unit: str
    units: int
    headcount: int
    issued_at: datetime


class UptakeMerged(Result, frozen=True, kw_only=True):
    """Reports of lower levels that count from now on."""

    reports: tuple[MergedReport, ...]


def new(
    units: Path, folder: Path, denominator: str, zone: str, target_percent: float | None, *, language: str = "en"
) -> UptakeMade:
    """Make the folder of a campaign; ``language`` is that of its explanations. Raises UptakeError, NewFileError."""
    tree = UnitTree(read_units(units), units)
    made = make_folder(folder, read_text(units).encode(), denominator, zone, target_percent, language=language)
    return UptakeMade(
        folder=made.path,
        units=len(tree.units),
        reporting_units=sum(1 for _ in tree.leaves()),
        headcount=tree.headcount[0],
        awaited=tuple(tree.units[leaf].unit for leaf in tree.leaves() if tree.is_awaited(leaf)),
        denominator=made.settings.denominator,
    )


def record(
    folder: Path,
    unit: str,
    *,
    installed: int | None,
    streets: int | None,
    leaflets: int | None,
    number: int | None,
    at: str | None,
) -> UptakeRecorded:
    """Keep what a head of unit reported; ``number`` is the round, None for the latest. Raises UptakeError."""
    campaign = UptakeFolder(folder)
    tree = campaign.own_units()
    leaf = tree.require(unit)
    name, headcount = tree.units[leaf].unit, tree.headcount[leaf]
    require_own(campaign, tree, leaf)
    if installed is not None and installed > headcount:
        raise UptakeError(
            N_('{installed} installed, but "{unit}" has {headcount} people'),
            N_("correct the number, or the headcount in {path}"),
            installed=installed,
            unit=name,
            headcount=headcount,
            path=folder / UNITS,
        )
    now = datetime.now(UTC)
    line = ReportedLine(
        round=number or latest_round(campaign),
        unit=name,
        installed=installed,
        streets=streets,
        leaflets=leaflets,
        at=campaign.moment(at, lambda: now).astimezone(UTC) if at else now.replace(microsecond=0),
    )
    append(folder / REPORTED, [line])
    return UptakeRecorded(
        unit=name,
        round=line.round,
        installed=installed,
        headcount=headcount,
        streets=streets,
        leaflets=leaflets,
        reported_at=line.at,
    )


def require_own(campaign: UptakeFolder, tree: UnitTree, number: int) -> None:
    """Raise UptakeError unless the figures of a unit are recorded here."""
    name = tree.units[number].unit
    if tree.children[number]:
        raise UptakeError(
            N_('"{unit}" has sub-units, so its figures are their sum'),
            N_("record its sub-units: {units}"),
            unit=name,
            units=", ".join(tree.units[child].unit for child in tree.children[number][:12]),
        )
    if inbox.kept_at(campaign, name) in inbox.kept(campaign):
        raise UptakeError(
            N_('"{unit}" would be counted twice: its signed report is merged here'),
            N_("ask for a new report and merge it, or remove {path}"),
            unit=name,
            path=inbox.kept_at(campaign, name),
        )
    if tree.is_awaited(number):
        raise UptakeError(
            N_('"{unit}" has no headcount'),
            N_("write it into {path}, or merge the signed report of that unit"),
            unit=name,
            path=campaign.path / UNITS,
        )


def latest_round(campaign: UptakeFolder) -> int:
    """Return the latest round of the folder's own records, 1 before the first. Raises UptakeError."""
    lines: list[ReportedLine | CollectedLine | CountedLine] = [
        *read(campaign.path / REPORTED, ReportedLine),
        *read(campaign.path / COLLECTED, CollectedLine),
        *read(campaign.path / COUNTED, CountedLine),
    ]
    return max((line.round for line in lines), default=1)


def make_codes(folder: Path, csv_path: Path | None, pdf: Path | None) -> UptakeCodes:
    """Make the codes that are missing, one a member, and write all of them as slips in random order.

    Raises UptakeError, NewFileError, MissingPackageError.
    """
    campaign = UptakeFolder(folder)
    tree = campaign.own_units()
    letter = imported("app.uptake_paper", EXTRA) if pdf else None
    codes = read_codes(campaign)
    before = len(codes)
    have = dict.fromkeys((tree.units[leaf].unit for leaf in tree.leaves()), 0)
    for _code, unit in codes:
        have[unit] = have.get(unit, 0) + 1
    for leaf in tree.leaves():
        unit = tree.units[leaf].unit
        codes += [(new_code(campaign.settings.campaign), unit) for _ in range(tree.headcount[leaf] - have[unit])]
    _write_codes(campaign, codes)
    slips = shuffled_by_unit(codes)
    if csv_path:
        write_new(csv_path, _csv([("unit", "code"), *((unit, code.written()) for code, unit in slips)]))
    if pdf and letter:
        write_new(pdf, letter.slips_pdf(tree, slips))
    return UptakeCodes(made=len(codes) - before, codes=len(codes), slips=pdf or csv_path)


def shuffled_by_unit(codes: Iterable[tuple[MemberCode, str]]) -> list[tuple[MemberCode, str]]:
    """Return the slips of unit after unit, those of each in an order that nobody knows beforehand."""
    slips = list(codes)
    random.SystemRandom().shuffle(slips)
    return sorted(slips, key=lambda slip: slip[1])


def read_codes(campaign: UptakeFolder) -> list[tuple[MemberCode, str]]:
    """Return the codes and their units. Raises UptakeError."""
    path = campaign.path / CODES
    lines = read_text(path).split("\n") if path.exists() else []
    found = []
    for number, row in csv_rows(lines, path):
        if number == 1 or not row:
            continue
        try:
            unit, code = row
            found.append((parse_code(code), unit))
        except (ValueError, UptakeError):
            raise UptakeError(
                N_("{path}, line {line}: this is not a unit and its code"),
                N_("restore the file from your backup; without it receipts can't be verified"),
                path=path,
                line=number,
            ) from None  # the reason could quote it
    return found


def _write_codes(campaign: UptakeFolder, codes: list[tuple[MemberCode, str]]) -> None:
    """Write them sorted, so that their order says nothing of when or for whom they were made."""
    rows = sorted((unit, code.written()) for code, unit in codes)
    path = campaign.path / CODES
    temporary = path.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    create(temporary, _csv([("unit", "code"), *rows]))
    temporary.replace(path)


def _csv(rows: Iterable[tuple[str, ...]]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue().encode()


def collect_receipts(folder: Path, box: Path, number: int | None) -> UptakeCollected:
    """Verify the receipts in ``box``, and keep those that count for the round. Raises UptakeError, OSError."""
    campaign = UptakeFolder(folder)
    this_round = number or latest_round(campaign)
    earlier = [line for line in read(folder / COLLECTED, CollectedLine) if line.round < this_round]
    members = Members(
        campaign=campaign.settings.campaign,
        codes={code.code_id: (code, unit) for code, unit in read_codes(campaign)},
        counted=frozenset((line.code_id, line.made_on) for line in earlier),
    )
    if not members.codes:
        raise UptakeError(N_("this campaign has no codes yet"), N_("make them first: bluezone-agent uptake codes"))
    found = collect(_contents(box), members, datetime.now(campaign.zone).date())
    if found.accepted:
        append(
            folder / COLLECTED,
            [
                CollectedLine(
                    round=this_round,
                    unit=one.unit,
                    code_id=one.receipt.code_id,
                    made_on=one.receipt.made_on,
                    running=one.receipt.running,
                )
                for one in sorted(found.accepted, key=lambda one: (one.unit, one.receipt.code_id))
            ],
        )
    return UptakeCollected(
        round=this_round,
        accepted=len(found.accepted),
        running=sum(one.receipt.running for one in found.accepted),
        refused={reason.value: n for reason, n in found.refused.items()},
    )


def _contents(box: Path) -> Iterable[bytes]:
    """Yield the beginning of each file; names, owners and times are never read."""
    with os.scandir(box) as entries:
        for path in [Path(entry.path) for entry in entries if entry.is_file(follow_symlinks=False)]:
            with path.open("rb") as file:
                yield file.read(LARGEST + 1)


def submit(folder: Path, to: Path) -> UptakeSubmitted:
    """Write a signed report of this folder for the level above. Raises UptakeError, NewFileError."""
    campaign = UptakeFolder(folder)
    merged, figures, report_file = (imported(f"uptake.{name}", EXTRA) for name in ("merge", "figures", "report_file"))
    joined: Any = merged.joined(campaign)
    key = read_key(folder / KEY)
    write_new(
        to,
        report_file.write_report(
            joined.tree,
            figures.figures_csv(joined.figures),
            campaign.settings.denominator,
            datetime.now(UTC).replace(microsecond=0),
            key,
        ),
    )
    tree: UnitTree = joined.tree
    return UptakeSubmitted(file=to, unit=tree.units[0].unit, units=len(tree.units), public_key=public_text(key))


def trust(folder: Path, unit: str, key: str) -> UptakeTrusted:
    """Accept the reports of a unit that this key signs. Raises UptakeError."""
    before = inbox.trust(UptakeFolder(folder), unit, key)
    return UptakeTrusted(unit=unit, public_key=key.strip().lower(), replaced=before)


def merge(folder: Path, reports: list[Path]) -> UptakeMerged:
    """Let reports of lower levels count in this folder, all or none. Raises UptakeError, OSError."""
    merged = imported("uptake.merge", EXTRA).merge(UptakeFolder(folder), reports)
    return UptakeMerged(
        reports=tuple(
            MergedReport(
                unit=one.unit,
                units=len(one.tree.units),
                headcount=one.tree.headcount[0],
                issued_at=one.statement.issued_at,
            )
            for one in merged
        )
    )
