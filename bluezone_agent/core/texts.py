"""Texts as other systems write them."""

from __future__ import annotations

import codecs


def without_bom(data: bytes) -> bytes:
    """Return a UTF-8 text without the byte order mark that editors of Windows put in front of it."""
    return data.removeprefix(codecs.BOM_UTF8)
