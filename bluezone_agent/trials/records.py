"""What a device writes down besides packets: lines of JSON, each with both clocks of the device."""

from __future__ import annotations

from typing import Final

import msgspec

NS: Final = 1_000_000_000


class Logged(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", omit_defaults=True):
    """One line: when it happened on the device's clocks."""

    boottime_ns: int
    """CLOCK_BOOTTIME, nanoseconds since this boot."""
    wall_ns: int
    """Wall time, nanoseconds since the Unix epoch; it may be wrong."""


class TrialBegan(Logged, frozen=True, kw_only=True, tag="began"):
    """The first phase begins: on this device the trial's time counts from here."""

    boot_id: str


class SessionBegan(Logged, frozen=True, kw_only=True, tag="session"):
    """The recorder started: the first time, or again after it was ended."""

    boot_id: str
    radio: str
    scan_mode: str


class OnAir(Logged, frozen=True, kw_only=True, tag="on_air"):
    """An identifier began to be advertised."""

    rotation: int
    power_dbm: int
    measured: bool
    """Whether the radio itself reports that power; else it is only stated."""


class OffAir(Logged, frozen=True, kw_only=True, tag="off_air"):
    """Nothing is advertised any more."""


class ScanBegan(Logged, frozen=True, kw_only=True, tag="scan_began"):
    """The radio listens."""


class ScanEnded(Logged, frozen=True, kw_only=True, tag="scan_ended"):
    """The radio does not listen."""


class PhaseBegan(Logged, frozen=True, kw_only=True, tag="phase"):
    """A phase of the plan."""

    name: str


class MinuteCounts(Logged, frozen=True, kw_only=True, tag="minute"):
    """What a minute brought that is not stored."""

    bystander_packets: int = 0
    bystanders: int = 0
    """Identifiers that are not the trial's."""
    impossible_rssi: int = 0
    malformed: int = 0
    foreign: int = 0
    lost: int = 0
    """Packets that could not be written."""


class DeviceFound(Logged, frozen=True, kw_only=True, tag="found"):
    """How a device that does not run the agent was identified, or that it was not."""

    device: str
    number: int
    """Of its identifier, which its packets have as their rotation; 0 if it has none."""
    how: str
    """A value of ``Recognition``."""


class RadioLost(Logged, frozen=True, kw_only=True, tag="radio_lost"):
    """The radio can't be used; it is tried again."""

    message: str


class TrialEnded(Logged, frozen=True, kw_only=True, tag="ended"):
    """The recorder ended: after the last phase, or because it was told to."""

    complete: bool


TrialEvent = (
    TrialBegan
    | SessionBegan
    | OnAir
    | OffAir
    | ScanBegan
    | ScanEnded
    | PhaseBegan
    | MinuteCounts
    | DeviceFound
    | RadioLost
    | TrialEnded
)
EVENTS_DECODER: Final[msgspec.json.Decoder[TrialEvent]] = msgspec.json.Decoder(TrialEvent)


class TrialMark(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What somebody noted during the trial."""

    boottime_ns: int
    wall_ns: int
    text: str
    distances: tuple[tuple[str, str, float], ...] = ()
    """From now on two devices are so many metres apart."""
    nearest: str = ""
    """For a minute this device is the one that is received most strongly."""


class BothClocks(msgspec.Struct, frozen=True, kw_only=True):
    """Both clocks of a device at one moment."""

    boottime_ns: int
    wall_ns: int
    boot_id: str
    synchronised: bool
    """Whether a time server has set the clock since boot, or the operator vouches for it."""
    ntp_synchronised: bool | None = None
    """Whether the kernel says so at this moment; None where it does not tell."""
    estimated_error_s: float | None = None
    """As the kernel's time service estimates it; 0 where it estimates none (systemd-timesyncd)."""
    maximum_error_s: float | None = None


class RecordedDevice(msgspec.Struct, frozen=True, kw_only=True):
    """``device.json``: on what a device recorded."""

    id: str
    version: str
    system: str
    radio: str
    scan_mode: str
    protocol: str
    rotation_s: float


MARKS_DECODER: Final = msgspec.json.Decoder(TrialMark)
CLOCK_DECODER: Final = msgspec.json.Decoder(BothClocks)
