"""Everything that reads bytes of others: what a good input looks like, what reads it, and how it may refuse."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, cast

import httpx2
import msgspec
from bumble import hci

from bluezone_agent import config
from bluezone_agent.core.case_files import key_export, read_case_file
from bluezone_agent.core.case_files.bluezone_json import write_bluezone_json
from bluezone_agent.core.case_files.case_file import CaseFile
from bluezone_agent.core.case_files.signed_index import ListedFile, SignedIndex, read_signed_index, write_signed_index
from bluezone_agent.core.case_files.signing import VerificationKey
from bluezone_agent.core.case_files.submission import fault_in, read_submission, write_submission
from bluezone_agent.core.frames import Frame
from bluezone_agent.core.gaen import TX_POWER_BOUNDS_DBM
from bluezone_agent.core.identifiers import DiagnosisKey
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.protocols import PROTOCOLS, decode
from bluezone_agent.core.sightings import MinuteFold, unpack_histogram
from bluezone_agent.errors import (
    AgentError,
    BadSignatureError,
    CalibrationError,
    CaseFileError,
    ConfigError,
    KeyServerError,
    KeySourceError,
    MalformedPayloadError,
    RecordingError,
    ReportError,
    StoreDamagedError,
    StoreError,
)
from bluezone_agent.key_servers import google
from bluezone_agent.key_sources import cwa_tree
from bluezone_agent.key_sources.fetch import Fetch
from bluezone_agent.key_sources.index import parse_index, signed_index
from bluezone_agent.ports import Visit
from bluezone_agent.radios.hci import EVENT_PACKET, reports
from bluezone_agent.radios.recording import read_recording
from bluezone_agent.scenarios.measurements import read_measurements
from bluezone_agent.service.calibration import read_table
from bluezone_agent.service.control import REPLACE_KEY, _reply
from bluezone_agent.service.witness import find_own, make_report, read_report
from bluezone_agent.stores.keys import OwnKey
from bluezone_agent.stores.snapshot import Snapshot
from bluezone_agent.stores.store import Store
from tests.case_keys import AUTHORITY, NOW_S, daily_key, entry, export_of, signed_zip
from tests.fuzz.damage import Change
from tests.fuzz.structures import advertised, reexported, rezipped
from tests.hearing import hear

SECRET: Final = "5ec2e7c0ffee5ec2e7c0ffee5ec2e7ab"
"""Stands in good inputs wherever something secret would; no error may repeat half of it."""
ROOT: Final = httpx2.URL("https://keys.example.org/folder/")
EXPORT: Final = export_of(entry(), entry(key_data=b"another key here"), revised_keys=[entry(report_type=5)])
ZIP: Final = signed_zip(EXPORT)
TRUST: Final = AUTHORITY.verification_key
KEYS: Final = [daily_key(name, days_ago=days) for name in PROTOCOLS for days in (1, 2)]
INDEX: Final = SignedIndex(
    7, int(NOW_S), int(NOW_S) + DAY_S, (ListedFile("a/1.zip", "0" * 64), ListedFile("2.zip", ""))
)


@dataclass(frozen=True, slots=True)
class Target:
    """One parser. ``read`` gets the input and a folder that is empty, for what is read from a file."""

    seeds: tuple[bytes, ...]
    read: Callable[[bytes, Path], object]
    """Raises AssertionError where what was read breaks a rule."""
    refusals: tuple[type[AgentError], ...] = ()
    inside: tuple[Change, ...] = ()
    """Changes that know the format."""
    cost: int = 1
    """How many times as long it takes as a parser of a few microseconds; it gets fewer mutants."""


def frame_seeds() -> tuple[bytes, ...]:
    frames = [PROTOCOLS[k.protocol].encode(k, next(PROTOCOLS[k.protocol].slots(k)), -12).to_bytes() for k in KEYS]
    return (*frames, b"\x02\x01\x1a" + frames[0], bytes.fromhex("0303564e0fffb522") + bytes(12))


def read_frame(data: bytes, _folder: Path) -> None:
    beacon = decode(Frame.from_bytes(data))
    if beacon is None:
        return
    protocol = PROTOCOLS[beacon.protocol]
    assert len(beacon.identifier) == protocol.identifier_length
    power_dbm = protocol.tx_power_dbm(KEYS[-1] if beacon.protocol == "gaen" else KEYS[0], beacon)
    low, high = TX_POWER_BOUNDS_DBM if beacon.protocol == "gaen" else (-128, 127)
    assert power_dbm is None or low <= power_dbm <= high
    fold = MinuteFold()
    fold.add(beacon, -60, NOW_S, trusted=True)
    assert [m.count for m in fold.drain()] == [1]


def hci_seeds() -> tuple[bytes, ...]:
    legacy = [b"\x02\x01" + b"\x03\x00" + bytes(6) + bytes([len(f)]) + f + b"\xc4" for f in frame_seeds()]
    extended = [
        b"\x0d\x01" + b"\x10\x00\x01" + bytes(6) + b"\x01\x00\xff\x7f\xc4\x00\x00" + bytes(7) + bytes([len(f)]) + f
        for f in frame_seeds()
    ]
    packets = tuple(bytes([EVENT_PACKET, hci.HCI_LE_META_EVENT, len(body)]) + body for body in (*legacy, *extended))
    assert all(reports(packet) for packet in packets)
    return packets


def read_hci(data: bytes, _folder: Path) -> None:
    for payload, rssi_dbm in reports(data):
        assert isinstance(payload, bytes)
        assert -128 <= rssi_dbm <= 127


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


def read_zip_as_sent(data: bytes, _folder: Path) -> None:
    file = read_case_file("a.zip", data, None, TRUST, NOW_S)
    assert_believable(file)
    assert file.digest == ZIP_DIGEST, "it is not what was signed"


ZIP_DIGEST: Final = read_case_file("a.zip", ZIP, None, TRUST, NOW_S).digest


def read_export_as_signed(data: bytes, _folder: Path) -> None:
    assert_believable(read_case_file("a.zip", signed_zip(key_export.HEADER + data), None, TRUST, NOW_S))


def read_json_as_signed(data: bytes, _folder: Path) -> None:
    assert_believable(read_case_file("a.json", data, AUTHORITY.sign(data), TRUST, NOW_S))


def assert_believable(file: CaseFile) -> None:
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


def read_owners_keys(data: bytes, _folder: Path) -> None:
    for diagnosis in read_submission("my-keys.json", data):
        fault_in(diagnosis.key, NOW_S)


def submission_seed() -> bytes:
    keys = [key._replace(data=bytes.fromhex(SECRET) if key.protocol == "gaen" else key.data) for key in KEYS]
    return write_submission(keys, None)


def from_file(read: Callable[[Path], object], name: str) -> Callable[[bytes, Path], None]:
    """Return what writes the input to a file of that name, reads it, and sees that the file stayed as it was."""

    def read_written(data: bytes, folder: Path) -> None:
        path = folder / name
        path.write_bytes(data)
        try:
            read(path)
        finally:
            assert path.read_bytes() == data, "the file was changed"

    return read_written


def configuration_seed() -> bytes:
    public_key = TRUST.to_pem()
    return f'''
protocol = "gaen"
radio = ["bluez:hci0", "bluez:hci1"]
tx_power_dbm = -12
rule = "lfph-wide"
check_every_hours = 4
notify_command = ["notify-send", "-u", "critical"]
linkable_anyway = ["privacy"]
[[source]]
location = "https://keys.example.org/"
regions = ["DE", "NL"]
[[source.key]]
id = "452"
version = "v1"
public_key = """
{public_key}"""
[publish]
verification_server = "https://verify.example.org/"
key_server = "https://keys.example.org/"
api_key = "{SECRET}"
health_authority_id = "vn.gov"
'''.encode()


RULE_SEED: Final = b"""
buckets = [[50, 2.0], [63, 1.0], [73.5, 0.5]]
warning_minutes = 15
beyond = 0.1
[infectiousness]
high = [-2, -1, 0, 1]
standard = [2, 3]
high_weight = 1.5
[report_types]
recursive = 0.5
"""


def read_rule(path: Path) -> None:
    model = config.risk_model(str(path), "the configuration")
    assert 0 < model.warning_minutes <= 1440


def read_device(path: Path) -> None:
    read_table(path, "Pixel 3")


def report_seed() -> bytes:
    fold = MinuteFold()
    for key in KEYS:
        slot = PROTOCOLS[key.protocol].identifier_at(key, key.starts_at_s + 3600)
        beacon = decode(PROTOCOLS[key.protocol].encode(key, slot, -20))
        assert beacon is not None
        fold.add(beacon, -70, slot.starts_at_s, trusted=True)
    return msgspec.json.encode(make_report("the gate", fold.drain(), NOW_S - 2 * DAY_S, NOW_S, bytes))


OWN: Final = [OwnKey(n, key, key.ends_at_s - 600, exportable=True, closed=True) for n, key in enumerate(KEYS)]


def read_witness(path: Path) -> None:
    for found in find_own(read_report(path), OWN):
        assert found.heard_at_s <= KEYS[0].ends_at_s


def read_request(data: bytes, _folder: Path) -> None:
    done: list[str] = []

    async def act() -> None:
        done.append(REPLACE_KEY)

    reply = asyncio.run(_reply(data.partition(b"\n")[0] + b"\n", {REPLACE_KEY: act}))
    assert reply["ok"] is bool(done)
    assert not done or REPLACE_KEY.encode() in data


def read_answer(data: bytes, _folder: Path) -> None:
    google._read(httpx2.URL("https://keys.example.org/v1/publish"), 200, data)


def read_public_key(data: bytes, _folder: Path) -> None:
    VerificationKey.from_pem("452", "v1", data.decode("utf-8", "replace"))


def read_histogram(data: bytes, _folder: Path) -> None:
    assert all(sightings > 0 for sightings in unpack_histogram(data).values())


def backup_seed() -> bytes:
    with TemporaryDirectory() as folder, Store(Path(folder)) as store:
        with store.transaction():
            for own in OWN[::2]:
                store.keys.add(own.key, last_slot_s=own.last_slot_s, exportable=True, closed=True)
        for key in KEYS:
            hear(store, key, minutes=3)
        return store.copy()


def read_backup(data: bytes, folder: Path) -> None:
    """What somebody who knows the passphrase can make of it."""
    with Snapshot(data, folder / "my.backup") as snapshot:
        assert all(m.trusted for m in snapshot.contacts.trusted())
        snapshot.keys.close_all()


RECORDING: Final = b"received_at_s,rssi_dbm,data\n" + b"".join(
    b"%d.250,-70,%s\n" % (NOW_S, frame.hex().encode()) for frame in frame_seeds()
)
MEASUREMENT: Final = b"session,t_s,receiver,rssi_dbm,distance_m\nroom,0.5,A,-70,1.5\nroom,1.5,B,-80,4\n"
TABLE: Final = b"device,rssi_correction_db,margin_db\nPixel 3,-3.5,1.5\nRaspberry Pi 4,2,\n"
DIAGNOSES: Final = [DiagnosisKey(key) for key in KEYS if key.protocol == "bluezone"]
ANSWER: Final = {"token": "t", "certificate": "c", "revisionToken": "r", "insertedExposures": 3, "padding": "x"}
SIGNED: Final = (CaseFileError, BadSignatureError)

TARGETS: Final[dict[str, Target]] = {
    "frame": Target(frame_seeds(), read_frame, (MalformedPayloadError,), (advertised,)),
    "hci": Target(hci_seeds(), read_hci),
    "histogram": Target((b"\xe4\x01\x02", b"\xe0\xff\x7f\x01"), read_histogram),
    "index": Target((b"2020/1.zip\n2020/2.zip\n", b"a.json\r\n\r\nb.json"), read_index, (KeySourceError,)),
    "signed-index": Target((write_signed_index(INDEX, AUTHORITY),), read_index_as_sent, (KeySourceError,), cost=5),
    "signed-index-contents": Target((msgspec.json.encode(INDEX),), read_index_as_signed, (KeySourceError,), cost=20),
    "cwa-dates": Target((b'["2020-09-23","2020-09-24"]',), read_dates, (KeySourceError,)),
    "cwa-hours": Target((b"[0,1,23]",), read_hours, (KeySourceError,)),
    "zip": Target((ZIP,), read_zip_as_sent, SIGNED, (rezipped,)),
    "key-export": Target((EXPORT[len(key_export.HEADER) :],), read_export_as_signed, SIGNED, (reexported,), cost=2),
    "bluezone-json": Target(
        (write_bluezone_json(DIAGNOSES, published_at_s=int(NOW_S)),), read_json_as_signed, SIGNED, cost=20
    ),
    "signature": Target((AUTHORITY.sign(b"signed"),), read_signature, (BadSignatureError,), cost=5),
    "submission": Target((submission_seed(),), read_owners_keys, (CaseFileError,)),
    "configuration": Target((configuration_seed(),), from_file(config.load, "agent.toml"), (ConfigError,), cost=20),
    "rule": Target((RULE_SEED,), from_file(read_rule, "own.toml"), (ConfigError,), cost=5),
    "calibration": Target((TABLE,), from_file(read_device, "table.csv"), (CalibrationError,), cost=2),
    "recording": Target((RECORDING,), from_file(lambda p: list(read_recording(p)), "a.csv"), (RecordingError,), cost=2),
    "recording-gz": Target(
        (gzip.compress(RECORDING, mtime=0),),
        from_file(lambda p: list(read_recording(p)), "a.csv.gz"),
        (RecordingError,),
        cost=2,
    ),
    "measurement": Target((MEASUREMENT,), from_file(read_measurements, "room.csv"), (RecordingError,), cost=2),
    "witness-report": Target((report_seed(),), from_file(read_witness, "report.json"), (ReportError,), cost=20),
    "request": Target((b'{"request": "replace-key"}\n',), read_request, cost=10),
    "key-server": Target(
        (json.dumps(ANSWER).encode(), b'{"error": "one was old", "code": "partial_failure"}'),
        read_answer,
        (KeyServerError,),
    ),
    "backup": Target((backup_seed(),), read_backup, (StoreError, StoreDamagedError), cost=20),
    "public-key": Target((TRUST.to_pem().encode(),), read_public_key, (ConfigError,), cost=2),
}
"""Name → parser. Case files as bombs have tests of their own (tests/core/test_case_file_bombs.py); BlueZ's side of a
frame is in tests/radios, the store in tests/fuzz/test_store.py."""
