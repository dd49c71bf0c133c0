"""What is sealed opens with the same secret and context, and with nothing else."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluezone_agent.core.passphrases import decrypt, encrypt, secret_from_passphrase
from bluezone_agent.errors import DecryptionError

SECRETS = st.binary(min_size=32, max_size=32)
NONCES = st.binary(min_size=12, max_size=12)


@given(SECRETS, st.binary(max_size=200), st.binary(max_size=20), NONCES)
def test_what_is_sealed_opens_again(secret: bytes, plaintext: bytes, aad: bytes, nonce: bytes) -> None:
    assert decrypt(secret, encrypt(secret, plaintext, aad, nonce), aad) == plaintext


@given(SECRETS, st.binary(max_size=50), NONCES, st.data())
def test_one_bit_or_one_byte_less_opens_nothing(
    secret: bytes, plaintext: bytes, nonce: bytes, data: st.DataObject
) -> None:
    encrypted = encrypt(secret, plaintext, b"row 1", nonce)
    bit = data.draw(st.integers(0, 8 * len(encrypted) - 1))
    flipped = bytearray(encrypted)
    flipped[bit // 8] ^= 1 << bit % 8
    for wrong in (bytes(flipped), encrypted[: data.draw(st.integers(0, len(encrypted) - 1))], encrypted + b"\0"):
        with pytest.raises(DecryptionError):
            decrypt(secret, wrong, b"row 1")
    with pytest.raises(DecryptionError):
        decrypt(secret, encrypted, b"row 2")
    with pytest.raises(DecryptionError):
        decrypt(bytes([secret[0] ^ 1]) + secret[1:], encrypted, b"row 1")


def test_aes_gcm_is_the_published_one() -> None:
    """NIST's and McGrew's test case 16."""
    key = bytes.fromhex("feffe9928665731c6d6a8f9467308308" * 2)
    nonce = bytes.fromhex("cafebabefacedbaddecaf888")
    plaintext = bytes.fromhex(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
    )
    encrypted = encrypt(key, plaintext, bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2"), nonce)
    assert encrypted[-16:].hex() == "76fc6ece0f4e1768cddf8853bb2d551b"


@pytest.mark.slow
def test_a_passphrase_is_the_same_however_it_is_typed() -> None:
    salt = bytes(16)
    assert secret_from_passphrase("việc", salt) == secret_from_passphrase("vie\u0323\u0302c", salt)
    assert secret_from_passphrase("việc", salt) != secret_from_passphrase("viec", salt)
    assert secret_from_passphrase("a", salt) != secret_from_passphrase("a", bytes(15) + b"\1")
    assert secret_from_passphrase("a", salt) == hashlib.scrypt(
        b"a", salt=salt, n=2**16, r=8, p=1, maxmem=2**27, dklen=32
    )
