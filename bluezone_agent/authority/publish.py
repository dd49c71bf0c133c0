"""The health authority's two acts: making a signing key, and publishing the keys of cases.

Whether somebody is a case (F0) or the contact of one (F1) is what the authority found, and it says so when it
publishes; a submission makes no such claim.
"""

from __future__ import annotations

import json
import re
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec

from bluezone_agent.authority.key_folder import (
    INDEX_LIFE_DAYS,
    WRITERS,
    Batch,
    PublishedFile,
    add,
    locked,
    read_back,
)
from bluezone_agent.core.diagnosis_keys import KeyFault
from bluezone_agent.core.diagnosis_keys.signing import SigningKey
from bluezone_agent.core.diagnosis_keys.submission import MAX_SUBMISSION, fault_in, read_submission
from bluezone_agent.core.identifiers import DiagnosisKey, ReportType
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.errors import N_, AgentError, KeyFileError
from bluezone_agent.files import create, read_text

MINIMUM_KEYS: Final = 1000
"""As Google's key server fills its files up."""
MOST_KEYS: Final = 30_000
"""Half a megabyte: a small device fetches and reads it in one go (also Google's limit)."""
KEY_NAME: Final = "signing-key.json"
NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,40}")
"""What a key id, version or region may look like: it stands in file formats, TOML and messages."""


@dataclass(frozen=True, slots=True)
class PublishedBatch:
    """A file that was written."""

    name: str
    protocol: str
    keys: int
    """Without those that fill it up."""


@dataclass(slots=True)
class PublishReport:
    """What one call published, and what it did not."""

    published: list[PublishedBatch] = field(default_factory=list)
    submissions: int = 0
    """Submissions that were read."""
    refused: list[AgentError] = field(default_factory=list)
    """Submissions that were not, each with its name and reason."""
    dropped: dict[str, Counter[str]] = field(default_factory=dict)
    """Submission → keys left out, by reason (a text for the catalogues)."""
    already_published: int = 0
    held_back: int = 0
    """Keys that are still valid; the next call publishes them once they are over."""
    held_until_s: int = 0
    """When the last of them is over, Unix seconds."""


def init(folder: Path, key_id: str, key_version: str) -> SigningKey:
    """Make a signing key in ``folder``, 0600, never over another. Raises AgentError."""
    for name in (key_id, key_version):
        _require_simple(name)
    key = SigningKey(key_id, key_version, ec.generate_private_key(ec.SECP256R1()))
    text = json.dumps({"key_id": key_id, "key_version": key_version, "private_key": key.to_pem()}, indent=1)
    path = folder / KEY_NAME
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        create(path, text.encode("ascii") + b"\n")
    except FileExistsError as error:
        raise AgentError(
            N_("{path} exists already and is never overwritten"),
            N_("make the new key in a folder of its own, under a new version"),
            path=path,
        ) from error
    except OSError as error:
        raise AgentError(
            N_("can't write {path}: {reason}"),
            N_("name a folder that you can write"),
            path=path,
            reason=error.strerror,
        ) from error
    return key


def _require_simple(name: str) -> None:
    if not NAME.fullmatch(name):
        raise AgentError(
            N_('"{name}" can\'t name a key or a region'),
            N_("use up to 40 letters, digits, dots, dashes and underscores, for instance 452, v1 or VN"),
            name=name,
        )


def load_key(folder: Path) -> SigningKey:
    """Read the signing key in ``folder``; raises AgentError."""
    path = folder / KEY_NAME
    try:
        values = json.loads(read_text(path))
        return SigningKey.from_pem(values["key_id"], values["key_version"], values["private_key"])
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError, UnsupportedAlgorithm) as error:
        raise AgentError(
            N_("can't read the signing key {path}: {reason}"),
            N_('name the folder that "bluezone-agent authority init" made: --key DIR'),
            path=path,
            reason=error.strerror if isinstance(error, OSError) else N_("it is no signing key of this program"),
        ) from error


