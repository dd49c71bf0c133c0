"""From attenuations to windows, weighted minutes, encounters and warnings, by every model."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bluezone_agent.core.attenuation import (
    CoPresence,
    ReceivedMinute,
    attenuation_db,
    attenuation_histogram,
    co_presence,
    merge,
)
from bluezone_agent.core.exposure import DayExposure, Degree, day_exposures
from bluezone_agent.core.identifiers import ReportType
from bluezone_agent.core.risk import MODELS, RiskModel, own_model

DAY_MIN = 24 * 60
CASE = ReportType.CONFIRMED_TEST
SWISSCOVID = MODELS["swisscovid"]
EVERY_MODEL = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
FARTHER_WEIGHS_MORE = "cwa-1.15"
"""Its published weights are 0.8 below 63 dB and 1 from there to 73 dB."""


@dataclass
class Key:
    report_type: ReportType
    minutes: Sequence[ReceivedMinute]
    days_since_onset: int | None = 0


def received_minute(minute: int, db: float, spread: tuple[int, ...], others: tuple[int, int, float]) -> ReceivedMinute:
    received, stronger, weaker_by_db = others
    bins = [max(0, int((db + d) // 3)) for d in spread]
    return ReceivedMinute(
        minute,
        db,
        len(spread),
        {b: bins.count(b) for b in bins},
        CoPresence(received, min(received, stronger), weaker_by_db),
    )


MINUTES = st.dictionaries(
    st.integers(0, 90),
    st.tuples(
        st.floats(0, 100),
        st.lists(st.integers(-9, 9), min_size=1, max_size=5).map(tuple),
        st.tuples(st.integers(0, 9), st.integers(0, 9), st.floats(-20, 20)),
    ),
    min_size=1,
    max_size=40,
).map(lambda found: [received_minute(minute, *what) for minute, what in sorted(found.items())])


def minutes(first: int, count: int, db: float) -> list[ReceivedMinute]:
    return [ReceivedMinute(first + i, db, 4) for i in range(count)]


def closer_by(m: ReceivedMinute, bins: int) -> ReceivedMinute:
    histogram: dict[int, int] = {}
    for b, n in m.histogram.items():
        histogram[max(0, b - bins)] = histogram.get(max(0, b - bins), 0) + n
    c = m.co_presence
    nearer = CoPresence(c.received, max(0, c.stronger - bins), c.weaker_by_db + 3 * bins)
    return replace(m, attenuation_db=max(0.0, m.attenuation_db - 3 * bins), histogram=histogram, co_presence=nearer)


def score(model: RiskModel, received: Sequence[ReceivedMinute], onset: int | None = 0) -> float:
    return sum(day.near_minutes for day in day_exposures([Key(CASE, received, onset)], model))


def test_attenuation_is_what_was_lost_on_the_way() -> None:
    assert attenuation_db(-20, -75.5) == 55.5
    assert attenuation_db(-90, -75) == 0


def test_a_histogram_of_rssi_becomes_one_of_attenuation() -> None:
    # -24 -> -72..-70 dBm, its middle -71 dBm, 51 dB below -20 dBm: bin 17 holds 51..53
    assert attenuation_histogram({-24: 5, -25: 2}, -20) == {17: 5, 18: 2}
    assert attenuation_histogram({-24: 5, -20: 2}, -90) == {0: 7}


def test_the_company_of_a_minute() -> None:
    assert co_presence(-70, []) == CoPresence()
    assert co_presence(-70, [-60, -80, -70, -90]) == CoPresence(4, 1, 5.0)


@EVERY_MODEL
@given(received=MINUTES, bins=st.integers(1, 12))
def test_closer_is_never_less(model: RiskModel, received: list[ReceivedMinute], bins: int) -> None:
    if model.name == FARTHER_WEIGHS_MORE:
        received = [m for m in received if m.attenuation_db >= 63 + 3 * bins]
    assert score(model, [closer_by(m, bins) for m in received]) >= score(model, received) - 1e-9


@EVERY_MODEL
@given(received=MINUTES, more=MINUTES)
def test_longer_is_never_less(model: RiskModel, received: list[ReceivedMinute], more: list[ReceivedMinute]) -> None:
    later = [replace(m, minute=received[-1].minute + 1 + m.minute) for m in more]
    assert score(model, [*received, *later]) >= score(model, received) - 1e-9


@EVERY_MODEL
@given(received=MINUTES)
def test_where_windows_are_cut_changes_the_sum_by_rounding_only(
    model: RiskModel, received: list[ReceivedMinute]
) -> None:
    (day,) = day_exposures([Key(CASE, received)], model)
    assert sum(w.score for w in day.windows) == pytest.approx(day.near_minutes)
    assert [m for w in day.windows for m in w.minutes] == received
    assert all(w.minutes[-1].minute - w.minutes[0].minute < 30 for w in day.windows)


@EVERY_MODEL
@given(received=MINUTES)
def test_what_a_key_does_not_say_is_never_no_risk(model: RiskModel, received: list[ReceivedMinute]) -> None:
    known = score(model, received, 0)
    assert (score(model, received, None) > 0) == (known > 0)
    for unknown in (ReportType.UNKNOWN, CASE):
        (day,) = day_exposures([Key(unknown, received, None)], model)
        assert all(w.factor > 0 for w in day.windows)


@EVERY_MODEL
@given(received=MINUTES)
def test_a_minute_of_which_only_the_mean_is_known_still_counts(
    model: RiskModel, received: list[ReceivedMinute]
) -> None:
    near = [ReceivedMinute(m.minute, 30.0, 1) for m in received]
    assert score(model, near) > 0


@EVERY_MODEL
@given(received=MINUTES, random=st.randoms(use_true_random=False))
def test_the_order_of_what_was_heard_does_not_matter(
    model: RiskModel, received: list[ReceivedMinute], random: Random
) -> None:
    shuffled = list(received)
    random.shuffle(shuffled)
    assert merge(shuffled) == merge(received)
    assert day_exposures([Key(CASE, shuffled)], model) == day_exposures([Key(CASE, received)], model)


def day_of(model: str, received: list[ReceivedMinute], onset: int | None = 0, kind: ReportType = CASE) -> DayExposure:
    (day,) = day_exposures([Key(kind, received, onset)], MODELS[model])
    return day


THREE_LEVELS = minutes(0, 10, 50) + minutes(10, 6, 60) + minutes(16, 8, 72) + minutes(24, 4, 78) + minutes(28, 4, 90)


def test_swisscovid_by_hand() -> None:
    # 10 min below 55 dB whole, 6 below 63 dB half: 10 + 3 = 13, less than 15
    day = day_of("swisscovid", THREE_LEVELS)
    assert (day.near_minutes, day.warns) == (13.0, False)
    # the onset does not matter
    assert day_of("swisscovid", THREE_LEVELS, 12).near_minutes == 13.0


def test_lfph_wide_by_hand() -> None:
    # 10 x 2 below 55, 6 x 1 below 70, (8 + 4) x 0.25 below 80, 4 x 0 beyond: 20 + 6 + 3 = 29
    assert day_of("lfph-wide", THREE_LEVELS).near_minutes == pytest.approx(29)
    # four days after onset is standard infectiousness, 30 %: 8.7; ten days after it is none; unknown counts whole
    assert day_of("lfph-wide", THREE_LEVELS, 4).near_minutes == pytest.approx(8.7)
    assert day_of("lfph-wide", THREE_LEVELS, 10).near_minutes == 0
    assert day_of("lfph-wide", THREE_LEVELS, None).near_minutes == pytest.approx(29)


def test_lfph_narrow_v2_by_hand() -> None:
    # 10 x 1.75 below 55, 6 x 1 below 67, 8 x 0.33 below 75: 17.5 + 6 + 2.64 = 26.14
    assert day_of("lfph-narrow-v2", THREE_LEVELS).near_minutes == pytest.approx(26.14)


def test_cwa_1_15_by_hand() -> None:
    # (10 + 6) x 0.8 below 63, 8 x 1 below 73, 4 x 0.1 below 79: 12.8 + 8 + 0.4 = 21.2, from 9 on high
    day = day_of("cwa-1.15", THREE_LEVELS)
    assert day.near_minutes == pytest.approx(21.2)
    assert day.warns
    assert not day_of("cwa-1.15", minutes(0, 11, 50)).warns  # 8.8
    assert day_of("cwa-1.15", minutes(0, 12, 50)).warns  # 9.6


def test_bluezone_by_hand() -> None:
    # -86 dBm is 61 dB below the -25 dBm that are assumed of a phone: 10 + 6
    assert day_of("bluezone", THREE_LEVELS).near_minutes == 16
    assert day_of("bluezone", minutes(0, 20, 61.1)).near_minutes == 0


def test_an_operators_own_parameters() -> None:
    text = "buckets = [[40, 1.0]]\nwarning_minutes = 5\nbeyond = 0.1\nreport_types = {self_report = 0.5}\n"
    model = own_model("own.toml", text)
    assert score(model, THREE_LEVELS) == pytest.approx(3.2)
    (day,) = day_exposures([Key(ReportType.SELF_REPORT, THREE_LEVELS)], model)
    assert day.near_minutes == pytest.approx(1.6)
    assert (day.rule, day.warning_minutes) == ("own.toml", 5)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("buckets = [[55, 1.0], [50, 0.5]]\nwarning_minutes = 15", "ascending bounds"),
        ("buckets = []\nwarning_minutes = 15", "ascending bounds"),
        ("buckets = [[55, -1.0]]\nwarning_minutes = 15", "`float` >= 0"),
        ("buckets = [[55, 1.0]]", "warning_minutes"),
        ("buckets = [[55, 1.0]]\nwarning_minutes = 15\nbucket = 1", "bucket"),
        ("buckets = [[55, 1.0]]\nwarning_minutes = 15\nreport_types = {maybe = 1.0}", "'maybe'"),
        (
            "buckets = [[55, 1.0]]\nwarning_minutes = 15\n[infectiousness]\nhigh=[0]\nunknown_weight=0.0",
            "unknown_weight",
        ),
        ("buckets = ", "Invalid value"),
    ],
)
def test_parameters_that_make_no_model_are_refused(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        own_model("own.toml", text)


def test_a_model_that_cares_for_report_types_multiplies_them() -> None:
    windows = day_of("lfph-wide", minutes(0, 5, 50), 5, ReportType.RECURSIVE).windows
    (window,) = windows
    assert window.factor == 0.3
    assert window.score == pytest.approx(5 * 2 * 0.3)


@pytest.mark.parametrize(
    ("whole", "half", "warns"), [(15, 0, True), (14, 1, False), (14, 2, True), (0, 30, True), (0, 29, False)]
)
def test_fifteen_minutes_warn(whole: int, half: int, warns: bool) -> None:
    received = minutes(0, whole, 50) + minutes(whole, half, 60)
    (day,) = day_exposures([Key(CASE, received)], SWISSCOVID)
    assert day.warns is warns
    assert day.near_minutes == whole + half / 2


def test_days_of_a_published_rule_are_utc_days_and_degrees_are_apart() -> None:
    received = [Key(CASE, minutes(DAY_MIN - 10, 20, 50)), Key(ReportType.RECURSIVE, minutes(5, 20, 50))]
    days = day_exposures(received, SWISSCOVID)
    assert [(d.day, d.degree, d.received_minutes, d.warns) for d in days] == [
        (date(1970, 1, 1), Degree.F1, 10, False),
        (date(1970, 1, 1), Degree.F2, 20, True),
        (date(1970, 1, 2), Degree.F1, 10, False),
    ]


def test_a_minute_near_two_cases_is_one_minute() -> None:
    (day,) = day_exposures([Key(CASE, minutes(0, 10, 50)), Key(CASE, minutes(5, 10, 60))], SWISSCOVID)
    assert (day.keys, day.received_minutes, day.near_minutes) == (2, 15, 10 + 5 * 0.5)


def test_a_long_silence_begins_a_new_encounter_and_half_an_hour_a_new_window() -> None:
    received = minutes(0, 3, 50) + minutes(7, 2, 60) + minutes(20, 40, 40)
    (day,) = day_exposures([Key(CASE, received)], SWISSCOVID)
    assert [(e.starts_at_s, e.ends_at_s, e.closest_db) for e in day.encounters] == [(0, 540, 50), (1200, 3600, 40)]
    assert [(w.starts_at_s, w.ends_at_s) for w in day.windows] == [(0, 540), (1200, 3000), (3000, 3600)]
