"""The model of scan window, interval and channels against the shares that follow from the specification; no guest."""

from __future__ import annotations

from random import Random
from typing import Final

import pytest

from tests.lab.channels import (
    ADV_DELAY_S,
    ALL_CHANNELS,
    BYTE_S,
    OVERHEAD_BYTES,
    PDU_SPACING_S,
    Scan,
    next_event_s,
)

UNIT_S: Final = 0.000625
LENGTH: Final = 31
AIRTIME_S: Final = (OVERHEAD_BYTES + LENGTH) * BYTE_S
EVENT_S: Final = 2 * PDU_SPACING_S + AIRTIME_S
SEEDS: Final = range(20)
EVENTS: Final = 1200
"""Two minutes of a legacy advertiser at 100 ms."""


def scan(window: int, interval: int, began_s: float = 0.0) -> Scan:
    return Scan(began_s, interval * UNIT_S, window * UNIT_S)


def share(scan: Scan, seed: int, interval_s: float, channels: int = ALL_CHANNELS) -> float:
    random = Random(seed)
    event_s, received = random.uniform(0, 10), 0
    for _ in range(EVENTS):
        received += scan.receives(event_s, LENGTH, channels)
        event_s = next_event_s(event_s, interval_s, random)
    return received / EVENTS


def expected(window: int, interval: int) -> float:
    """Return the share of events of which a PDU falls into a window, for events at any time.

    Without a pause between windows, an event is lost only if the scanner leaves channel 39 during it: it has sent its
    PDU on 37 before, and that on 39 comes later. With one, the PDU of the channel has to fit into the window.
    """
    if window == interval:
        return 1 - EVENT_S / (3 * interval * UNIT_S)
    return (window * UNIT_S - AIRTIME_S) / (interval * UNIT_S)


@pytest.mark.parametrize("interval_s", [0.1, 0.2, 1.28])
@pytest.mark.parametrize(
    ("window", "interval", "about"),
    [(0x30, 0x60, 0.5), (0x60, 0x60, 1.0), (0x12, 0x12, 1.0), (0x12, 0x800, 0.01), (0xA0, 0xA0, 1.0)],
)
def test_the_share_received_is_that_of_the_window(window: int, interval: int, about: float, interval_s: float) -> None:
    shares = [share(scan(window, interval), seed, interval_s) for seed in SEEDS]
    mean = sum(shares) / len(shares)
    assert mean == pytest.approx(expected(window, interval), abs=0.012)
    assert mean == pytest.approx(about, abs=0.045)


def test_a_scan_without_a_pause_loses_an_event_only_where_it_leaves_channel_39() -> None:
    always = scan(0x60, 0x60)
    leaves_39_s = 3 * always.interval_s
    lost = [at / 1e5 for at in range(18_000) if not always.receives(at / 1e5, LENGTH)]
    assert lost, "some are lost"
    assert all(leaves_39_s - EVENT_S < at_s < leaves_39_s for at_s in lost)


@pytest.mark.parametrize("index", [0, 1, 2])
def test_each_interval_listens_on_the_next_channel_from_its_start_for_the_window(index: int) -> None:
    half, only = scan(0x30, 0x60, began_s=5.0), 1 << index
    starts_s = 5.0 + index * half.interval_s
    inside_s, too_late_s = starts_s + 0.001, starts_s + half.window_s - AIRTIME_S + 0.0001
    assert half.receives(inside_s, LENGTH, only)
    assert not half.receives(too_late_s, LENGTH, only)
    assert not half.receives(inside_s + half.interval_s, LENGTH, only)
    assert half.receives(inside_s + 3 * half.interval_s, LENGTH, only)
    assert not half.receives(starts_s - 3 * half.interval_s + 0.001, LENGTH, only), "before the scan began"


def test_an_advertiser_on_one_channel_is_received_in_one_interval_of_three() -> None:
    shares = [share(scan(0x60, 0x60), seed, 0.1, channels=0b010) for seed in SEEDS]
    assert sum(shares) / len(shares) == pytest.approx(1 / 3, abs=0.02)


def test_events_come_up_to_10_ms_later_than_the_interval_says() -> None:
    random = Random(1)
    delays = [next_event_s(100.0, 0.2, random) - 100.2 for _ in range(2000)]
    assert min(delays) >= -1e-9
    assert max(delays) <= ADV_DELAY_S
    assert sum(delays) / len(delays) == pytest.approx(ADV_DELAY_S / 2, abs=0.0005)
    assert max(delays) - min(delays) > 0.9 * ADV_DELAY_S
