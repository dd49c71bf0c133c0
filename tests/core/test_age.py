"""What we encrypt any age program opens, what it encrypts we open, and what is not in order nobody sees."""

from __future__ import annotations

import hashlib
import os
import resource
import subprocess
import sys
import tracemalloc
import unicodedata
import zlib
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bluezone_agent.core import age
from bluezone_agent.core.age import CHUNK, LOG_N, MOST_LOG_N, TAG_LENGTH, decrypt, encrypt
from bluezone_agent.errors import AgeFault, AgeFileError
from tests.terminal import needs_age, typed

VECTORS: Final = Path(__file__).parents[1] / "data" / "age"
PASSPHRASE: Final = "bốn chữ khó đoán"
LOW: Final = 4
"""log N of the files here: 16 KiB a guess."""
REFUSED: Final = {
    "no match": AgeFault.NO_MATCH,
    "HMAC failure": AgeFault.MAC,
    "header failure": AgeFault.HEADER,
    "payload failure": AgeFault.PAYLOAD,
}
PLAINER: Final = {
    "armor_scrypt": AgeFault.ARMOURED,
    "empty": AgeFault.NOT_AGE,
    "header_crlf": AgeFault.NOT_AGE,
    "scrypt_uppercase": AgeFault.TO_KEYS,
    "scrypt_work_factor_23": AgeFault.TOO_COSTLY,
    "scrypt_work_factor_overflow": AgeFault.TOO_COSTLY,
    "stanza_valid_characters": AgeFault.TO_KEYS,
    "version_unsupported": AgeFault.NOT_AGE,
}
"""Where the refusal has more to say than the vector."""
STRICTER: Final = {
    "stream_no_final_full": 0,
    "stream_no_final_two_chunks_full": 1,
    "stream_trailing_garbage_long": 0,
    "stream_trailing_garbage_short": 0,
    "stream_two_final_chunks": 0,
    "stream_two_final_chunks_full": 0,
}
"""Chunks that come out where the vector allows one more: whether a chunk may be the last we know before we open it."""


@dataclass(frozen=True, slots=True)
class Vector:
    """A file and how it must end."""

    name: str
    says: list[tuple[str, str]]
    file: bytes

    @property
    def expect(self) -> str:
        return dict(self.says)["expect"]

    @property
    def payload(self) -> str:
        return dict(self.says)["payload"]

    @property
    def passphrases(self) -> list[str]:
        return [value for key, value in self.says if key == "passphrase"]

    def of_us(self) -> bool:
        """Whether it is about passphrases: has one and no identity."""
        return bool(self.passphrases) and "identity" not in dict(self.says) and "armored" not in dict(self.says)


def vector(path: Path) -> Vector:
    head, _empty, file = path.read_bytes().partition(b"\n\n")
    says = [(key, value) for key, _colon, value in (line.partition(": ") for line in head.decode().splitlines())]
    return Vector(path.name, says, zlib.decompress(file) if ("compressed", "zlib") in says else file)


def shown(case: Vector) -> str:
    return f"{case.name}-{case.expect.replace(' ', '_')}"


PUBLISHED: Final = [vector(path) for path in sorted((VECTORS / "published").iterdir())]
BY_PASSPHRASE: Final = [vector(path) for path in sorted((VECTORS / "by_passphrase").iterdir())]
OURS: Final = [case for case in PUBLISHED if case.of_us()] + BY_PASSPHRASE
OTHERS: Final = [case for case in PUBLISHED if not case.of_us()]


def made(plaintext: bytes, passphrase: str = PASSPHRASE) -> bytes:
    return b"".join(encrypt([plaintext], passphrase, os.urandom, LOW))


def opened(file: bytes, passphrase: str = PASSPHRASE) -> bytes:
    return b"".join(decrypt([file], passphrase))


def ended(file: bytes, passphrase: str = PASSPHRASE) -> tuple[list[bytes], AgeFileError | None]:
    """Return what came out of a file until its end, or until it was refused, and the refusal."""
    out: list[bytes] = []
    try:
        out.extend(decrypt([file], passphrase))
    except AgeFileError as error:
        return out, error
    return out, None


def reason(file: bytes, passphrase: str = PASSPHRASE) -> AgeFault | None:
    _out, error = ended(file, passphrase)
    return None if error is None else error.reason


@pytest.mark.parametrize("case", OURS, ids=shown)
def test_a_vector_ends_as_it_says(case: Vector) -> None:
    for passphrase in case.passphrases:
        out, error = ended(case.file, passphrase)
        fault = None if case.expect == "success" else PLAINER.get(case.name, REFUSED[case.expect])
        assert (None if error is None else error.reason) is fault
        if case.name in STRICTER:
            assert [len(chunk) for chunk in out] == [CHUNK] * STRICTER[case.name]
        elif case.expect in ("success", "payload failure"):
            assert hashlib.sha256(b"".join(out)).hexdigest() == case.payload
        else:
            assert out == []


