"""What each worker has promised to have done next, and by when: the watchdog is fed only while all promises hold.

A promise covers every wait that is right. An agent that waits for its Bluetooth adapter keeps its promises, because
the supervisor promises to look again; a loop, a rotation or a writer that hangs breaks its own.
"""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import Final

STUCK_S: Final = 180.0
"""The longest time that opening a radio, starting a scan or a rotation may take: each call to the Bluetooth service has
a limit of its own of some seconds."""


class Worker(StrEnum):
    """Who promises."""

    SCAN = "scan"
    """The supervision of the radio: it looks at its scan every few seconds, or waits for a radio."""
    ROTATION = "rotation"
    WRITER = "writer"


class Watchdog:
    """The newest promise of each part, in the loop's own time, which stands still while the device is suspended."""

    def __init__(self) -> None:
        self._due_s: dict[Worker, float] = {}

    def expect(self, part: Worker, within_s: float) -> None:
        """``part`` has just made progress and will again within this many seconds."""
        self._due_s[part] = asyncio.get_running_loop().time() + within_s

    def clear(self, part: Worker) -> None:
        """``part`` has nothing to do at present."""
        self._due_s.pop(part, None)

    def late(self) -> list[Worker]:
        """Return the parts that broke their promise."""
        now_s = asyncio.get_running_loop().time()
        return [part for part, due_s in self._due_s.items() if now_s > due_s]
