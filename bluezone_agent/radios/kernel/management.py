"""The wire format of the kernel's Bluetooth management socket: commands to bytes, answers and events from bytes.

Everything is little endian. Sources: BlueZ's doc/mgmt-api.txt, whose section is named at each constant, and
include/net/bluetooth/mgmt.h of the kernel. Commands and events are a header (code, controller, length) and parameters.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import Any, Final, NamedTuple

HEADER: Final = struct.Struct("<HHH")
"""Code, controller, length of the parameters ("Packet Structures")."""
NO_CONTROLLER: Final = 0xFFFF
LONGEST_PACKET: Final = 4096
"""More than any event: an extended advertisement has 1,650 bytes."""


class Opcode(IntEnum):
    """The commands that are used here, and no others ("… Command")."""

    READ_COMMANDS = 0x0002
    READ_INDEX_LIST = 0x0003
    READ_CONTROLLER_INFO = 0x0004
    READ_ADVERTISING_FEATURES = 0x003D
    REMOVE_ADVERTISING = 0x003F
    READ_DEFAULTS = 0x004B
    """Read Default System Configuration."""
    SET_DEFAULTS = 0x004C
    """Set Default System Configuration."""
    READ_MONITORS = 0x0051
    """Read Advertisement Monitor Features."""
    ADD_MONITOR = 0x0052
    """Add Advertisement Patterns Monitor."""
    REMOVE_MONITOR = 0x0053
    """Remove Advertisement Monitor."""
    ADD_PARAMETERS = 0x0054
    """Add Extended Advertising Parameters; Linux 5.11."""
    ADD_DATA = 0x0055
    """Add Extended Advertising Data."""


class EventCode(IntEnum):
    """The events that are read here ("… Event")."""

    COMMAND_COMPLETE = 0x0001
    COMMAND_STATUS = 0x0002
    INDEX_ADDED = 0x0004
    INDEX_REMOVED = 0x0005
    NEW_SETTINGS = 0x0006
    DEVICE_FOUND = 0x0012
    """An advert while a discovery or a pending connection scans as well."""
    ADVERTISING_ADDED = 0x0023
    ADVERTISING_REMOVED = 0x0024
    MONITOR_REMOVED = 0x002C
    SUSPENDED = 0x002D
    """Controller Suspend."""
    RESUMED = 0x002E
    """Controller Resume."""
    MONITORED_FOUND = 0x002F
    """Advertisement Monitor Device Found: an advert while only monitors scan."""


class ManagementStatus(IntEnum):
    """The answers to a command ("Error Codes")."""

    SUCCESS = 0x00
    UNKNOWN_COMMAND = 0x01
    FAILED = 0x03
    NO_RESOURCES = 0x07
    TIMEOUT = 0x08
    BUSY = 0x0A
    REJECTED = 0x0B
    NOT_SUPPORTED = 0x0C
    INVALID_PARAMETERS = 0x0D
    NOT_POWERED = 0x0F
    INVALID_INDEX = 0x11
    RFKILLED = 0x12
    PERMISSION_DENIED = 0x14


class Setting(IntFlag):
    """Settings of a controller ("Read Controller Information Command")."""

    POWERED = 1 << 0
    CONNECTABLE = 1 << 1
    DISCOVERABLE = 1 << 3
    LE = 1 << 9
    ADVERTISING = 1 << 10
    """The kernel's own advertisement (Set Advertising): it is sent instead of all others."""
    PRIVACY = 1 << 13


LINKABLE: Final = Setting.CONNECTABLE | Setting.DISCOVERABLE | Setting.PRIVACY
"""With one of these the kernel sends non-connectable advertisements connectable, from the public address, or several
under one resolvable address (hci_sync.c, hci_enable_advertising_sync and hci_setup_ext_adv_instance_sync)."""

HAS_DURATION: Final = 1 << 12
HAS_TIMEOUT: Final = 1 << 13
HAS_INTERVALS: Final = 1 << 14
"""Flags that say which fields of Add Extended Advertising Parameters count: without its flag a field is ignored."""
SECONDARY_1M: Final = 1 << 7
"""This flag is supported exactly where the controller has extended advertising (mgmt.c, get_supported_adv_flags)."""
UNKNOWN_POWER: Final = 127

MONITOR_INTERVAL: Final = 0x0013
MONITOR_WINDOW: Final = 0x0014
"""The scan for monitors, in units of 0.625 ms ("Read Default System Configuration Command")."""
MONITOR_INTERLEAVES: Final = 0x001F
"""Whether that scan alternates with one for known devices; one byte, not every kernel has it."""
LENGTHS: Final = {MONITOR_INTERVAL: 2, MONITOR_WINDOW: 2, MONITOR_INTERLEAVES: 1}