def publish(
    submissions: Iterable[Path],
    key: SigningKey,
    folder: Path,
    now_s: float,
    *,
    report_type: ReportType,
    region: str,
    minimum: int = MINIMUM_KEYS,
    index_days: float = INDEX_LIFE_DAYS,
) -> PublishReport:
    """Publish what the submissions, files or folders of them, bring that is new, good and over.

    ``report_type`` is what the authority found of their owners: a case (F0), the contact of one (RECURSIVE, F1), or
    neither (REVOKED: what was published by mistake, and nothing else, is taken back). Files are filled up to
    ``minimum`` keys with random ones, so that their number tells nothing. A submission that can't be read is refused
    by name and the others go on. The same submissions once more publish nothing, but renew the signed index, which
    holds for ``index_days``. Raises AgentError where ``folder`` can't be used.
    """
    _require_simple(region)
    report = PublishReport()
    found = [k._replace(report_type=report_type) for k in _read(submissions, report, now_s)]
    with locked(folder):
        before = read_back(folder, key, now_s)
        batches = list(_batches(_due(found, before, report, now_s), before, int(now_s), minimum))
        files = [WRITERS[batch.protocol](batch, key, region) for batch in batches]
        add(folder, before, files, key=key, now_s=now_s, life_s=index_days * DAY_S)
    report.published = [PublishedBatch(file.name, b.protocol, b.real) for file, b in zip(files, batches, strict=True)]
    return report


def _read(submissions: Iterable[Path], report: PublishReport, now_s: float) -> list[DiagnosisKey]:
    found: list[DiagnosisKey] = []
    for path in submissions:
        for file in sorted(_files_in(path)):
            try:
                keys = read_submission(str(file), _content(file))
            except KeyFileError as error:
                report.refused.append(error)
                continue
            report.submissions += 1
            for diagnosis in keys:
                fault = fault_in(diagnosis.key, now_s) if diagnosis.key.protocol in WRITERS else KeyFault.PROTOCOL
                if fault is None:
                    found.append(diagnosis)
                else:
                    report.dropped.setdefault(str(file), Counter())[fault] += 1
    return found


def _files_in(path: Path) -> list[Path]:
    return [p for p in path.iterdir() if p.is_file() and not p.name.startswith(".")] if path.is_dir() else [path]


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_SUBMISSION + 1)
    except OSError as error:
        raise KeyFileError(
            N_("can't read the submission {path}: {reason}"),
            N_("check the name, and that this user may read it"),
            path=path,
            reason=error.strerror,
        ) from error


def _due(
    found: Iterable[DiagnosisKey], before: Iterable[PublishedFile], report: PublishReport, now_s: float
) -> list[DiagnosisKey]:
    """Return the keys to publish now: each once, over, and not yet published as that or as more."""
    published = _published(before)
    due: list[DiagnosisKey] = []
    for diagnosis in {k.key.data: k for k in found}.values():
        present = published.get(diagnosis.key.data)
        if not _changes(present, diagnosis.report_type):
            report.already_published += 1
        elif diagnosis.key.ends_at_s > now_s:
            report.held_back += 1
            report.held_until_s = max(report.held_until_s, diagnosis.key.ends_at_s)
        else:
            due.append(diagnosis)
    return due


def _published(before: Iterable[PublishedFile]) -> dict[bytes, ReportType]:
    """Return what the files, oldest first, say of each key in the end."""
    state: dict[bytes, ReportType] = {}
    for file in before:
        batch = file.key_file.whole()
        state |= {k.key.data: k.report_type for k in batch.keys}
        state |= dict.fromkeys(batch.revoked, ReportType.REVOKED)
    return state


def _changes(present: ReportType | None, wanted: ReportType) -> bool:
    """Whether a key goes from what is published of it to ``wanted``: a contact may prove a case, anything be revoked.

    What was never published can't be revoked, and what is revoked stays so: agents never match it again.
    """
    if wanted is ReportType.REVOKED:
        return present not in {None, ReportType.REVOKED}
    return present is None or (present is ReportType.RECURSIVE and wanted is not ReportType.RECURSIVE)


def _batches(due: Sequence[DiagnosisKey], before: Sequence[PublishedFile], now_s: int, minimum: int) -> Iterator[Batch]:
    """Yield the keys by protocol, at most :data:`MOST_KEYS` a file; the first begins where the last one ended."""
    for protocol in WRITERS:
        keys = sorted((k for k in due if k.key.protocol == protocol), key=lambda k: k.key.data)
        earlier = [f.published_at_s for f in before if f.key_file.protocol == protocol]
        start_s = max(earlier, default=min((k.key.starts_at_s for k in keys), default=0))
        for number, at in enumerate(range(0, len(keys), MOST_KEYS), start=len(earlier) + 1):
            batch = keys[at : at + MOST_KEYS]
            yield Batch(protocol, _padded(batch, minimum), len(batch), start_s, now_s, number)


def _padded(keys: Sequence[DiagnosisKey], minimum: int) -> list[DiagnosisKey]:
    """Return the keys among random ones that look like them: each has the span and the rest of a real one."""
    strangers = [secrets.choice(keys) for _ in range(minimum - len(keys))]
    return [
        *keys,
        *(k._replace(key=k.key._replace(data=secrets.token_bytes(len(k.key.data)))) for k in strangers),
    ]
