"""The age file format, version 1, with passphrases (https://age-encryption.org/v1): any age program can read it.

A file is a header of four lines, which contains the file key encrypted with the passphrase, and the payload in chunks.
Reading and writing keep only a few chunks in memory, however long the file is.
"""

from __future__ import annotations

import re
import unicodedata
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import count
from typing import Final

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from bluezone_agent.errors import N_, AgeFault, AgeFileError

FILE_KEY_LENGTH: Final = 16
SALT_LENGTH: Final = 16
NONCE_LENGTH: Final = 16
KEY_LENGTH: Final = 32
TAG_LENGTH: Final = 16
CHUNK: Final = 64 * 1024

LOG_N: Final = 17
"""Base-two logarithm of scrypt's N, with r = 8: 128 * 2^17 * 8 = 128 MiB per guess, a quarter of a Pi Zero's 512 MB.

This is OWASP's minimum. age itself uses 18: 256 MiB would leave too little for the agent, which keeps running
meanwhile.
"""
MOST_LOG_N: Final = 18
"""What ``age -p`` writes: 256 MiB, which a Pi Zero can still provide while no agent runs, as during a restore."""

VERSION: Final = b"age-encryption.org/v1\n"
SALT_LABEL: Final = b"age-encryption.org/v1/scrypt"
ARMOUR: Final = b"-----BEGIN AGE ENCRYPTED FILE"
LONGEST_LINE: Final = 80
"""Bytes. The stanza's first line has 36 with its LF, the others fewer than 50."""
HEADER: Final = re.compile(
    rb"(age-encryption\.org/v1\n"
    rb"-> scrypt (?P<salt>[A-Za-z0-9+/]{21}[AQgw]) (?P<log_n>[1-9][0-9]*)\n"
    rb"(?P<body>[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048])\n"
    rb"---) (?P<mac>[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048])\n"
)
"""A scrypt stanza is the only one in its header, so this is the whole grammar.

16 bytes are 22 letters with 4 bits too many, 32 bytes are 43 letters with 2: canonical base64 has zeros there, which
leaves few letters for the last place.
"""

REENCRYPT: Final = N_('decrypt it with "age -d" and encrypt it again with "age -p"')


def encrypt(
    plaintext: Iterable[bytes], passphrase: str, random_bytes: Callable[[int], bytes], log_n: int = LOG_N
) -> Iterator[bytes]:
    """Yield an age file of the concatenated pieces of ``plaintext``; raises AgeFileError when memory is short.

    ``random_bytes`` has to be suitable for keys. ``log_n`` (1 to 18) is for tests: lower values are easier to guess.
    """
    if not 1 <= log_n <= MOST_LOG_N:
        raise ValueError(f"a work factor of 2^{log_n}")
    file_key, salt, nonce = random_bytes(FILE_KEY_LENGTH), random_bytes(SALT_LENGTH), random_bytes(NONCE_LENGTH)
    yield _header(file_key, unicodedata.normalize("NFC", passphrase), salt, log_n) + nonce
    cipher = ChaCha20Poly1305(_derived(file_key, nonce, b"payload"))
    for number, chunk in _chunks(_Pieces(plaintext), CHUNK):
        yield cipher.encrypt(number, chunk, None)


def decrypt(pieces: Iterable[bytes], passphrase: str) -> Iterator[bytes]:
    """Return the contents of an age file in authenticated pieces; ``pieces`` are the file's bytes.

    The passphrase is tried in NFC, as :func:`encrypt` uses it, then as typed, as other programs use it. The header is
    read immediately. Raises AgeFileError, there or while the payload is read: until the last piece has arrived, the
    pieces may be only part of the contents.
    """
    source = _Pieces(pieces)
    file_key = _file_key(source, passphrase)
    nonce = source.take(NONCE_LENGTH)
    if len(nonce) < NONCE_LENGTH:
        raise _damaged(AgeFault.HEADER)
    return _opened(ChaCha20Poly1305(_derived(file_key, nonce, b"payload")), source)


def require_passphrase_file(head: bytes) -> None:
    """Raise AgeFileError unless a file that begins with ``head`` is one that :func:`decrypt` can read."""
    _parsed_header(_Pieces([head]))


def _header(file_key: bytes, passphrase: str, salt: bytes, log_n: int) -> bytes:
    body = _wrap_cipher(passphrase, salt, log_n).encrypt(bytes(12), file_key, None)
    signed = VERSION + b"-> scrypt %b %d\n%b\n---" % (_base64(salt), log_n, _base64(body))
    return signed + b" " + _base64(_header_mac(file_key, signed).finalize()) + b"\n"


def _file_key(source: _Pieces, passphrase: str) -> bytes:
    """Return the file key, after verifying the header with it."""
    match = _parsed_header(source)
    file_key = _unwrapped(match, passphrase)
    try:
        _header_mac(file_key, match[1]).verify(_bytes(match["mac"]))
    except InvalidSignature as error:
        raise _damaged(AgeFault.MAC) from error
    return file_key


