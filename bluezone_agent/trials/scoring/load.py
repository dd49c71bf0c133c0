"""The pairs of a dataset: packets counted by minute and RSSI where they lie, and the truth of each second."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Final

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
from ibis import _

from bluezone_agent.core.intervals import MINUTE_S
from bluezone_agent.errors import N_
from bluezone_agent.trials.dataset import Dataset
from bluezone_agent.trials.folder import DATASET, TrialError, TrialFolder
from bluezone_agent.trials.plan import Schedule, TrialPlan
from bluezone_agent.trials.scoring.pairs import FIRST_MINUTE, Floats, Pair

NO_BREAK_S: Final = 1.0
"""Phases that follow one another within this are one scene."""
SECOND_S: Final = 1.0
ROUNDING_S: Final = 1e-6
KEY: Final = ("scene", "receiver", "sender")
PairKey = tuple[str, str, str]
"""Scene, receiver, sender."""


@dataclass(frozen=True, slots=True)
class LoadedPairs:
    """The pairs of a trial, and which powers are known of them."""

    pairs: list[Pair]
    """With the stated transmit power, or the plan's where none is stated."""
    calibrated: dict[tuple[str, str], tuple[float | None, float]]
    """Receiver and sender → the sender's calibrated power, None if it is not known, and the receiver's correction."""

    @property
    def has_calibration(self) -> bool:
        """Whether a calibration of any pair is known."""
        return any(power is not None or correction for power, correction in self.calibrated.values())

    def with_calibration(self) -> list[Pair]:
        """Return the pairs with calibrated powers, and the stated ones where there are none."""
        found = []
        for pair in self.pairs:
            power_dbm, correction_db = self.calibrated[pair.receiver, pair.sender]
            known = pair.tx_power_dbm if power_dbm is None else power_dbm
            found.append(replace(pair, tx_power_dbm=known, correction_db=correction_db))
        return found


def load(trial: TrialFolder, schedule: Schedule | None = None, *, by_phase: bool = False) -> LoadedPairs:
    """Read the pairs of a packed trial whose distance is known; only what ``schedule`` would have received.

    A scene is a stretch of phases without a break, or with ``by_phase`` each phase. Raises PlanError, TrialError.
    """
    plan, dataset = trial.plan(), Dataset(trial.path / DATASET)
    scenes = _scenes(dataset["phases"].to_pyarrow().to_pylist(), trial, by_phase=by_phase)
    truth = _truth(dataset, scenes)
    if not truth:
        raise TrialError(
            N_("{path}: no distance is known"),
            N_("a rule is compared with true distances: state them in the plan, or by marks, and pack again"),
            path=trial.path,
        )
    packets, stated = _packets(dataset, scenes, truth, schedule)
    pairs = [
        Pair(
            scene,
            receiver,
            sender,
            packets.get((scene, receiver, sender), {}),
            stated.get((receiver, sender), float(plan.radio.tx_power_dbm)),
            *truth[scene, receiver, sender],
            near_m=plan.trial.near_m,
        )
        for scene, receiver, sender in sorted(_keys(plan, truth))
    ]
    return LoadedPairs(pairs, _calibrated(dataset, plan))


def _scenes(phases: Sequence[Mapping[str, Any]], trial: TrialFolder, *, by_phase: bool) -> dict[str, str]:
    """Return the scene of each phase, which has the name of its first phase."""
    if phases[0]["begins_s"] is None:
        raise TrialError(
            N_("{path} has no times: rules can't be scored on it"),
            N_("a rule counts minutes; the report shows the path loss"),
            path=trial.path,
        )
    found: dict[str, str] = {}
    ended_s, scene = -np.inf, ""
    for row in phases:
        if by_phase or not 0 <= row["begins_s"] - ended_s <= NO_BREAK_S:
            scene = row["phase"]
        found[row["phase"]], ended_s = scene, row["ends_s"]
    return found


