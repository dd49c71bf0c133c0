"""The key export of Exposure Notification: a zip with ``export.bin`` and ``export.sig``, and possibly other members.

Servers add members of their own: a Dutch set also has a ``content.sig`` by the state's certificate. A key may start at
any interval: keys in real files do, since a phone starts a key when its owner turns exposure logging on. Source:
google/exposure-notifications-server, internal/pb/export/export.proto.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from functools import partial
from hashlib import sha256
from io import BytesIO
from typing import Final, NamedTuple

from google.protobuf.message import DecodeError

from bluezone_agent.core.diagnosis_keys.key_export_pb2 import TemporaryExposureKey, TemporaryExposureKeyExport
from bluezone_agent.core.diagnosis_keys.key_file import (
    KEYS_IN_BATCH,
    ONSET_DAYS,
    Entry,
    KeyFault,
    KeyFile,
    publication_of,
)
from bluezone_agent.core.diagnosis_keys.signing import MAX_SIGNATURE_LIST, ONE_BATCH, SigningKey, Trust
from bluezone_agent.core.identifiers import DailyKey, DiagnosisKey, ReportType
from bluezone_agent.core.intervals import DAY_S, ENIN_S
from bluezone_agent.errors import N_, KeyFileError

EXPORT_NAME: Final = "export.bin"
SIGNATURE_NAME: Final = "export.sig"
HEADER: Final = b"EK Export v1".ljust(16)
KEY_TAGS: Final = (7 << 3 | 2, 8 << 3 | 2)
"""The first byte of a ``keys`` field and of a ``revised_keys`` field."""
LONGEST_VARINT: Final = 10
"""Bytes."""
REPORT_TYPES: Final = tuple(ReportType)
INTERVALS_PER_DAY: Final = DAY_S // ENIN_S
MAX_EXPORT: Final = 64 * 1024 * 1024
"""Bytes of an inflated export: two million keys."""
MAX_RATIO: Final = 10
"""Inflated to packed bytes. Keys are random: real files reach 1.8."""
SMALL: Final = 4096
"""Bytes; below this size the ratio does not matter."""
MAX_MEMBERS: Final = 16
"""Members of a zip; two are needed."""
MEMBER: Final = b"PK\x01\x02"
"""The beginning of a member's entry in the zip's directory."""
ZIP_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


class _Stretch(NamedTuple):
    """Consecutive fields of one kind: bytes ``start`` to ``end`` of the signed bytes."""

    tag: int
    start: int
    end: int


class WireType(IntEnum):
    """How a field of a protocol buffer is encoded."""

    VARINT = 0
    I64 = 1
    LEN = 2
    I32 = 5


def read_key_export(name: str, data: bytes, key: Trust, now_s: float) -> KeyFile:
    """Verify and read a key export; raises BadSignatureError or KeyFileError."""
    signed, signature = _members(name, data, key)
    verified = key.verify(name, signed, signature)
    if not signed.startswith(HEADER):
        raise _refused(name, f"{EXPORT_NAME} does not begin with {HEADER.decode().strip()!r}")
    stretches = list(_stretches(name, signed))
    export = _parsed(name, b"".join(signed[s.start : s.end] for s in stretches if s.tag not in KEY_TAGS))
    _require_agreement(name, export, key, verified[:2])
    entries = partial(_entries, name, signed, [s for s in stretches if s.tag in KEY_TAGS])
    digest, published_at_s = sha256(signed).hexdigest(), publication_of(export.end_timestamp, now_s)
    return KeyFile("gaen", digest, published_at_s, now_s, entries, verified.signer)


def write_key_export(
    keys: Iterable[DiagnosisKey], signing_key: SigningKey, *, start_s: int, end_s: int, region: str
) -> bytes:
    """Return a signed key export of keys published between ``start_s`` and ``end_s``, sorted by key data.

    Revoked keys are written as revised keys.
    """
    number, size = ONE_BATCH
    in_order = sorted(keys, key=lambda k: k.key.data)
    export = TemporaryExposureKeyExport(
        start_timestamp=start_s,
        end_timestamp=end_s,
        region=region,
        batch_num=number,
        batch_size=size,
        signature_infos=[signing_key.info],
        keys=[_written(k) for k in in_order if k.report_type is not ReportType.REVOKED],
        revised_keys=[_written(k) for k in in_order if k.report_type is ReportType.REVOKED],
    )
    signed = HEADER + export.SerializeToString(deterministic=True)
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in ((EXPORT_NAME, signed), (SIGNATURE_NAME, signing_key.sign(signed))):
            archive.writestr(zipfile.ZipInfo(member, ZIP_EPOCH), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _members(name: str, data: bytes, key: Trust) -> tuple[bytes, bytes]:
    if data.count(MEMBER) > MAX_MEMBERS:  # before the directory is read, where each member costs half a kilobyte
        raise _refused(name, f"it contains more than {MAX_MEMBERS} members")
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            found = sorted(info.filename for info in archive.infolist())
            if found.count(EXPORT_NAME) != 1 or found.count(SIGNATURE_NAME) > 1:
                raise _refused(name, f"it contains {', '.join(found[:4]) or 'nothing'}")
            if SIGNATURE_NAME not in found:
                raise key.unsigned(name)
            return (
                _inflated(name, archive, EXPORT_NAME, MAX_EXPORT),
                _inflated(name, archive, SIGNATURE_NAME, MAX_SIGNATURE_LIST),
            )
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        raise _refused(name, error) from error


def _inflated(name: str, archive: zipfile.ZipFile, member: str, limit: int) -> bytes:
    """Inflate a member, but never beyond the limits, whatever its header says."""
    info = archive.getinfo(member)
    if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise _refused(name, f"{member} is compressed with method {info.compress_type}")
    limit = min(limit, max(SMALL, info.compress_size * MAX_RATIO))
    with archive.open(info) as stream:
        content = stream.read(limit + 1)
    if len(content) > limit:
        raise _refused(name, f"{member} inflates to more than {limit} bytes")
    return content


def _parsed(name: str, message: bytes) -> TemporaryExposureKeyExport:
    try:
        return TemporaryExposureKeyExport.FromString(message)
    except DecodeError as error:
        raise _refused(name, error) from error


def _stretches(name: str, signed: bytes) -> Iterator[_Stretch]:
    """Split the export into stretches of fields of one kind, at most some thousand fields each.

    A protocol buffer is a sequence of fields, so each stretch is a message that parses by itself; parsing a whole
    export would take five times its bytes in memory.
    """
    at = start = len(HEADER)
    tag, fields = 0, 0
    while at < len(signed):
        if fields and (signed[at] != tag or fields == KEYS_IN_BATCH):
            yield _Stretch(tag, start, at)
            start, fields = at, 0
        tag = signed[at]
        if tag in KEY_TAGS and at + 1 < len(signed) and signed[at + 1] < 0x80:
            at += 2 + signed[at + 1]  # nearly every field: the same as _field_end, for a million keys
        else:
            at = _field_end(name, signed, at)
        fields += 1
    if at > len(signed):
        raise _refused(name, f"a field ends at byte {at} of {len(signed)}")
    if fields:
        yield _Stretch(tag, start, at)


def _field_end(name: str, message: bytes, at: int) -> int:
    """Return where the field at ``at`` ends; raises KeyFileError if it is not a field or ends beyond the message."""
    tag, at = _varint(name, message, at)
    match tag & 7:
        case WireType.VARINT:
            _, end = _varint(name, message, at)
        case WireType.I64:
            end = at + 8
        case WireType.LEN:
            length, at = _varint(name, message, at)
            end = at + length
        case WireType.I32:
            end = at + 4
        case wire_type:
            raise _refused(name, f"wire type {wire_type} at byte {at}")
    return end


def _varint(name: str, message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    for byte in message[at : at + LONGEST_VARINT]:
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise _refused(name, f"a number at byte {at} does not end")


def _entries(name: str, signed: bytes, stretches: Sequence[_Stretch]) -> Iterator[list[Entry]]:
    """Read the keys, then the revised ones: the last entry of a key counts."""
    for tag in KEY_TAGS:
        for stretch in stretches:
            if stretch.tag == tag:
                batch = _parsed(name, signed[stretch.start : stretch.end])
                yield [_read(entry) for entry in (*batch.keys, *batch.revised_keys)]


def _require_agreement(name: str, export: TemporaryExposureKeyExport, key: Trust, batch: tuple[int, int]) -> None:
    """The signature list is not signed: it must agree with the signed bytes."""
    if export.keys or export.revised_keys:
        raise _refused(name, "it hides keys behind overlong tags")
    if not any(key.is_named_by(info) for info in export.signature_infos):
        raise _refused(name, f"{EXPORT_NAME} does not name the key that signed it")
    if batch != (export.batch_num, export.batch_size) or not 1 <= export.batch_num <= export.batch_size:
        raise _refused(name, f"batch {export.batch_num} of {export.batch_size} is signed as {batch[0]} of {batch[1]}")


def _read(entry: TemporaryExposureKey) -> Entry:
    period, start = entry.rolling_period, entry.rolling_start_interval_number
    if not 1 <= period <= INTERVALS_PER_DAY:
        return KeyFault.SPAN
    onset: int | None = entry.days_since_onset_of_symptoms
    if onset not in ONSET_DAYS or not (onset or entry.HasField("days_since_onset_of_symptoms")):
        onset = None
    key = DailyKey("gaen", entry.key_data, start * ENIN_S, (start + period) * ENIN_S, INTERVALS_PER_DAY)
    return DiagnosisKey(key, REPORT_TYPES[entry.report_type], onset)


def _written(diagnosis: DiagnosisKey) -> TemporaryExposureKey:
    key = diagnosis.key
    return TemporaryExposureKey(
        key_data=key.data,
        rolling_start_interval_number=key.starts_at_s // ENIN_S,
        rolling_period=(key.ends_at_s - key.starts_at_s) // ENIN_S,
        report_type=TemporaryExposureKey.ReportType.Name(diagnosis.report_type),
        days_since_onset_of_symptoms=diagnosis.days_since_onset,
    )


def _refused(name: str, reason: object) -> KeyFileError:
    return KeyFileError(
        N_("{name} is not an Exposure Notification key export: {reason}"),
        N_("the next check will fetch it again; if the error persists, tell the health authority"),
        name=name,
        reason=reason,
    )
