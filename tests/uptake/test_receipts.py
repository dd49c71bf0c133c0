"""Receipts: what counts, what is refused and why, and what a receipt tells of whoever made it."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bluezone_agent.app.take_part import time_running
from bluezone_agent.app.uptake import shuffled_by_unit
from bluezone_agent.core.calendars import Calendar
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.listening import Span
from bluezone_agent.stores.store import Store
from bluezone_agent.uptake.codes import ALPHABET, MemberCode, new_code, parse_code
from bluezone_agent.uptake.receipts import (
    DAYS_STEPS,
    SHARE_STEPS,
    Members,
    Refusal,
    collect,
    make_receipt,
    read_receipt,
    written,
)
from bluezone_agent.uptake.units import UptakeError
from tests.program import Program

TODAY: Final = date(2021, 5, 17)
CODES: Final = [(new_code("VN21"), f"room-{number % 3}") for number in range(12)]
STRANGER: Final = new_code("VN21")
OTHER: Final = new_code("HCM2")


def members(counted: frozenset[tuple[str, date]] = frozenset()) -> Members:
    return Members("VN21", {code.code_id: (code, unit) for code, unit in CODES}, counted)


def file_of(code: MemberCode, made_on: date = TODAY, days: int = 9, share: float = 0.8) -> bytes:
    return written(make_receipt(code, made_on, days, share))


def changed(data: bytes, **values: Any) -> bytes:
    return json.dumps(json.loads(data) | values).encode()


codes = st.integers(0, len(CODES) - 1)
days = st.integers(0, 14)
shares = st.floats(0, 1)
ages = st.integers(0, 30)


@st.composite
def bad_files(draw: st.DrawFn) -> tuple[bytes, Refusal]:
    """Make a file that must not count, with the reason."""
    code = CODES[draw(codes)][0]
    good = file_of(code, TODAY - timedelta(draw(ages)), draw(days), draw(shares))
    said = json.loads(good)
    kind = draw(st.sampled_from(list(Refusal)))
    if kind is Refusal.OTHER_CAMPAIGN:
        return file_of(OTHER, TODAY, draw(days), draw(shares)), kind
    if kind is Refusal.UNKNOWN_CODE:
        return file_of(STRANGER, TODAY, draw(days), draw(shares)), kind
    if kind is Refusal.FUTURE:
        return file_of(code, TODAY + timedelta(1 + draw(ages)), draw(days), draw(shares)), kind
    if kind is Refusal.FORGED:
        name = draw(st.sampled_from(["days_run", "share_percent", "made_on", "mac", "code_id"]))
        value: Any = {
            "days_run": draw(st.sampled_from([step for step in DAYS_STEPS if step != said["days_run"]])),
            "share_percent": draw(st.sampled_from([step for step in SHARE_STEPS if step != said["share_percent"]])),
            "made_on": str(TODAY - timedelta(31 + draw(ages))),
            "mac": draw(st.sampled_from([STRANGER.mac(b""), "", "é", said["mac"].upper() + "0"])),
            "code_id": draw(st.sampled_from([other.code_id for other, _ in CODES if other is not code])),
        }[name]
        return changed(good, **{name: value}), kind
    if kind in (Refusal.UNREADABLE, Refusal.REPEATED, Refusal.EARLIER_ROUND):
        broken = st.sampled_from(
            [
                b"",
                b"{}",
                good[:-3],
                good * 9,
                changed(good, days_run=2),
                changed(good, extra=1),
                changed(good, format="x"),
            ]
        )
        return draw(broken | st.binary(max_size=1500)), Refusal.UNREADABLE
    raise AssertionError(kind)


@pytest.mark.slow
@settings(max_examples=1000)
@given(
    st.dictionaries(codes, st.tuples(ages, days, shares)),
    st.lists(bad_files(), max_size=5),
    st.lists(codes, max_size=3),
    st.randoms(use_true_random=False),
)
def test_what_is_right_counts_once_and_all_else_is_refused_with_its_reason(
    right: dict[int, tuple[int, int, float]], wrong: list[tuple[bytes, Refusal]], again: list[int], random: Any
) -> None:
    files = {n: file_of(CODES[n][0], TODAY - timedelta(age), d, s) for n, (age, d, s) in right.items()}
    repeated = [files[n] for n in again if n in files]
    box = [*files.values(), *repeated, *(data for data, _reason in wrong)]
    random.shuffle(box)
    found = collect(box, members(), TODAY)
    assert {one.receipt.code_id for one in found.accepted} == {CODES[n][0].code_id for n in right}
    units = {code.code_id: unit for code, unit in CODES}
    assert all(one.unit == units[one.receipt.code_id] for one in found.accepted)
    expected = [reason for _data, reason in wrong] + [Refusal.REPEATED] * len(repeated)
    assert found.refused == {reason: expected.count(reason) for reason in Refusal if reason in expected}
    assert sum(found.refused.values()) + len(found.accepted) == len(box), "no file is lost"


@given(st.lists(st.tuples(ages, days, shares), min_size=2, max_size=5), st.randoms(use_true_random=False))
def test_of_one_code_the_latest_receipt_counts(made: list[tuple[int, int, float]], random: Any) -> None:
    files = [file_of(CODES[0][0], TODAY - timedelta(age), d, s) for age, d, s in made]
    random.shuffle(files)
    found = collect(files, members(), TODAY)
    latest = [receipt for data in files if (receipt := read_receipt(data)) and receipt.made_on == max_day(files)]
    assert [one.receipt for one in found.accepted] == [max(latest, key=lambda r: (r.days_run, r.share_percent))]
    assert found.refused == {Refusal.REPEATED: len(files) - 1}


def max_day(files: list[bytes]) -> date:
    return max(receipt.made_on for data in files if (receipt := read_receipt(data)))


def test_a_receipt_counts_in_one_round_only() -> None:
    code = CODES[0][0]
    earlier = frozenset({(code.code_id, TODAY - timedelta(7))})
    box = [file_of(code, TODAY - timedelta(7)), file_of(CODES[1][0])]
    assert collect(box, members(earlier), TODAY).refused == {Refusal.EARLIER_ROUND: 1}
    new = collect([*box, file_of(code)], members(earlier), TODAY)
    assert len(new.accepted) == 2


@given(days, shares, days, shares)
def test_receipts_of_two_devices_in_the_same_steps_are_the_same(d1: int, s1: float, d2: int, s2: float) -> None:
    """Nothing but the code, the day and two coarse steps is in a receipt: 21 kinds of device, not one's own history."""
    one, two = make_receipt(STRANGER, TODAY, d1, s1), make_receipt(STRANGER, TODAY, d2, s2)
    same = (one.days_run, one.share_percent) == (two.days_run, two.share_percent)
    assert (written(one) == written(two)) is same
    assert one.days_run in DAYS_STEPS
    assert one.share_percent in SHARE_STEPS
    assert one.days_run <= d1


