"""The signed index of a published folder: which files it has, since when, and how long the index is valid.

``index.signed`` is next to the unsigned ``index.txt``, which other clients read. It is a single file, so that no reader
and no cache can have half of it: JSON with the index as a text and the signature of exactly that text.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from bluezone_agent.core.diagnosis_keys.signing import SigningKey, Trust
from bluezone_agent.core.texts import without_bom
from bluezone_agent.errors import N_, BadSignatureError, KeySourceError

SIGNED_INDEX_NAME: Final = "index.signed"
MAX_SIGNED_INDEX: Final = 4 * 1024 * 1024
"""Bytes: 10,000 files, each with its path and digest."""


VERSION: Final = 2
"""The version that this program writes: an index of version 1 has no folder name."""
LATEST_S: Final = 2**36
"""In the year 4147: a later time is in another unit."""
HIGHEST: Final = 2**53
"""JSON parsers do not represent a higher sequence number exactly."""
LONGEST_NAME: Final = 120
"""Characters in a folder's name."""
Time = Annotated[int, msgspec.Meta(ge=0, le=LATEST_S)]


class ListedFile(msgspec.Struct, frozen=True):
    """A file in the folder."""

    path: str
    sha256: str
    """SHA-256 of the file's bytes, hex."""


class SignedIndex(msgspec.Struct, frozen=True):
    """The contents of a folder, signed by its authority. Times are Unix seconds."""

    sequence: Annotated[int, msgspec.Meta(ge=0, le=HIGHEST)]
    """Grows with every index."""
    issued_at: Time
    expires_at: Time
    files: tuple[ListedFile, ...]
    """Oldest first."""
    version: Annotated[int, msgspec.Meta(ge=1, le=VERSION)] = 1
    folder: Annotated[str, msgspec.Meta(max_length=LONGEST_NAME)] = ""
    """The folder's name, wherever it is served, so that one folder's index can't pass as another's."""


class _Envelope(msgspec.Struct):
    index: str
    signature: bytes
    """A TEKSignatureList over the UTF-8 bytes of ``index``."""


def write_signed_index(index: SignedIndex, key: SigningKey) -> bytes:
    """Return the index file, signed by ``key``."""
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
            N_("{where} is not a signed index: {reason}"),
            N_("the next check will fetch it again; if the error persists, tell the health authority"),
            where=where,
            reason=error,
        ) from error
    except BadSignatureError as error:
        raise KeySourceError(error.message, error.hint, **error.fields) from error


def require_fresh(where: str, index: SignedIndex, now_s: float, highest: int) -> None:
    """Refuse an index that has expired, or that is older than the one with sequence number ``highest``.

    Raises KeySourceError: the server, or somebody on the network path, holds newer files back.
    """
    if index.sequence < highest:
        raise KeySourceError(
            N_("{where} is an old index: its sequence number is {found}, but {highest} was seen before"),
            N_(
                "something between this device and the health authority serves old files; if this "
                "persists, tell the authority"
            ),
            where=where,
            found=index.sequence,
            highest=highest,
        )
    if index.expires_at <= now_s:
        raise KeySourceError(
            N_("{where} has expired: newer files may be held back"),
            N_("check this device's clock; if it is right, ask the health authority to publish again"),
            where=where,
        )


def require_same_folder(where: str, index: SignedIndex, pinned: str) -> None:
    """Refuse an index of another folder than the one seen first; ``pinned`` is empty if none was seen.

    Raises KeySourceError.
    """
    if pinned and index.folder != pinned:
        raise KeySourceError(
            N_('{where} is the index of the folder "{found}", but the folder here was "{pinned}" before'),
            N_(
                "something between this device and the health authority serves another folder; if the "
                "authority confirms that it renamed its folder, remove this [[source]], run "
                "bluezone-agent check, and add it again"
            ),
            where=where,
            found=index.folder,
            pinned=pinned,
        )


def missing_signed_index(where: str) -> KeySourceError:
    """Return the error for a folder whose index was signed at an earlier check."""
    return KeySourceError(
        N_("{where} is missing, although it existed before: newer files may be held back"),
        N_(
            "something between this device and the health authority blocks this file; if this "
            "persists, tell the authority"
        ),
        where=where,
    )
