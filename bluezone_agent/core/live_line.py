"""One line of the live feed: who is near now, and whether that can be known (JSON lines, docs/json.md)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from bluezone_agent.core.attenuation import Closeness
from bluezone_agent.core.clock_state import DistrustReason
from bluezone_agent.core.door import DoorNow

VERSION: Final = 1
SHOWN_OF_OWN: Final = 4
"""Hexadecimal digits of this device's own identifier that are shown."""


class LiveState(StrEnum):
    """What the radio does."""

    STARTING = "starting"
    SCANNING = "scanning"
    PAUSED = "paused"
    RADIO_LOST = "radio_lost"


class LiveRadio(msgspec.Struct, frozen=True, kw_only=True):
    """The radio as the agent sees it."""

    description: str
    scan_mode: str
    sparse: bool
    """Whether it may report each device only once in 11 s, as bluetoothd does with some adapters."""
    fault: str | None
    """Why it does not work: a RadioFault; None if it works."""
    message: str
    """The same for a person, in English: a template over `fields`."""
    fields: dict[str, str]


class Neighbour(msgspec.Struct, frozen=True, kw_only=True):
    """A device whose advertisement was received in the last 30 s. It has another pseudonym after its next rotation."""

    pseudonym: str
    """Lasts as long as its identifier and the agent's run; nobody can turn it back into the identifier."""
    protocol: str
    closeness: Closeness
    """The band of its attenuation."""
    attenuation_db: float
    """From the received power, with this receiver's calibration if one is in force."""
    rssi_dbm: float
    """Received power, averaged over the last 4 to 8 seconds."""
    packets: int
    """Received since it appeared."""
    appeared_s: float
    """Seconds since its first packet."""
    received_s: float
    """Seconds since its last packet."""


class LiveLine(msgspec.Struct, frozen=True, kw_only=True):
    """What the agent receives now: a line a second, and one as soon as the state of an open door changes."""

    version: int = VERSION
    number: int
    """Of this line since the agent started: a gap means that the reader was too slow for some lines."""
    at: datetime
    up_s: float
    """Uptime of the device, seconds: nobody can set it."""
    state: LiveState
    radio: LiveRadio
    protected: bool
    """Whether the owner is protected, so that what is received does not count."""
    pause_left_s: float | None
    """Seconds until the pause or protection ends; None if there is none."""
    clock_trusted: bool
    clock_reason: DistrustReason | None
    """Why the clock is not trusted."""
    protocol: str
    """The one that this device advertises."""
    own_code: str | None
    """The end of this device's own identifier, masked; None while nothing is advertised."""
    close_db: float
    """Highest attenuation that counts as close."""
    middle_db: float
    calibrated: bool
    neighbours: tuple[Neighbour, ...]
    """Strongest first."""
    not_shown: int
    """Further devices for which the line has no room; only forged identifiers can be that many."""
    received: dict[str, int]
    """Packets since the start by protocol."""
    discarded: dict[str, int]
    """Packets that did not count since the start, by reason."""
    door: DoorNow | None = None
    """What the guard of a door sees; None while no door is open."""


class LiveRefused(msgspec.Struct, frozen=True, kw_only=True):
    """The only line for a reader that the agent does not serve."""

    version: int = VERSION
    refused: str


def masked(identifier: bytes) -> str:
    """Return this device's identifier as its owner sees it: enough to tell a change, too little to repeat it."""
    return "****" + identifier.hex()[-SHOWN_OF_OWN:]
