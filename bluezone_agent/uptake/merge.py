"""Reports of lower levels: verified, trusted, never counted twice, and joined with the folder's own units."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec
import pyarrow as pa

from bluezone_agent.errors import N_
from bluezone_agent.files import PRIVATE_FOLDER, replace
from bluezone_agent.uptake.figures import own_figures, read_figures
from bluezone_agent.uptake.folder import COUNTED, MERGED, REPORTED, UNITS, UptakeFolder
from bluezone_agent.uptake.inbox import kept, kept_at, read_trusted
from bluezone_agent.uptake.records import CountedLine, ReportedLine, read
from bluezone_agent.uptake.report_file import SignedReport, read_report
from bluezone_agent.uptake.units import Unit, UnitTree, UptakeError


class Joined(msgspec.Struct, frozen=True):
    """A folder's units and those of its merged reports, with all their figures."""

    tree: UnitTree
    figures: pa.Table


def merge(folder: UptakeFolder, paths: Sequence[Path]) -> list[SignedReport]:
    """Verify reports and keep them in the folder, each in place of an older one of its unit.

    If one is refused, none is kept. Raises UptakeError, OSError.
    """
    own = folder.own_units()
    trusted = read_trusted(folder)
    new = [_verified(folder, own, trusted, path) for path in paths]
    places = {kept_at(folder, report.unit): report for report in new}
    if len(places) != len(new):
        units = [report.unit for report in new]
        unit = next(unit for unit in units if units.count(unit) > 1)
        first, second = [report.path for report in new if report.unit == unit][:2]
        raise _twice(unit, first, second)
    others = [read_report(path) for path in kept(folder) if path not in places]
    _require_once(folder, own, [*others, *new])
    (folder.path / MERGED).mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    for place, report in places.items():
        replace(place, report.path.read_bytes())
    return new


def joined(folder: UptakeFolder) -> Joined:
    """Return all units and figures; the signatures are verified again. Raises UptakeError, OSError."""
    own = folder.own_units()
    reports = [read_report(path) for path in kept(folder)]
    if not reports:
        return Joined(own, own_figures(folder, own))
    replaced = {report.unit: report.tree for report in reports}
    tree = UnitTree(list(_all_units(own, replaced)), folder.path / UNITS)
    tables = [read_figures(report.figures, report.tree, report.path) for report in reports]
    return Joined(tree, pa.concat_tables([own_figures(folder, own), *tables]))


def _all_units(own: UnitTree, replaced: dict[str, UnitTree]) -> Iterator[Unit]:
    for number, one in enumerate(own.units):
        if one.unit not in replaced:
            yield one if not own.children[number] else msgspec.structs.replace(one, headcount=None)
            continue
        whole, *below = replaced[one.unit].units
        count = None if below else whole.headcount
        yield msgspec.structs.replace(one, headcount=count, name=one.name or whole.name)
        for unit in below:
            sub = replaced[one.unit]
            yield msgspec.structs.replace(unit, headcount=None) if sub.children[sub.number[unit.unit]] else unit


def _verified(folder: UptakeFolder, own: UnitTree, trusted: dict[str, str], path: Path) -> SignedReport:
    report = read_report(path)
    key = report.statement.public_key
    if trusted.get(report.unit) != key:
        message = (
            N_('{path}: the report of "{unit}" is signed by a key that is not trusted here: {key}')
            if report.unit not in trusted
            else N_('{path}: the report of "{unit}" is signed by another key than its own: {key}')
        )
        raise UptakeError(
            message,
            N_('compare the key by telephone, then: bluezone-agent uptake trust "{unit}" {key}'),
            path=path,
            unit=report.unit,
            key=key,
        )
    if report.statement.denominator != folder.settings.denominator:
        raise UptakeError(
            N_('{path} counts "{found}", this folder "{expected}"'),
            N_("shares of different denominators have no sum: ask for a report of {expected}"),
            path=path,
            found=report.statement.denominator,
            expected=folder.settings.denominator,
        )
    _require_headcount(own, report)
    read_figures(report.figures, report.tree, path)
    before = kept_at(folder, report.unit)
    if before.exists() and read_report(before).statement.issued_at > report.statement.issued_at:
        raise UptakeError(
            N_('{path} is older than the report of "{unit}" that is already here'),
            N_("ask for the latest one"),
            path=path,
            unit=report.unit,
        )
    return report


def _require_headcount(own: UnitTree, report: SignedReport) -> None:
    number = own.require(report.unit)
    stated, found = own.units[number].headcount, report.tree.headcount[0]
    if own.children[number]:
        raise UptakeError(
            N_('{path}: "{unit}" has sub-units of its own in this folder'),
            N_("remove them from units.csv, or record them here and leave the report out"),
            path=report.path,
            unit=report.unit,
        )
    if stated is not None and stated != found:
        raise UptakeError(
            N_('{path}: "{unit}" has {found} people in its report, {stated} in units.csv'),
            N_("correct the one that is wrong"),
            path=report.path,
            unit=report.unit,
            found=found,
            stated=stated,
        )


def _require_once(folder: UptakeFolder, own: UnitTree, reports: Iterable[SignedReport]) -> None:
    """Raise UptakeError, with both places, if a unit is in two of them, or has figures both here and in a report."""
    here = folder.path / UNITS
    places: dict[str, Path] = dict.fromkeys((one.unit for one in own.units), here)
    recorded = {line.unit: folder.path / COUNTED for line in read(folder.path / COUNTED, CountedLine)}
    recorded |= {line.unit: folder.path / REPORTED for line in read(folder.path / REPORTED, ReportedLine)}
    for report in reports:
        if report.unit in recorded:
            raise _twice(report.unit, recorded[report.unit], report.path)
        for one in report.tree.units[1:]:
            if one.unit in places:
                raise _twice(one.unit, places[one.unit], report.path)
            places[one.unit] = report.path


def _twice(unit: str, first: Path, second: Path) -> UptakeError:
    return UptakeError(
        N_('"{unit}" would be counted twice: it is in {first} and in {second}'),
        N_("remove it from one of them; two different units need two names, such as H57/room-1 and H58/room-1"),
        unit=unit,
        first=first,
        second=second,
    )
