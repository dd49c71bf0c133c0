"""What an owner hands to the authority, and how the authority judges it."""

import json
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluezone_agent.core.diagnosis_keys import KeyFault
from bluezone_agent.core.diagnosis_keys.submission import MAX_SUBMISSION, fault_in, read_submission, write_submission
from bluezone_agent.core.identifiers import DailyKey, DiagnosisKey
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.errors import KeyFileError
from tests.diagnosis_keys import NOW_S, TODAY_S, daily_key, diagnosis_keys

TODAY = datetime.fromtimestamp(TODAY_S, UTC).date()


@given(st.sampled_from(["gaen", "bluezone"]).flatmap(diagnosis_keys), st.none() | st.dates())
def test_it_reads_as_it_was_written(keys: list[DiagnosisKey], onset: date | None) -> None:
    own = [k.key for k in keys]
    read = read_submission("x", write_submission(own, onset))
    assert [k.key for k in read] == sorted(own, key=lambda k: k.data)


def test_the_order_of_keys_tells_nothing() -> None:
    keys = [daily_key(days_ago=n, number=number) for n, number in ((1, 7), (2, 3), (3, 5))]
    assert write_submission(keys, None) == write_submission(keys[::-1], None)
    assert [k.key.data[-1] for k in read_submission("x", write_submission(keys, None))] == [3, 5, 7]


def test_days_since_onset_come_from_each_keys_own_date() -> None:
    keys = [daily_key(days_ago=n, number=20 - n) for n in range(5)]
    read = read_submission("x", write_submission(keys, TODAY - timedelta(days=2)))
    assert {k.key.starts_at_s: k.days_since_onset for k in read} == {TODAY_S - n * DAY_S: 2 - n for n in range(5)}


def test_an_onset_too_far_from_a_keys_day_is_left_out() -> None:
    read = read_submission("x", write_submission([daily_key()], TODAY - timedelta(days=40)))
    assert [k.days_since_onset for k in read] == [None]


def test_the_example_in_the_documentation_is_a_submission() -> None:
    documentation = Path(__file__).parents[2] / "docs" / "diagnosis-keys.md"
    text = re.findall(r"```json\n(.*?)```", documentation.read_text(), re.DOTALL)[-1]
    (key,) = read_submission("x", text.encode())
    assert fault_in(key.key, NOW_S) is None
    onset = datetime.fromtimestamp(key.key.starts_at_s, UTC).date() - timedelta(days=2)
    assert write_submission([key.key], onset) == text.encode()


GOOD = json.loads(write_submission([daily_key()], TODAY))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"format": "something else"}, "Invalid enum value 'something else' - at `$.format`"),
        ({"version": 2}, "version 2, this bluezone-agent reads 1"),
        ({"keys": [GOOD["keys"][0] | {"key": "xyz"}]}, "hex"),
        ({"keys": [GOOD["keys"][0] | {"starts_at": "soon"}]}, "at `$.keys[0].starts_at`"),
        ({"keys": [GOOD["keys"][0] | {"name": "Lan"}]}, "unknown field `name` - at `$.keys[0]`"),
        ({"keys": None}, "at `$.keys`"),
    ],
)
def test_a_malformed_one_is_refused_with_the_place(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(KeyFileError) as caught:
        read_submission("lan.json", json.dumps(GOOD | changes).encode())
    assert str(caught.value).startswith("lan.json is not a key file exported by bluezone-agent: ")
    assert reason in str(caught.value)
    assert "keys export" in caught.value.hint
    assert GOOD["keys"][0]["key"] not in str(caught.value)


@pytest.mark.parametrize("data", [b"[" * 100_000, b'{"format":' * 50_000, b" " * (MAX_SUBMISSION + 1)])
def test_deep_or_long_ones_are_refused(data: bytes) -> None:
    with pytest.raises(KeyFileError, match="x is not a key file exported by bluezone-agent"):
        read_submission("x", data)


@given(diagnosis_keys("gaen"), diagnosis_keys("bluezone"))
def test_what_an_agent_exports_is_good(gaen: list[DiagnosisKey], bluezone: list[DiagnosisKey]) -> None:
    assert {fault_in(k.key, NOW_S) for k in gaen + bluezone} <= {None}


@pytest.mark.parametrize(
    ("key", "fault"),
    [
        (DailyKey("morse", bytes(16), TODAY_S, TODAY_S + 600, 144), KeyFault.PROTOCOL),
        (DailyKey("gaen", bytes(16), TODAY_S, TODAY_S + 900, 96), KeyFault.MALFORMED),
        (DailyKey("gaen", bytes(15), TODAY_S, TODAY_S + 600, 144), KeyFault.LENGTH),
        (DailyKey("gaen", bytes(16), TODAY_S + 600, TODAY_S + 1200, 144), KeyFault.MISALIGNED),
        (DailyKey("gaen", bytes(16), TODAY_S, TODAY_S + DAY_S + 600, 144), KeyFault.SPAN),
        (DailyKey("gaen", bytes(16), TODAY_S, TODAY_S + 601, 144), KeyFault.SPAN),
        (DailyKey("gaen", bytes(16), TODAY_S, TODAY_S, 144), KeyFault.SPAN),
        (DailyKey("gaen", bytes(16), TODAY_S, TODAY_S - 600, 144), KeyFault.SPAN),
        (DailyKey("gaen", bytes(16), TODAY_S + DAY_S, TODAY_S + DAY_S + 600, 144), KeyFault.FUTURE),
        (DailyKey("gaen", bytes(16), TODAY_S - 15 * DAY_S, TODAY_S - 14 * DAY_S, 144), KeyFault.OLD),
    ],
)
def test_a_key_that_no_agent_exports_is_not_published(key: DailyKey, fault: KeyFault) -> None:
    assert fault_in(key, NOW_S) == fault