def test_whoever_sees_receipts_cannot_make_one() -> None:
    """The code is not in the file, nor what the MAC is made with."""
    data = file_of(STRANGER)
    secret = STRANGER.text[4:]
    assert secret not in data.decode()
    assert STRANGER.written() not in data.decode()
    assert secret not in repr(STRANGER) + repr(make_receipt(STRANGER, TODAY, 1, 1)) + repr(members())


def test_the_order_of_slips_is_not_the_order_of_codes() -> None:
    slips = [(new_code("VN21"), "one room") for _ in range(40)]
    orders = {tuple(code.text for code, _unit in shuffled_by_unit(slips)) for _ in range(20)}
    assert len(orders) == 20
    assert {frozenset(order) for order in orders} == {frozenset(code.text for code, _unit in slips)}
    units = [unit for _code, unit in shuffled_by_unit(CODES)]
    assert units == sorted(units)


@given(st.integers(0, 19), st.sampled_from(ALPHABET))
def test_one_mistyped_character_is_noticed(place: int, other: str) -> None:
    text = STRANGER.text[:place] + other + STRANGER.text[place + 1 :]
    if other == STRANGER.text[place]:
        assert parse_code(text) == STRANGER
    else:
        with pytest.raises(UptakeError) as error:
            parse_code(text)
        assert STRANGER.text not in str(error.value)


def test_a_code_is_read_as_people_type_it() -> None:
    assert parse_code(STRANGER.written().lower().replace("-", " ")) == STRANGER
    assert parse_code(STRANGER.text.replace("0", "o").replace("1", "l")) == STRANGER


STEP_S = 600


