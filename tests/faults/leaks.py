"""Finds secrets in whatever was written, in every form in which a program might have written them."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterable, Iterator

WINDOW = 6
"""Bytes by which a form is first looked for: as many as the shortest, an address itself."""


def forms(secret: bytes) -> Iterator[bytes]:
    """Yield what a secret may look like: raw, hexadecimal, base64, decimal, as Python shows it, and backwards."""
    for data in (secret, secret[::-1]):
        yield data
        yield repr(data)[2:-1].encode()
        for text in (data.hex(), data.hex(":"), data.hex("-"), data.hex("_"), data.hex(" ")):
            yield text.encode()
            yield text.upper().encode()
        yield data.hex().encode()[::-1]
        yield str(int.from_bytes(data, "big")).encode()
        yield ", ".join(map(str, data)).encode()
        yield from _base64(data)
    yield b"".join(b"\\x%02x" % byte for byte in secret)


def _base64(data: bytes) -> Iterator[bytes]:
    """Yield the part of each of its base64 forms that does not depend on what stands before and after it."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + data)
        first, last = -(-before * 8 // 6), (before + len(data)) * 8 // 6
        for form in (encoded, encoded.translate(bytes.maketrans(b"+/", b"-_"))):
            yield form[first:last]


class Finder:
    """Looks for many secrets at once."""

    def __init__(self, secrets: Iterable[bytes], *, raw: bool = False) -> None:
        """With ``raw`` only for the bytes themselves."""
        self._by_window: dict[bytes, list[tuple[bytes, bytes]]] = {}
        for secret in secrets:
            for form in {secret} if raw else set(forms(secret)):
                assert len(form) >= WINDOW, form
                self._by_window.setdefault(form[:WINDOW], []).append((form, secret))

    def count(self, data: bytes) -> Counter[bytes]:
        """Return how often each secret is in ``data``, in whatever form."""
        found: Counter[bytes] = Counter()
        for at in range(len(data) - WINDOW + 1):
            for form, secret in self._by_window.get(data[at : at + WINDOW], ()):
                found[secret] += data.startswith(form, at)
        return +found
