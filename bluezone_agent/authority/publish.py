"""The health authority's two actions: creating a signing key, and publishing the keys of cases.

Whether somebody is a case (F0) or the contact of one (F1) is the authority's finding, which it states when it
publishes; a submission makes no such claim.
"""

from __future__ import annotations

import json
import re
import secrets
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec

from bluezone_agent.authority import withdrawn
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
"""The size to which Google's key server pads its files."""
MOST_KEYS: Final = 30_000
"""Half a megabyte: a small device can fetch and read it in one piece (also Google's limit)."""
KEY_NAME: Final = "signing-key.json"
NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,40}")
"""The form of a key id, version or region: it appears in file formats, TOML and messages."""


@dataclass(frozen=True, slots=True)
class PublishedBatch:
    """A file that was written."""

    name: str
    protocol: str
    keys: int
    """Without padding."""


class Fate(StrEnum):
    """What a call did with a publishable key."""

    PUBLISHED = "published"
    REVOKED = "revoked"
    WITHDRAWN = "withdrawn"
    """It was never published, and never will be."""
    HELD_BACK = "held back"
    """It is still valid; the next call publishes it once it has expired."""
    PUBLISHED_BEFORE = "published before"
    REVOKED_BEFORE = "revoked before"
    WITHDRAWN_BEFORE = "withdrawn before"


@dataclass(slots=True)
class Submission:
    """The result for one submission."""

    name: str
    error: AgentError | None = None
    """Why it could not be read."""
    keys: list[DiagnosisKey] = field(default_factory=list, repr=False)
    """The publishable keys."""
    dropped: Counter[str] = field(default_factory=Counter)
    """Keys left out, by reason (a text for the catalogues)."""
    fates: Counter[Fate] = field(default_factory=Counter)
    held_until_s: int = 0
    """When the last of its held-back keys expires, Unix seconds."""


@dataclass(slots=True)
class PublishReport:
    """What one call published, and what it did not publish."""

    published: list[PublishedBatch] = field(default_factory=list)
    """Files with published or revoked keys."""
    submissions: list[Submission] = field(default_factory=list)
    fates: Counter[Fate] = field(default_factory=Counter)
    """Counts over all keys; each key counts once."""

    @property
    def refused(self) -> list[AgentError]:
        """Why submissions were not read, each with its name."""
        return [s.error for s in self.submissions if s.error is not None]

    @property
    def held_until_s(self) -> int:
        """When the last held-back key expires, Unix seconds; 0 if there is none."""
        return max((s.held_until_s for s in self.submissions), default=0)


def init(folder: Path, key_id: str, key_version: str) -> SigningKey:
    """Create a signing key in ``folder`` with mode 0600, never over another one. Raises AgentError."""
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
            N_("{path} already exists and is never overwritten"),
            N_("create the new key in a separate folder, with a new version: --key-version v2"),
            path=path,
        ) from error
    except OSError as error:
        raise AgentError(
            N_("can't write {path}: {reason}"),
            N_("choose a folder that you can write to"),
            path=path,
            reason=error.strerror,
        ) from error
    return key


def _require_simple(name: str) -> None:
    if not NAME.fullmatch(name):
        raise AgentError(
            N_('"{name}" can\'t be the name of a key or a region'),
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
            N_('give the folder that "bluezone-agent authority init" made: --key DIR'),
            path=path,
            reason=error.strerror
            if isinstance(error, OSError)
            else N_("it is not a signing key made by bluezone-agent"),
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
    """Publish the new, valid and expired keys of the submissions, which are files or folders of files.

    ``report_type`` is the authority's finding about the owners: a case (F0), the contact of one (RECURSIVE, F1), or
    neither (REVOKED: keys that were published by mistake are revoked, unpublished ones are withdrawn and never will be
    published). Files are padded to ``minimum`` keys with random ones, to hide the number of real keys. An unreadable
    submission is refused by name, and the others are processed. Calling this again with the same submissions publishes
    nothing, but renews the signed index, which is valid for ``index_days``. Raises AgentError when ``folder`` can't be
    used.
    """
    _require_simple(region)
    report = PublishReport([], list(_read(submissions, report_type, now_s)))
    with locked(folder):
        before = read_back(folder, key, now_s)
        due = _due(report, before, withdrawn.read(folder), now_s)
        withdrawn.add(folder, [k.key for k in due[Fate.WITHDRAWN]], now_s)
        to_list = due[Fate.PUBLISHED] + due[Fate.REVOKED]
        batches = list(_batches(to_list, before, int(now_s), minimum))
        files = [WRITERS[batch.protocol](batch, key, region) for batch in batches]
        add(folder, before, files, key=key, now_s=now_s, life_s=index_days * DAY_S, region=region)
    report.published = [PublishedBatch(file.name, b.protocol, b.real) for file, b in zip(files, batches, strict=True)]
    return report


def _read(submissions: Iterable[Path], report_type: ReportType, now_s: float) -> Iterator[Submission]:
    for path in submissions:
        for file in sorted(_files_in(path)):
            submission = Submission(str(file))
            yield submission
            try:
                keys = read_submission(str(file), _content(file))
            except KeyFileError as error:
                submission.error = error
                continue
            for diagnosis in keys:
                fault = fault_in(diagnosis.key, now_s) if diagnosis.key.protocol in WRITERS else KeyFault.PROTOCOL
                if fault is None:
                    submission.keys.append(diagnosis._replace(report_type=report_type))
                else:
                    submission.dropped[fault] += 1


def _files_in(path: Path) -> list[Path]:
    return [p for p in path.iterdir() if p.is_file() and not p.name.startswith(".")] if path.is_dir() else [path]


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_SUBMISSION + 1)
    except OSError as error:
        raise KeyFileError(
            N_("can't read the submission {path}: {reason}"),
            N_("check the path, and that this user may read the file"),
            path=path,
            reason=error.strerror,
        ) from error


