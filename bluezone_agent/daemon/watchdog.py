"""What each worker is expected to do next, and by when: the watchdog is fed only while no worker is late.

An expectation covers every legitimate wait. An agent that waits for its Bluetooth adapter meets its expectations,
because the supervisor undertakes to look again; a loop, a rotation or a writer that hangs does not.
"""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import Final

STUCK_S: Final = 180.0
"""The longest time that opening a radio, starting a scan or a rotation may take: each call to the Bluetooth service has
its own limit of some seconds."""


class Worker(StrEnum):
    """The workers that are watched."""

    SCAN = "scan"
    """The supervision of the radio: it looks at its scan every few seconds, or waits for a radio."""
    ROTATION = "rotation"
    WRITER = "writer"


class Watchdog:
    """The newest expectation of each worker, in the loop's own time, which stops while the device is suspended."""

    def __init__(self) -> None:
        self._due_s: dict[Worker, float] = {}

    def expect(self, part: Worker, within_s: float) -> None:
        """``part`` has just made progress and will do so again within this many seconds."""
        self._due_s[part] = asyncio.get_running_loop().time() + within_s

    def clear(self, part: Worker) -> None:
        """``part`` has nothing to do at present."""
        self._due_s.pop(part, None)

    def late(self) -> list[Worker]:
        """Return the workers that are late."""
        now_s = asyncio.get_running_loop().time()
        return [part for part, due_s in self._due_s.items() if now_s > due_s]
