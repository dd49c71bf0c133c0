"""When this device listened, and when not: what tells "nobody was there" from "nobody listened"."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

NOT_RUNNING: Final = "not running"
"""The reason of a gap of which nothing is stored: no agent ran, or it was killed."""


class Span(msgspec.Struct, frozen=True):
    """A stretch of time in which this device listened, or did not. Times between spans: no agent ran."""

    starts_at_s: int
    ends_at_s: int
    scan_mode: str
    """That of the radio (see the Radio port); empty while nobody listened."""
    reason: str = ""
    """Why nobody listened: a RadioFault."""

    @property
    def listened(self) -> bool:
        """Whether what was sent near this device could have been received."""
        return bool(self.scan_mode)


def joined(spans: Iterable[Span]) -> list[Span]:
    """Return the spans with those in one that follow each other at once and are alike."""
    joined: list[Span] = []
    for span in spans:
        last = joined[-1] if joined else None
        alike = last is not None and (last.scan_mode, last.reason) == (span.scan_mode, span.reason)
        if last is not None and alike and last.ends_at_s == span.starts_at_s:
            joined[-1] = replace(last, ends_at_s=span.ends_at_s)
        else:
            joined.append(span)
    return joined


def within(spans: Iterable[Span], since_s: float, until_s: float) -> list[Span]:
    """Return what of the spans lies between the two times; empty ones are left out."""
    clipped = (
        replace(span, starts_at_s=max(span.starts_at_s, int(since_s)), ends_at_s=min(span.ends_at_s, int(until_s)))
        for span in spans
    )
    return [span for span in clipped if span.starts_at_s < span.ends_at_s]


def gaps(spans: Sequence[Span], since_s: float, until_s: float) -> list[Span]:
    """Return when nobody listened between the two times: spans without a scan, and the time between spans."""
    found: list[Span] = []
    at_s = int(since_s)
    for span in sorted(spans, key=lambda s: s.starts_at_s):
        if span.starts_at_s > at_s:
            found.append(Span(at_s, span.starts_at_s, "", NOT_RUNNING))
        if not span.listened:
            found.append(span)
        at_s = max(at_s, span.ends_at_s)
    if until_s > at_s:
        found.append(Span(at_s, int(until_s), "", NOT_RUNNING))
    return found
