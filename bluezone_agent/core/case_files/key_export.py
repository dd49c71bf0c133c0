"""The key export of Exposure Notification: a zip of exactly ``export.bin`` and ``export.sig``.

Source: google/exposure-notifications-server, internal/pb/export/export.proto.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable
from io import BytesIO
from typing import Final

from google.protobuf.message import DecodeError

from bluezone_agent.core.case_files.case_file import CaseFile, KeyFault, Sieve, onset_or_none
from bluezone_agent.core.case_files.key_export_pb2 import TemporaryExposureKey, TemporaryExposureKeyExport
from bluezone_agent.core.case_files.signing import MAX_SIGNATURE_LIST, ONE_BATCH, SigningKey, VerificationKey
from bluezone_agent.core.identifiers import DailyKey, DiagnosisKey, ReportType
from bluezone_agent.core.intervals import DAY_S, ENIN_S
from bluezone_agent.errors import N_, CaseFileError

EXPORT_NAME: Final = "export.bin"
SIGNATURE_NAME: Final = "export.sig"
HEADER: Final = b"EK Export v1".ljust(16)
INTERVALS_PER_DAY: Final = DAY_S // ENIN_S
MAX_EXPORT: Final = 64 * 1024 * 1024
"""Bytes of an inflated export: two million keys."""
MAX_RATIO: Final = 10
"""Inflated to packed bytes. Keys are random: real files reach 1.8."""
SMALL: Final = 4096
"""Bytes below which the ratio does not matter."""
ZIP_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


def read_key_export(name: str, data: bytes, key: VerificationKey, now_s: float) -> CaseFile:
    """Verify and read a key export; raises BadSignatureError or CaseFileError."""
    signed, signature = _members(name, data, key)
    batch = key.verify(name, signed, signature)
    export = _parsed(name, signed)
    _require_agreement(name, export, key, batch)
    published_at_s = export.end_timestamp or None
    sieve = Sieve("gaen", published_at_s or now_s)
    for entry in (*export.keys, *export.revised_keys):
        _sift(sieve, entry)
    return sieve.case_file(signed, published_at_s)


def write_key_export(
    keys: Iterable[DiagnosisKey], signing_key: SigningKey, *, start_s: int, end_s: int, region: str
) -> bytes:
    """Return a signed key export of keys published between ``start_s`` and ``end_s``, sorted by key data."""
    number, size = ONE_BATCH
    export = TemporaryExposureKeyExport(
        start_timestamp=start_s,
        end_timestamp=end_s,
        region=region,
        batch_num=number,
        batch_size=size,
        signature_infos=[signing_key.info],
        keys=[_entry(k) for k in sorted(keys, key=lambda k: k.key.data)],
    )
    signed = HEADER + export.SerializeToString(deterministic=True)
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in ((EXPORT_NAME, signed), (SIGNATURE_NAME, signing_key.sign(signed))):
            archive.writestr(zipfile.ZipInfo(member, ZIP_EPOCH), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _members(name: str, data: bytes, key: VerificationKey) -> tuple[bytes, bytes]:
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            found = sorted(info.filename for info in archive.infolist())
            if found == [EXPORT_NAME]:
                raise key.unsigned(name)
            if found != [EXPORT_NAME, SIGNATURE_NAME]:
                raise _refused(name, f"it holds {', '.join(found[:4]) or 'nothing'}")
            return (
                _inflated(name, archive, EXPORT_NAME, MAX_EXPORT),
                _inflated(name, archive, SIGNATURE_NAME, MAX_SIGNATURE_LIST),
            )
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        raise _refused(name, error) from error


def _inflated(name: str, archive: zipfile.ZipFile, member: str, limit: int) -> bytes:
    """Inflate a member, never more of it than the limits allow, whatever its header says."""
    info = archive.getinfo(member)
    if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise _refused(name, f"{member} is packed by method {info.compress_type}")
    limit = min(limit, max(SMALL, info.compress_size * MAX_RATIO))
    with archive.open(info) as stream:
        content = stream.read(limit + 1)
    if len(content) > limit:
        raise _refused(name, f"{member} inflates to more than {limit} bytes")
    return content


def _parsed(name: str, signed: bytes) -> TemporaryExposureKeyExport:
    if not signed.startswith(HEADER):
        raise _refused(name, f"{EXPORT_NAME} does not begin with {HEADER.decode().strip()!r}")
    try:
        return TemporaryExposureKeyExport.FromString(signed[len(HEADER) :])
    except DecodeError as error:
        raise _refused(name, error) from error


def _require_agreement(
    name: str, export: TemporaryExposureKeyExport, key: VerificationKey, batch: tuple[int, int]
) -> None:
    """The signature list is not signed: what it says must be what the signed bytes say."""
    if not any(key.is_named_by(info) for info in export.signature_infos):
        raise _refused(name, f"{EXPORT_NAME} does not name the key that signed it")
    if batch != (export.batch_num, export.batch_size) or not 1 <= export.batch_num <= export.batch_size:
        raise _refused(name, f"batch {export.batch_num} of {export.batch_size} is signed as {batch[0]} of {batch[1]}")


def _sift(sieve: Sieve, entry: TemporaryExposureKey) -> None:
    if not 1 <= entry.rolling_period <= INTERVALS_PER_DAY:
        sieve.drop(KeyFault.SPAN)
    elif entry.rolling_start_interval_number % INTERVALS_PER_DAY:
        sieve.drop(KeyFault.MISALIGNED)
    else:
        starts_at_s = entry.rolling_start_interval_number * ENIN_S
        key = DailyKey(
            "gaen", entry.key_data, starts_at_s, starts_at_s + entry.rolling_period * ENIN_S, INTERVALS_PER_DAY
        )
        onset = entry.days_since_onset_of_symptoms if entry.HasField("days_since_onset_of_symptoms") else None
        sieve.add(DiagnosisKey(key, ReportType(entry.report_type), onset_or_none(onset)))


def _entry(diagnosis: DiagnosisKey) -> TemporaryExposureKey:
    key = diagnosis.key
    return TemporaryExposureKey(
        key_data=key.data,
        rolling_start_interval_number=key.starts_at_s // ENIN_S,
        rolling_period=(key.ends_at_s - key.starts_at_s) // ENIN_S,
        report_type=TemporaryExposureKey.ReportType.Name(diagnosis.report_type),
        days_since_onset_of_symptoms=diagnosis.days_since_onset,
    )


def _refused(name: str, reason: object) -> CaseFileError:
    return CaseFileError(
        N_("{name} is no key export: {reason}"),
        N_("the next check fetches it again; if it stays so, tell the health authority"),
        name=name,
        reason=reason,
    )