PUBLIC: Final = 1
RANDOM: Final = 2
"""Address types of Low Energy; 0 is classic Bluetooth."""

PATTERN: Final = struct.Struct("<BBB31s")
PARAMETERS: Final = struct.Struct("<BIHHIIb")
ADVERT: Final = struct.Struct("<6sBbIH")
"""Address, its type, RSSI, flags, length of the data ("Device Found Event")."""
ADVERT_AT: Final = {EventCode.DEVICE_FOUND: HEADER.size, EventCode.MONITORED_FOUND: HEADER.size + 2}
"""Where that is in an event; a monitor's handle precedes it in the second one."""


class MalformedAnswerError(ValueError):
    """The kernel's answer is shorter than its own format."""


class Pattern(NamedTuple):
    """What an advertisement has to contain to be reported."""

    ad_type: int
    value: bytes
    """At the beginning of that AD structure's data."""


class FoundAdvert(NamedTuple):
    """One advert, as the kernel reports it."""

    controller: int
    address: bytes
    """Six bytes, the last one of the written form first."""
    address_type: int
    rssi_dbm: int
    data: bytes

    def __repr__(self) -> str:
        return f"FoundAdvert(hci{self.controller}, {self.rssi_dbm} dBm, <{len(self.data)} bytes>)"


@dataclass(frozen=True, slots=True)
class Completed:
    """The answer to a command."""

    index: int
    opcode: int
    status: int
    parameters: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Noticed:
    """An event with at most one number."""

    index: int
    code: EventCode
    value: int = 0
    """Settings, instance, handle or state, by the code."""


@dataclass(frozen=True, slots=True)
class ControllerInfo:
    """A controller ("Read Controller Information Command")."""

    address: str = field(repr=False)
    """As people write it: ``AA:BB:CC:DD:EE:FF``."""
    manufacturer: int
    """Company identifier."""
    settings: Setting


@dataclass(frozen=True, slots=True)
class AdvertisingFeatures:
    """What a controller can advertise ("Read Advertising Features Command")."""

    extended: bool
    most_instances: int
    instances: tuple[int, ...]
    """Those in use. Linux 6.1 leaves out numbers that are higher than the count of all (mgmt.c, read_adv_features)."""


def command(opcode: Opcode, index: int = NO_CONTROLLER, parameters: bytes = b"") -> bytes:
    """Return a command for a controller, or for none."""
    return HEADER.pack(opcode, index, len(parameters)) + parameters


def monitor(patterns: tuple[Pattern, ...]) -> bytes:
    """Return the parameters of Add Advertisement Patterns Monitor: any of the patterns matches."""
    packed = (PATTERN.pack(p.ad_type, 0, len(p.value), p.value) for p in patterns)
    return bytes([len(patterns)]) + b"".join(packed)


def handle(number: int) -> bytes:
    """Return the parameters of Remove Advertisement Monitor; raises ValueError for 0, which would mean every one."""
    if not number:
        raise ValueError("0 would remove the monitors of others as well")
    return struct.pack("<H", number)


def instance(number: int) -> bytes:
    """Return the parameters of Remove Advertising; raises ValueError for 0, which would mean every one."""
    if not number:
        raise ValueError("0 would remove the advertisements of others as well")
    return bytes([number])


def advertising_parameters(number: int, least: int, most: int, *, timeout_s: int = 0) -> bytes:
    """Return the parameters of Add Extended Advertising Parameters: non-connectable, not discoverable.

    ``least`` and ``most`` bound the interval, in units of 0.625 ms; the kernel ends it after ``timeout_s``, if not 0.
    The kernel times an instance in turns, of 2 s unless a duration is given (hci_schedule_adv_instance_sync), and each
    is late by the granularity of its timers. So the whole time is one turn: late by 41 s at most, 16 s at 250 Hz.
    """
    flags = HAS_INTERVALS | (HAS_DURATION | HAS_TIMEOUT if timeout_s else 0)
    return PARAMETERS.pack(number, flags, timeout_s, timeout_s, least, most, UNKNOWN_POWER)


def advertising_data(number: int, data: bytes) -> bytes:
    """Return the parameters of Add Extended Advertising Data, without a scan response."""
    return bytes([number, len(data), 0]) + data


def defaults(values: dict[int, int]) -> bytes:
    """Return the parameters of Set Default System Configuration; keys are of :data:`LENGTHS`."""
    return b"".join(
        struct.pack("<HB", kind, LENGTHS[kind]) + value.to_bytes(LENGTHS[kind], "little")
        for kind, value in values.items()
    )


