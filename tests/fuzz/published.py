"""What a server, or somebody on the way, says that a health authority has published."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final, cast

import httpx2
import msgspec

from bluezone_agent.core.diagnosis_keys import key_export, read_key_file
from bluezone_agent.core.diagnosis_keys.bluezone_json import write_bluezone_json
from bluezone_agent.core.diagnosis_keys.key_file import KeyFile
from bluezone_agent.core.diagnosis_keys.signed_index import (
    ListedFile,
    SignedIndex,
    read_signed_index,
    write_signed_index,
)
from bluezone_agent.core.identifiers import DiagnosisKey
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.errors import (
    BadSignatureError,
    KeyFileError,
    KeySourceError,
)
from bluezone_agent.key_sources import cwa_tree
from bluezone_agent.key_sources.fetch import Fetch
from bluezone_agent.key_sources.index import parse_index, signed_index
from bluezone_agent.ports import Visit
from tests.diagnosis_keys import AUTHORITY, NOW_S, entry, export_of, signed_zip
from tests.fuzz.structures import reexported, rezipped
from tests.fuzz.target import KEYS, TRUST, Target

ROOT: Final = httpx2.URL("https://keys.example.org/folder/")
EXPORT: Final = export_of(entry(), entry(key_data=b"another key here"), revised_keys=[entry(report_type=5)])
ZIP: Final = signed_zip(EXPORT)
INDEX: Final = SignedIndex(
    7, int(NOW_S), int(NOW_S) + DAY_S, (ListedFile("a/1.zip", "0" * 64), ListedFile("2.zip", ""))
)
DIAGNOSES: Final = [DiagnosisKey(key) for key in KEYS if key.protocol == "bluezone"]
SIGNED: Final = (KeyFileError, BadSignatureError)


def read_index(data: bytes, _folder: Path) -> None:
    for path in parse_index(data, "index.txt"):
        assert_below(path)


def assert_below(path: str) -> None:
    """Nothing that an index lists leads out of its folder."""
    at = ROOT.join(path)
    assert str(at).startswith(str(ROOT)), path
    assert not at.query, path
    assert ".." not in path.split("/"), path


def read_index_as_sent(data: bytes, _folder: Path) -> None:
    assert read_signed_index("index.signed", data, TRUST) == INDEX, "it is not what was signed"


def read_index_as_signed(data: bytes, _folder: Path) -> None:
    envelope = {"index": data.decode("utf-8", "surrogateescape"), "signature": AUTHORITY.sign(data)}
    try:
        sent = msgspec.json.encode(envelope)
    except UnicodeEncodeError:
        sent = json.dumps(envelope, default=str).encode()
    index = signed_index(sent, "index.signed", Visit(NOW_S, trust=TRUST, notes={"sequence": "7"}))
    assert index is not None
    assert index.sequence >= 7
    assert index.expires_at > NOW_S
    for file in index.files:
        assert_below(file.path)


class Serving:
    """Answers with these lists."""

    def __init__(self, dates: bytes, hours: bytes) -> None:
        self._dates, self._hours = dates, hours

    def get(self, *_: object) -> bytes:
        return self._dates

    def find(self, *_: object) -> bytes:
        return self._hours


def read_dates(data: bytes, _folder: Path) -> None:
    read_listing(Serving(data, b"[1]"))


def read_hours(data: bytes, _folder: Path) -> None:
    read_listing(Serving(b"[]", data))


def read_listing(server: Serving) -> None:
    slots = list(cwa_tree._slots(cast("Fetch", server), ROOT, "DE", Visit(NOW_S)))
    assert len(slots) <= 2 * cwa_tree.LOOK_BACK_DAYS + 1 + 2 * 24
    for name, at in slots:
        assert str(at).startswith(str(ROOT))
        assert_below(name)


ZIP_DIGEST: Final = read_key_file("a.zip", ZIP, None, TRUST, NOW_S).digest


def read_zip_as_sent(data: bytes, _folder: Path) -> None:
    file = read_key_file("a.zip", data, None, TRUST, NOW_S)
    assert_acceptable(file)
    assert file.digest == ZIP_DIGEST, "it is not what was signed"


def read_export_as_signed(data: bytes, _folder: Path) -> None:
    assert_acceptable(read_key_file("a.zip", signed_zip(key_export.HEADER + data), None, TRUST, NOW_S))


def read_json_as_signed(data: bytes, _folder: Path) -> None:
    assert_acceptable(read_key_file("a.json", data, AUTHORITY.sign(data), TRUST, NOW_S))


def assert_acceptable(file: KeyFile) -> None:
    """Whatever comes out of a file can be matched, and is no more than 14 days old when it was published."""
    published_at_s = file.published_at_s or file.read_at_s
    for diagnosis in file.whole().keys:
        key = diagnosis.key
        assert len(key.data) == PROTOCOLS[key.protocol].key_length
        assert 0 <= key.starts_at_s < key.ends_at_s
        assert key.starts_at_s <= published_at_s <= key.ends_at_s + 14 * DAY_S
        assert key.ends_at_s - key.starts_at_s <= 32 * DAY_S
        assert diagnosis.days_since_onset is None or abs(diagnosis.days_since_onset) <= 14


def read_signature(data: bytes, _folder: Path) -> None:
    assert TRUST.verify("a.json", b"signed", data) is not None
    assert AUTHORITY.verification_key.public_key == TRUST.public_key


TARGETS: Final = {
    "index": Target((b"2020/1.zip\n2020/2.zip\n", b"a.json\r\n\r\nb.json"), read_index, (KeySourceError,)),
    "signed-index": Target((write_signed_index(INDEX, AUTHORITY),), read_index_as_sent, (KeySourceError,), cost=5),
    "signed-index-contents": Target((msgspec.json.encode(INDEX),), read_index_as_signed, (KeySourceError,), cost=4),
    "cwa-dates": Target((b'["2020-09-23","2020-09-24"]',), read_dates, (KeySourceError,)),
    "cwa-hours": Target((b"[0,1,23]",), read_hours, (KeySourceError,)),
    "zip": Target((ZIP,), read_zip_as_sent, SIGNED, (rezipped,)),
    "key-export": Target((EXPORT[len(key_export.HEADER) :],), read_export_as_signed, SIGNED, (reexported,), cost=2),
    "bluezone-json": Target(
        (write_bluezone_json(DIAGNOSES, published_at_s=int(NOW_S)),), read_json_as_signed, SIGNED, cost=20
    ),
    "signature": Target((AUTHORITY.sign(b"signed"),), read_signature, (BadSignatureError,), cost=5),
}