@given(
    st.lists(st.tuples(st.integers(0, 20 * 24), st.integers(1, 72), st.booleans()), max_size=12), st.integers(-12, 14)
)
def test_days_and_share_are_those_of_the_minutes(hours: list[tuple[int, int, bool]], zone_h: int) -> None:
    """Against a slow count of every ten minutes: days begin at such a time."""
    now_s = 1_621_200_000
    calendar = Calendar([(0, zone_h * 3600)])
    spans, at = [], now_s - 13 * DAY_S
    for gap_h, length_h, scanned in hours:
        at += gap_h * 3600
        end = min(at + length_h * 3600, now_s)
        if at < end:
            spans.append(Span(at, end, "active" if scanned else "", "" if scanned else "paused"))
        at = max(at, end)
    listened = [at for s in spans if s.listened for at in range(s.starts_at_s, s.ends_at_s, STEP_S)]
    by_day = {calendar.day(at) for at in listened if (calendar.day(now_s) - calendar.day(at)).days < 14}
    kept = [at for at in listened if calendar.day(at) in by_day]
    lasted = sum(min(now_s, calendar.starts_at_s(day) + DAY_S) - calendar.starts_at_s(day) for day in by_day)
    days_run, share = time_running(spans, calendar, now_s)
    assert days_run == len(by_day)
    assert share == pytest.approx(STEP_S * len(kept) / lasted if by_day else 0)


def scanned(state_dir: Path, *, days_back: int, share: float) -> None:
    """Leave a device that scanned on the last days for a share of each."""
    now_s = int(time.time())
    with Store(state_dir) as store, store.transaction():
        for back in range(days_back, 0, -1):
            store.listening.begin(now_s - back * DAY_S, "active", utc_offset_s=0)
            store.listening.begin(now_s - back * DAY_S + share * DAY_S, "", "paused", utc_offset_s=0)
        store.listening.extend(now_s)


def test_the_receipt_says_what_is_shown_and_nothing_else(program: Program) -> None:
    program.config.write_text('radio = "virtual"\nclock_trusted = true\n')
    scanned(program.state_dir, days_back=5, share=1.0)
    code = new_code("VN21")
    done = program.run("take-part", code.written(), "--to", "r.json", "--yes", TZ="UTC")
    assert done.returncode == 0, done.stderr
    path = program.home / "r.json"
    said = json.loads(path.read_text())
    assert set(said) == {"format", "campaign", "code_id", "made_on", "days_run", "share_percent", "mac"}
    assert said["days_run"] == 3, "5 or 6 days, by the hour"
    assert said["share_percent"] in (75, 100), "all of it, but the hours before the first scan"
    for value in (said["campaign"], said["code_id"], said["made_on"], said["days_run"], said["share_percent"]):
        assert re.search(rf"\b{value}\b", done.stdout), value
    assert path.stat().st_mtime % DAY_S == 0, "the time of day would be another trace"
    receipt = msgspec.json.decode(path.read_bytes(), type=dict)
    assert collect([path.read_bytes()], Members("VN21", {code.code_id: (code, "x")}, frozenset()), date.max).accepted
    assert receipt["made_on"] == datetime.now(UTC).date().isoformat()


def test_the_device_keeps_nothing_of_the_code(program: Program) -> None:
    """Who takes a member's device does not learn which receipt is theirs."""
    program.config.write_text('radio = "virtual"\nclock_trusted = true\n')
    scanned(program.state_dir, days_back=2, share=0.5)
    code = new_code("VN21")
    assert program.run("take-part", code.written(), "--to", "r.json", "--yes").returncode == 0
    (program.home / "r.json").unlink()
    kept = b"".join(path.read_bytes() for path in program.home.rglob("*") if path.is_file())
    for trace in (code.text, code.text[4:], code.written(), code.code_id):
        assert trace.encode() not in kept


def test_a_person_sees_the_receipt_before_it_is_written(program: Program) -> None:
    program.config.write_text('radio = "virtual"\nclock_trusted = true\n')
    scanned(program.state_dir, days_back=3, share=0.6)
    code = new_code("VN21")
    status, said = program.at_terminal("take-part", code.written(), "--to", "r.json", lines=["n"], asks=("]: ",))
    assert status != 0
    assert code.code_id in said
    assert not (program.home / "r.json").exists()


def test_a_wrong_code_is_not_shown_again(program: Program) -> None:
    done = program.run("take-part", STRANGER.written()[:-1] + ("0" if STRANGER.text[-1] != "0" else "1"), "--yes")
    assert done.returncode != 0
    assert STRANGER.text[4:] not in done.stderr.replace("-", "")
