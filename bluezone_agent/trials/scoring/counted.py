"""The packets of some receivers, counted by the engine: by pair, minute, RSSI and stated power, for every schedule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
from ibis import _

from bluezone_agent.core.intervals import MINUTE_S
from bluezone_agent.trials.plan import Schedule
from bluezone_agent.trials.scoring.known_time import FIRST_MINUTE, Floats, Ints, weighted_median

PacketsOfPair = dict[int, dict[int, int]]
"""Minute → RSSI in dBm → packets."""


@dataclass(frozen=True, slots=True)
class CountedPackets:
    """Columns with a row for each pair, minute, RSSI and stated power, in this order."""

    pair: Ints
    """The number of the pair."""
    minute: Ints
    rssi_dbm: Ints
    stated_dbm: Floats
    """NaN where none is stated."""
    packets: tuple[Ints, ...]
    """Of each schedule."""

    @classmethod
    def none(cls, schedules: int) -> CountedPackets:
        """Return no packets."""
        empty = np.zeros(0, dtype=np.int64)
        return cls(empty, empty, empty, np.zeros(0), (empty,) * schedules)

    def by_minute(self, rows: slice, schedule: int) -> PacketsOfPair:
        """Return the packets of some rows, which are those of a pair."""
        found: PacketsOfPair = {}
        columns = (self.minute[rows], self.rssi_dbm[rows], self.packets[schedule][rows])
        for minute, dbm, n in zip(*(column.tolist() for column in columns), strict=True):
            if n:
                by_rssi = found.setdefault(minute, {})
                by_rssi[dbm] = by_rssi.get(dbm, 0) + n
        return found

    def stated(self, parts: Sequence[slice], schedule: int) -> float | None:
        """Return the median of the powers that the packets of some rows state; None if they state none."""
        powers = np.concatenate([self.stated_dbm[rows] for rows in parts])
        packets = np.concatenate([self.packets[schedule][rows] for rows in parts])
        known = ~np.isnan(powers) & (packets > 0)
        return weighted_median(powers[known], packets[known]) if known.any() else None


def counted(
    adverts: ir.Table, pairs: pa.Table, phases: pa.Table, schedules: Sequence[Schedule | None]
) -> CountedPackets:
    """Count the packets of ``pairs`` (scene, receiver, sender, pair, since_s) in ``phases`` (phase, scene).

    Minutes count from ``since_s``. None as a schedule stands for all that was received.
    """
    received = (
        adverts.filter(_.rssi_dbm.notnull())
        .select("receiver", "sender", "phase", "time_s", "rssi_dbm", "stated_dbm")
        .join(ibis.memtable(phases), "phase")
        .join(ibis.memtable(pairs), ["scene", "receiver", "sender"])
        .mutate(at_s=_.time_s - _.since_s)
        .mutate(minute=(_.at_s / MINUTE_S).floor().cast("int64") + FIRST_MINUTE)
    )
    numbers = {f"packets_{number}": _packets(schedule) for number, schedule in enumerate(schedules)}
    key = ("pair", "minute", "rssi_dbm", "stated_dbm")
    rows = received.group_by(*key).aggregate(**numbers).order_by(*key).to_pyarrow()
    columns = {name: rows[name].to_numpy() for name in rows.column_names if name != "stated_dbm"}
    return CountedPackets(
        columns["pair"].astype(np.int64),
        columns["minute"],
        columns["rssi_dbm"].astype(np.int64),
        rows["stated_dbm"].cast(pa.float64()).to_numpy(),
        tuple(columns[name].astype(np.int64) for name in numbers),
    )


def _packets(schedule: Schedule | None) -> ir.IntegerScalar:
    if schedule is None:
        return _.count()
    within = _.at_s - (_.at_s / schedule.every_s).floor() * schedule.every_s
    return (within < schedule.on_s).sum()
