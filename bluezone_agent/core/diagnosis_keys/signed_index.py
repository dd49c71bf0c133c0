"""The signed index of a published folder: which files there are, since when, and until when that holds.

``index.signed`` lies beside the plain ``index.txt``, which other clients read. It is one file, so that no reader and no
cache can hold half of it: JSON with the index as a text and the signature of exactly that text.
"""

from __future__ import annotations

from typing import Final

import msgspec

from bluezone_agent.core.diagnosis_keys.signing import SigningKey, Trust
from bluezone_agent.core.texts import without_bom
from bluezone_agent.errors import N_, BadSignatureError, KeySourceError

SIGNED_INDEX_NAME: Final = "index.signed"
MAX_SIGNED_INDEX: Final = 4 * 1024 * 1024
"""Bytes: 10,000 files, each with its path and digest."""


class ListedFile(msgspec.Struct, frozen=True):
    """A file of the folder."""

    path: str
    sha256: str
    """Of the file's bytes, hex."""


class SignedIndex(msgspec.Struct, frozen=True):
    """What a folder holds, as its authority signed it. Times are Unix seconds."""

    sequence: int
    """Grows with every index."""
    issued_at: int
    expires_at: int
    files: tuple[ListedFile, ...]
    """Oldest first."""


class _Envelope(msgspec.Struct):
    index: str
    signature: bytes
    """A TEKSignatureList over the UTF-8 bytes of ``index``."""


def write_signed_index(index: SignedIndex, key: SigningKey) -> bytes:
    """Return the file, signed by ``key``."""
    text = msgspec.json.encode(index)
    return msgspec.json.encode(_Envelope(text.decode(), key.sign(text))) + b"\n"


def read_signed_index(where: str, data: bytes, trust: Trust) -> SignedIndex:
    """Verify and read an index; ``where`` names it in errors. Raises KeySourceError."""
    try:
        envelope = msgspec.json.decode(without_bom(data), type=_Envelope)
        signed = envelope.index.encode()
        trust.verify(where, signed, envelope.signature)
        return msgspec.json.decode(signed, type=SignedIndex)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise KeySourceError(
            N_("{where} is no signed index: {reason}"),
            N_("the next check fetches it again; if it stays so, tell the health authority"),
            where=where,
            reason=error,
        ) from error
    except BadSignatureError as error:
        raise KeySourceError(error.message, error.hint, **error.fields) from error


def require_fresh(where: str, index: SignedIndex, now_s: float, highest: int) -> None:
    """Refuse an index that has expired, or that is older than the one of sequence ``highest``.

    Raises KeySourceError: the server, or somebody on the way, holds newer files back.
    """
    if index.sequence < highest:
        raise KeySourceError(
            N_("{where} is an old index: its number is {found}, and {highest} was seen before"),
            N_("something between here and the health authority serves old files; if it stays so, tell the authority"),
            where=where,
            found=index.sequence,
            highest=highest,
        )
    if index.expires_at <= now_s:
        raise KeySourceError(
            N_("{where} has expired: newer files may be held back"),
            N_("check this device's clock; if it is right, tell the health authority to publish again"),
            where=where,
        )


def missing_signed_index(where: str) -> KeySourceError:
    """Return the error for a folder whose index was signed at an earlier check."""
    return KeySourceError(
        N_("{where} is gone, and was there before: newer files may be held back"),
        N_("something between here and the health authority leaves it out; if it stays so, tell the authority"),
        where=where,
    )
