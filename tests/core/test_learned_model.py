"""The agent's own model: its laws, a sum by hand, and that its coefficients are what the training makes."""

import math
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from bluezone_agent.core.attenuation import CoPresence, ReceivedMinute, merge
from bluezone_agent.core.risk import MODELS
from bluezone_agent.core.risk.learned import (
    ENOUGH,
    FEATURES,
    SPREAD_DB,
    STRONGEST,
    Coefficients,
    LearnedProximityModel,
    Window,
    best_windowed_mean,
    features,
    stand_in_indexes,
    strongest_by_minute,
)
from bluezone_agent.core.risk.learned_coefficients import COEFFICIENTS
from bluezone_agent.core.sightings import HISTOGRAM_BIN_DB
from tests.shared import shared_file

AGENT = LearnedProximityModel(COEFFICIENTS)
OWN_RULES = ["learned", "bluezone"]
"""Exposure Notification's presets score the mean, which a weak packet lowers (docs/exposure.md)."""
COMPANIES = st.integers(0, 30).flatmap(
    lambda received: st.builds(CoPresence, st.just(received), st.integers(0, received), st.floats(-30, 30))
)
HISTOGRAMS = st.dictionaries(st.integers(0, 33), st.integers(1, 300), max_size=6)
MINUTES = st.dictionaries(
    st.integers(0, 60), st.tuples(st.floats(0, 100), HISTOGRAMS, COMPANIES), min_size=1, max_size=40
).map(
    lambda found: [
        ReceivedMinute(t, db, sum(h.values()) or 1, h or {int(db // 3): 1}, c)
        for t, (db, h, c) in sorted(found.items())
    ]
)
ROUNDING = 1e-11


def nearer(m: ReceivedMinute, bins: int, db: float, fewer: int) -> ReceivedMinute:
    histogram: dict[int, int] = {}
    for b, n in m.histogram.items():
        histogram[max(0, b - bins)] = histogram.get(max(0, b - bins), 0) + n
    others = replace(
        m.co_presence, stronger=max(0, m.co_presence.stronger - fewer), weaker_by_db=m.co_presence.weaker_by_db + db
    )
    return replace(m, attenuation_db=max(0.0, m.attenuation_db - db), histogram=histogram, co_presence=others)


@given(MINUTES)
def test_a_minute_counts_by_its_probability(minutes: list[ReceivedMinute]) -> None:
    weights, probabilities = AGENT.weigh(minutes), AGENT.probabilities(minutes)
    assert weights.keys() == probabilities.keys() >= {m.minute for m in minutes}
    assert all(0 < p < 1 for p in probabilities.values())
    c, floors = AGENT.coefficients, AGENT.floors(minutes)
    assert floors.keys() == weights.keys()
    for t, weight in weights.items():
        assert 0 <= floors[t] <= weight <= 1
        assert (weight == 0) == (probabilities[t] <= c.nothing_up_to and not floors[t])
        assert (weight == 1) == (probabilities[t] >= c.whole_from or floors[t] == 1)


NEAR_MINUTES = st.lists(
    st.lists(st.sampled_from([9, 12, 13, 14, 15, 16, 17]), min_size=1, max_size=7), min_size=15, max_size=30
).map(lambda found: [ReceivedMinute(t, 3.0 * bins[0], len(bins), Counter(bins)) for t, bins in enumerate(found)])
"""Few and strong packets: minutes with a floor."""
ADDED = st.lists(st.tuples(st.integers(0, 65), st.integers(0, 40), st.integers(1, 1_200)), min_size=1, max_size=20)
"""Minute, bin of attenuation, and how many packets of it."""


@given(MINUTES, ADDED)
def test_an_added_packet_of_the_same_identifier_lowers_no_minute_by_the_apps_threshold(
    minutes: list[ReceivedMinute], added: list[tuple[int, int, int]]
) -> None:
    model, repeated = MODELS["bluezone"], [ReceivedMinute(t, 3.0 * b + 1.5, n, {b: n}) for t, b, n in added]
    before, after = model.weigh(minutes), model.weigh(merge([*minutes, *repeated]))
    assert all(after[t] >= before[t] for t in before)


@given(MINUTES | NEAR_MINUTES, ADDED)
@example([ReceivedMinute(t, 44.0, 4, {14: 4}) for t in range(30)], [(t, 25, 1) for t in range(30)])
def test_an_added_packet_of_the_same_identifier_lowers_no_floor(
    minutes: list[ReceivedMinute], added: list[tuple[int, int, int]]
) -> None:
    """Whatever its strength, and also in minutes in which nothing else was received."""
    repeated = [ReceivedMinute(t, 3.0 * b + 1.5, n, {b: n}) for t, b, n in added]
    before, after = AGENT.floors(minutes), AGENT.floors(merge([*minutes, *repeated]))
    assert all(after[t] >= before[t] - ROUNDING for t in before)


@pytest.mark.parametrize("scanned_every_min", [1, 2, 5])
@given(
    st.lists(st.lists(st.integers(12, 15), min_size=STRONGEST, max_size=9), min_size=30, max_size=30),
    st.lists(st.tuples(st.integers(0, 29), st.integers(0, 40), st.integers(1, 1_200)), max_size=40),
)
@example([[15] * STRONGEST] * 30, [(t, 23, 5) for t in range(30)])
def test_no_packet_takes_a_minute_from_half_an_hour_within_48_db(
    scanned_every_min: int, near: list[list[int]], added: list[tuple[int, int, int]]
) -> None:
    """Nor where the receiver, or who sends, rests between scans."""
    minutes = [
        ReceivedMinute(t, 46.0, len(bins), Counter(bins)) for t, bins in enumerate(near) if t % scanned_every_min == 0
    ]
    repeated = [ReceivedMinute(t, 3.0 * b + 1.5, n, {b: n}) for t, b, n in added]
    after = AGENT.weigh(merge([*minutes, *repeated]))
    assert [after[t] for t in range(minutes[-1].minute + 1)] == [1.0] * (minutes[-1].minute + 1)


@given(MINUTES, ADDED)
def test_an_added_packet_that_is_much_weaker_lowers_no_minute(
    minutes: list[ReceivedMinute], added: list[tuple[int, int, int]]
) -> None:
    """Who repeats a frame from afar takes nothing away, where something was received in that minute."""
    strongest = {m.minute: min(m.histogram) for m in minutes}
    bins = SPREAD_DB // HISTOGRAM_BIN_DB + 2
    repeated = [
        ReceivedMinute(t, 3.0 * b + 1.5, n, {b: n})
        for t, further, n in added
        if t in strongest
        for b in [strongest[t] + bins + further]
    ]
    before, after = AGENT.weigh(minutes), AGENT.weigh(merge([*minutes, *repeated]))
    assert all(after[t] >= before[t] - ROUNDING for t in before)


@given(MINUTES, ADDED)
def test_what_four_packets_a_second_say_no_packet_takes_away(
    minutes: list[ReceivedMinute], added: list[tuple[int, int, int]]
) -> None:
    """Whatever its strength."""
    full = [replace(m, histogram={min(m.histogram): ENOUGH}) for m in minutes]
    received = {m.minute for m in minutes}
    repeated = [ReceivedMinute(t, 3.0 * b + 1.5, n, {b: n}) for t, b, n in added if t in received]
    before, after = AGENT.weigh(full), AGENT.weigh(merge([*full, *repeated]))
    assert all(after[t] >= before[t] - ROUNDING for t in before)


@pytest.mark.parametrize("name", OWN_RULES)
@given(MINUTES, COMPANIES)
def test_packets_of_others_lower_no_minute(name: str, minutes: list[ReceivedMinute], others: CoPresence) -> None:
    assert MODELS[name].weigh([replace(m, co_presence=others) for m in minutes]) == MODELS[name].weigh(minutes)


@pytest.mark.parametrize("name", OWN_RULES)
@pytest.mark.parametrize("replays_a_minute", [60, 240, 1_200])
@pytest.mark.parametrize("a_minute", [5, 240])
def test_half_an_hour_at_one_metre_warns_under_a_replay_at_minus_97_dbm(
    name: str, replays_a_minute: int, a_minute: int
) -> None:
    """Of five packets a minute, as bluetoothd lets through, and of four a second."""
    histogram = {15: a_minute // 5, 16: a_minute * 3 // 5, 17: a_minute // 5}
    near = [ReceivedMinute(t, 48.0, a_minute, histogram) for t in range(30)]
    repeated = [ReceivedMinute(t, 77.0, replays_a_minute, {25: replays_a_minute}) for t in range(30)]
    model = MODELS[name]
    assert sum(model.weigh(near).values()) >= model.warning_minutes
    assert sum(model.weigh(merge([*near, *repeated])).values()) >= model.warning_minutes


def test_four_packets_a_second_stand_against_any_number_of_weaker_ones() -> None:
    minute = ReceivedMinute(0, 48.0, ENOUGH, {16: ENOUGH})
    assert features(replace(minute, histogram={16: ENOUGH, 20: 9_999})) == features(minute)


@given(MINUTES, st.data())
def test_a_closer_minute_lowers_no_probability(minutes: list[ReceivedMinute], data: st.DataObject) -> None:
    steps = st.tuples(st.integers(0, 8), st.floats(0, 30), st.integers(0, 9))
    closer = [nearer(m, *data.draw(steps)) for m in minutes]
    before, after = AGENT.probabilities(minutes), AGENT.probabilities(closer)
    assert before.keys() == after.keys()
    assert all(after[t] >= before[t] - ROUNDING for t in before)


@given(MINUTES, st.integers(1, 20), MINUTES)
def test_more_minutes_afterwards_lower_no_probability(
    minutes: list[ReceivedMinute], gap: int, more: list[ReceivedMinute]
) -> None:
    first = minutes[-1].minute + gap - more[0].minute
    longer = minutes + [replace(m, minute=m.minute + first) for m in more]
    before, after = AGENT.probabilities(minutes), AGENT.probabilities(longer)
    assert all(after[t] >= before[t] - ROUNDING for t in before)


@given(MINUTES, st.integers(1, 1_000_000))
def test_only_the_distance_in_time_matters(minutes: list[ReceivedMinute], later: int) -> None:
    moved = AGENT.weigh([replace(m, minute=m.minute + later) for m in minutes])
    assert moved == {t + later: p for t, p in AGENT.weigh(minutes).items()}


@given(MINUTES)
def test_what_is_far_in_time_does_not_matter(minutes: list[ReceivedMinute]) -> None:
    later = minutes[-1].minute + 30
    again = minutes + [replace(m, minute=m.minute + later) for m in minutes]
    once = AGENT.weigh(minutes)
    assert AGENT.weigh(again) == pytest.approx(once | {t + later: p for t, p in once.items()})


def test_a_sum_by_hand() -> None:
    """Two minutes three apart at 52 and 70 dB: the second stands for the two before it, of the 15 surrounding."""
    weights = (0.0, 1.0, 2.0, 0.0, 0.0, 0.0, 4.0, 0.0)
    model = LearnedProximityModel(Coefficients(-2.0, 0.9, 0.99, 4.0, (Window(0, weights), Window(7, weights))))
    near, far = ReceivedMinute(10, 52.5, 3, {17: 3}), ReceivedMinute(13, 70.0, 2)
    # 51 to 54 dB: below 50 nothing, below 55 and 75 everything: 2 + 4; 70 dB: 4
    surrounding = (6 + 3 * 4) / 15
    first, others = 1 / (1 + math.exp(2.0 - 6 - surrounding)), 1 / (1 + math.exp(2.0 - 4 - surrounding))
    assert model.probabilities([near, far]) == pytest.approx({10: first, 11: others, 12: others, 13: others})
    assert first == pytest.approx(0.9945, abs=1e-4)
    assert others == pytest.approx(0.9608, abs=1e-4)
    part = (others - 0.9) / (0.99 - 0.9)
    assert model.weigh([near, far]) == pytest.approx({10: 1.0, 11: part, 12: part, 13: part})


def test_a_floor_by_hand() -> None:
    """Five packets at 46.5 dB and two at 52.5 dB five minutes on; between them what both have: two in five."""
    minutes = [ReceivedMinute(10, 46.5, 9, {15: 5, 20: 4}), ReceivedMinute(15, 52.5, 2, {17: 2})]
    assert strongest_by_minute(minutes) == {
        10: pytest.approx([0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]),
        **{t: pytest.approx([0.0, 0.0, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4]) for t in range(11, 16)},
    }


def test_of_nothing_received_nothing_counts() -> None:
    assert AGENT.weigh([]) == {}


def test_the_best_window_is_any_that_a_minute_is_in() -> None:
    assert best_windowed_mean({0: 3.0, 1: 0.0, 2: 6.0, 7: 3.0}, 1) == [3.0, 3.0, 3.0, 1.0]


def test_a_bin_across_a_limit_counts_in_part() -> None:
    below_50 = 1
    assert features(ReceivedMinute(0, 0.0, 4, {16: 3, 20: 1}))[below_50] == pytest.approx(3 / 4 * 2 / 3)  # 48 to 51 dB


@pytest.mark.parametrize(
    ("histogram", "kept"),
    [
        ({16: 1, 24: 9, 25: 1, 26: 9}, {16, 24, 25}),
        ({16: 3, 24: 9, 25: 9}, {16, 24}),
        ({25: 2}, {25}),
    ],
)
def test_packets_far_weaker_than_the_strongest_are_left_out(histogram: dict[int, int], kept: set[int]) -> None:
    left = {b: n for b, n in histogram.items() if b in kept}
    assert features(ReceivedMinute(0, 0.0, 9, histogram)) == features(ReceivedMinute(0, 0.0, 9, left))
    assert kept == set(histogram) or features(ReceivedMinute(0, 0.0, 9, {**histogram, 26: 99})) != [0.0] * FEATURES


def test_a_long_gap_is_nobodys() -> None:
    minutes = [ReceivedMinute(t, 50.0, 1) for t in (0, 5, 11)]
    assert stand_in_indexes(minutes) == {0: 0, 1: 1, 2: 1, 3: 1, 4: 1, 5: 1, 11: 2}


def test_the_error_of_a_sum_grows_with_the_root_of_its_minutes() -> None:
    variance = AGENT.coefficients.variance_min
    assert AGENT.sd_minutes([]) == pytest.approx(math.sqrt(variance))
    assert AGENT.sd_minutes([1.0] * 10 + [0.5] * 10) == pytest.approx(4 * math.sqrt(variance))


def negative(raw: dict[str, Any]) -> None:
    raw["windows"][0]["weights"][3] = -0.1


def one_missing(raw: dict[str, Any]) -> None:
    raw["windows"][0]["weights"] = [0.0] * (FEATURES - 1)


def nothing_above_whole(raw: dict[str, Any]) -> None:
    raw["nothing_up_to"] = raw["whole_from"]


@pytest.mark.parametrize("fault", [negative, one_missing, nothing_above_whole])
def test_coefficients_that_would_break_a_law_are_refused(fault: Callable[[dict[str, Any]], None]) -> None:
    raw = msgspec.to_builtins(AGENT.coefficients)
    raw["windows"] = [dict(r, weights=list(r["weights"])) for r in raw["windows"]]
    msgspec.convert(raw, Coefficients)
    fault(raw)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(raw, Coefficients)


def near_in(weights: Mapping[int, float]) -> float:
    return sum(weights.values()) / len(weights)


def test_near_and_far_are_told_apart() -> None:
    """Half an hour at what carried phones have at 1 m, and at 8 m; alone, beside one as near, and among ten others."""
    for others in (CoPresence(), CoPresence(1, 0, 0.0), CoPresence(1, 1, -1.0), CoPresence(10, 2, 6.0)):
        close = [ReceivedMinute(t, 52.0, 30, co_presence=others) for t in range(30)]
        away = [
            replace(m, attenuation_db=76.0, co_presence=CoPresence(others.received, others.received, -9.0))
            for m in close
        ]
        assert near_in(AGENT.weigh(close)) == 1
        assert near_in(AGENT.weigh(away)) == 0


def test_the_coefficients_are_what_the_training_makes(long: bool) -> None:
    if not long:
        pytest.skip("half a minute; --long runs it")
    from benchmarks.proximity import train  # noqa: PLC0415 - numpy and the recordings are for this test alone

    data: Path = shared_file("data")
    assert train.made_from(data) == train.MODULE.read_text("utf-8")
