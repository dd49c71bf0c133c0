"""Figures of units without sub-units: a row for each unit, round and kind of evidence."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from bluezone_agent.errors import N_
from bluezone_agent.uptake.folder import COLLECTED, COUNTED, REPORTED, UptakeFolder
from bluezone_agent.uptake.records import MOST_ROUNDS, CollectedLine, CountedLine, Evidence, ReportedLine, read
from bluezone_agent.uptake.units import MOST_PEOPLE, UnitTree, UptakeError

SCHEMA: Final = pa.schema(
    {
        "unit": pa.string(),
        "round": pa.int64(),
        "kind": pa.string(),
        "installed": pa.int64(),  # people: as reported, or with a receipt that counts
        "running": pa.int64(),  # confirmed only: devices that scanned half of the time
        "streets": pa.int64(),
        "leaflets": pa.int64(),
        "at_s": pa.int64(),  # when the head of the unit reported, Unix seconds; 0 for other evidence
        "people": pa.int64(),  # counted only, as are the next three: people whom somebody counted at one place
        "devices": pa.float64(),  # on the air there, at a moment
        "devices_low": pa.float64(),  # bounds of the 95 % interval
        "devices_high": pa.float64(),
    }
)
COUNTED_COLUMNS: Final = ("people", "devices", "devices_low", "devices_high")
"""Left out of a file without counts, as in the files of earlier versions."""


def own_figures(folder: UptakeFolder, tree: UnitTree) -> pa.Table:
    """Return what this folder's own records say. Raises UptakeError."""
    rows = [
        *_reported(folder.path / REPORTED, tree),
        *_confirmed(folder.path / COLLECTED, tree),
        *_counted(folder.path / COUNTED, tree),
    ]
    return pa.Table.from_pylist(rows, SCHEMA)


def _reported(path: Path, tree: UnitTree) -> list[dict[str, Any]]:
    latest = dict[tuple[int, str], dict[str, Any]]()
    for line in read(path, ReportedLine):
        require_leaf(tree, line.unit)
        row = latest.setdefault(
            (line.round, line.unit),
            {"unit": line.unit, "round": line.round, "kind": Evidence.REPORTED.value, "at_s": 0},
        )
        said = {"installed": line.installed, "streets": line.streets, "leaflets": line.leaflets}
        row |= {name: value for name, value in said.items() if value is not None}
        if line.installed is not None:
            row["at_s"] = int(line.at.timestamp())
    return list(latest.values())


def _confirmed(path: Path, tree: UnitTree) -> list[dict[str, Any]]:
    """Every unit counts in a round in which receipts were collected, with 0 if it has none."""
    latest = {(line.round, line.code_id): line for line in read(path, CollectedLine)}
    rows = {
        (number, tree.units[leaf].unit): {
            "unit": tree.units[leaf].unit,
            "round": number,
            "kind": Evidence.CONFIRMED.value,
            "installed": 0,
            "running": 0,
            "at_s": 0,
        }
        for number in {line.round for line in latest.values()}
        for leaf in tree.leaves()
    }
    for line in latest.values():
        require_leaf(tree, line.unit)
        row: dict[str, Any] = rows[line.round, line.unit]
        row["installed"] += 1
        row["running"] += line.running
    return list(rows.values())


def _counted(path: Path, tree: UnitTree) -> list[dict[str, Any]]:
    """The last count of a unit and round; one of a unit with sub-units is in no sum."""
    latest = {(line.round, line.unit): line for line in read(path, CountedLine)}
    return [
        {
            "unit": line.unit,
            "round": line.round,
            "kind": Evidence.COUNTED.value,
            "at_s": 0,
            "people": line.people,
            "devices": line.devices,
            "devices_low": line.devices_low,
            "devices_high": line.devices_high,
        }
        for line in latest.values()
        if not tree.children[tree.require(line.unit)]
    ]


def require_leaf(tree: UnitTree, unit: str) -> int:
    """Return the number of a unit that reports itself; raises UptakeError for others."""
    number = tree.require(unit)
    if tree.children[number]:
        raise UptakeError(
            N_('"{unit}" has sub-units, so its figures are their sum'),
            N_("record its sub-units: {units}"),
            unit=unit,
            units=", ".join(tree.units[child].unit for child in tree.children[number][:12]),
        )
    return number


