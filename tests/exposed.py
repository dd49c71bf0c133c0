"""Exposures put into a store as a check would have written them."""

from __future__ import annotations

from collections.abc import Sequence

from bluezone_agent.core.attenuation import ReceivedMinute
from bluezone_agent.core.identifiers import ReportType
from bluezone_agent.core.intervals import MINUTE_S
from bluezone_agent.stores.exposures import KeyMatch, KeyPublication


def received_key(
    key_digest: str, report_type: ReportType, onset: int | None, found_at_s: int, minutes: Sequence[ReceivedMinute]
) -> KeyMatch:
    """Return a GAEN key that was received in ``minutes`` and first verified at ``found_at_s``, or after the last."""
    end_s = max((m.minute + 1 for m in minutes), default=0) * MINUTE_S
    publication = KeyPublication("signer", report_type, onset, None, max(found_at_s, end_s))
    return KeyMatch(key_digest, "gaen", publication, tuple(minutes))