def read_defaults(answer: bytes) -> dict[int, int]:
    """Return those values of Read Default System Configuration that are in :data:`LENGTHS` and present."""
    found, at = {}, 0
    while at + 3 <= len(answer):
        kind, length = struct.unpack_from("<HB", answer, at)
        value, at = answer[at + 3 : at + 3 + length], at + 3 + length
        if LENGTHS.get(kind) == len(value):
            found[kind] = int.from_bytes(value, "little")
    return found


def read_commands(answer: bytes) -> frozenset[int]:
    """Return the opcodes that the kernel knows ("Read Management Supported Commands Command")."""
    (count, _events) = _unpack("<HH", answer)
    return frozenset(_numbers(answer, 4, count))


def read_indexes(answer: bytes) -> tuple[int, ...]:
    """Return the controllers ("Read Controller Index List Command")."""
    (count,) = _unpack("<H", answer)
    return _numbers(answer, 2, count)


def read_controller(answer: bytes) -> ControllerInfo:
    """Return what Read Controller Information answers."""
    address, _version, manufacturer, _supported, current = _unpack("<6sBHII", answer)
    return ControllerInfo(written(address), manufacturer, Setting(current))


def read_features(answer: bytes) -> AdvertisingFeatures:
    """Return what Read Advertising Features answers."""
    flags, _longest, _longest_response, most, count = _unpack("<IBBBB", answer)
    return AdvertisingFeatures(bool(flags & SECONDARY_1M), most, tuple(answer[8 : 8 + count]))


def read_monitors(answer: bytes) -> tuple[int, ...]:
    """Return the handles that Read Advertisement Monitor Features lists."""
    _supported, _enabled, _most, _patterns, count = _unpack("<IIHBH", answer)
    return _numbers(answer, 13, count)


def read_handle(answer: bytes) -> int:
    """Return the handle that Add Advertisement Patterns Monitor assigned."""
    (number,) = _unpack("<H", answer)
    return int(number)


def read_power(answer: bytes) -> int | None:
    """Return the transmit power, dBm, that Add Extended Advertising Parameters reports; None if it is unknown."""
    _instance, power_dbm = _unpack("<Bb", answer)
    return None if power_dbm == UNKNOWN_POWER else power_dbm


def written(address: bytes) -> str:
    """Return an address as people write it."""
    return address[::-1].hex(":").upper()


def read_found(packet: bytes) -> FoundAdvert | None:
    """Return the Low Energy advert in an event, or None for another event, or one that is shorter than it says."""
    if len(packet) < HEADER.size:
        return None
    code, index, _ = HEADER.unpack_from(packet)
    at = ADVERT_AT.get(code)
    if at is None or len(packet) < at + ADVERT.size:
        return None
    address, address_type, rssi_dbm, _flags, length = ADVERT.unpack_from(packet, at)
    data = packet[at + ADVERT.size : at + ADVERT.size + length]
    if len(data) < length or not address_type:
        return None
    return FoundAdvert(index, address, address_type, rssi_dbm, data)


def read_event(packet: bytes) -> Completed | Noticed | None:
    """Return any other event; None for one that is not used here, or is shorter than its own format."""
    if len(packet) < HEADER.size:
        return None
    code, index, _ = HEADER.unpack_from(packet)
    body = packet[HEADER.size :]
    if code in (EventCode.COMMAND_COMPLETE, EventCode.COMMAND_STATUS):
        if len(body) < 3:
            return None
        opcode, status = struct.unpack_from("<HB", body)
        return Completed(index, opcode, status, body[3:])
    length = VALUES.get(code)
    if length is None or len(body) < length:
        return None
    return Noticed(index, EventCode(code), int.from_bytes(body[:length], "little"))


VALUES: Final = {
    EventCode.INDEX_ADDED: 0,
    EventCode.INDEX_REMOVED: 0,
    EventCode.NEW_SETTINGS: 4,
    EventCode.ADVERTISING_ADDED: 1,
    EventCode.ADVERTISING_REMOVED: 1,
    EventCode.MONITOR_REMOVED: 2,
    EventCode.SUSPENDED: 1,
    EventCode.RESUMED: 1,
}
"""Event → length of the number that is read of it."""


def _unpack(layout: str, answer: bytes) -> tuple[Any, ...]:
    if len(answer) < struct.calcsize(layout):
        raise MalformedAnswerError(f"{len(answer)} bytes instead of {struct.calcsize(layout)}")
    return struct.unpack_from(layout, answer)


def _numbers(answer: bytes, at: int, count: int) -> tuple[int, ...]:
    if len(answer) < at + 2 * count:
        raise MalformedAnswerError(f"{len(answer)} bytes with {count} numbers")
    return struct.unpack_from(f"<{count}H", answer, at)
