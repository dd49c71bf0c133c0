"""The results of a check."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from bluezone_agent.core.diagnosis_keys.signed_index import SignedIndex
from bluezone_agent.core.exposure import DayExposure
from bluezone_agent.core.source_records import KeyFileRecord
from bluezone_agent.errors import AgentError, KeySourceError


@dataclass(slots=True)
class SourceReport:
    """The result for one source."""

    name: str
    accepts_unsigned: bool = False
    files: list[KeyFileRecord] = field(default_factory=list)
    """The files that were read or tried."""
    index: SignedIndex | None = None
    """None if it has none: then nobody can tell whether files are held back."""
    notes: dict[str, str] = field(default_factory=dict)
    """What it asks to receive at the next check."""
    error: KeySourceError | None = None
    """Why the source could not be fully read."""

    @property
    def faults(self) -> list[AgentError]:
        """Why files were not fetched or not accepted."""
        return [file.fault for file in self.files if file.fault is not None]

    @property
    def dropped(self) -> Counter[str]:
        """Keys of accepted files that were left out, by reason (a text for the catalogues)."""
        return sum((Counter(file.dropped) for file in self.files if file.fault is None), Counter())

    @property
    def complete(self) -> bool:
        """Whether the source was fully read and every file accepted."""
        return self.error is None and not self.faults


@dataclass(frozen=True, slots=True)
class CheckReport:
    """One check of all sources."""

    sources: tuple[SourceReport, ...]
    matched_keys: int
    """Published keys that were received, over all checks so far."""
    days: tuple[DayExposure, ...]
    """Every day with an exposure, by the rule."""
    new_warnings: tuple[DayExposure, ...]

    @property
    def complete(self) -> bool:
        """Whether every source was read and every file accepted."""
        return all(s.complete for s in self.sources)