def figures_csv(figures: pa.Table) -> bytes:
    """Return figures as CSV."""
    out = io.BytesIO()
    counted = pc.any(pc.is_valid(figures["devices"])).as_py()
    pa_csv.write_csv(figures if counted else figures.drop_columns(list(COUNTED_COLUMNS)), out)
    return out.getvalue()


def read_figures(data: bytes, tree: UnitTree, path: Path) -> pa.Table:
    """Read the figures of a report about ``tree``; ``path`` is for errors. Raises UptakeError."""
    head = data.split(b"\n", 1)[0]
    there = [name for name in SCHEMA.names if name not in COUNTED_COLUMNS or b'"devices"' in head]
    try:
        table = pa_csv.read_csv(
            io.BytesIO(data),
            convert_options=pa_csv.ConvertOptions(
                column_types=SCHEMA, include_columns=there, strings_can_be_null=False
            ),
        )
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        raise UptakeError(
            N_("{path} holds figures that can't be read: {reason}"),
            N_("ask for the report again"),
            path=path,
            reason=error,
        ) from error
    for name in SCHEMA.names[len(there) :]:
        table = table.append_column(SCHEMA.field(name), pa.nulls(len(table), SCHEMA.field(name).type))
    _require_possible(table, tree, path)
    return table


def _require_possible(table: pa.Table, tree: UnitTree, path: Path) -> None:
    """Raise UptakeError for the first figure that can't be true."""
    leaves = list(tree.leaves())
    names = pa.array([tree.units[leaf].unit for leaf in leaves], pa.string())
    place = pc.index_in(table["unit"], value_set=names)
    people = pc.take(pa.array([tree.headcount[leaf] for leaf in leaves], pa.int64()), place)
    kinds = pa.array([kind.value for kind in Evidence])
    counted = pc.equal(table["kind"], Evidence.COUNTED.value)
    conditions = (
        pc.is_valid(place),
        pc.is_in(table["kind"], value_set=kinds),
        pc.and_(pc.greater_equal(table["round"], 1), pc.less_equal(table["round"], MOST_ROUNDS)),
        pc.and_(pc.greater_equal(table["installed"], 0), pc.less_equal(table["installed"], people)),
        pc.and_(pc.greater_equal(table["running"], 0), pc.less_equal(table["running"], table["installed"])),
        pc.greater_equal(table["streets"], 0),
        pc.greater_equal(table["leaflets"], 0),
        *(pc.equal(counted, pc.is_valid(table[name])) for name in COUNTED_COLUMNS),
        pc.invert(pc.and_(counted, pc.is_valid(table["installed"]))),
        pc.and_(pc.greater_equal(table["people"], 1), pc.less_equal(table["people"], MOST_PEOPLE)),
        pc.and_(pc.greater_equal(table["devices_low"], 0), pc.less_equal(table["devices_low"], table["devices"])),
        pc.less_equal(table["devices"], table["devices_high"]),
        pc.less_equal(table["devices_high"], MOST_PEOPLE),
    )
    for condition in conditions:
        good = pc.fill_null(condition, fill_value=True)
        if not pc.all(good).as_py():
            row = table.filter(pc.invert(good)).slice(0, 1).to_pylist()[0]
            raise UptakeError(
                N_('{path} says of "{unit}" in round {round} what can\'t be: {figures}'),
                N_("ask its sender to correct the record, and to submit again"),
                path=path,
                unit=row["unit"],
                round=row["round"],
                figures=", ".join(f"{name} = {value}" for name, value in row.items() if value is not None),
            )
    keys = table.group_by(["unit", "round", "kind"]).aggregate([([], "count_all")])
    if keys.num_rows != table.num_rows:
        twice = keys.filter(pc.greater(keys["count_all"], 1)).slice(0, 1).to_pylist()[0]
        raise UptakeError(
            N_('{path} has two figures of "{unit}" in round {round}'),
            N_("ask its sender to submit again"),
            path=path,
            unit=twice["unit"],
            round=twice["round"],
        )


def moment(at_s: int) -> datetime:
    """Return Unix seconds as a time."""
    return datetime.fromtimestamp(at_s, UTC)
