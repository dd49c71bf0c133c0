"""Bluezone's diagnosis key file: the app's JSON with a detached signature and, inside it, the time of publication.

The app skips members that it does not know, so the files serve both. docs/diagnosis-keys.md describes the format.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from hashlib import sha256
from typing import Any, Final

import msgspec

from bluezone_agent.core.diagnosis_keys.key_file import (
    KEYS_IN_BATCH,
    UNSIGNED,
    Entry,
    KeyFault,
    KeyFile,
    onset_or_none,
    publication_of,
    whole_number,
)
from bluezone_agent.core.diagnosis_keys.signing import ONE_BATCH, Trust
from bluezone_agent.core.identifiers import DailyKey, DiagnosisKey, ReportType
from bluezone_agent.core.intervals import DAY_S, MINUTE_S
from bluezone_agent.core.texts import without_bom
from bluezone_agent.errors import N_, KeyFileError

MAX_FILE: Final = 64 * 1024 * 1024
"""Bytes: half a million entries."""
LONGEST_CHAIN_DAYS: Final = 31
"""Days that one entry may span: twice the app's look-back of 14 days, and a few more."""
IDENTIFIERS: Final = 1_000_000
IDENTIFIERS_PER_ENTRY: Final = 4096
MAX_IDENTIFIERS: Final = 60_000_000
"""How many identifiers a file may have: a million and 4096 per entry, which is 42 days of 96, and never more than half
a million entries of a day have, half a minute of hashing. A single entry may reach 31 days of 1440."""
SLOTS_PER_DAY: Final = range(1, DAY_S // MINUTE_S + 1)


class _Bare(msgspec.Struct):
    daily_key: str
    time_start: object
    max: object
    time_end: object
    """Inclusive: the app continues while a slot starts at or before it."""


class _Entry(_Bare):
    report_type: object = "confirmed_test"
    days_since_onset: object = None


class _File(msgspec.Struct):
    data: list[msgspec.Raw]
    published_at: msgspec.Raw = msgspec.Raw(b"null")


def read_bluezone_json(name: str, data: bytes, signature: bytes | None, key: Trust, now_s: float) -> KeyFile:
    """Verify and read a Bluezone diagnosis key file; raises BadSignatureError or KeyFileError."""
    if len(data) > MAX_FILE:
        raise _refused(name, f"{len(data)} bytes, at most {MAX_FILE} expected")
    signer = UNSIGNED
    if not key.accepts_unsigned or (signature is not None and key.keys):
        signer = _signer(name, data, signature, key)
    file = _parsed(name, data)
    published_at_s = publication_of(_value(file.published_at), now_s)
    digest = sha256(data).hexdigest()
    return KeyFile("bluezone", digest, published_at_s, now_s, partial(_entries, file.data), signer)


def _signer(name: str, data: bytes, signature: bytes | None, key: Trust) -> str:
    if signature is None:
        raise key.unsigned(name)
    verified = key.verify(name, data, signature)
    if verified[:2] != ONE_BATCH:
        raise _refused(name, f"it is signed as batch {verified.batch_num} of {verified.batch_size}")
    return verified.signer


def _entries(raws: Sequence[msgspec.Raw]) -> Iterator[list[Entry]]:
    left = min(IDENTIFIERS + IDENTIFIERS_PER_ENTRY * len(raws), MAX_IDENTIFIERS)
    for at in range(0, len(raws), KEYS_IN_BATCH):
        batch: list[Entry] = []
        for raw in raws[at : at + KEYS_IN_BATCH]:
            entry = _read(raw)
            if isinstance(entry, DiagnosisKey):
                left -= entry.key.slots
                entry = entry if left >= 0 else KeyFault.COSTLY
            batch.append(entry)
        yield batch


def write_bluezone_json(keys: Iterable[DiagnosisKey], *, published_at_s: int) -> bytes:
    """Return the file of keys published at ``published_at_s``, sorted by key data; sign exactly these bytes."""
    entries = [_written(k) for k in sorted(keys, key=lambda k: k.key.data)]
    return msgspec.json.format(msgspec.json.encode({"published_at": published_at_s, "data": entries}), indent=1) + b"\n"


def _parsed(name: str, data: bytes) -> _File:
    try:
        return msgspec.json.decode(without_bom(data), type=_File)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _refused(name, error) from error


def _read(raw: msgspec.Raw) -> Entry:
    try:
        entry = _decoded(raw)
        data = bytes.fromhex(entry.daily_key)
    except (ValueError, RecursionError):
        return KeyFault.MALFORMED
    start_s, end_s, slots_per_day = map(whole_number, (entry.time_start, entry.time_end, entry.max))
    if start_s is None or end_s is None or slots_per_day is None:
        return KeyFault.MALFORMED
    if slots_per_day not in SLOTS_PER_DAY or not 0 <= start_s <= end_s < start_s + LONGEST_CHAIN_DAYS * DAY_S:
        return KeyFault.SPAN
    key = DailyKey("bluezone", data, start_s, end_s + 1, slots_per_day)
    return DiagnosisKey(key, _report_type(entry.report_type), onset_or_none(entry.days_since_onset))


def _decoded(raw: msgspec.Raw) -> _Entry:
    """Read an entry; an attribute that can't be read invalidates only itself."""
    try:
        return msgspec.json.decode(raw, type=_Entry)
    except (ValueError, RecursionError):
        bare = msgspec.json.decode(raw, type=_Bare)
        return _Entry(bare.daily_key, bare.time_start, bare.max, bare.time_end, "unknown")


def _value(raw: msgspec.Raw) -> object:
    try:
        return msgspec.json.decode(raw)
    except (ValueError, RecursionError):
        return None


def _report_type(name: object) -> ReportType:
    return ReportType.__members__.get(name.upper(), ReportType.UNKNOWN) if isinstance(name, str) else ReportType.UNKNOWN


def _written(diagnosis: DiagnosisKey) -> dict[str, Any]:
    key = diagnosis.key
    entry: dict[str, Any] = {
        "daily_key": key.data.hex(),
        "time_start": key.starts_at_s,
        "max": key.slots_per_day,
        "time_end": key.ends_at_s - 1,
        "report_type": diagnosis.report_type.name.lower(),
    }
    if diagnosis.days_since_onset is not None:
        entry["days_since_onset"] = diagnosis.days_since_onset
    return entry


def _refused(name: str, reason: object) -> KeyFileError:
    return KeyFileError(
        N_("{name} is not a Bluezone diagnosis key file: {reason}"),
        N_("the next check will fetch it again; if the error persists, tell the health authority"),
        name=name,
        reason=reason,
    )
