"""What a running recorder says of itself: one line a second on its socket, one every few seconds to a broker.

It has names of the plan, counts and marks; never an identifier, an address or a packet.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

VERSION: Final = 1
LINE_EVERY_S: Final = 1.0
NODE_SILENT_S: Final = 30.0
"""Six heartbeats through a broker, thirty lines of a socket."""


class NodeState(StrEnum):
    """How far a recorder is."""

    WAITING = "waiting"
    """The radio works, or is being opened; the first phase has not begun."""
    RUNNING = "running"
    STOPPED = "stopped"
    """It ended before the last phase did; the same command continues."""
    OVER = "over"
    """The last phase is over."""


ENDED: Final = frozenset({NodeState.STOPPED, NodeState.OVER})


class SenderLine(msgspec.Struct, frozen=True, kw_only=True):
    """What a recorder received of another device of the plan."""

    device: str
    packets: int
    """Since the recorder was started."""
    phase_packets: int
    """In the present phase."""
    phase_expected: float | None
    """Packets that the sender transmitted while this device scanned in this phase, by the plan; None where the two take
    no part in it together."""
    received_s: float | None
    """Seconds since its last packet; None if there was none."""
    rssi_dbm: float | None
    """Received power, smoothed over some seconds; None if there was no packet."""
    silent: bool
    """Whether it takes part and was not received for so long that something may be wrong with it."""


class MarkLine(msgspec.Struct, frozen=True, kw_only=True):
    """A mark that a recorder took."""

    ago_s: float
    text: str
    distances: tuple[tuple[str, str, float], ...] = ()


class NodeLine(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one recorder."""

    version: int = VERSION
    trial: str
    plan: str
    """The plan's fingerprint: every device of a trial has the same plan."""
    device: str
    state: NodeState
    phase: str | None
    """None before the first and after the last."""
    phase_number: int
    """From 1; 0 before the first."""
    phases: int
    phase_left_s: float | None
    left_s: float | None
    """Until the last phase is over; None before the start."""
    starts_in_s: float | None
    """Until the planned start; None without one, and after it."""
    radio: str
    """Its description; empty until it is open."""
    radio_fault: str
    """Why the radio does not work, in English; empty if it works."""
    on_air: bool
    """Whether it advertises."""
    clock_synchronised: bool
    clock_error_s: float | None
    """How wrong the clock is by the kernel's estimate, or at most if its time service estimates nothing; None if the
    kernel does not count it as synchronised."""
    lost: int
    """Packets that could not be written."""
    senders: tuple[SenderLine, ...]
    """In the order of the plan."""
    marks: tuple[MarkLine, ...]
    """The latest, oldest first."""


class LiveNode(msgspec.Struct, frozen=True, kw_only=True):
    """A recorder, as ``trial live`` knows it."""

    state: NodeLine
    """What it said last."""
    age_s: float
    """How long ago that was."""
    local: bool
    """Whether it records on this machine; else it is known through the broker."""
    dead: bool
    """Whether it has not ended, and has said nothing for 30 s."""


class LiveTrial(msgspec.Struct, frozen=True, kw_only=True):
    """What ``trial live`` shows; one line a second."""

    version: int = VERSION
    at: datetime
    trial: str
    nodes: tuple[LiveNode, ...]
    """In the order of the plan; those on this machine first."""
    missing: tuple[str, ...]
    """Devices that record, by the plan, of which nothing is known after 30 s; only where the plan has a broker."""
    broker_connected: bool | None
    """None if the plan has no broker."""


DECODER: Final = msgspec.json.Decoder(NodeLine)
