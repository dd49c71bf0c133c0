"""Texts written by other systems."""

from __future__ import annotations

import codecs


def without_bom(data: bytes) -> bytes:
    """Return a UTF-8 text without the byte order mark that Windows editors put in front of it."""
    return data.removeprefix(codecs.BOM_UTF8)
