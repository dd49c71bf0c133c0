"""What a report says: expressions over the packets of a dataset, which any engine of Ibis computes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import ceil
from typing import Any, Final

import ibis
import ibis.expr.types as ir
from ibis import _

from bluezone_agent.trials.common_time import PhaseTime

WINDOW_S: Final = 30.0
"""Of Herald's continuity."""
BOTH_WAYS: Final = 2
PAIR: Final = ("receiver", "sender")


def within(adverts: ir.Table, begins_s: float, ends_s: float) -> ir.Table:
    """Return the packets of a time."""
    return adverts.filter((_.time_s >= begins_s) & (_.time_s < ends_s))


def of(rows: ir.Table, receivers: Collection[str]) -> ir.Table:
    """Return what some receivers received."""
    return rows.filter(_.receiver.isin(sorted(receivers)))


def by_pair(adverts: ir.Table) -> ir.Table:
    """Return how much each receiver got of each sender, and its longest gap in seconds."""
    before = _.time_s.lag().over(ibis.window(group_by=PAIR, order_by="time_s"))
    return (
        adverts.mutate(gap_s=_.time_s - before)
        .group_by(*PAIR)
        .aggregate(
            packets=_.count(),
            first_s=_.time_s.min(),
            last_s=_.time_s.max(),
            mean_dbm=_.rssi_dbm.mean(),
            deviation_db=_.rssi_dbm.std(how="sample"),
            longest_gap_s=_.gap_s.max(),
        )
        .order_by(*PAIR)
    )


def windows(adverts: ir.Table, phases: Sequence[PhaseTime], window_s: float = WINDOW_S) -> ir.Table:
    """Return the windows in which a pair has a packet; they are counted through all phases, without times between."""
    begins, before, count = list[tuple[Any, float]](), list[tuple[Any, int]](), 0
    for when in phases:
        begins.append((_.phase == when.phase.name, when.begins_s))
        before.append((_.phase == when.phase.name, count))
        count += windows_of(when, window_s)
    within = adverts.filter(_.phase != "")
    number = ((_.time_s - ibis.cases(*begins)) / window_s).floor().cast("int64") + ibis.cases(*before)
    return within.mutate(window=number).group_by(*PAIR, "window").aggregate(packets=_.count())


def counted(windows: ir.Table, count: int, hour: int) -> ir.Table:
    """Return in how many of ``count`` windows each pair has a packet, and in how many of the first and last ``hour``.

    ``hour`` is a number of windows, too.
    """
    return windows.group_by(*PAIR).aggregate(
        windows=_.count(), first=(_.window < hour).sum(), last=(_.window >= count - hour).sum()
    )


def mutual(windows: ir.Table, devices: Sequence[str]) -> ir.Table:
    """Return in how many windows two of ``devices`` received something, one way or the other, and both ways."""
    between = (_.receiver != _.sender) & _.receiver.isin(devices) & _.sender.isin(devices)
    either = (
        windows.filter(between)
        .mutate(one=ibis.least(_.receiver, _.sender), other=ibis.greatest(_.receiver, _.sender))
        .group_by("one", "other", "window")
        .aggregate(ways=_.count())
    )
    return either.aggregate(either=_.count(), both=(_.ways == BOTH_WAYS).sum())


def windows_of(when: PhaseTime, window_s: float = WINDOW_S) -> int:
    """Return how many windows a phase has."""
    return ceil((when.ends_s - when.begins_s) / window_s)


def laid_out(phases: Sequence[PhaseTime]) -> list[PhaseTime]:
    """Return the phases one after the other from 0 s on, without the times between them."""
    found, at_s = [], 0.0
    for when in phases:
        length_s = when.ends_s - when.begins_s
        found.append(PhaseTime(when.phase, at_s, at_s + length_s))
        at_s += length_s
    return found


def over_time(adverts: ir.Table, phases: Sequence[PhaseTime], step_s: float) -> ir.Table:
    """Return the mean received power of each pair in steps of the time of all phases, laid out one after the other."""
    shifts = [
        (_.phase == when.phase.name, when.begins_s - laid.begins_s)
        for when, laid in zip(phases, laid_out(phases), strict=True)
    ]
    number = ((_.time_s - ibis.cases(*shifts)) / step_s).floor().cast("int64")
    return (
        adverts.filter(_.phase != "")
        .mutate(step=number)
        .group_by(*PAIR, "step")
        .aggregate(mean_dbm=_.rssi_dbm.mean())
        .order_by(*PAIR, "step")
    )


def sums_for_fit(adverts: ir.Table) -> ir.Table:
    """Return, for each pair, the sums of a straight line of RSSI over the logarithm of the true distance."""
    known = adverts.filter((_.distance_m > 0) & _.rssi_dbm.notnull()).mutate(
        x=_.distance_m.log10(), y=_.rssi_dbm.cast("float64")
    )
    return (
        known.group_by(*PAIR)
        .aggregate(
            n=_.count(),
            x=_.x.sum(),
            y=_.y.sum(),
            xx=(_.x * _.x).sum(),
            xy=(_.x * _.y).sum(),
            yy=(_.y * _.y).sum(),
        )
        .order_by(*PAIR)
    )