def _unwrapped(match: re.Match[bytes], passphrase: str) -> bytes:
    salt, log_n, body = _bytes(match["salt"]), int(match["log_n"]), _bytes(match["body"])
    for text in dict.fromkeys((unicodedata.normalize("NFC", passphrase), passphrase)):
        with suppress(InvalidTag):
            return _wrap_cipher(text, salt, log_n).decrypt(bytes(12), body, None)
    raise AgeFileError(
        AgeFault.NO_MATCH,
        N_("the passphrase is wrong, or the first lines of the file are damaged"),
        N_("enter the passphrase again, or use another copy of the file"),
    )


def _parsed_header(source: _Pieces) -> re.Match[bytes]:
    header = b"".join(source.line() for _line in range(4))
    match = HEADER.fullmatch(header)
    if match is None:
        raise _not_ours(header)
    log_n = int(match["log_n"])
    if log_n > MOST_LOG_N:
        raise AgeFileError(
            AgeFault.TOO_COSTLY,
            N_("the age file has a work factor of 2^{log_n}; the highest that is accepted is 2^{most}"),
            REENCRYPT,
            log_n=log_n,
            most=MOST_LOG_N,
        )
    return match


def _not_ours(header: bytes) -> AgeFileError:
    """Return why this is not the header of a file encrypted with a passphrase."""
    if header.startswith(ARMOUR):
        return AgeFileError(
            AgeFault.ARMOURED, N_("the age file is in ASCII armour, which bluezone-agent does not read"), REENCRYPT
        )
    if not header.startswith(VERSION):
        return AgeFileError(
            AgeFault.NOT_AGE, N_("this is not an age file, version 1"), N_('use a file written by "age -p"')
        )
    if header.startswith(b"-> ", len(VERSION)) and not header.startswith(b"-> scrypt ", len(VERSION)):
        return AgeFileError(AgeFault.TO_KEYS, N_("the age file is encrypted to keys, not with a passphrase"), REENCRYPT)
    return _damaged(AgeFault.HEADER)


def _damaged(where: AgeFault) -> AgeFileError:
    return AgeFileError(where, N_("the file is damaged or cut short"), N_("use another copy of the file"))


def _wrap_cipher(passphrase: str, salt: bytes, log_n: int) -> ChaCha20Poly1305:
    """Return the cipher for a passphrase. It encrypts one message only, with a nonce of zeros."""
    scrypt = Scrypt(salt=SALT_LABEL + salt, length=KEY_LENGTH, n=2**log_n, r=8, p=1)
    try:
        return ChaCha20Poly1305(scrypt.derive(passphrase.encode()))
    except MemoryError as error:
        raise AgeFileError(
            AgeFault.TOO_COSTLY,
            N_("checking the passphrase needs {mib} MiB of memory, and that much is not free"),
            N_("close other programs and try again"),
            mib=2**log_n // 1024,
        ) from error


def _header_mac(file_key: bytes, signed: bytes) -> HMAC:
    mac = HMAC(_derived(file_key, None, b"header"), SHA256())
    mac.update(signed)
    return mac


def _derived(file_key: bytes, salt: bytes | None, info: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_LENGTH, salt=salt, info=info).derive(file_key)


def _opened(cipher: ChaCha20Poly1305, source: _Pieces) -> Iterator[bytes]:
    for nonce, chunk in _chunks(source, CHUNK + TAG_LENGTH):
        try:
            plaintext = cipher.decrypt(nonce, chunk, None)
        except InvalidTag as error:
            raise _damaged(AgeFault.PAYLOAD) from error
        if not plaintext and any(nonce[:-1]):
            raise _damaged(AgeFault.PAYLOAD)  # only an empty file has an empty chunk
        yield plaintext


def _chunks(source: _Pieces, size: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield the chunks of a payload, each with its nonce: its number in 11 bytes, and whether it is the last."""
    chunk = source.take(size)
    for number in count():
        following = source.take(size)
        yield number.to_bytes(11) + bytes([not following]), chunk
        if not following:
            return
        chunk = following


def _base64(data: bytes) -> bytes:
    return b64encode(data).rstrip(b"=")


def _bytes(text: bytes) -> bytes:
    return b64decode(text + b"=" * (-len(text) % 4))


class _Pieces:
    """Bytes that arrive in pieces of any length and are taken as needed."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._held = bytearray()

    def take(self, size: int) -> bytes:
        """Return the next ``size`` bytes; fewer only at the end."""
        self._hold(size)
        taken = bytes(self._held[:size])
        del self._held[:size]
        return taken

    def line(self) -> bytes:
        """Return the next line with its LF, or its first LONGEST_LINE bytes."""
        self._hold(LONGEST_LINE)
        return self.take(self._held.find(b"\n", 0, LONGEST_LINE) + 1 or LONGEST_LINE)

    def _hold(self, size: int) -> None:
        while len(self._held) < size and (piece := next(self._pieces, None)) is not None:
            self._held += piece
