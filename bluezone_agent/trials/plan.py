"""The plan of a trial, ``trial.toml``: who takes part, with which radio, and where everybody is in each phase."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import combinations
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

MINUTE_S: Final = 60

PHONE: Final = "beacon"
ROLES: Final = ("both", "broadcast", "listen", PHONE)
CARRIED: Final = ("", "hand", "front-pocket", "back-pocket", "bag", "table", "neck", "wall")


class TrialInfo(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """``[trial]``: what is the same for everybody."""

    name: str
    """Letters, digits, ``-`` and ``_``."""
    title: str = ""
    protocol: str = "bluezone"
    near_m: float = 2.0
    """Up to this distance two people count as near."""
    timezone: str = "UTC"
    """An IANA name; ``start`` and the times of the report are in it."""
    start: datetime | None = None
    """Without it each node starts when it is told to."""
    seed: int = 1
    """Of the simulation."""
    license: str = ""
    """Under which the dataset is published, such as ``CC-BY-4.0``."""
    consent: str = ""
    """What the participants agreed to."""
    citation: str = ""
    notes: str = ""

    @property
    def start_s(self) -> float | None:
        """The planned start, Unix seconds."""
        if self.start is None:
            return None
        aware = self.start if self.start.tzinfo else self.start.replace(tzinfo=ZoneInfo(self.timezone))
        return aware.timestamp()


class Schedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """``scan = {on_s = 4, every_s = 240}``: a phone's way to scan."""

    on_s: float
    every_s: float


class RadioSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """``[radio]``: the same for all devices."""

    radio: str = "auto"
    """As in the configuration: ``auto``, ``kernel:hci0``, ``bluez:hci0``, ``hci:0``, ``virtual``."""
    scan: str | Schedule = "continuous"
    tx_power_dbm: int = -12
    """Stated where the radio does not know its power."""
    rotation_s: float | None = None
    """How long each identifier is advertised; None for the protocol's own time."""
    interval_s: float = 0.25
    """How often a device advertises, for the packets expected and the simulation: real radios have their own interval,
    200-270 ms, or 100-150 ms where the kernel drives a legacy controller."""


class TrialDevice(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """``[[device]]``."""

    id: str
    role: str = "both"
    carried: str = ""
    person: str = ""
    """A pseudonym, never a name."""
    radio: str = ""
    """Instead of the trial's."""
    model: str = ""
    address: str = ""
    """Of a beacon: its Bluetooth address when the trial begins."""
    identifier: str = ""
    """Of a beacon that never changes it: its identifier, hex."""

    def __repr__(self) -> str:
        return f"TrialDevice({self.id}, {self.role})"

    @property
    def runs(self) -> bool:
        """Whether it runs the agent; a beacon is a phone or another sender that others find."""
        return self.role != PHONE

    @property
    def broadcasts(self) -> bool:
        """Whether it advertises."""
        return self.role != "listen"

    @property
    def listens(self) -> bool:
        """Whether it scans and records."""
        return self.role not in ("broadcast", PHONE)


class Phase(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """``[[phase]]``: a time in which the truth is known in one of four ways."""

    name: str
    minutes: float
    positions: dict[str, list[float]] | None = None
    """Device → x, y in metres and, if it matters, the direction in which its carrier faces, in degrees."""
    distances: list[list[str | float]] | None = None
    """Two devices and the metres between them."""
    paths: dict[str, list[list[float]]] | None = None
    """Device → seconds since the phase began, x, y; straight and even between these points."""
    free: bool = False
    """People move as they like; marks say how far apart they are."""
    posture: str = ""
    obstacles: str = ""
    confidence: int = 3
    """How well the distances are known: 0 guessed, 1 estimated, 2 paced, 3 measured (PACT's scale)."""

    @property
    def length_s(self) -> float:
        """How long it lasts."""
        return self.minutes * MINUTE_S


class LiveSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """``[live]``: how ``trial live`` of one device sees all of them."""

    broker: str = ""
    """``mqtt://HOST`` or ``mqtts://HOST:PORT``; its login, if it needs one, is in ``secret.toml``."""


class TrialPlan(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    rename={"devices": "device", "phases": "phase"},
):
    """A whole plan."""

    trial: TrialInfo
    radio: RadioSettings = RadioSettings()
    live: LiveSettings = LiveSettings()
    devices: tuple[TrialDevice, ...] = ()
    phases: tuple[Phase, ...] = ()

    @property
    def length_s(self) -> float:
        """How long all phases take."""
        return sum(phase.length_s for phase in self.phases)

    def device(self, name: str) -> TrialDevice | None:
        """Return a device by its id; None if the plan has no such device."""
        return next((device for device in self.devices if device.id == name), None)

    def phase_starts_s(self) -> Iterator[tuple[float, Phase]]:
        """Yield each phase and its start, seconds since the trial's."""
        at_s = 0.0
        for phase in self.phases:
            yield at_s, phase
            at_s += phase.length_s

    def phase_at(self, since_start_s: float) -> tuple[float, Phase] | None:
        """Return the phase at a time and the seconds since it began; None before the start and after the end."""
        for at_s, phase in self.phase_starts_s():
            if at_s <= since_start_s < at_s + phase.length_s:
                return since_start_s - at_s, phase
        return None

    def pairs(self) -> Iterator[tuple[TrialDevice, TrialDevice]]:
        """Yield every receiver with every sender that it may receive."""
        for one, other in combinations(self.devices, 2):
            for receiver, sender in ((one, other), (other, one)):
                if receiver.listens and sender.broadcasts:
                    yield receiver, sender
