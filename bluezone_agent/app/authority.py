"""What a health authority does with the keys of cases."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Self

from bluezone_agent.app.result import Result, utc
from bluezone_agent.authority import publish as publishing
from bluezone_agent.authority.publish import Fate, Submission
from bluezone_agent.core.identifiers import ReportType
from bluezone_agent.errors import AgentError

__all__ = [
    "Fate",
    "PublicKey",
    "Publication",
    "PublishedKeys",
    "SigningKeyMade",
    "SubmissionResult",
    "SubmissionVerdict",
    "TrustedSource",
    "make_signing_key",
    "publish",
]


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


class SubmissionVerdict(StrEnum):
    """The outcome of a whole submission."""

    ACCEPTED = "accepted"
    """Keys of it were published, revoked or withdrawn."""
    WAITS = "waits"
    """Its keys are still valid."""
    DONE_BEFORE = "done before"
    NO_KEYS = "no keys"
    """It has no key that could be published."""
    REFUSED = "refused"


class SubmissionResult(Result, frozen=True, kw_only=True):
    """The outcome of one submission."""

    name: str
    verdict: SubmissionVerdict
    error: AgentError | None
    """Why it was refused."""
    keys: dict[Fate, int]
    """Keys that could be published, by outcome."""
    dropped: dict[str, int]
    """Number of skipped keys by reason."""
    held_until: datetime | None
    """When the last held-back key expires."""

    @classmethod
    def of(cls, submission: Submission) -> Self:
        """Return the result of a call."""
        return cls(
            name=submission.name,
            verdict=_verdict(submission),
            error=submission.error,
            keys=dict(submission.fates),
            dropped=dict(submission.dropped),
            held_until=utc(submission.held_until_s or None),
        )


def _verdict(submission: Submission) -> SubmissionVerdict:
    fates = submission.fates
    if submission.error is not None:
        return SubmissionVerdict.REFUSED
    if fates[Fate.PUBLISHED] or fates[Fate.REVOKED] or fates[Fate.WITHDRAWN]:
        return SubmissionVerdict.ACCEPTED
    if fates[Fate.HELD_BACK]:
        return SubmissionVerdict.WAITS
    return SubmissionVerdict.DONE_BEFORE if submission.keys else SubmissionVerdict.NO_KEYS


class Publication(Result, frozen=True, kw_only=True):
    """What one call published, revoked, withdrew or held back."""

    published: tuple[PublishedKeys, ...]
    """Files; those of ``authority revoke`` revoke their keys."""
    submissions: tuple[SubmissionResult, ...]
    keys: dict[Fate, int]
    """Of all submissions, each key counted once."""
    held_until: datetime | None
    """When the last held-back key expires."""


def make_signing_key(folder: Path, key_id: str, key_version: str, location: str) -> SigningKeyMade:
    """Create a signing key in ``folder``; raises AgentError."""
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
    """Verify submissions and publish their keys in ``folder``, or revoke them with ReportType.REVOKED."""
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
        submissions=tuple(map(SubmissionResult.of, report.submissions)),
        keys=dict(report.fates),
        held_until=utc(report.held_until_s or None),
    )
