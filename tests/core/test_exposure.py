"""From attenuations to minutes within 2 m, encounters and warnings."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluezone_agent.core.attenuation import HeardMinute, attenuation_db, merge
from bluezone_agent.core.exposure import Degree, day_exposures
from bluezone_agent.core.identifiers import ReportType
from bluezone_agent.core.risk import RULES, ProximityRule
from bluezone_agent.core.risk.attenuation_buckets import SWISSCOVID

DAY_MIN = 24 * 60
CASE = ReportType.CONFIRMED_TEST

MINUTES = st.dictionaries(st.integers(0, 3 * DAY_MIN), st.floats(0, 100), max_size=60).map(
    lambda found: [HeardMinute(minute, db, 1) for minute, db in sorted(found.items())]
)


def minutes(first: int, count: int, db: float) -> list[HeardMinute]:
    return [HeardMinute(first + i, db, 4) for i in range(count)]


def test_attenuation_is_what_was_lost_on_the_way() -> None:
    assert attenuation_db(-20, -75.5) == 55.5
    assert attenuation_db(-90, -75) == 0


@pytest.mark.parametrize(("db", "weight"), [(0, 1), (54.9, 1), (55, 0.5), (62.9, 0.5), (63, 0), (99, 0)])
def test_swisscovid_thresholds(db: float, weight: float) -> None:
    assert SWISSCOVID.near_minutes([HeardMinute(0, db, 1)]) == weight


@pytest.mark.parametrize(
    ("whole", "half", "warns"), [(15, 0, True), (14, 1, False), (14, 2, True), (0, 30, True), (0, 29, False)]
)
def test_fifteen_minutes_warn(whole: int, half: int, warns: bool) -> None:
    heard = minutes(0, whole, 50) + minutes(whole, half, 60)
    (day,) = day_exposures([(CASE, heard)], SWISSCOVID)
    assert day.warns is warns
    assert day.near_minutes == whole + half / 2


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@given(heard=MINUTES, closer=st.floats(0, 50))
def test_closer_or_longer_is_never_less(rule: ProximityRule, heard: list[HeardMinute], closer: float) -> None:
    near = [HeardMinute(m.minute, max(0, m.attenuation_db - closer), m.count) for m in heard]
    assert rule.near_minutes(near) >= rule.near_minutes(heard)
    assert rule.near_minutes(heard) >= rule.near_minutes(heard[:-1])


def test_days_are_utc_days_and_degrees_are_apart() -> None:
    heard = [(CASE, minutes(DAY_MIN - 10, 20, 50)), (ReportType.RECURSIVE, minutes(5, 20, 50))]
    days = day_exposures(heard, SWISSCOVID)
    assert [(d.day_start_s, d.degree, d.heard_minutes, d.warns) for d in days] == [
        (0, Degree.F1, 10, False),
        (0, Degree.F2, 20, True),
        (86_400, Degree.F1, 10, False),
    ]


def test_a_minute_near_two_cases_is_one_minute() -> None:
    (day,) = day_exposures([(CASE, minutes(0, 10, 50)), (CASE, minutes(5, 10, 60))], SWISSCOVID)
    assert (day.keys, day.heard_minutes, day.near_minutes) == (2, 15, 10 + 5 * 0.5)


def test_a_long_silence_begins_a_new_encounter() -> None:
    heard = minutes(0, 3, 50) + minutes(7, 2, 60) + minutes(20, 1, 40)
    (day,) = day_exposures([(CASE, heard)], SWISSCOVID)
    assert [(e.starts_at_s, e.ends_at_s, e.closest_db) for e in day.encounters] == [(0, 540, 50), (1200, 1260, 40)]


@given(MINUTES, st.randoms(use_true_random=False))
def test_the_order_of_what_was_heard_does_not_matter(heard: list[HeardMinute], random: Random) -> None:
    shuffled = list(heard)
    random.shuffle(shuffled)
    assert merge(shuffled) == merge(heard)
    assert day_exposures([(CASE, merge(shuffled))], SWISSCOVID) == day_exposures([(CASE, heard)], SWISSCOVID)


def test_two_identifiers_in_one_minute_are_weighed_by_power_and_count() -> None:
    (merged,) = merge([HeardMinute(1, 50, 3), HeardMinute(1, 60, 1)])
    assert merged.count == 4
    # (3 * 1e-5 + 1e-6) / 4 = 7.75e-6, which is 51.1 dB
    assert merged.attenuation_db == pytest.approx(51.107, abs=0.001)
