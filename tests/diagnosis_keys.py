"""Keys of cases, an authority that signs them, and files put together by hand, good and bad."""

from __future__ import annotations

import zipfile
from io import BytesIO
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import strategies as st

from bluezone_agent.core.diagnosis_keys.key_export import EXPORT_NAME, HEADER, SIGNATURE_NAME
from bluezone_agent.core.diagnosis_keys.key_export_pb2 import TemporaryExposureKey, TemporaryExposureKeyExport
from bluezone_agent.core.diagnosis_keys.signing import SigningKey
from bluezone_agent.core.identifiers import DailyKey, DiagnosisKey, ReportType
from bluezone_agent.core.intervals import DAY_S, ENIN_S
from bluezone_agent.core.protocols import PROTOCOLS

NOW_S: Final = 1_600_041_600 + 10 * DAY_S + 12 * 3600
"""2020-09-24 12:00 UTC."""
TODAY_S: Final = NOW_S // DAY_S * DAY_S


def signing_key(secret: int = 1, key_id: str = "452", key_version: str = "v1") -> SigningKey:
    """Return the authority's key, always the same for the same number."""
    return SigningKey(key_id, key_version, ec.derive_private_key(secret, ec.SECP256R1()))


AUTHORITY: Final = signing_key()


def daily_key(protocol: str = "gaen", *, days_ago: int = 1, number: int = 1) -> DailyKey:
    """Return a whole day's key."""
    p, start = PROTOCOLS[protocol], TODAY_S - days_ago * DAY_S
    return DailyKey(protocol, number.to_bytes(p.key_length, "big"), start, start + DAY_S, p.slots_per_day)


def entry(**changes: Any) -> TemporaryExposureKey:
    """Return a good key of yesterday as a key export has it, with ``changes``."""
    good: dict[str, Any] = {
        "key_data": b"TEK-TEK-TEK-TEK-",
        "rolling_start_interval_number": (TODAY_S - DAY_S) // ENIN_S,
        "rolling_period": 144,
        "report_type": 1,
    }
    return TemporaryExposureKey(**(good | changes))


def export_of(*keys: TemporaryExposureKey, key: SigningKey = AUTHORITY, **changes: Any) -> bytes:
    """Return an ``export.bin`` of the keys, with ``changes`` to its other fields."""
    fields: dict[str, Any] = {
        "start_timestamp": NOW_S - DAY_S,
        "end_timestamp": NOW_S,
        "region": "VN",
        "batch_num": 1,
        "batch_size": 1,
        "signature_infos": [key.info],
        "keys": keys,
    }
    return HEADER + TemporaryExposureKeyExport(**(fields | changes)).SerializeToString()


def zipped(*members: tuple[str, bytes], how: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip of exactly these members."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w", how) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return out.getvalue()


def signed_zip(export: bytes, key: SigningKey = AUTHORITY) -> bytes:
    """Return a key export whose signature is good."""
    return zipped((EXPORT_NAME, export), (SIGNATURE_NAME, key.sign(export)))


@st.composite
def diagnosis_keys(draw: st.DrawFn, protocol: str) -> list[DiagnosisKey]:
    """Up to ten different good keys of the last ten days, some of them cut."""
    p = PROTOCOLS[protocol]
    slot_s = DAY_S // p.slots_per_day
    found = []
    for data in draw(st.lists(st.binary(min_size=p.key_length, max_size=p.key_length), max_size=10, unique=True)):
        start = TODAY_S - draw(st.integers(0, 10)) * DAY_S
        end = start + draw(st.integers(1, p.slots_per_day)) * slot_s
        types = st.sampled_from([t for t in ReportType if t is not ReportType.REVOKED])
        onset = st.none() | st.integers(-14, 14)
        key = DailyKey(protocol, data, start, end, p.slots_per_day)
        found.append(DiagnosisKey(key, draw(types), draw(onset)))
    return found