def _due(
    report: PublishReport, before: Iterable[PublishedFile], gone: Container[str], now_s: float
) -> defaultdict[Fate, list[DiagnosisKey]]:
    """Decide on each key once, note the decision in its submissions, and return the keys by decision."""
    published = _published(before)
    due: defaultdict[Fate, list[DiagnosisKey]] = defaultdict(list)
    fates: dict[bytes, Fate] = {}
    for submission in report.submissions:
        for diagnosis in submission.keys:
            data = diagnosis.key.data
            if data not in fates:
                fates[data] = _fate(diagnosis, published.get(data), withdrawn.digest(diagnosis.key) in gone, now_s)
                due[fates[data]].append(diagnosis)
            submission.fates[fates[data]] += 1
            if fates[data] is Fate.HELD_BACK:
                submission.held_until_s = max(submission.held_until_s, diagnosis.key.ends_at_s)
    report.fates = Counter(fates.values())
    return due


def _fate(diagnosis: DiagnosisKey, present: ReportType | None, is_withdrawn: bool, now_s: float) -> Fate:
    """Return the decision on a key; ``present`` is its published report type.

    A contact may turn out to be a case; any published key may be revoked. A revoked or withdrawn key stays so: agents
    never match it again.
    """
    wanted = diagnosis.report_type
    if present is ReportType.REVOKED:
        return Fate.REVOKED_BEFORE
    if present is None and is_withdrawn:
        return Fate.WITHDRAWN_BEFORE
    if wanted is ReportType.REVOKED:
        return Fate.WITHDRAWN if present is None else Fate.REVOKED
    if present is not None and not (present is ReportType.RECURSIVE and wanted is not ReportType.RECURSIVE):
        return Fate.PUBLISHED_BEFORE
    return Fate.HELD_BACK if diagnosis.key.ends_at_s > now_s else Fate.PUBLISHED


def _published(before: Iterable[PublishedFile]) -> dict[bytes, ReportType]:
    """Return the final report type of each key, from the files, oldest first."""
    state: dict[bytes, ReportType] = {}
    for file in before:
        batch = file.key_file.whole()
        state |= {k.key.data: k.report_type for k in batch.keys}
        state |= dict.fromkeys((k.key.data for k in batch.revoked), ReportType.REVOKED)
    return state


def _batches(due: Sequence[DiagnosisKey], before: Sequence[PublishedFile], now_s: int, minimum: int) -> Iterator[Batch]:
    """Yield the keys by protocol, at most :data:`MOST_KEYS` per file; the first begins where the last one ended."""
    for protocol in WRITERS:
        keys = sorted((k for k in due if k.key.protocol == protocol), key=lambda k: k.key.data)
        earlier = [f.published_at_s for f in before if f.key_file.protocol == protocol]
        start_s = max(earlier, default=min((k.key.starts_at_s for k in keys), default=0))
        for number, at in enumerate(range(0, len(keys), MOST_KEYS), start=len(earlier) + 1):
            batch = keys[at : at + MOST_KEYS]
            yield Batch(protocol, _padded(batch, minimum), len(batch), start_s, now_s, number)


def _padded(keys: Sequence[DiagnosisKey], minimum: int) -> list[DiagnosisKey]:
    """Return the keys, padded with random ones that look like them: each has the span and attributes of a real key."""
    strangers = [secrets.choice(keys) for _ in range(minimum - len(keys))]
    return [
        *keys,
        *(k._replace(key=k.key._replace(data=secrets.token_bytes(len(k.key.data)))) for k in strangers),
    ]
