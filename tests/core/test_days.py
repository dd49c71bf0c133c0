"""L3: days and sums are the owner's, in any zone, over changes of it; an encounter is cut by no other midnight."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluezone_agent.core.attenuation import ReceivedMinute
from bluezone_agent.core.calendars import Calendar
from bluezone_agent.core.exposure import day_exposures, most_in_24_hours
from bluezone_agent.core.identifiers import ReportType
from bluezone_agent.core.risk import MODELS
from bluezone_agent.core.risk.gaen_v2_presets import PRESETS

DAY_MIN = 1440
FIRST_S = int(datetime(2026, 3, 20, tzinfo=UTC).timestamp())
"""Within the next weeks clocks are set forward in Europe and back in Australia and Chile."""
ZONES = ["Asia/Ho_Chi_Minh", "Europe/Zurich", "America/Los_Angeles", "Pacific/Kiritimati", "Pacific/Niue"]
ZONES += ["Asia/Kolkata", "Australia/Lord_Howe", "America/Santiago", "UTC"]
RULE = MODELS["bluezone"]
PUBLISHED = MODELS["swisscovid"]


@dataclass(frozen=True)
class Key:
    """A key as it was received."""

    minutes: tuple[ReceivedMinute, ...]
    report_type: ReportType = ReportType.CONFIRMED_TEST
    days_since_onset: int | None = None


def near(start: int, count: int) -> Key:
    return Key(tuple(ReceivedMinute(start + i, 50.0, 4) for i in range(count)))


def lived_in(*stays: tuple[int, str]) -> Calendar:
    """Return the calendar of somebody who was in each zone from a minute on; the device looks at each hour."""
    changes: list[tuple[int, int]] = []
    for minute in range(FIRST_S // 60, FIRST_S // 60 + 21 * DAY_MIN, 60):
        zone = max((s for s in stays if s[0] <= minute), key=lambda s: s[0])[1]
        offset = datetime.fromtimestamp(minute * 60, ZoneInfo(zone)).utcoffset()
        assert offset is not None
        if not changes or changes[-1][1] != int(offset.total_seconds()):
            changes.append((minute * 60, int(offset.total_seconds())))
    return Calendar(changes)


@given(st.sampled_from(ZONES), st.integers(0, 20 * DAY_MIN - 1))
def test_a_date_is_what_the_owners_calendar_on_the_wall_shows(zone: str, minute: int) -> None:
    calendar = lived_in((0, zone))
    at_s = FIRST_S + minute * 60
    local = datetime.fromtimestamp(at_s, ZoneInfo(zone))
    on_the_hour = local.minute == 0 or zone != "Australia/Lord_Howe"  # half an hour: the device may look later
    if on_the_hour:
        assert calendar.day(at_s) == local.date()
        assert calendar.offset_s(calendar.starts_at_s(local.date())) is not None
        assert calendar.starts_at_s(local.date()) <= at_s


encounters = st.lists(st.tuples(st.integers(0, 14 * DAY_MIN), st.integers(1, 40)), min_size=1, max_size=12)


@given(encounters, st.lists(st.tuples(st.integers(0, 14 * DAY_MIN), st.sampled_from(ZONES)), max_size=3))
def test_it_warns_just_when_any_24_hours_reach_the_limit(
    met: list[tuple[int, int]], moves: list[tuple[int, str]]
) -> None:
    """Brute force over every minute, whatever zones the owner was in."""
    base = FIRST_S // 60
    calendar = lived_in((0, "Asia/Ho_Chi_Minh"), *((base + at, zone) for at, zone in moves))
    minutes = {base + start + i for start, count in met for i in range(count)}
    days = day_exposures([near(base + start, count) for start, count in met], RULE, calendar)
    most = max(sum(last - DAY_MIN < m <= last for m in minutes) for last in minutes)
    assert max(day.near_minutes for day in days) >= most
    assert any(day.warns for day in days) == (max(day.near_minutes for day in days) >= RULE.warning_minutes)
    shown = {m.minute: day.day for day in days for w in day.windows for m in w.minutes}
    assert shown == {m: calendar.day(m * 60) for m in minutes}
    assert sum(day.received_minutes for day in days) == len(minutes)


@given(encounters)
def test_every_24_hours_are_told_under_one_day(met: list[tuple[int, int]]) -> None:
    minutes = sorted({start + i for start, count in met for i in range(count)})
    nearest: dict[date, dict[int, float]] = {}
    for m in minutes:
        nearest.setdefault(Calendar().day(m * 60), {})[m] = 1.0
    most = {day: sum(weights) for day, weights in most_in_24_hours(nearest).items()}
    best = max(sum(last - DAY_MIN < m <= last for m in minutes) for last in minutes)
    assert max(most.values()) == best
    for day, total in most.items():
        assert total <= best
        assert len(nearest[day]) * 2 >= total or len(nearest) > 2, "most of it lies on the day"


def test_28_minutes_over_7_in_the_morning_in_vietnam_warn_once() -> None:
    """07:00 there is midnight UTC, at which every daily key changes (cases/ux/utc_day_split.py)."""
    midnight = FIRST_S // 60 + DAY_MIN
    ride = [near(midnight - 14, 14), near(midnight, 14)]
    (day,) = day_exposures(ride, RULE, lived_in((0, "Asia/Ho_Chi_Minh")))
    assert (day.day, day.received_minutes, day.near_minutes, day.warns) == (date(2026, 3, 21), 28, 28.0, True)
    first, second = day_exposures(ride, PUBLISHED, lived_in((0, "Asia/Ho_Chi_Minh")))
    assert (first.warns, second.warns, first.utc_day) == (False, False, True)
    assert first.unbroken_minutes == 28.0, "it says what an unbroken sum would be"
    assert second.unbroken_minutes == 14.0


def test_an_encounter_over_ones_own_midnight_warns_once() -> None:
    calendar = lived_in((0, "Europe/Zurich"))
    midnight = calendar.starts_at_s(date(2026, 3, 25)) // 60
    before, after = day_exposures([near(midnight - 20, 21)], RULE, calendar)
    assert (before.day, before.day_minutes, before.near_minutes, before.warns) == (date(2026, 3, 24), 20, 21, True)
    assert (after.day, after.day_minutes, after.near_minutes, after.warns) == (date(2026, 3, 25), 1, 1, False)


def test_a_rule_of_utc_days_says_nothing_where_no_midnight_is_near() -> None:
    (day,) = day_exposures([near(FIRST_S // 60 + 600, 20)], PUBLISHED)
    assert day.unbroken_minutes is None


@pytest.mark.parametrize("model", sorted(MODELS))
def test_published_rules_of_exposure_notification_sum_utc_days_and_our_own_any_24_hours(model: str) -> None:
    assert MODELS[model].utc_days is (MODELS[model] in PRESETS)
