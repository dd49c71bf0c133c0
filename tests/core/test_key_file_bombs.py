"""Files that are small and want to be large, read in a process that may not grow; and a file read part by part."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from zipfile import ZIP_STORED

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluezone_agent.core.diagnosis_keys import key_export, read_key_file
from bluezone_agent.core.diagnosis_keys.key_export_pb2 import TemporaryExposureKeyExport
from bluezone_agent.core.diagnosis_keys.key_file import Entry
from bluezone_agent.errors import KeyFileError
from tests.diagnosis_keys import AUTHORITY, NOW_S, entry, export_of, signed_zip, zipped

ADDRESS_SPACE = 256 * 1024 * 1024
READ_ALL = f"""
import json, resource
from tests.core.test_key_file_bombs import bombs, outcome
resource.setrlimit(resource.RLIMIT_AS, ({ADDRESS_SPACE}, {ADDRESS_SPACE}))
print(json.dumps([outcome(*bomb) for bomb in bombs()]))
"""
GOOD_EXPORT = export_of(entry(), entry(key_data=b"another key here"), revised_keys=[entry(report_type=5)])
GOOD_ZIP = signed_zip(GOOD_EXPORT)


def outcome(data: bytes, signature: bytes | None, name: str) -> str:
    """Read a file to its end; anything but a refusal or a whole read is named."""
    try:
        read_key_file(name, data, signature, AUTHORITY.verification_key, NOW_S).whole()
    except KeyFileError:
        return "refused"
    except Exception as error:  # noqa: BLE001 - what must never happen is said
        return type(error).__name__
    return "read"


def bombs() -> Iterator[tuple[bytes, bytes | None, str]]:
    empty_keys = GOOD_EXPORT + b"\x3a\x00" * 2_500_000
    nested = b'{"published_at": 1, "data": ' + b"[" * 200_000 + b"]" * 200_000 + b"}"
    lying = bytearray(GOOD_ZIP)
    central = lying.rindex(b"PK\x01\x02")
    lying[central + 24 : central + 28] = (2**31).to_bytes(4, "little")
    yield zipped(("export.bin", bytes(120_000_000)), ("export.sig", b"")), None, "a.zip"
    yield zipped(("export.bin", GOOD_EXPORT), ("export.sig", bytes(120_000_000))), None, "a.zip"
    yield bytes(lying), None, "a.zip"
    yield signed_zip(empty_keys), None, "a.zip"
    yield zipped(("export.bin", empty_keys), ("export.sig", AUTHORITY.sign(empty_keys)), how=ZIP_STORED), None, "a.zip"
    yield signed_zip(key_export.HEADER + b"\x12" + b"\xff" * 9 + b"\x01"), None, "a.zip"
    yield signed_zip(key_export.HEADER + b"\x0b" * 100_000), None, "a.zip"
    yield nested, AUTHORITY.sign(nested), "a.json"


@pytest.mark.slow
def test_bombs_are_refused_within_256_mib_of_address_space() -> None:
    command = [sys.executable, "-W", "ignore::UserWarning", "-c", READ_ALL]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout) == [
        "refused",
        "refused",
        "read",  # the size in a zip's directory is not believed
        "refused",
        "read",  # millions of empty keys, not packed: a file of bad keys, read in parts
        "refused",
        "refused",
        "refused",
    ]


KEYS = st.builds(
    entry,
    key_data=st.binary(min_size=15, max_size=17) | st.just(b"TEK-TEK-TEK-TEK-"),
    rolling_period=st.integers(0, 150),
    report_type=st.integers(0, 5),
    days_since_onset_of_symptoms=st.none() | st.integers(-20, 20),
)


@given(
    keys=st.lists(KEYS, max_size=12),
    revised=st.lists(KEYS, max_size=5),
    tail=st.binary(max_size=6),
    batch=st.integers(1, 5),
)
def test_reading_in_parts_is_reading_the_whole(keys: Any, revised: Any, tail: bytes, batch: int) -> None:
    signed = export_of(*keys, revised_keys=revised) + tail
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(key_export, "KEYS_IN_BATCH", batch)
        found = entries_or_none(signed)
    assert found == whole_or_none(signed)


def entries_or_none(signed: bytes) -> list[Entry] | None:
    try:
        file = read_key_file("a.zip", signed_zip(signed), None, AUTHORITY.verification_key, NOW_S)
        return [entry for entries in file.entries() for entry in entries]
    except KeyFileError:
        return None


def whole_or_none(signed: bytes) -> list[Entry] | None:
    try:
        export = TemporaryExposureKeyExport.FromString(signed[len(key_export.HEADER) :])
    except Exception:  # noqa: BLE001 - the library's own, only the fact counts
        return None
    if not any(AUTHORITY.verification_key.is_named_by(i) for i in export.signature_infos):
        return None
    if (export.batch_num, export.batch_size) != (1, 1):
        return None
    return [key_export._read(e) for e in (*export.keys, *export.revised_keys)]
