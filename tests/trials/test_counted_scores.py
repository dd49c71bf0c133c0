"""Scores that are counted receiver by receiver are those of all seconds of all pairs at once."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, product
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluezone_agent.core.risk import MODELS
from bluezone_agent.trials.folder import TrialFolder
from bluezone_agent.trials.imports.recording import (
    ImportedDevice,
    ImportedPhase,
    Recording,
    Row,
    adverts_table,
    rows_table,
    write_recording,
)
from bluezone_agent.trials.plan import Schedule
from bluezone_agent.trials.scoring import load
from bluezone_agent.trials.scoring.known_time import FIRST_MINUTE, known_time, weighted_median, windows_of
from bluezone_agent.trials.scoring.score import CALIBRATED, DatasetScore, score
from bluezone_agent.trials.scoring.tally import ScoreCounts, auc
from tests.trials.reference_scores import reference_pairs, reference_score

pytestmark = pytest.mark.slow
EQUAL = 1e-9
BEGAN = 1_790_000_000.25
DEVICES = ("a", "b", "c", "d")
ALIKE = ("d", "e")
"""They were always in one place, and nobody received them."""
PHASES = (
    ImportedPhase("first", BEGAN, BEGAN + 900.5),
    ImportedPhase("second", BEGAN + 900.5, BEGAN + 1500),
    ImportedPhase("later", BEGAN + 5000, BEGAN + 6000),
)


def truths(random: Random) -> Iterator[Row]:
    """Yield spans of every length for every pair, some a second long, with times between them that are not known."""
    for phase, (one, other) in product(PHASES, combinations(DEVICES, 2)):
        if (phase.name, one, other) == ("later", "a", "b"):
            continue
        at_s, ends_s = (phase.begins_s or 0.0) + random.choice((0, 7.5, 61.25)), phase.ends_s or 0.0
        while at_s < ends_s:
            until_s = min(ends_s, at_s + random.choice((1.0, 1.0, 0.5, 30.0, 200.25, 400.0)))
            row: Row = {"begins_s": at_s, "ends_s": until_s, "distance_m": random.choice((0.5, 1.9, 2.0, 2.1, 6.0))}
            row |= {"phase": phase.name, "one": one, "source": "plan", "confidence": 3}
            yield from (row | {"other": who} for who in (ALIKE if other == "d" else other))
            at_s = until_s + random.choice((0, 0, 0.5, 45.0))


def packets(random: Random) -> dict[str, list[object]]:
    """Return packets of all pairs but those of :data:`ALIKE`, at levels that rules distinguish."""
    rows = []
    for phase, receiver, sender in product(PHASES, DEVICES[:3], DEVICES[:3]):
        if receiver == sender:
            continue
        begins_s, ends_s = phase.begins_s or 0.0, phase.ends_s or 0.0
        for _ in range(150):
            at_s = random.uniform(begins_s, ends_s)
            dbm = random.choice((None, 5, -130, *range(-95, -45, 2)))
            rows.append((receiver, sender, phase.name, at_s, dbm, random.choice((None, -12.0, -11.0, -4.0))))
    names = ("receiver", "sender", "phase", "time_s", "rssi_dbm", "stated_dbm")
    return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> TrialFolder:
    random, folder = Random(4), tmp_path_factory.mktemp("scores") / "made"
    devices = [
        ImportedDevice("a", rssi_correction_db=1.5),
        ImportedDevice("b", power_dbm=-14.0),
        ImportedDevice("c"),
        ImportedDevice("d", "broadcast"),
        ImportedDevice("e", "broadcast"),
    ]
    truth = rows_table("truth", list(truths(random)))
    write_recording(Recording({"title": "Made"}, devices, PHASES, adverts_table(packets(random)), truth), folder, {})
    return TrialFolder(folder)


def close(one: object, other: object) -> bool:
    if one is None or other is None:
        return one is other
    return bool(np.allclose(np.array(one, dtype=float), np.array(other, dtype=float), rtol=EQUAL, atol=EQUAL))


def as_row(found: DatasetScore) -> dict[str, object]:
    rates = {name: getattr(found, name) for name in ("precision", "recall", "f1", "ndcf")}
    return {name: None if rate is None else (rate.value, rate.low, rate.high) for name, rate in rates.items()} | {
        name: getattr(found, name) for name in ("windows", "near", "auc", "minutes_off")
    }


@pytest.mark.parametrize("at_once", [1, 2_000_000], ids=["each-receiver", "together"])
def test_every_score_is_that_of_its_definition(
    trial: TrialFolder, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "PACKETS_AT_ONCE", at_once)
    models, schedules = [MODELS[name] for name in ("learned", "swisscovid", "bluezone")], (None, Schedule(40, 100))
    found = score(trial, models, schedules, (0.0, 3.0))
    assert len(found) == 3 * 2 * 2 * 2 * 3
    compared = 0
    for one in found:
        pairs = reference_pairs(trial, one.schedule, calibrated=one.power == CALIBRATED, offset_db=one.offset_db)
        expected = reference_score(pairs, MODELS[one.rule], one.window_min, rested=one.schedule is not None)
        row = as_row(one)
        assert {name: value for name, value in row.items() if not close(value, expected[name])} == {}
        compared += sum(value is not None for value in row.values())
    assert compared > 500


spans = st.lists(
    st.tuples(st.sampled_from((0.25, 1.0, 1.5, 59.0, 60.0, 300.0, 431.125)), st.sampled_from((0.0, 0.5, 40.0, 700.0))),
    min_size=1,
    max_size=12,
)


@given(spans, st.floats(0, 2e9), st.sampled_from((300.0, 900.0)), st.integers(0, 2**12))
def test_windows_of_spans_are_those_of_their_seconds(
    lengths: list[tuple[float, float]], began_s: float, length_s: float, near_bits: int
) -> None:
    begins, ends, at_s = list[float](), list[float](), began_s
    for length, gap in lengths:
        begins.append(at_s)
        ends.append(at_s + length)
        at_s = ends[-1] + gap
    near = np.array([bool(near_bits >> number & 1) for number in range(len(begins))])
    known = known_time(np.array(begins), np.array(ends), near)
    times_s, is_near = known.seconds()
    assert len(times_s) == sum(1 if b - a <= 1 + 1e-6 else np.ceil(b - a) for a, b in zip(begins, ends, strict=True))
    step_s = float(np.median(np.diff(times_s))) if len(times_s) > 1 else length_s
    assert known.step_s() in (None, pytest.approx(step_s))
    longest_s = min(length_s, known.last_s - known.first_s + (known.step_s() or length_s))
    expected = []
    for start in np.arange(times_s[0], times_s[-1] - longest_s / 2, longest_s):
        its = is_near[slice(*np.searchsorted(times_s, (start, start + longest_s)))]
        if len(its) * (known.step_s() or length_s) >= longest_s / 2:
            expected.append((FIRST_MINUTE + round((start - times_s[0]) / 60), its.mean() * longest_s))
    found = windows_of(known, length_s)
    assert list(zip(found.minutes.tolist(), found.near_s.tolist(), strict=True)) == [
        (minute, pytest.approx(near_s)) for minute, near_s in expected
    ]


@given(st.lists(st.tuples(st.sampled_from((-40.0, -12.0, 0.0, 3.5, 7.0)), st.integers(1, 5)), min_size=1))
def test_a_weighted_median_is_that_of_all_values(weighted: list[tuple[float, int]]) -> None:
    values, counts = (np.array(column) for column in zip(*weighted, strict=True))
    assert weighted_median(values, counts) == np.median(np.repeat(values, counts))


@given(st.lists(st.sampled_from((0.0, 0.1, 0.25, 0.7, 1.0))), st.lists(st.sampled_from((0.0, 0.1, 0.25, 0.8))))
def test_a_ranking_from_counts_is_that_of_every_two(near: list[float], far: list[float]) -> None:
    counts = ScoreCounts(), ScoreCounts()
    for of, scores in zip(counts, (near, far), strict=True):
        for half in (scores[::2], scores[1::2]):
            of.add(np.array(half))
            of.settle()
    better = [(one > other) + (one == other) / 2 for one in near for other in far]
    assert auc(*counts) == pytest.approx(sum(better) / len(better) if better else float("nan"), nan_ok=True)


def test_receivers_are_read_in_groups_of_a_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "PACKETS_AT_ONCE", 10)
    monkeypatch.setattr(load, "RECEIVERS_AT_ONCE", 3)
    packets = {"a": 4, "b": 6, "c": 1, "d": 50, "e": 0, "f": 0, "g": 0, "h": 0}
    assert list(load.grouped(packets)) == [["a", "b"], ["c"], ["d"], ["e", "f", "g"], ["h"]]


def test_equal_known_times_are_kept_once() -> None:
    """A thousand devices in a row for a day have half a million pairs and two known times."""
    one, other = (known_time(np.array([BEGAN]), np.array([BEGAN + 86_400]), np.array([True])) for _ in range(2))
    assert one is other
    assert sum(array.nbytes for array in (one.begins_s, one.points, one.near)) < 100
    assert windows_of(one, 300.0) is windows_of(other, 300.0)
