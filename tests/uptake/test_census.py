"""How many devices a census finds: whatever rotates, comes, goes and is missed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bluezone_agent.core.attenuation import CLOSE_DB, MIDDLE_DB, Closeness
from bluezone_agent.core.live_line import LiveLine, LiveRadio, LiveState, Neighbour
from bluezone_agent.core.neighbours import GONE_S
from bluezone_agent.scenarios.hall import Hall, count
from bluezone_agent.uptake.census import Census, Estimate

BEGAN: Final = datetime(2021, 5, 10, 2, 30, tzinfo=UTC)
LASTS_S: Final = 300
EVERY_S: Final = 1.0
SLOT_S: Final = 900


class Received:
    """An identifier, and the seconds at which it was received."""

    def __init__(self, name: str, times_s: Iterable[float]) -> None:
        self.name = name
        self.times_s = sorted(times_s)

    def at(self, now_s: float) -> Neighbour | None:
        times = [t for t in self.times_s if t <= now_s]
        if not times or now_s - times[-1] > GONE_S:
            return None
        return Neighbour(
            pseudonym=self.name,
            protocol="bluezone",
            closeness=Closeness.CLOSE,
            attenuation_db=50.0,
            rssi_dbm=-75.0,
            packets=len(times),
            appeared_s=now_s - times[0],
            received_s=round(now_s - times[-1], 1),
        )


def feed(received: list[Received], lasts_s: int = LASTS_S, state: LiveState = LiveState.SCANNING) -> Iterator[LiveLine]:
    for now_s in range(lasts_s + 1):
        yield LiveLine(
            number=41 + now_s,
            at=BEGAN + timedelta(seconds=now_s),
            up_s=5000.0 + now_s,
            state=state,
            radio=LiveRadio(description="", scan_mode="", sparse=False, fault=None, message="", fields={}),
            protected=False,
            pause_left_s=None,
            clock_trusted=True,
            clock_reason=None,
            protocol="bluezone",
            own_code=None,
            close_db=CLOSE_DB,
            middle_db=MIDDLE_DB,
            calibrated=False,
            neighbours=tuple(near for one in received if (near := one.at(now_s))),
            not_shown=0,
            received={},
            discarded={},
        )


def census(lines: Iterable[LiveLine]) -> Census:
    found = Census()
    for line in lines:
        found.add(line)
    return found


def found(received: list[Received], lasts_s: int = LASTS_S) -> Estimate:
    return census(feed(received, lasts_s)).estimate()


def every(step_s: float, begins_s: float = 0.0, ends_s: float = LASTS_S) -> list[float]:
    return [begins_s + n * step_s for n in range(math.ceil((ends_s - begins_s) / step_s))]


@pytest.mark.parametrize("devices", [1, 7, 40])
def test_devices_that_are_received_all_the_time_are_counted_exactly(devices: int) -> None:
    estimate = found([Received(f"d{n}", every(EVERY_S, n % 3 / 10)) for n in range(devices)])
    assert estimate.devices == pytest.approx(devices, rel=0.01)
    assert (estimate.low, estimate.high) in {(devices, devices), (devices - 1, devices + 1), (devices, devices + 1)}
    assert estimate.unseen == 0


def test_an_identifier_that_ends_while_another_begins_is_one_device() -> None:
    received = []
    for number in range(20):
        rotates_s = 10 + 14 * number
        received += [
            Received(f"{number} before", every(EVERY_S, 0, rotates_s)),
            Received(f"{number} after", every(EVERY_S, rotates_s)),
        ]
    estimate = found(received)
    assert estimate.identifiers == 40
    assert estimate.devices == pytest.approx(20, abs=0.2)
    assert estimate.low <= 20 <= estimate.high


@pytest.mark.parametrize("rotates_s", [0.5, 1.5, 12.5, 290.5, 298.5, 299.5])
@pytest.mark.parametrize("step_s", [1.0, 11.0])
def test_devices_that_all_rotate_at_the_same_moment_near_an_end_are_not_counted_twice(
    rotates_s: float, step_s: float
) -> None:
    """With right clocks they do."""
    received = []
    for number in range(20):
        before = [t for t in every(step_s, number * step_s / 20) if t < rotates_s]
        received += [Received(f"{number} before", before), Received(f"{number} after", every(step_s, rotates_s))]
    estimate = found([one for one in received if one.times_s])
    assert estimate.devices == pytest.approx(20, rel=0.06)
    assert estimate.low <= 20 <= estimate.high


def test_who_is_there_half_of_the_time_is_half_a_device_at_a_moment() -> None:
    received = [
        Received("stays", every(EVERY_S)),
        Received("leaves", every(EVERY_S, 0, 150)),
        Received("comes", every(1, 250)),
    ]
    assert found(received).devices == pytest.approx(1 + 0.5 + 50 / 300, abs=0.02)


def test_what_was_received_before_the_count_is_not_of_it() -> None:
    """The first line still shows who left up to 30 s before."""
    gone = Received("gone", [-5.0, -20.0, -29.0])
    assert found([gone, Received("there", every(EVERY_S))]).identifiers == 1


@pytest.mark.parametrize("seconds", [11.0, 30.0, 60.0])
def test_missed_packets_do_not_make_a_device_leave(seconds: float) -> None:
    random = Random(7)
    received = []
    for number in range(100):
        times, at_s = [], random.expovariate(1 / seconds)
        while at_s < LASTS_S:
            times.append(at_s)
            at_s += random.expovariate(1 / seconds)
        received.append(Received(f"d{number}", times))
    estimate = found([one for one in received if one.times_s])
    assert estimate.devices == pytest.approx(100, rel=0.1)
    assert estimate.low <= 100 <= estimate.high


def test_devices_that_nobody_received_are_estimated_from_those_received_once() -> None:
    """Each packet arrives with a rate of one in the whole time: 37 of 100 devices are never received."""
    random = Random(3)
    received = []
    for number in range(100):
        times, at_s = [], random.expovariate(1 / LASTS_S)
        while at_s < LASTS_S:
            times.append(at_s)
            at_s += random.expovariate(1 / LASTS_S)
        received.append(Received(f"d{number}", times))
    received = [one for one in received if one.times_s]
    assert len(received) < 70
    estimate = found(received)
    assert estimate.low <= 100 <= estimate.high
    assert estimate.unseen > 50, "the 42 that were received once, and more"


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.integers(0, 60), min_size=1, max_size=8, unique=True), max_size=12))
def test_an_interval_holds_its_estimate_whatever_is_received(times: list[list[int]]) -> None:
    estimate = found([Received(f"d{n}", map(float, one)) for n, one in enumerate(times)], lasts_s=60)
    assert 0 <= estimate.low <= estimate.devices <= estimate.high
    assert estimate.low == int(estimate.low)
    assert math.isfinite(estimate.high)
    assert estimate.identifiers == len(times)


def test_a_reader_that_lost_lines_counts_the_same() -> None:
    received = [Received(f"d{n}", every(EVERY_S)) for n in range(10)]
    lines = list(feed(received))
    assert census(lines[:100] + lines[110:]).estimate().devices == pytest.approx(10, rel=0.01)


def test_lines_in_between_count_for_no_more_time() -> None:
    """As the feed sends one when the state of an open door changes."""
    received = [Received(f"d{n}", every(EVERY_S)) for n in range(10)]
    lines = [
        msgspec.structs.replace(line, number=line.number * 3 + more, up_s=line.up_s + more / 10)
        for line in feed(received)
        for more in range(3)
    ]
    assert census(lines).continuous
    assert census(lines).lasted_s == pytest.approx(LASTS_S, abs=1)
    assert census(lines).estimate().devices == pytest.approx(10, rel=0.01)


def test_lines_of_two_days_are_no_count() -> None:
    lines = list(feed([], 100))
    assert census(lines).continuous
    later = [msgspec.structs.replace(line, at=line.at + timedelta(days=1)) for line in lines[50:]]
    assert not census(lines[:50] + later).continuous


def scanned(share: float) -> Census:
    lines = list(feed([], 100))
    paused = [
        msgspec.structs.replace(line, state=LiveState.PAUSED) for line in lines[: round(len(lines) * (1 - share))]
    ]
    return census(paused + lines[len(paused) :])


def test_the_time_of_a_pause_is_known() -> None:
    assert scanned(0.5).scanned_s == pytest.approx(50, abs=1)
    assert scanned(1.0).scanned_s == 100


@pytest.mark.slow
@pytest.mark.parametrize("devices", [5, 60])
@pytest.mark.parametrize("loss", [0.3, 0.97])
def test_on_the_virtual_air_the_interval_holds_the_true_number(devices: int, loss: float) -> None:
    """Of six halls five at least; the figures of a thousand are in docs/uptake.md."""
    covered = 0
    for seed in range(6):
        true, lines = count(Hall(6.0, loss), devices, Random(seed), begins_s=int(BEGAN.timestamp()), lasts_s=LASTS_S)
        estimate = census(lines).estimate()
        covered += estimate.low <= true <= estimate.high
    assert covered >= 5


@pytest.mark.slow
def test_a_hall_of_500_devices_is_counted() -> None:
    """Each is in the table of neighbours twice for 30 s after its rotation."""
    true, lines = count(Hall(5.0, 0.1), 500, Random(1), begins_s=int(BEGAN.timestamp()), lasts_s=90)
    assert census(lines).estimate().devices == pytest.approx(true, rel=0.03)
