"""The model of advertisement monitors in a controller, by the rules of Microsoft's extension; no guest."""

from __future__ import annotations

import struct
from typing import Final

import pytest

from tests.lab.msft import CANCEL, EVENT_PREFIX, FILTER_ENABLE, FIRST_PACKET, MONITOR, Offload

GAEN: Final = bytes.fromhex("02011a03036ffd17166ffd") + bytes(20)
OTHER: Final = bytes.fromhex("02011a03036ffd1716f3fe") + bytes(20)
PHONE: Final = (1, b"\1\2\3\4\5\6")
FIRST: Final = EVENT_PREFIX + b"\x02\x01\1\2\3\4\5\6\x00\x01"
LOST: Final = FIRST[:-1] + b"\x00"
PATTERN: Final = b"\x16\x00\x6f\xfd"


def monitoring(*, high: int = -127, low: int = -127, low_s: int = 60, sampling: int = 0) -> Offload:
    """Return an extension with a monitor for Exposure Notification's service data; Linux's defaults."""
    offload = Offload()
    parameters = struct.pack("<BbbBBBB", MONITOR, high, low, low_s, sampling, 1, 1) + bytes([len(PATTERN)]) + PATTERN
    assert offload.command(parameters) == bytes([0, MONITOR, 0])
    assert offload.command(bytes([FILTER_ENABLE, 1])) == bytes([0, FILTER_ENABLE])
    return offload


def reported(offload: Offload, packets: int, apart_s: float, rssi_dbm: int = -60) -> int:
    return sum(offload.take(PHONE, GAEN, rssi_dbm, n * apart_s)[1] is not None for n in range(packets))


@pytest.mark.parametrize(("sampling", "expected"), [(0, 600), (FIRST_PACKET, 1), (1, 600), (5, 126), (100, 7)])
def test_a_device_is_reported_as_often_as_the_sampling_period_says(sampling: int, expected: int) -> None:
    assert reported(monitoring(sampling=sampling), 600, 0.105) == pytest.approx(expected, abs=expected // 60)


def test_the_watch_of_a_device_begins_with_an_event_before_its_first_report() -> None:
    offload = monitoring()
    assert offload.take(PHONE, GAEN, -60, 0.0) == ([FIRST], -60)
    assert offload.take(PHONE, GAEN, -61, 0.1) == ([], -61)
    assert offload.take(PHONE, OTHER, -60, 0.2) == ([], None), "no pattern matches"


def test_a_sample_has_the_mean_of_its_period() -> None:
    offload = monitoring(sampling=5)
    offload.take(PHONE, GAEN, -60, 0.0)
    assert [offload.take(PHONE, GAEN, rssi, at_s)[1] for rssi, at_s in ((-50, 0.2), (-60, 0.4), (-70, 0.6))] == [
        None,
        None,
        -60,
    ]


def test_a_device_is_watched_from_the_high_threshold_until_the_low_one_has_lasted() -> None:
    offload = monitoring(high=-60, low=-80, low_s=3)
    assert offload.take(PHONE, GAEN, -61, 0.0) == ([], None)
    assert offload.take(PHONE, GAEN, -60, 1.0) == ([FIRST], -60)
    assert offload.take(PHONE, GAEN, -90, 2.0) == ([], -90), "the time below is not over"
    assert offload.lost(3.9) == []
    assert offload.lost(4.0) == [LOST]
    assert offload.take(PHONE, GAEN, -70, 4.1) == ([], None)
    assert offload.lost(99.0) == []


def test_the_filter_is_switched_and_a_monitor_cancelled_once() -> None:
    offload = monitoring()
    assert offload.command(bytes([FILTER_ENABLE, 1])) == b"\x0c\x05"
    assert offload.command(bytes([CANCEL, 0])) == b"\x00\x04"
    assert offload.command(bytes([CANCEL, 0])) == b"\x12\x04"
    assert offload.take(PHONE, GAEN, -60, 0.0) == ([], None)


@pytest.mark.parametrize("missing", range(1, 12))
def test_a_truncated_monitor_is_refused(missing: int) -> None:
    whole = struct.pack("<BbbBBBB", MONITOR, -127, -127, 60, 0, 1, 1) + bytes([len(PATTERN)]) + PATTERN
    status, *_ = Offload().command(whole[:-missing])
    assert status != 0
