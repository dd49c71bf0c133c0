"""When this device scanned, and when not: it distinguishes "no device was near" from "no scan"."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

NOT_RUNNING: Final = "not running"
"""The reason for a gap without any stored record: no agent ran, or it was killed."""


class Span(msgspec.Struct, frozen=True):
    """A period in which this device scanned, or did not. Between spans no agent ran."""

    starts_at_s: int
    ends_at_s: int
    scan_mode: str
    """The radio's scan mode (see the Radio port); empty while there was no scan."""
    reason: str = ""
    """Why there was no scan: a RadioFault."""

    @property
    def listened(self) -> bool:
        """Whether nearby transmissions could have been received."""
        return bool(self.scan_mode)


def joined(spans: Iterable[Span]) -> list[Span]:
    """Return the spans, with adjacent equal ones joined."""
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
    """Return the parts of the spans between the two times; empty ones are left out."""
    clipped = (
        replace(span, starts_at_s=max(span.starts_at_s, int(since_s)), ends_at_s=min(span.ends_at_s, int(until_s)))
        for span in spans
    )
    return [span for span in clipped if span.starts_at_s < span.ends_at_s]


def gaps(spans: Sequence[Span], since_s: float, until_s: float) -> list[Span]:
    """Return the gaps between the two times: spans without a scan, and the time between spans."""
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