@pytest.mark.parametrize("case", OTHERS, ids=shown)
def test_a_file_that_is_not_by_passphrase_is_refused_as_such(case: Vector) -> None:
    assert reason(case.file, "password") is PLAINER.get(case.name, AgeFault.TO_KEYS)


@pytest.mark.parametrize("case", [case for case in OURS if case.expect == "success"], ids=shown)
def test_the_same_key_salt_and_nonce_make_the_same_file(case: Vector) -> None:
    salt, nonce = salt_and_nonce(case.file)
    drawn = iter([bytes.fromhex(dict(case.says)["file key"]), salt, nonce])
    plaintext = opened(case.file, "password")
    assert b"".join(encrypt([plaintext], "password", lambda _size: next(drawn), 10)) == case.file


def salt_and_nonce(file: bytes) -> tuple[bytes, bytes]:
    """Return what was drawn for a sound file."""
    version, stanza, body, mac, _payload = file.split(b"\n", 4)
    salt = b64decode(stanza.split()[2] + b"==")
    at = sum(len(line) + 1 for line in (version, stanza, body, mac))
    return salt, file[at : at + 16]


def test_every_kind_of_end_is_among_the_vectors() -> None:
    assert {case.expect for case in OURS} == {"success", *REFUSED}
    assert len(OURS) > 60
    assert STRICTER.keys() <= {case.name for case in OURS}


