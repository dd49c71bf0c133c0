"""What waits to be written with the next transaction, by kind, so that it can't grow while the disk fails."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeAlias

import msgspec
from msgspec.structs import replace

from bluezone_agent.core.clock_state import ClockState
from bluezone_agent.core.journal import Record
from bluezone_agent.core.pauses import Pause

MOST_SPANS: Final = 1000
"""Pending changes of listening: hours of a radio that fails again and again."""


class SpanStarts(msgspec.Struct, frozen=True):
    """Listening changed: another span starts, and the open one ends."""

    at_s: float
    """It may be some time ago."""
    scan_mode: str
    reason: str = ""
    resumes: bool = False
    """Whether nothing is known of the time since the open span, which then stays unchanged."""
    utc_offset_s: int | None = None
    """How far the owner's clock is ahead of UTC; None where that is not known."""


class PauseEnded(msgspec.Struct, frozen=True):
    """A pause was found to be over."""

    pause: Pause


class FutureKeys(msgspec.Struct, frozen=True):
    """Keys of this device that start after this time were drawn by a wrong clock and have to be deleted."""

    after_s: float


Item: TypeAlias = Record | ClockState | SpanStarts | PauseEnded | FutureKeys


class Outbox:
    """Items in the order in which they have to be written: each change of listening, then the newest of each kind."""

    def __init__(self) -> None:
        self._spans: list[SpanStarts] = []
        self._newest: dict[type, Record | ClockState | PauseEnded | FutureKeys] = {}

    def add(self, items: Iterable[Item]) -> None:
        """Add items; each replaces an older one of its kind, except changes of listening."""
        for item in items:
            if isinstance(item, SpanStarts):
                self._spans.append(item)
            else:
                self._newest[type(item)] = item
        if len(self._spans) > MOST_SPANS:
            # the state before the first remaining one is no longer known
            first, *others = self._spans[-MOST_SPANS:]
            self._spans = [replace(first, resumes=True), *others]

    def waiting(self) -> list[Item]:
        """Return the pending items, in order."""
        return [*self._spans, *self._newest.values()]

    def remove(self, written: Iterable[Item]) -> None:
        """Remove what was written; a newer item that arrived meanwhile stays."""
        done = {id(item) for item in written}
        self._spans = [span for span in self._spans if id(span) not in done]
        self._newest = {kind: item for kind, item in self._newest.items() if id(item) not in done}
