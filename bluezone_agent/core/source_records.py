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
"""Why a key is left out that a file of that date can't have: the date may be wrong, and then exposures are missed."""

SEQUENCE_NOTE: Final = "sequence"
"""The note of a source for the highest sequence of a signed index that was seen."""
FOLDER_NOTE: Final = "folder"
"""The note of a source for the folder that its first signed index named."""


class Verdict(StrEnum):
    """What became of a file, for scripts."""

    MISSING = "missing"
    """The last attempt could not fetch it."""
    REFUSED = "refused"
    """It was fetched and not accepted."""
    PENDING = "pending"
    """Accepted; some of its keys are still valid and wait."""
    MATCHED = "matched"
    """Accepted, and all of its keys compared with what was received."""


class KeyFileRecord(msgspec.Struct, frozen=True):
    """What became of one file of a source."""

    source: str
    name: str
    tried_at_s: int
    digest: str = ""
    """SHA-256 of the signed bytes that were accepted, hex; empty where none ever were."""
    published_at_s: int | None = None
    """As those bytes say."""
    fetched_at_s: int = 0
    """When they were fetched for the first time; means nothing while ``fetched_in`` is known."""
    keys: int = 0
    matched: int = 0
    """Keys that were received."""
    dropped: Mapping[str, int] = msgspec.field(default_factory=dict)
    """Keys that were left out, by reason (a text for the catalogues)."""
    final: bool = False
    """Nothing in it can match any more: it need not be fetched again."""
    fault: AgentError | None = None
    """Why the last attempt brought nothing; what was accepted before still counts."""
    fetched_in: BootTime | None = None
    """``fetched_at_s`` by the clock that nobody can set, for as long as wall time is not known."""

    @property
    def verdict(self) -> Verdict:
        """What became of it the last time."""
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
    """The last check that read it to its end and accepted every file."""
    fault: AgentError | None = None
    """Why it could not be read to its end the last time."""
    accepts_unsigned: bool = False
    issued_at_s: int | None = None
    """Of its signed index; None where it has none, and nobody can tell whether files are held back."""
    expires_at_s: int | None = None
    notes: Mapping[str, str] = msgspec.field(default_factory=dict)
    """What it asked to be told at the next check."""


KINDS: Final = (BadSignatureError, KeyFileError, CertificateDatesError, KeySourceError)
FAULTS: Final = {kind.__name__: kind for kind in KINDS}
"""Errors that are kept, by the name under which they are; the first that fits."""


def packed_fault(fault: AgentError | None) -> str:
    """Return an error as JSON that a person of any language can be told later, nothing for none."""
    if fault is None:
        return ""
    fields = {name: value if isinstance(value, int) else str(value) for name, value in fault.fields.items()}
    kind = next(name for name, kind in FAULTS.items() if isinstance(fault, kind))
    return json.dumps([kind, fault.message, fault.hint, fields])


def unpacked_fault(text: str) -> AgentError | None:
    """Undo :func:`packed_fault`; what another version wrote, or is damaged, is an error that says so."""
    if not text:
        return None
    try:
        kind, message, hint, fields = json.loads(text)
        return FAULTS[kind](message, hint, **fields)
    except (LookupError, ValueError, TypeError, AttributeError):  # of another version, or damaged
        return KeyFileError(N_("a reason unknown to this version: {reason}"), reason=text)
