"""Sums of figures over units, as expressions that any engine of Ibis computes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from tempfile import TemporaryDirectory
from typing import Any, Final, Self

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from ibis import _

from bluezone_agent.tables.engines import ENGINES
from bluezone_agent.tables.names import DUCKDB
from bluezone_agent.uptake.blocks import LEAST_PEOPLE, Blocks
from bluezone_agent.uptake.records import Evidence
from bluezone_agent.uptake.sums import CountSum, FigureKey, Sum, Sums, Work, WorkKey
from bluezone_agent.uptake.units import UnitTree

MOST_NAMED: Final = 1000
"""Units without a report in time that a result names; it counts them all."""


class RollUp:
    """Figures and units as tables of an engine, which reads them from files in a folder that is deleted at the end."""

    def __init__(self, tree: UnitTree, blocks: Blocks, figures: pa.Table, engine: str = DUCKDB) -> None:
        """``engine`` is a name of :data:`ENGINES`. Raises MissingPackageError, EngineError."""
        self._engine = ENGINES[engine]()
        self._folder = TemporaryDirectory(prefix="bluezone-")
        self._tree = tree
        self._blocks = blocks
        self._parent = np.asarray(tree.parent, np.int64)
        self._figures = self._table("figures", figures)
        leaves = list(blocks.of_leaf)
        self._leaves = self._table(
            "leaves",
            pa.table(
                {
                    "unit": pa.array([tree.units[leaf].unit for leaf in leaves], pa.string()),
                    "leaf": pa.array(leaves, pa.int64()),
                    "block": pa.array(blocks.of_leaf.values(), pa.int64()),
                }
            ),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def _table(self, name: str, rows: pa.Table) -> ir.Table:
        path = f"{self._folder.name}/{name}.parquet"
        pq.write_table(rows, path, compression="snappy")  # Spark does not read every LZ4 block of Arrow
        return self._engine.parquet(name, [path])

    def rounds(self) -> list[int]:
        """Return the rounds of which there are figures."""
        return sorted(row["round"] for row in self._rows(self._figures.select("round").distinct()))

    def sums(self, units: Collection[int], rounds: Sequence[int], deadline_s: int | None) -> Sums:
        """Return the figures of ``units`` in ``rounds``; the deadline is of the last round, Unix seconds."""
        figures = self._figures.filter(_["round"].isin(list(rounds)))
        blocks = self._block_table()
        home = [(block, unit) for block, unit in self._blocks.home.items() if unit >= 0]
        within = self._inside("block", home, units)
        below = self._leaves_inside("below", units)
        found = unit_sums(block_sums(figures, self._leaves, blocks), within)
        work = unit_work(figures, self._leaves, below, deadline_s, rounds[-1])
        counts = unit_counts(block_counts(figures, self._leaves, blocks), within)
        return Sums(
            {
                FigureKey(row["unit_number"], row["round"], row["kind"]): Sum(row["installed"], row["running"])
                for row in self._rows(found)
            },
            {WorkKey(row.pop("unit_number"), row.pop("round")): Work(**row) for row in self._rows(work)},
            {WorkKey(row.pop("unit_number"), row.pop("round")): CountSum(**row) for row in self._rows(counts)},
        )

    def missed(self, unit: int, number: int, deadline_s: int | None) -> list[tuple[int, int | None]]:
        """Return units below ``unit`` without a report by the deadline, and when each reported, Unix seconds."""
        below = self._leaves_inside("asked", [unit])
        reported = self._figures.filter(
            (_.kind == Evidence.REPORTED.value) & (_["round"] == number) & _.installed.notnull()
        ).select("unit", "at_s")
        late = (
            below.inner_join(self._leaves, "leaf")
            .left_join(reported, "unit")
            .filter(_.at_s.isnull() if deadline_s is None else _.at_s.isnull() | (_.at_s > deadline_s))
        )
        rows = self._rows(late.select("leaf", "at_s").order_by("leaf").limit(MOST_NAMED))
        return [(row["leaf"], row["at_s"]) for row in rows]

    def first_report_s(self, number: int) -> int | None:
        """Return when the first report of a round came, Unix seconds."""
        reported = self._figures.filter((_["round"] == number) & (_.at_s > 0))
        first: int | None = self._rows(reported.aggregate(first_s=_.at_s.min()))[0]["first_s"]
        return first

    @staticmethod
    def _rows(table: ir.Table) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = table.to_pyarrow().to_pylist()
        return rows

    def _block_table(self) -> ir.Table:
        blocks = self._blocks
        numbers = list(blocks.home)
        return self._table(
            "blocks",
            pa.table(
                {
                    "block": pa.array(numbers, pa.int64()),
                    "units": pa.array([blocks.units[block] for block in numbers], pa.int64()),
                    "people": pa.array([blocks.people[block] for block in numbers], pa.int64()),
                    "guarded": pa.array([block in blocks.guarded for block in numbers], pa.bool_()),
                }
            ),
        )

    def _leaves_inside(self, name: str, units: Collection[int]) -> ir.Table:
        return self._inside("leaf", [(leaf, leaf) for leaf in self._blocks.of_leaf], units, name)

    def _inside(
        self, thing: str, begins: Sequence[tuple[int, int]], units: Collection[int], name: str = "within"
    ) -> ir.Table:
        """Return which of ``units`` contain what; ``begins`` are things with the smallest unit that contains each."""
        wanted = np.zeros(len(self._parent), bool)
        wanted[list(units)] = True
        things, at = np.asarray(begins, np.int64).reshape(-1, 2).T
        found = [np.empty((2, 0), np.int64)]
        while things.size:  # a level up each time
            found.append(np.stack((things, at))[:, wanted[at]])
            at = self._parent[at]
            things, at = things[at >= 0], at[at >= 0]
        inside, containers = np.concatenate(found, axis=1)
        return self._table(name, pa.table({thing: inside, "unit_number": containers}))


def block_sums(figures: ir.Table, leaves: ir.Table, blocks: ir.Table) -> ir.Table:
    """Return the figures of each block whose units have all reported (see ``blocks``)."""
    sums = (
        figures.filter(_.installed.notnull())
        .inner_join(leaves, "unit")
        .group_by("block", "round", "kind")
        .aggregate(installed=_.installed.sum(), running=_.running.sum(), reporters=_.count())
    )
    whole = sums.inner_join(blocks, "block").filter(_.reporters == _.units)
    return whole.select(
        "block", "round", "kind", installed=_within_guard(_.installed), running=_within_guard(_.running)
    )


def _within_guard(value: Any, people: Any = _.people) -> Any:
    """Return at least 1 and at most all people but one for a block with a small unit."""
    return ibis.ifelse(_.guarded & value.notnull(), ibis.greatest(1, ibis.least(value, people - 1)), value)


def block_counts(figures: ir.Table, leaves: ir.Table, blocks: ir.Table) -> ir.Table:
    """Return the counts on the air of each block whose units were all counted, with enough people."""
    sums = (
        figures.filter(_.kind == Evidence.COUNTED.value)
        .inner_join(leaves, "unit")
        .group_by("block", "round")
        .aggregate(
            places=_.count(),
            present=_.people.sum(),
            devices=_.devices.sum(),
            below=((_.devices - _.devices_low) * (_.devices - _.devices_low)).sum(),
            above=((_.devices_high - _.devices) * (_.devices_high - _.devices)).sum(),
        )
    )
    whole = sums.inner_join(blocks, "block").filter((_.places == _.units) & (_.present >= LEAST_PEOPLE))
    return whole.select(
        "block",
        "round",
        "places",
        "present",
        devices=_within_guard(_.devices, _.present),
        low=_within_guard(_.devices - _.below.sqrt(), _.present),
        high=_within_guard(_.devices + _.above.sqrt(), _.present),
    )


def unit_counts(counts: ir.Table, within: ir.Table) -> ir.Table:
    """Return the sums of counts over the blocks inside of each unit; their errors add as squares."""
    below, above = _.devices - _.low, _.high - _.devices
    sums = (
        within.inner_join(counts, "block")
        .group_by("unit_number", "round")
        .aggregate(
            places=_.places.sum(),
            people=_.present.sum(),
            devices=_.devices.sum(),
            below=(below * below).sum(),
            above=(above * above).sum(),
        )
    )
    return sums.select(
        "unit_number",
        "round",
        "places",
        "people",
        "devices",
        devices_low=_.devices - _.below.sqrt(),
        devices_high=_.devices + _.above.sqrt(),
    )


def unit_sums(sums: ir.Table, within: ir.Table) -> ir.Table:
    """Return the sums over the blocks inside of each unit, each kind of evidence for itself."""
    return (
        within.inner_join(sums, "block")
        .group_by("unit_number", "round", "kind")
        .aggregate(installed=_.installed.sum(), running=_.running.sum())
    )


def unit_work(
    figures: ir.Table, leaves: ir.Table, below: ir.Table, deadline_s: int | None, last_round: int
) -> ir.Table:
    """Return how many units reported, by the deadline, and what teams did."""
    reported = figures.filter(_.kind == Evidence.REPORTED.value).inner_join(leaves, "unit")
    on_time = _.installed.notnull()
    if deadline_s is not None:
        on_time = on_time & ((_["round"] != last_round) | (_.at_s <= deadline_s))
    return (
        reported.inner_join(below, "leaf")
        .group_by("unit_number", "round")
        .aggregate(
            reporters=_.installed.count(), on_time=on_time.sum(), streets=_.streets.sum(), leaflets=_.leaflets.sum()
        )
    )
