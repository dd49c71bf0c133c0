"""What the owner writes, keeps or asks, and what a key server answers."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Final

import httpx2

from bluezone_agent import config
from bluezone_agent.core.age import CHUNK, decrypt, encrypt
from bluezone_agent.core.diagnosis_keys.signing import VerificationKey
from bluezone_agent.core.diagnosis_keys.submission import fault_in, read_submission, write_submission
from bluezone_agent.daemon.control_socket import REPLACE_KEY, AgentRequest, _reply, _request
from bluezone_agent.errors import (
    AgeFileError,
    ConfigError,
    KeyFileError,
    KeyServerError,
    StoreDamagedError,
    StoreError,
)
from bluezone_agent.key_servers import google
from bluezone_agent.stores.file.snapshot import Snapshot
from bluezone_agent.stores.store import Store
from tests.diagnosis_keys import NOW_S
from tests.fuzz.air import OWN
from tests.fuzz.target import KEYS, SECRET, TRUST, Target, from_file
from tests.receiving import receive

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
PLAINTEXT: Final = (b"", b"minutes", bytes(CHUNK + 5))
ANSWER: Final = {"token": "t", "certificate": "c", "revisionToken": "r", "insertedExposures": 3, "padding": "x"}


def submission_seed() -> bytes:
    keys = [key._replace(data=bytes.fromhex(SECRET) if key.protocol == "gaen" else key.data) for key in KEYS]
    return write_submission(keys, None)


def read_owners_keys(data: bytes, _folder: Path) -> None:
    for diagnosis in read_submission("my-keys.json", data):
        fault_in(diagnosis.key, NOW_S)


def configuration_seed() -> bytes:
    public_key = TRUST.to_pem()
    return f'''
protocol = "gaen"
radio = ["bluez:hci0", "bluez:hci1"]
tx_power_dbm = -12
rule = "lfph-wide"
check_every_hours = 4
notify_command = ["notify-send", "-u", "critical"]
notify_urls = ["ntfys://:{SECRET}@ntfy.example.org/topic"]
allow_linkable = ["privacy"]
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
[home_assistant]
broker = "mqtts://me:{SECRET}@home.example.org"
exposures = true
'''.encode()


def read_rule(path: Path) -> None:
    model = config.risk_model(str(path), "the configuration")
    assert 0 < model.warning_minutes <= 1440


def read_request(data: bytes, _folder: Path) -> None:
    done: list[str] = []

    async def act(_request: AgentRequest) -> None:
        done.append(REPLACE_KEY)

    reply = asyncio.run(_reply(_request(data.partition(b"\n")[0] + b"\n"), {REPLACE_KEY: act}))
    assert reply.ok is bool(done)
    assert not done or REPLACE_KEY.encode() in data


def read_answer(data: bytes, _folder: Path) -> None:
    google._read(httpx2.URL("https://keys.example.org/v1/publish"), 200, data)


def read_public_key(data: bytes, _folder: Path) -> None:
    VerificationKey.from_pem("452", "v1", data.decode("utf-8", "replace"))


def backup_seed() -> bytes:
    with TemporaryDirectory() as folder, Store(Path(folder)) as store:
        with store.transaction():
            for own in OWN[::2]:
                store.keys.add(own.key, last_slot_s=own.last_slot_s, exportable=True, closed=True)
        for key in KEYS:
            receive(store, key, minutes=3)
        return store.copy()


def age_seeds() -> tuple[bytes, ...]:
    return tuple(b"".join(encrypt([plaintext], SECRET, Random(len(plaintext)).randbytes, 1)) for plaintext in PLAINTEXT)


def read_age_file(data: bytes, _folder: Path) -> None:
    """Whoever does not know the passphrase can have nothing opened but what was encrypted with it."""
    assert b"".join(decrypt([data], SECRET)) in PLAINTEXT


def read_backup(data: bytes, folder: Path) -> None:
    """What somebody who knows the passphrase can make of it."""
    with Snapshot(data, folder / "my.backup") as snapshot:
        assert all(m.trusted for m in snapshot.contacts.trusted())
        snapshot.keys.close_all()


TARGETS: Final = {
    "submission": Target((submission_seed(),), read_owners_keys, (KeyFileError,)),
    "configuration": Target((configuration_seed(),), from_file(config.load, "agent.toml"), (ConfigError,), cost=20),
    "rule": Target((RULE_SEED,), from_file(read_rule, "own.toml"), (ConfigError,), cost=5),
    "request": Target((b'{"request": "replace-key"}\n',), read_request, cost=10),
    "key-server": Target(
        (json.dumps(ANSWER).encode(), b'{"error": "one was old", "code": "partial_failure"}'),
        read_answer,
        (KeyServerError,),
    ),
    "backup": Target((backup_seed(),), read_backup, (StoreError, StoreDamagedError), cost=20),
    "age": Target(age_seeds(), read_age_file, (AgeFileError,), cost=3),
    "public-key": Target((TRUST.to_pem().encode(),), read_public_key, (ConfigError,), cost=2),
}
