"""The state of the sources of diagnosis keys and of their files."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from bluezone_agent.app.result import Result, utc
from bluezone_agent.core.source_records import FOLDER_NOTE, KeyFileRecord, SourceRecord, Verdict
from bluezone_agent.errors import AgentError

__all__ = ["Freshness", "KeyFileState", "SourceState", "SourceWithFiles", "Verdict"]


class Freshness(Result, frozen=True, kw_only=True):
    """The period for which a signed index proves that no file is held back, if there is an index."""

    provable: bool
    issued_at: datetime | None
    expires_at: datetime | None

    @classmethod
    def of(cls, issued_at_s: int | None, expires_at_s: int | None) -> Self:
        """Return the freshness that an index states; the times are None if there is no index."""
        return cls(provable=issued_at_s is not None, issued_at=utc(issued_at_s), expires_at=utc(expires_at_s))


class SourceState(Result, frozen=True, kw_only=True):
    """The state of one source."""

    name: str
    checked_at: datetime
    complete_at: datetime | None
    """The last check that read it completely and accepted every file."""
    error: AgentError | None
    """Why the last check did not read it completely."""
    accepts_unsigned: bool
    freshness: Freshness
    folder: str | None
    """Folder name stated by the signed index; None without an index or with one in the older format."""

    @classmethod
    def of(cls, source: SourceRecord) -> Self:
        """Return the state that the store keeps."""
        return cls(
            name=source.name,
            checked_at=utc(source.tried_at_s),
            complete_at=utc(source.complete_at_s),
            error=source.fault,
            accepts_unsigned=source.accepts_unsigned,
            freshness=Freshness.of(source.issued_at_s, source.expires_at_s),
            folder=source.notes.get(FOLDER_NOTE),
        )


class KeyFileState(Result, frozen=True, kw_only=True):
    """The outcome of one file."""

    name: str
    verdict: Verdict
    reason: AgentError | None
    """Why it was not downloaded, or was refused."""
    keys: int
    matched_keys: int
    """Those that this device received."""
    dropped: dict[str, int]
    """Number of skipped keys by reason."""
    sha256: str | None
    """Hash of the signed bytes that were accepted; None if none were."""
    published_at: datetime | None
    fetched_at: datetime | None
    """When it was first accepted; None for never."""
    tried_at: datetime

    @classmethod
    def of(cls, file: KeyFileRecord) -> Self:
        """Return the state that the store keeps."""
        return cls(
            name=file.name,
            verdict=file.verdict,
            reason=file.fault,
            keys=file.keys,
            matched_keys=file.matched,
            dropped=dict(file.dropped),
            sha256=file.digest or None,
            published_at=utc(file.published_at_s),
            fetched_at=utc(file.fetched_at_s) if file.digest else None,
            tried_at=utc(file.tried_at_s),
        )


class SourceWithFiles(SourceState, frozen=True, kw_only=True):
    """A source, and its files of the last 14 days."""

    newest_published_at: datetime | None
    files: tuple[KeyFileState, ...]