@settings(max_examples=40)
@given(
    st.sampled_from([0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK - 1, 2 * CHUNK, 2 * CHUNK + 1, 3 * CHUNK]),
    st.sampled_from([1000, CHUNK - 1, CHUNK, CHUNK + TAG_LENGTH, 10 * CHUNK]),
    st.sampled_from([999, CHUNK, CHUNK + TAG_LENGTH + 1, 10 * CHUNK]),
)
def test_what_is_encrypted_opens_again_however_it_is_cut(size: int, into: int, out_of: int) -> None:
    plaintext = hashlib.shake_128(b"plain").digest(size)
    file = b"".join(encrypt(split(plaintext, into), PASSPHRASE, os.urandom, LOW))
    chunks = list(decrypt(split(file, out_of), PASSPHRASE))
    assert b"".join(chunks) == plaintext
    assert [len(chunk) for chunk in chunks[:-1]] == [CHUNK] * (max(size - 1, 0) // CHUNK)


def split(data: bytes, length: int) -> Iterator[bytes]:
    yield b""
    for at in range(0, len(data), length):
        yield data[at : at + length]


def test_every_bit_counts() -> None:
    file = made(b"minutes")
    assert opened(file) == b"minutes"
    for bit in range(8 * len(file)):
        flipped = bytearray(file)
        flipped[bit // 8] ^= 1 << bit % 8
        out, error = ended(bytes(flipped))
        assert (out, error is not None) == ([], True), bit


def test_every_byte_counts() -> None:
    file = made(b"minutes")
    for size in range(len(file)):
        out, error = ended(file[:size])
        assert (out, error is not None) == ([], True), size
    assert reason(file + b"\0") is AgeFault.PAYLOAD
    assert reason(file + file) is AgeFault.PAYLOAD
    assert reason(b"\n" + file) is AgeFault.NOT_AGE


def test_chunks_stay_in_their_order_and_number() -> None:
    plaintext = b"".join(bytes([number]) * CHUNK for number in range(3))
    file = made(plaintext)
    encrypted = CHUNK + TAG_LENGTH
    start = len(file) - 3 * encrypted
    first, second, third = (file[start + at * encrypted :][:encrypted] for at in range(3))
    for chunks, sound in {
        (first, second, third): 3,
        (first, second): 1,
        (first, second, third, third): 2,
        (first, third): 1,
        (second, first, third): 0,
        (first, second, b"", third[:-1]): 2,
    }.items():
        out, error = ended(file[:start] + b"".join(chunks))
        assert b"".join(out) == plaintext[: sound * CHUNK]
        assert (error is None) == (sound == 3)


HEADERS = st.builds(
    b"\n".join,
    st.lists(
        st.sampled_from(made(b"").split(b"\n")[:4])
        | st.from_regex(rb"-> scrypt [A-Za-z0-9+/]{0,30} [0-9]{0,1}", fullmatch=True)
        | st.from_regex(rb"(---|->)? ?[A-Za-z0-9+/=]{0,90}", fullmatch=True)
        | st.binary(max_size=100),
        max_size=6,
    ),
)


@pytest.mark.slow
@settings(max_examples=150)
@given(st.binary(max_size=300) | HEADERS, st.binary(max_size=80))
def test_whatever_the_bytes_are_they_are_refused_by_name(header: bytes, rest: bytes) -> None:
    for file in (header + rest, b"age-encryption.org/v1\n" + header + b"\n" + rest):
        out, error = ended(file)
        assert out == []
        assert error is not None
        assert error.hint


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_a_passphrase_is_the_same_however_it_is_typed(passphrase: str) -> None:
    file = made(b"x", unicodedata.normalize("NFD", passphrase))
    assert opened(file, unicodedata.normalize("NFC", passphrase)) == b"x"
    assert reason(file, passphrase + "x") is AgeFault.NO_MATCH


def test_a_passphrase_is_tried_as_it_was_typed_too() -> None:
    """Other programs take it as it is: here the header is one of theirs."""
    file_key, salt, nonce = b"k" * 16, b"s" * 16, b"n" * 16
    drawn = iter([file_key, salt, nonce])
    ours = b"".join(encrypt([b"x"], PASSPHRASE, lambda _size: next(drawn), LOW))
    decomposed = unicodedata.normalize("NFD", PASSPHRASE)
    theirs = age._header(file_key, decomposed, salt, LOW) + ours[ours.index(nonce) :]
    assert opened(theirs, decomposed) == b"x"
    assert reason(theirs, PASSPHRASE) is AgeFault.NO_MATCH
    assert opened(ours, decomposed) == b"x"


def test_an_error_tells_no_passphrase() -> None:
    file = made(b"x", "another one")
    with pytest.raises(AgeFileError) as raised:
        decrypt([file], PASSPHRASE)  # at once, before a piece of the payload is asked for
    error = raised.value
    assert PASSPHRASE not in f"{error!r} {error} {error.hint} {error.fields}"


def test_each_file_has_its_own_key_salt_and_nonce() -> None:
    drawn: list[bytes] = []

    def random_bytes(size: int) -> bytes:
        drawn.append(os.urandom(size))
        return drawn[-1]

    for _file in range(2):
        list(encrypt([b"x"], PASSPHRASE, random_bytes, LOW))
    assert [len(each) for each in drawn] == [16] * 6
    assert len(set(drawn)) == 6


def test_work_beyond_the_limit_is_neither_asked_for_nor_done() -> None:
    file = made(b"x")
    for log_n in (MOST_LOG_N + 1, 10**20):
        costly = file.replace(b" %d\n" % LOW, b" %d\n" % log_n, 1)
        assert reason(costly) is AgeFault.TOO_COSTLY
    for log_n in (0, MOST_LOG_N + 1):
        with pytest.raises(ValueError, match="work factor"):
            next(encrypt([b"x"], PASSPHRASE, os.urandom, log_n))


def test_too_little_memory_for_a_passphrase_is_said() -> None:
    script = f"""if True:
        import os, resource
        from bluezone_agent.core.age import encrypt
        from bluezone_agent.errors import AgeFileError
        list(encrypt([b"x"], "p", os.urandom, {LOW}))
        used = int(open("/proc/self/statm").read().split()[0]) * {resource.getpagesize()}
        resource.setrlimit(resource.RLIMIT_AS, (used + (100 << 20), used + (100 << 20)))
        try:
            next(encrypt([b"x"], "p", os.urandom))
        except AgeFileError as error:
            print(error.reason, error)
    """
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert (
        done.stdout
        == f"{AgeFault.TOO_COSTLY} checking the passphrase needs 128 MiB of memory, and that much is not free\n"
    )


def test_a_long_file_takes_no_more_memory_than_a_short_one() -> None:
    def peak(chunks: int) -> int:
        tracemalloc.start()
        for _piece in decrypt(encrypt(repeat(bytes(CHUNK), chunks), PASSPHRASE, os.urandom, LOW), PASSPHRASE):
            pass
        try:
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(1)
    assert peak(100) < peak(10) + CHUNK < 32 * CHUNK


@pytest.mark.slow
@needs_age
@pytest.mark.parametrize("size", [0, 5, 2 * CHUNK])
def test_age_opens_what_we_encrypted(tmp_path: Path, size: int) -> None:
    plaintext = bytes(size)
    log_n = LOG_N if size == 5 else LOW
    (tmp_path / "file.age").write_bytes(b"".join(encrypt([plaintext], PASSPHRASE, os.urandom, log_n)))
    typed(["age", "-d", "-o", str(tmp_path / "file"), str(tmp_path / "file.age")], PASSPHRASE)
    if plaintext:  # of nothing age makes no file
        assert (tmp_path / "file").read_bytes() == plaintext


@pytest.mark.slow
@needs_age
def test_we_open_what_age_encrypted(tmp_path: Path) -> None:
    plaintext = os.urandom(CHUNK + 5)
    (tmp_path / "file").write_bytes(plaintext)
    typed(["age", "-p", "-o", str(tmp_path / "file.age"), str(tmp_path / "file")], PASSPHRASE, PASSPHRASE)
    assert opened((tmp_path / "file.age").read_bytes()) == plaintext
