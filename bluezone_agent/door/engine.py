"""When a device is held near: the strongest by a margin, and stronger than it was a moment ago.

A threshold alone would count whoever stands in the queue with a strong phone. The engine knows no clock, no store and
no radio; what it is told of a device is a key that it keeps in memory only.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Final

from bluezone_agent.core.door import Direction, DoorState
from bluezone_agent.door.counted import Counted
from bluezone_agent.door.near import GONE_S, NearDevice, NearDevices, Packet
from bluezone_agent.door.rule import HANDOVER_S, LEAVES_DB, NO_PAST_DB, SETTLES_S, Rule

GREEN_S: Final = 2.5
"""How long green is shown: long enough to look up, short enough for one person every three seconds."""
FORGETS_S: Final = 5.0
"""How often what is too old is forgotten."""


class DoorEngine:
    """One door. Times are uptime, seconds, and never go back."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.direction = Direction.IN
        self.state = DoorState.WAITING
        self.since_s = 0.0
        self._near = NearDevices()
        self._counted = Counted()
        self._green_until_s = -math.inf
        self._forgot_s = -math.inf

    def packet(self, key: Hashable, protocol: str, rssi_dbm: int, at_s: float) -> bool:
        """Take one packet; return whether its device is counted by it.

        ``key`` is what stays the same while an identifier is valid.
        """
        device = self._near.received(key, protocol, Packet(at_s, rssi_dbm))
        if device is None:
            return False
        self._counted.received(key, at_s)
        self._follow(device, at_s)
        if not self._in_front(device.level_dbm(at_s)) or self._look(at_s) is not device:
            return False
        device.inside = True
        self._counted.add(key, self.direction, at_s)
        self._green_until_s = at_s + GREEN_S
        self._show(DoorState.GREEN, at_s, again=True)
        return True

    def tick(self, at_s: float) -> None:
        """Let time pass: green ends, devices leave."""
        if at_s - self._forgot_s >= FORGETS_S:
            self._forgot_s = at_s
            self._near.forget(at_s)
            self._counted.forget(at_s)
        for device in list(self._near):
            self._follow(device, at_s)
        self._look(at_s)

    def take_back(self, key: Hashable) -> None:
        """Forget that a device was counted: it is counted again when it leaves and comes near."""
        self._counted.take_back(key)
        self._green_until_s = -math.inf

    def green_left_s(self, at_s: float) -> float | None:
        """Return the seconds until green ends; None if it is not green."""
        return max(0.0, self._green_until_s - at_s) if self.state is DoorState.GREEN else None

    def strongest_dbm(self, at_s: float) -> float | None:
        """Return the level of the strongest device; None if there is none."""
        there = self._near.there(at_s)
        return there[0][0] if there else None

    def _follow(self, device: NearDevice, at_s: float) -> None:
        """Note that a device left, or that it is another one under its next identifier."""
        if device.inside:
            level = device.level_dbm(at_s)
            gone = at_s - device.last_s > GONE_S
            device.inside = not gone and (level is None or self._in_front(level))
        if not device.examined and at_s - device.first_s >= SETTLES_S:
            device.examined = True
            self._take_over(device, at_s)

    def _in_front(self, level_dbm: float | None) -> bool:
        return level_dbm is not None and level_dbm > self.rule.threshold_dbm - LEAVES_DB

    def _take_over(self, device: NearDevice, at_s: float) -> None:
        """Let a new device in front of the reader be the one that fell silent there as it began."""
        if not self._in_front(device.level_dbm(at_s)):
            return
        for other in self._near:
            silent = other.last_s < device.first_s <= other.last_s + HANDOVER_S
            if silent and self._in_front(other.level_dbm(other.last_s)):
                device.follows(other)
                self._counted.hand_over(other.key, device.key)
                self._near.drop(other)
                return

    def _look(self, at_s: float) -> NearDevice | None:
        """Show what there is to see; return a device that is to be counted."""
        there = self._near.there(at_s)
        found = self._held(there, at_s)
        if found is DoorState.GREEN:
            return there[0][1]
        if at_s >= self._green_until_s:
            self._show(found, at_s)
        return None

    def _held(self, there: list[tuple[float, NearDevice]], at_s: float) -> DoorState:
        """Return what the devices that are there, strongest first, mean; GREEN if the first is to be counted."""
        if not there or not self._in_front(there[0][0]):
            return DoorState.WAITING
        level, device = there[0]
        if device.inside:
            return self._second(there, at_s)
        if level < self.rule.threshold_dbm or not self._risen(device, level, at_s):
            return DoorState.APPROACHING if self._rises(device, level, at_s) else DoorState.WAITING
        if len(there) > 1 and level - there[1][0] < self.rule.margin_db:
            return DoorState.ONE_AT_A_TIME
        return DoorState.ALREADY_COUNTED if self._counted.has(device.key, self.direction) else DoorState.GREEN

    def _second(self, there: list[tuple[float, NearDevice]], at_s: float) -> DoorState:
        """Return what to show while the strongest device was counted and is still near."""
        for level, device in there[1:]:
            if level < self.rule.threshold_dbm:
                break
            if not device.inside and self._risen(device, level, at_s):
                return DoorState.ONE_AT_A_TIME
        return DoorState.WAITING

    def _risen(self, device: NearDevice, level: float, at_s: float) -> bool:
        before = device.before_dbm(at_s)
        if before is None:  # it appeared from nothing
            return device.examined and level >= self.rule.threshold_dbm + NO_PAST_DB
        return level - before >= self.rule.rise_db

    def _rises(self, device: NearDevice, level: float, at_s: float) -> bool:
        """Return whether it is on its way to be held near."""
        before = device.before_dbm(at_s)
        return not device.examined if before is None else level - before >= self.rule.rise_db / 2

    def _show(self, state: DoorState, at_s: float, *, again: bool = False) -> None:
        if state is not self.state or again:
            self.state, self.since_s = state, at_s
