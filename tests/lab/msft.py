"""Advertisement monitors in the controller, as chips with Microsoft's HCI extension have them.

Source: "Microsoft-defined Bluetooth HCI extensions" in the Windows hardware documentation; net/bluetooth/msft.c says
what Linux asks for. Conditions are patterns only, as Linux 6.1 uses them. One liberty: a sample is reported with the
first packet after its period, not at its end.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Final

OPCODE: Final = 0xFC1E
"""The vendor's choice; Intel's."""
EVENT_PREFIX: Final = b"\x87\x80"
FEATURES: Final = 0b1100
"""RSSI monitoring of advertisements, and monitoring of advertisements."""
READ_FEATURES, MONITOR, CANCEL, FILTER_ENABLE = 0x00, 0x03, 0x04, 0x05
MONITOR_DEVICE_EVENT: Final = 0x02
PATTERN: Final = 0x01
EVERY_PACKET, FIRST_PACKET = 0x00, 0xFF
SAMPLING_S: Final = 0.1
SUCCESS, DISALLOWED, INVALID, MEMORY_EXCEEDED = 0x00, 0x0C, 0x12, 0x07
MOST_MONITORS: Final = 16

Device = tuple[int, bytes]
"""Address type, and address in little-endian order."""


@dataclass(slots=True)
class Watched:
    """A device that a monitor watches."""

    above_s: float
    """When its RSSI was last above the low threshold."""
    due_s: float
    """When the next sample is due."""
    samples_dbm: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Monitor:
    """One condition, its thresholds, and the devices in range that meet it."""

    high_dbm: int
    low_dbm: int
    low_s: int
    sampling: int
    patterns: list[tuple[int, int, bytes]]
    """AD type, start in the AD structure's data, bytes."""
    watched: dict[Device, Watched] = field(default_factory=dict)

    def matches(self, data: bytes) -> bool:
        """Return whether one of the patterns is in the advertising data."""
        structures = list(_structures(data))
        return any(
            kind == ad_type and value[start : start + len(wanted)] == wanted
            for ad_type, start, wanted in self.patterns
            for kind, value in structures
        )

    def sample(self, device: Device, rssi_dbm: int, now_s: float) -> tuple[bool, int | None]:
        """Take a packet that matches; return whether the watch begins, and the RSSI to report it with, or None."""
        known = self.watched.get(device)
        if known is None:
            if rssi_dbm < self.high_dbm:
                return False, None
            self.watched[device] = Watched(now_s, now_s + self.sampling * SAMPLING_S)
            return True, rssi_dbm
        if rssi_dbm > self.low_dbm:
            known.above_s = now_s
        if self.sampling == EVERY_PACKET:
            return False, rssi_dbm
        if self.sampling == FIRST_PACKET:
            return False, None
        known.samples_dbm.append(rssi_dbm)
        if now_s < known.due_s:
            return False, None
        mean_dbm = round(sum(known.samples_dbm) / len(known.samples_dbm))
        known.samples_dbm.clear()
        period_s = self.sampling * SAMPLING_S
        known.due_s += period_s * (1 + (now_s - known.due_s) // period_s)
        return False, mean_dbm


class Offload:
    """The extension of one controller; it knows no clock and no transport."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget every monitor, as HCI_Reset and power off do."""
        self.enabled = False
        self.monitors: dict[int, Monitor] = {}

    def command(self, parameters: bytes) -> bytes:
        """Execute a command; return the return parameters of its Command Complete event."""
        match parameters[:1]:
            case b"\x00":
                return struct.pack("<BBQB", SUCCESS, READ_FEATURES, FEATURES, len(EVENT_PREFIX)) + EVENT_PREFIX
            case b"\x03":
                return self._monitor(parameters)
            case b"\x04" if len(parameters) == 2:
                known = self.monitors.pop(parameters[1], None)
                return bytes([INVALID if known is None else SUCCESS, CANCEL])
            case b"\x05" if len(parameters) == 2:
                if self.enabled == bool(parameters[1]):
                    return bytes([DISALLOWED, FILTER_ENABLE])
                self.enabled = bool(parameters[1])
                return bytes([SUCCESS, FILTER_ENABLE])
        return bytes([INVALID, *parameters[:1]])

    def _monitor(self, parameters: bytes) -> bytes:
        try:
            high, low, low_s, sampling, kind, count = struct.unpack_from("<bbBBBB", parameters, 1)
            patterns = []
            rest = parameters[7:]
            while rest:
                length, ad_type, start = rest[:3]
                if not 2 < length < len(rest):
                    return bytes([INVALID, MONITOR])
                patterns.append((ad_type, start, rest[3 : 1 + length]))
                rest = rest[1 + length :]
        except (struct.error, ValueError):
            return bytes([INVALID, MONITOR])
        if kind != PATTERN or len(patterns) != count or not 1 <= low_s <= 60:
            return bytes([INVALID, MONITOR])
        free = next((handle for handle in range(MOST_MONITORS) if handle not in self.monitors), None)
        if free is None:
            return bytes([MEMORY_EXCEEDED, MONITOR])
        self.monitors[free] = Monitor(high, low, low_s, sampling, patterns)
        return bytes([SUCCESS, MONITOR, free])

    def take(self, device: Device, data: bytes, rssi_dbm: int, now_s: float) -> tuple[list[bytes], int | None]:
        """Take a packet off the air; return events to send before it, and the RSSI to report it with, or None.

        A device that several monitors match is reported when one of them says so.
        """
        events, reported_dbm = [], None
        for handle, monitor in self.monitors.items():
            if monitor.matches(data):
                begins, rssi_to_report_dbm = monitor.sample(device, rssi_dbm, now_s)
                if begins:
                    events.append(_event(device, handle, 1))
                if rssi_to_report_dbm is not None:
                    reported_dbm = rssi_to_report_dbm
        return events, reported_dbm

    def lost(self, now_s: float) -> list[bytes]:
        """Return an event for every device that was too weak, or silent, for the monitor's time."""
        events = []
        for handle, monitor in self.monitors.items():
            gone = [device for device, known in monitor.watched.items() if now_s - known.above_s >= monitor.low_s]
            for device in gone:
                del monitor.watched[device]
                events.append(_event(device, handle, 0))
        return events


def _event(device: Device, handle: int, state: int) -> bytes:
    """Return the parameters of the vendor event HCI_VS_MSFT_LE_Monitor_Device_Event."""
    address_type, address = device
    return EVENT_PREFIX + bytes([MONITOR_DEVICE_EVENT, address_type]) + address + bytes([handle, state])


def _structures(data: bytes) -> list[tuple[int, bytes]]:
    found = []
    while len(data) > 1 and data[0]:
        found.append((data[1], data[2 : 1 + data[0]]))
        data = data[1 + data[0] :]
    return found
