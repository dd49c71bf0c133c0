"""Numbers in diagnosis key files as others write them, and slots that do not divide the day."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluezone_agent.core.bluezone import Bluezone
from bluezone_agent.core.diagnosis_keys import KeyFault, KeyFile, read_key_file
from bluezone_agent.core.diagnosis_keys.bluezone_json import (
    IDENTIFIERS,
    IDENTIFIERS_PER_ENTRY,
    LONGEST_CHAIN_DAYS,
)
from bluezone_agent.core.diagnosis_keys.key_file import CLOCKS_DIFFER_S, EARLIEST_S, publication_of, whole_number
from bluezone_agent.core.identifiers import DailyKey, DiagnosisKey
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.matching import IDENTIFIERS_IN_BATCH, ReceivedIdentifiers, match
from tests.diagnosis_keys import AUTHORITY, NOW_S, TODAY_S, entry, export_of, signed_zip
from tests.planting import bluezone_ids

START_S = TODAY_S - DAY_S
BLUEZONE = Bluezone()


def read(text: str | bytes) -> KeyFile:
    data = text.encode() if isinstance(text, str) else text
    return read_key_file("a.json", data, AUTHORITY.sign(data), AUTHORITY.verification_key, NOW_S)


def json_entry(**changes: Any) -> dict[str, Any]:
    good = {"daily_key": "ab" * 32, "time_start": START_S, "max": 96, "time_end": START_S + DAY_S - 1}
    return good | changes


# slots


@given(st.integers(1, 1440), st.integers(1, 31 * DAY_S), st.floats(0, 31 * DAY_S, exclude_max=True))
def test_slots_follow_each_other_without_gap_and_a_day_has_its_number(slots: int, length_s: int, at_s: float) -> None:
    key = DailyKey("bluezone", bytes(32), START_S, START_S + length_s, slots)
    assert [key.start_of_slot_s(n) for n in (0, slots, 31 * slots)] == [START_S, START_S + DAY_S, START_S + 31 * DAY_S]
    assert key.start_of_slot_s(key.slots - 1) < key.ends_at_s <= key.start_of_slot_s(key.slots)
    number = key.slot_at(START_S + at_s)
    assert key.start_of_slot_s(number) <= START_S + at_s < key.start_of_slot_s(number + 1)


@given(st.integers(1, 1440), st.integers(0, 30), st.data())
def test_a_chained_entry_is_walked_as_the_app_walks_it(slots: int, day: int, data: st.DataObject) -> None:
    number = data.draw(st.integers(0, slots - 1))
    key = DailyKey("bluezone", b"k" * 32, START_S, START_S + (day + 1) * DAY_S, slots)
    begins_s = START_S + day * DAY_S + number * DAY_S / slots
    slot = BLUEZONE.identifier_at(key, begins_s + DAY_S / slots / 2)
    assert slot.identifier == bluezone_ids(key.data, slots, day)[number]
    assert abs(slot.starts_at_s - begins_s) < 1, "the last day has drifted by less than a second"


# numbers


@pytest.mark.parametrize(("value", "number"), [("96", 96), (96.0, 96), ("+5", 5), ("-5", -5), (-0.0, 0), (7, 7)])
def test_a_whole_number_may_be_a_text_or_a_float(value: object, number: int) -> None:
    assert whole_number(value) == number


@pytest.mark.parametrize(
    "value", [None, True, 1.5, "1.5", "", " 1", "1_0", "١", "1" * 5000, float("nan"), float("inf"), [1], {}]
)
def test_anything_else_is_none(value: object) -> None:
    assert whole_number(value) is None


def test_an_entry_may_have_its_numbers_as_texts_or_floats() -> None:
    text = {name: str(value) for name, value in json_entry().items()}
    floats = {name: float(value) if isinstance(value, int) else value for name, value in json_entry().items()}
    good = read(json.dumps({"data": [json_entry(days_since_onset=3)]})).whole()
    for odd in (text | {"days_since_onset": "3"}, floats | {"days_since_onset": 3.0}):
        assert read(json.dumps({"published_at": str(NOW_S), "data": [odd]})).whole() == good


@pytest.mark.parametrize("odd", ["1e400", "1" * 5000, "-0.5", "[[]]", "1" + "0" * 30])
def test_an_odd_attribute_costs_itself_only(odd: str) -> None:
    beginning = json.dumps(json_entry())[:-1]
    file = read(f'{{"published_at": {odd}, "data": [{beginning}, "days_since_onset": {odd}}}]}}')
    assert file.published_at_s is None
    ((key,), dropped) = (file.whole().keys, file.whole().dropped)
    assert (key.days_since_onset, dropped) == (None, {})


# the time of publication


@pytest.mark.parametrize(
    "stated",
    [0, 1, EARLIEST_S - 1, NOW_S + CLOCKS_DIFFER_S + 1, NOW_S * 1000, 2**63, 10**30, -NOW_S, True, None, "soon"],
)
def test_a_time_that_cannot_be_one_of_publication_is_not_stated(stated: object) -> None:
    assert publication_of(stated, NOW_S) is None


@pytest.mark.parametrize("stated", [EARLIEST_S, NOW_S, NOW_S + CLOCKS_DIFFER_S, float(NOW_S)])
def test_any_other_is_believed(stated: object) -> None:
    assert publication_of(stated, NOW_S) == stated


@pytest.mark.parametrize("end", [1, NOW_S * 1000, 2**63, 2**64 - 1])
def test_a_key_export_with_an_impossible_time_costs_no_key(end: int) -> None:
    data = signed_zip(export_of(entry(), end_timestamp=end))
    file = read_key_file("a.zip", data, None, AUTHORITY.verification_key, NOW_S)
    assert (file.published_at_s, len(file.whole().keys), file.whole().dropped) == (None, 1, {})


def test_a_time_that_says_something_else_is_passed_over() -> None:
    data = signed_zip(export_of(entry(), end_timestamp=NOW_S - 9 * DAY_S))
    pinned = AUTHORITY.verification_key
    assert read_key_file("a.zip", data, None, pinned, NOW_S).whole().dropped == {KeyFault.FUTURE: 1}
    file = read_key_file("a.zip", data, None, pinned, NOW_S, states_publication=False)
    assert (file.published_at_s, len(file.whole().keys)) == (None, 1)


# how many identifiers


def test_a_file_of_few_bytes_does_not_cost_many_identifiers() -> None:
    most = json_entry(time_start=TODAY_S - (LONGEST_CHAIN_DAYS - 1) * DAY_S, time_end=TODAY_S, max=1440)
    entries = [most | {"daily_key": f"{n:064x}"} for n in range(200)]
    file = read(json.dumps({"data": entries}))
    keys, dropped = file.whole().keys, file.whole().dropped
    assert sum(k.key.slots for k in keys) <= IDENTIFIERS + 200 * IDENTIFIERS_PER_ENTRY
    assert dropped == {KeyFault.COSTLY: 200 - len(keys)}
    assert len(keys) == 42, "those before the limit stand"


def test_a_whole_outbreak_of_chained_entries_stays_below_the_limit() -> None:
    chain = json_entry(time_start=TODAY_S - 30 * DAY_S, time_end=TODAY_S - 1)
    entries = [chain | {"daily_key": f"{n:064x}"} for n in range(2000)]
    assert read(json.dumps({"data": entries})).whole().dropped == {}


def test_identifiers_are_derived_some_thousand_at_a_time() -> None:
    derived: list[int] = []

    class Counting(Bluezone):
        def identifiers(self, key: DailyKey) -> bytes:
            derived.append(key.slots)
            return super().identifiers(key)

    class Looking(ReceivedIdentifiers):
        def find(self, derived_: bytes) -> Any:
            sizes.append(len(derived_) // self.length)
            return super().find(derived_)

    sizes: list[int] = []
    received = Looking(bytes(12), 12)
    for days, slots, keys in ((1, 96, 300), (31, 1440, 3), (14, 96, 60)):
        sizes.clear()
        derived.clear()
        key = DailyKey("bluezone", bytes(32), START_S, START_S + days * DAY_S, slots)
        assert list(match(Counting(), [DiagnosisKey(key)] * keys, received)) == []
        assert max(sizes) <= max(IDENTIFIERS_IN_BATCH, days * slots)
        assert sum(sizes) == sum(derived)
