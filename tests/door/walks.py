"""Devices in front of an engine: each sends a packet every 250 ms, as strongly as it is told."""

from __future__ import annotations

from bluezone_agent.core.door import DoorState
from bluezone_agent.door.engine import DoorEngine
from bluezone_agent.door.rule import Rule

EVERY_S = 0.25
FAR, QUEUE, NEAR = -85, -73, -58
"""dBm: across the room, in the queue, at 30 cm."""


class Walk:
    """An engine and its time."""

    def __init__(self, rule: Rule | None = None) -> None:
        self.engine = DoorEngine(rule or Rule())
        self.at_s = 0.0
        self.passed: list[str] = []
        self.states: list[DoorState] = []

    def wait(self, seconds: float, **levels: int) -> None:
        """Let the devices that are named send with these levels."""
        for _ in range(round(seconds / EVERY_S)):
            self.at_s += EVERY_S
            for key, rssi_dbm in levels.items():
                if self.engine.packet(key, "gaen", rssi_dbm, self.at_s):
                    self.passed.append(key)
                self.states.append(self.engine.state)
            self.engine.tick(self.at_s)
            self.states.append(self.engine.state)

    def seen(self) -> set[DoorState]:
        """Return what was shown since the last call."""
        found, self.states = set(self.states), []
        return found
