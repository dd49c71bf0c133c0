"""Scores of rules as their definition reads: every second of every pair at once, slowly and without an engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from bluezone_agent.core.attenuation import ReceivedMinute, attenuation_db, attenuation_histogram
from bluezone_agent.core.risk import RiskModel
from bluezone_agent.core.risk.learned import stand_in_indexes
from bluezone_agent.core.sightings import PLAUSIBLE_RSSI_DBM, power_summary
from bluezone_agent.trials.folder import DATASET, TrialFolder
from bluezone_agent.trials.plan import Schedule

Row = dict[str, Any]
Key = tuple[str, str, str]
"""Scene, receiver, sender."""
NEAREST = [ReceivedMinute(t, 0.0, 10_000) for t in range(31)]


@dataclass
class ReferencePair:
    """A pair with its truth, second by second, and its packets."""

    key: Key
    seconds: list[tuple[float, bool]]
    """When the distance is known, and whether they were near."""
    packets: list[Row]
    power_dbm: float
    correction_db: float

    def minutes(self) -> list[ReceivedMinute]:
        by_minute: dict[int, dict[int, int]] = {}
        for row in self.packets:
            dbm = round(row["rssi_dbm"] + self.correction_db)
            if dbm in PLAUSIBLE_RSSI_DBM:
                its = by_minute.setdefault(int((row["time_s"] - self.seconds[0][0]) // 60), {})
                its[dbm] = its.get(dbm, 0) + 1
        found = []
        for t, by_rssi in sorted(by_minute.items()):
            count, mean_dbm, histogram = power_summary(by_rssi)
            attenuations = attenuation_histogram(histogram, self.power_dbm)
            found.append(ReceivedMinute(t, attenuation_db(self.power_dbm, mean_dbm), count, attenuations))
        return found

    def windows(self, length_s: float) -> Iterator[tuple[float, int, int, float]]:
        """Yield length in minutes, first minute, the one after the last, and minutes near."""
        times = [t for t, _near in self.seconds]
        step_s = median(b - a for a, b in pairwise(times)) if len(times) > 1 else length_s
        length_s = min(length_s, times[-1] - times[0] + step_s)
        number = 0
        while (start := times[0] + number * length_s) < times[-1] - length_s / 2:
            its = [near for t, near in self.seconds if start <= t < start + length_s]
            if its and len(its) * step_s >= 0.5 * length_s:
                first = round((start - times[0]) / 60)
                minutes = max(1, round(length_s / 60))
                yield length_s / 60, first, first + minutes, sum(its) / len(its) * length_s / 60
            number += 1

    def near_min(self) -> float:
        times = [t for t, _near in self.seconds]
        step_s = median(b - a for a, b in pairwise(times)) if len(times) > 1 else 1.0
        return sum(near for _t, near in self.seconds) * min(step_s, 60.0) / 60


def reference_pairs(
    trial: TrialFolder, schedule: Schedule | None, *, calibrated: bool, offset_db: float
) -> list[ReferencePair]:
    """Return every pair whose distance is known, in the order of scene, receiver and sender."""
    plan, scene_of = trial.plan(), {}
    ended_s = float("-inf")
    for row in table(trial, "phases"):
        if not 0 <= row["begins_s"] - ended_s <= 1:
            scene = row["phase"]
        scene_of[row["phase"]], ended_s = scene, row["ends_s"]
    seconds: dict[Key, list[tuple[float, bool]]] = {}
    for row in sorted(table(trial, "truth"), key=lambda row: (row["begins_s"], row["ends_s"])):
        count = 1 if row["ends_s"] - row["begins_s"] <= 1 + 1e-6 else int(np.ceil(row["ends_s"] - row["begins_s"]))
        its = [(row["begins_s"] + k, row["distance_m"] <= plan.trial.near_m) for k in range(count)]
        for receiver, sender in ((row["one"], row["other"]), (row["other"], row["one"])):
            seconds.setdefault((scene_of[row["phase"]], receiver, sender), []).extend(its)
    possible = {(receiver.id, sender.id) for receiver, sender in plan.pairs()}
    seconds = {key: its for key, its in sorted(seconds.items()) if key[1:] in possible}
    packets: dict[Key, list[Row]] = {key: [] for key in seconds}
    for row in table(trial, "adverts"):
        key = (scene_of.get(row["phase"], ""), row["receiver"], row["sender"])
        if key in packets and row["rssi_dbm"] is not None:
            since_s = row["time_s"] - seconds[key][0][0]
            if schedule is None or since_s % schedule.every_s < schedule.on_s:
                packets[key].append(row)
    devices = {row["device"]: row for row in table(trial, "devices")}
    found = []
    for key, its in seconds.items():
        stated = [
            row["stated_dbm"]
            for other, rows in packets.items()
            for row in rows
            if other[1:] == key[1:] and row["stated_dbm"] is not None
        ]
        power_dbm = median(stated) if stated else float(plan.radio.tx_power_dbm)
        known_dbm, known_db = devices[key[2]]["power_dbm"], devices[key[1]]["rssi_correction_db"] or 0.0
        found.append(
            ReferencePair(
                key,
                its,
                packets[key],
                known_dbm if calibrated and known_dbm is not None else power_dbm,
                offset_db + (known_db if calibrated else 0.0),
            )
        )
    return found


def reference_score(pairs: Sequence[ReferencePair], model: RiskModel, window_min: int | None, *, rested: bool) -> Row:
    """Return what a rule said of the windows of pairs, or of whole scenes."""
    judged = [list(_windows(pair, model, window_min) if window_min else _scene(pair, model, rested)) for pair in pairs]
    judged = [of_pair for of_pair in judged if of_pair]
    every = [one for of_pair in judged for one in of_pair]
    counts = np.array([_kinds(of_pair) for of_pair in judged])
    random = np.random.default_rng(1)
    drawn = random.integers(0, len(counts), (200, len(counts)))
    found: Row = {"windows": len(every), "near": sum(near for near, *_ in every)}
    rates, sampled = _rates(counts.sum(0)), [_rates(counts[rows].sum(0)) for rows in drawn]
    for name, value in rates.items():
        known = [sample[name] for sample in sampled if sample[name] == sample[name]]
        found[name] = None if value != value else (value, *np.percentile(known, (5, 95)))
    nears, fars = ([score for near, _said, score, _off in every if near == wanted] for wanted in (True, False))
    better = [(one > other) + (one == other) / 2 for one in nears for other in fars]
    found["auc"] = sum(better) / len(better) if better else None
    found["minutes_off"] = sum(off for *_, off in every) / len(every)
    return found


def _windows(pair: ReferencePair, model: RiskModel, window_min: int) -> Iterator[tuple[bool, bool, float, float]]:
    """Minutes are differences of running sums: their rounding decides between scores that are otherwise equal."""
    most, weights = max(model.weigh(NEAREST).values()), _stood(pair, model)
    for length_min, first, end, near_min in pair.windows(window_min * 60.0):
        before, until = (sum(weight for t, weight in weights.items() if t < at) for at in (first, end))
        minutes = (until - before) / most
        score = minutes / length_min
        yield near_min >= length_min / 2, score >= 0.5, score, abs(min(minutes, length_min) - near_min)


def _scene(pair: ReferencePair, model: RiskModel, rested: bool) -> Iterator[tuple[bool, bool, float, float]]:
    said_min = sum((_stood(pair, model) if rested else model.weigh(pair.minutes())).values())
    yield pair.near_min() >= 15, said_min >= model.warning_minutes, said_min, abs(said_min - pair.near_min())


def _stood(pair: ReferencePair, model: RiskModel) -> dict[int, float]:
    minutes = pair.minutes()
    weights = model.weigh(minutes)
    return {t: weights.get(t, weights[minutes[i].minute]) for t, i in stand_in_indexes(minutes).items()}


def _kinds(of_pair: Sequence[tuple[bool, bool, float, float]]) -> list[int]:
    kinds = [(near, said) for near, said, _score, _off in of_pair]
    return [kinds.count(kind) for kind in ((True, True), (True, False), (False, True), (False, False))]


def _rates(counts: Any) -> dict[str, float]:
    hits, missed, false, quiet = counts.tolist()
    return {
        "precision": _share(hits, hits + false),
        "recall": _share(hits, hits + missed),
        "f1": _share(2 * hits, 2 * hits + missed + false),
        "ndcf": _share(missed, hits + missed) + _share(false, false + quiet),
    }


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


def table(trial: TrialFolder, name: str) -> list[Row]:
    """Return the rows of a table."""
    files: list[Path] = sorted((trial.path / DATASET / name).glob("*.parquet"))
    return [row for file in files for row in pq.read_table(file).to_pylist()]
