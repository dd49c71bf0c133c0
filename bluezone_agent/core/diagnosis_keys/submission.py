"""What an owner submits to the health authority: their own daily keys, unsigned, in this program's JSON format.

The keys are ordered by their data, which reveals nothing; days since onset are counted from each key's own day.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Final, Literal

import msgspec

from bluezone_agent.core.diagnosis_keys.key_file import KeyFault, fault_of, onset_or_none
from bluezone_agent.core.identifiers import DailyKey, DiagnosisKey
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.core.texts import without_bom
from bluezone_agent.errors import N_, KeyFileError

FORMAT: Final = "bluezone-agent submission"
VERSION: Final = 1
KEY: Final = re.compile(r"[0-9a-f]{16,}", re.IGNORECASE)
"""Not repeated in errors, in case a damaged file has a key in the wrong place."""
MAX_SUBMISSION: Final = 1024 * 1024
"""Bytes: thousands of keys; 14 days have 14 keys and a few for each restart."""


class _Head(msgspec.Struct):
    format: Literal["bluezone-agent submission"]
    version: int


class _Key(msgspec.Struct, forbid_unknown_fields=True):
    protocol: str
    key: str
    """Hex."""
    starts_at: int
    ends_at: int
    """Unix seconds, exclusive."""
    slots_per_day: int
    days_since_onset: int | None = None


class _Submission(msgspec.Struct, forbid_unknown_fields=True):
    format: str
    version: int
    keys: list[_Key]


def write_submission(keys: Sequence[DailyKey], onset: date | None) -> bytes:
    """Return the submission of an owner's keys; ``onset`` is the day on which symptoms began, if any."""
    entries = [
        _Key(
            key.protocol,
            key.data.hex(),
            key.starts_at_s,
            key.ends_at_s,
            key.slots_per_day,
            _days_since(onset, key),
        )
        for key in sorted(keys, key=lambda k: k.data)
    ]
    return msgspec.json.format(msgspec.json.encode(_Submission(FORMAT, VERSION, entries)), indent=1) + b"\n"


def read_submission(name: str, data: bytes) -> tuple[DiagnosisKey, ...]:
    """Read a submission; raises KeyFileError if it is not one. Each key is still to be judged by ``fault_in``."""
    if len(data) > MAX_SUBMISSION:
        raise _refused(name, f"{len(data)} bytes, at most {MAX_SUBMISSION} expected")
    try:
        data = without_bom(data)
        head = msgspec.json.decode(data, type=_Head)
        if head.version != VERSION:
            raise _refused(name, f"version {head.version}, this bluezone-agent reads {VERSION}")
        return tuple(_diagnosis(k) for k in msgspec.json.decode(data, type=_Submission).keys)
    except (ValueError, RecursionError) as error:
        raise _refused(name, error) from error


def fault_in(key: DailyKey, now_s: float) -> KeyFault | None:
    """Return why an owner's key can't be published; None for a valid key.

    An owner's key starts at a UTC midnight and ends within that day, at a slot boundary of its protocol.
    """
    protocol = PROTOCOLS.get(key.protocol)
    if protocol is None:
        return KeyFault.PROTOCOL
    if key.slots_per_day != protocol.slots_per_day:
        return KeyFault.MALFORMED
    if key.starts_at_s % DAY_S:
        return KeyFault.MISALIGNED
    length_s = key.ends_at_s - key.starts_at_s
    if length_s > DAY_S or length_s % key.slot_s:
        return KeyFault.SPAN
    return fault_of(key, now_s)


def _days_since(onset: date | None, key: DailyKey) -> int | None:
    if onset is None:
        return None
    return onset_or_none((datetime.fromtimestamp(key.starts_at_s, UTC).date() - onset).days)


def _diagnosis(entry: _Key) -> DiagnosisKey:
    key = DailyKey(entry.protocol, bytes.fromhex(entry.key), entry.starts_at, entry.ends_at, entry.slots_per_day)
    return DiagnosisKey(key, days_since_onset=onset_or_none(entry.days_since_onset))


def _refused(name: str, reason: object) -> KeyFileError:
    return KeyFileError(
        N_("{name} is not a key file exported by bluezone-agent: {reason}"),
        N_('ask its owner for the file that "bluezone-agent keys export" writes'),
        name=name,
        reason=KEY.sub("…", str(reason)),
    )
