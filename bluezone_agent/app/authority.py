"""What a health authority does with the keys of cases."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from bluezone_agent.app.result import Result, utc
from bluezone_agent.authority import publish as publishing
from bluezone_agent.core.identifiers import ReportType
from bluezone_agent.errors import AgentError


class PublicKey(Result, frozen=True, kw_only=True):
    """A verification key, as a [[source.key]] has it."""

    id: str
    version: str
    public_key: str
    """PEM, SubjectPublicKeyInfo, P-256."""


class TrustedSource(Result, frozen=True, kw_only=True):
    """The [[source]] by which agents trust the authority."""

    location: str
    key: tuple[PublicKey, ...]


class SigningKeyMade(Result, frozen=True, kw_only=True):
    """A new signing key."""

    signing_key: Path
    source: TrustedSource


class PublishedKeys(Result, frozen=True, kw_only=True):
    """One file that was published."""

    file: str
    protocol: str
    keys: int


class Publication(Result, frozen=True, kw_only=True):
    """What one call published, and what it did not."""

    published: tuple[PublishedKeys, ...]
    submissions: int
    refused: tuple[AgentError, ...]
    dropped: dict[str, dict[str, int]]
    """Submission → reason → keys that were left out."""
    already_published: int
    held_back: int
    """Keys that are still valid."""
    held_until: datetime | None


def make_signing_key(folder: Path, key_id: str, key_version: str, location: str) -> SigningKeyMade:
    """Make a signing key in ``folder``; raises AgentError."""
    key = publishing.init(folder, key_id, key_version).verification_key
    public = PublicKey(id=key.key_id, version=key.key_version, public_key=key.to_pem())
    return SigningKeyMade(
        signing_key=folder / publishing.KEY_NAME, source=TrustedSource(location=location, key=(public,))
    )


def publish(
    submissions: Sequence[Path],
    key_folder: Path,
    folder: Path,
    *,
    report_type: ReportType,
    region: str,
    minimum: int,
    index_days: int,
) -> Publication:
    """Check submissions and publish, or with ReportType.REVOKED take back, their keys in ``folder``."""
    report = publishing.publish(
        submissions,
        publishing.load_key(key_folder),
        folder,
        time.time(),
        report_type=report_type,
        region=region,
        minimum=minimum,
        index_days=index_days,
    )
    return Publication(
        published=tuple(PublishedKeys(file=p.name, protocol=p.protocol, keys=p.keys) for p in report.published),
        submissions=report.submissions,
        refused=tuple(report.refused),
        dropped={name: dict(reasons) for name, reasons in report.dropped.items()},
        already_published=report.already_published,
        held_back=report.held_back,
        held_until=utc(report.held_until_s or None),
    )
