"""What is known of each source of diagnosis keys, and what became of each of its files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

from bluezone_agent.core.sightings import BootTime
from bluezone_agent.errors import N_, AgentError, BadSignatureError, CertificateDatesError, KeyFileError, KeySourceError

AFTER_PUBLICATION: Final = N_("starts after its publication")
"""Why a key is left out that a file of that date can't contain: the date may be wrong, and exposures are missed."""

SEQUENCE_NOTE: Final = "sequence"
"""The note of a source with the highest sequence number of a signed index seen so far."""
FOLDER_NOTE: Final = "folder"
"""The note of a source with the folder that its first signed index named."""


class Verdict(StrEnum):
    """What became of a file, for scripts."""

    MISSING = "missing"
    """The last attempt could not fetch it."""
    REFUSED = "refused"
    """It was fetched and not accepted."""
    PENDING = "pending"
    """Accepted; some of its keys are still valid and have to wait."""
    MATCHED = "matched"
    """Accepted, and all of its keys were compared with what was received."""


class KeyFileRecord(msgspec.Struct, frozen=True):
    """What became of one file of a source."""

    source: str
    name: str
    tried_at_s: int
    digest: str = ""
    """SHA-256 of the signed bytes that were accepted, hex; empty if none ever were."""
    published_at_s: int | None = None
    """The time stated in those bytes."""
    fetched_at_s: int = 0
    """When they were fetched for the first time; meaningless while ``fetched_in`` is known."""
    keys: int = 0
    matched: int = 0
    """Keys that were received."""
    dropped: Mapping[str, int] = msgspec.field(default_factory=dict)
    """Keys that were left out, by reason (a text for the catalogues)."""
    final: bool = False
    """Nothing in it can match any more: it need not be fetched again."""
    fault: AgentError | None = None
    """Why the last attempt failed; what was accepted before still counts."""
    fetched_in: BootTime | None = None
    """``fetched_at_s`` by the clock that nobody can set, while wall time is not known."""

    @property
    def verdict(self) -> Verdict:
        """The result of the last attempt."""
        if isinstance(self.fault, KeySourceError):
            return Verdict.MISSING
        if self.fault is not None:
            return Verdict.REFUSED
        return Verdict.MATCHED if self.final else Verdict.PENDING


class SourceRecord(msgspec.Struct, frozen=True):
    """The state of one source."""

    name: str
    tried_at_s: int
    complete_at_s: int | None = None
    """The last check that fully read it and accepted every file."""
    fault: AgentError | None = None
    """Why it could not be fully read the last time."""
    accepts_unsigned: bool = False
    issued_at_s: int | None = None
    """The time of its signed index; None if it has none, so that nobody can tell whether files are held back."""
    expires_at_s: int | None = None
    notes: Mapping[str, str] = msgspec.field(default_factory=dict)
    """What it asked to receive at the next check."""


KINDS: Final = (BadSignatureError, KeyFileError, CertificateDatesError, KeySourceError)
FAULTS: Final = {kind.__name__: kind for kind in KINDS}
"""Errors that are kept, by the name under which they are stored; the first that fits is used."""


def packed_fault(fault: AgentError | None) -> str:
    """Return an error as JSON that can be shown in any language later; empty for no error."""
    if fault is None:
        return ""
    fields = {name: value if isinstance(value, int) else str(value) for name, value in fault.fields.items()}
    kind = next(name for name, kind in FAULTS.items() if isinstance(fault, kind))
    return json.dumps([kind, fault.message, fault.hint, fields])


def unpacked_fault(text: str) -> AgentError | None:
    """Undo :func:`packed_fault`; text that is damaged or from another version becomes an error that says so."""
    if not text:
        return None
    try:
        kind, message, hint, fields = json.loads(text)
        return FAULTS[kind](message, hint, **fields)
    except (LookupError, ValueError, TypeError, AttributeError):  # from another version, or damaged
        return KeyFileError(N_("a reason unknown to this version: {reason}"), reason=text)
