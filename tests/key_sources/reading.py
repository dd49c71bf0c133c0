"""Visiting a source as a check does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bluezone_agent.core.diagnosis_keys.signed_index import SignedIndex
from bluezone_agent.core.diagnosis_keys.signing import Trust
from bluezone_agent.errors import KeySourceError
from bluezone_agent.key_sources import SourceAddress, open_source
from bluezone_agent.ports import MissingFile, SourceFile, Visit
from tests.diagnosis_keys import NOW_S


@dataclass(slots=True)
class Visited:
    """What one visit found."""

    files: list[SourceFile] = field(default_factory=list)
    missing: list[MissingFile] = field(default_factory=list)
    index: SignedIndex | None = None
    error: KeySourceError | None = None


def visited(
    where: str | SourceAddress,
    *known: str,
    now_s: float = NOW_S,
    trust: Trust | None = None,
    notes: Mapping[str, str] | None = None,
) -> Visited:
    """Visit a source to its end."""
    found = Visited()
    try:
        for item in open_source(where).files(Visit(now_s, lambda name: name in known, trust, notes or {})):
            match item:
                case SourceFile():
                    found.files.append(item)
                case MissingFile():
                    found.missing.append(item)
                case SignedIndex():
                    found.index = item
    except KeySourceError as error:
        found.error = error
    return found


def files_of(where: str | SourceAddress, *known: str) -> list[SourceFile]:
    """Return the files of a source that can be read to its end."""
    found = visited(where, *known)
    if found.error:
        raise found.error
    assert found.missing == []
    return found.files
