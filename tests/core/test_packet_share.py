"""The share of packets received is estimated without knowing what was sent; here it is known."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluezone_agent.core.packet_share import FOLLOWED, WINDOW_S, PacketShare

NEAR, FAR = b"one", b"another"
INTERVALS_S = (0.1, 0.15, 0.2, 0.25, 0.27, 1.28)
"""The kernel's, Exposure Notification's, Android's and BlueZ's."""


def sent(interval_s: float, random: Random, until_s: float = WINDOW_S + 1) -> Iterator[float]:
    """Yield the times of advertising events: an interval and up to 10 ms of delay."""
    at_s = random.random()
    while at_s < until_s:
        yield at_s
        at_s += interval_s + random.random() / 100


def estimated(times: Iterator[float] | list[float], protocol: str = "gaen", rssi_dbm: int = -60) -> float | None:
    share = PacketShare()
    for at_s in times:
        share.received(NEAR, protocol, rssi_dbm, at_s)
    return share.take(2 * WINDOW_S)


@given(st.sampled_from(INTERVALS_S), st.floats(0.3, 1.0), st.integers(0, 2**32))
def test_packets_lost_at_random_are_noticed_at_any_interval(interval_s: float, kept: float, seed: int) -> None:
    random = Random(seed)
    everything = list(sent(interval_s, random))
    received = [at_s for at_s in everything if random.random() < kept]
    share = estimated(received)
    assert share is not None
    assert share == pytest.approx(len(received) / len(everything), rel=0.05)


@given(st.sampled_from(INTERVALS_S), st.integers(0, 2**32))
def test_a_scan_that_listens_half_of_the_time(interval_s: float, seed: int) -> None:
    """The kernel's default with a monitor: a window of 30 ms in every 60 ms."""
    everything = list(sent(interval_s, Random(seed)))
    received = [at_s for at_s in everything if at_s % 0.06 < 0.03]
    share = estimated(received)
    assert share is not None
    assert share == pytest.approx(len(received) / len(everything), rel=0.1)


@pytest.mark.parametrize("protocol", ["gaen", "bluezone"])
def test_a_strict_duplicate_filter(protocol: str) -> None:
    """bluetoothd restarts its scan about every 11 s, and each time one packet comes through."""
    everything = list(sent(0.25, Random(1)))
    received = [next(at_s for at_s in everything if at_s >= second) for second in range(0, int(WINDOW_S) - 5, 11)]
    share = estimated(received, protocol)
    assert share is not None
    assert share == pytest.approx(len(received) / len(everything), rel=0.1)


def test_the_neighbour_received_best_decides() -> None:
    share, random = PacketShare(), Random(2)
    for at_s in sent(0.25, random):
        share.received(NEAR, "gaen", -60, at_s)
        if random.random() < 0.05:
            share.received(FAR, "gaen", -70, at_s)
    assert share.take(WINDOW_S + 1) == pytest.approx(1.0, abs=0.01)


def test_a_weak_neighbour_says_nothing_of_the_receiver() -> None:
    assert estimated(sent(0.25, Random(5)), rssi_dbm=-81) is None
    assert estimated(sent(0.25, Random(5)), rssi_dbm=-80) == pytest.approx(1.0, abs=0.01)


def test_there_is_no_estimate_before_the_window_is_over_or_of_somebody_who_passed_by() -> None:
    share = PacketShare()
    for at_s in sent(0.25, Random(3), until_s=200):
        share.received(NEAR, "gaen", -60, at_s)
    assert share.take(200) is None
    assert share.take(WINDOW_S + 1) == pytest.approx(1.0, abs=0.01)
    assert share.take(WINDOW_S + 2) is None, "the next window is empty"
    for at_s in sent(0.25, Random(3), until_s=40):
        share.received(NEAR, "gaen", -60, at_s)
    assert share.take(2 * WINDOW_S) is None, "40 s say nothing"


def test_a_flood_of_identifiers_is_followed_in_fixed_memory() -> None:
    share = PacketShare()
    for number in range(10_000):
        share.received(number, "gaen", -60, number / 100)
    assert len(share._neighbours) == FOLLOWED


def test_a_clock_that_was_set_back_ends_the_window() -> None:
    share = PacketShare()
    for at_s in sent(0.25, Random(4), until_s=100):
        share.received(NEAR, "gaen", -60, 10_000 + at_s)
    assert share.take(5_000) == pytest.approx(1.0, abs=0.01)