def _keys(plan: TrialPlan, truth: Mapping[PairKey, object]) -> Iterator[PairKey]:
    possible = {(receiver.id, sender.id) for receiver, sender in plan.pairs()}
    return (key for key in truth if key[1:] in possible)


def _truth(dataset: Dataset, scenes: Mapping[str, str]) -> dict[PairKey, tuple[Floats, Floats]]:
    """Return the seconds at which the distance of each pair is known, and the metres, in both directions."""
    rows = dataset["truth"].to_pyarrow()
    columns = [rows[name].to_pylist() for name in ("phase", "one", "other")]
    spans = zip(*(rows[name].to_pylist() for name in ("begins_s", "ends_s", "distance_m")), strict=True)
    known: dict[PairKey, list[tuple[float, float, float]]] = {}
    for phase, one, other, span in zip(*columns, spans, strict=True):
        known.setdefault((scenes[phase], one, other), []).append(span)
    found: dict[PairKey, tuple[Floats, Floats]] = {}
    for (scene, one, other), its in known.items():
        found[scene, one, other] = found[scene, other, one] = _seconds(sorted(its))
    return found


def _seconds(spans: Sequence[tuple[float, float, float]]) -> tuple[Floats, Floats]:
    t_s: list[float] = []
    metres: list[float] = []
    for begins_s, ends_s, distance_m in spans:
        seconds = [begins_s] if ends_s - begins_s <= SECOND_S + ROUNDING_S else np.arange(begins_s, ends_s, SECOND_S)
        t_s += list(seconds)
        metres += [distance_m] * len(seconds)
    return np.array(t_s, dtype=np.float64), np.array(metres, dtype=np.float64)


def _packets(
    dataset: Dataset,
    scenes: Mapping[str, str],
    truth: Mapping[PairKey, tuple[Floats, Floats]],
    schedule: Schedule | None,
) -> tuple[dict[PairKey, dict[int, dict[int, int]]], dict[tuple[str, str], float]]:
    """Return the packets of each pair by minute and RSSI, and the powers that they state."""
    columns = {name: [key[number] for key in truth] for number, name in enumerate(KEY)}
    starts = [float(t_s[0]) for t_s, _ in truth.values()]
    since = ibis.memtable(pa.table(columns | {"since_s": starts}))
    of_phase = ibis.memtable(pa.table({"phase": list(scenes), "scene": list(scenes.values())}))
    received = dataset["adverts"].filter(_.rssi_dbm.notnull()).join(of_phase, "phase").join(since, list(KEY))
    received = received.mutate(at_s=_.time_s - _.since_s)
    if schedule is not None:
        within = _.at_s - (_.at_s / schedule.every_s).floor() * schedule.every_s
        received = received.filter(within < schedule.on_s)
    counted = (
        received.mutate(minute=(_.at_s / MINUTE_S).floor().cast("int64") + FIRST_MINUTE)
        .group_by(*KEY, "minute", "rssi_dbm")
        .aggregate(n=_.count())
        .order_by(*KEY, "minute", "rssi_dbm")
    )
    packets = {
        key: {minute: {row[4]: row[5] for row in its} for minute, its in groupby(of_pair, key=lambda row: row[3])}
        for key, of_pair in groupby(_rows(counted), key=lambda row: row[:3])
    }
    powers = received.group_by("receiver", "sender").aggregate(stated=_.stated_dbm.quantile(0.5))
    stated = {(row[0], row[1]): float(row[2]) for row in _rows(powers) if row[2] is not None}
    return packets, stated


def _rows(expression: ir.Table) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of an expression, batch by batch."""
    for batch in expression.to_pyarrow().to_batches():
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _calibrated(dataset: Dataset, plan: TrialPlan) -> dict[tuple[str, str], tuple[float | None, float]]:
    devices = {row["device"]: row for row in dataset["devices"].to_pyarrow().to_pylist()}
    return {
        (receiver.id, sender.id): (
            devices.get(sender.id, {}).get("power_dbm"),
            devices.get(receiver.id, {}).get("rssi_correction_db") or 0.0,
        )
        for receiver, sender in plan.pairs()
    }
