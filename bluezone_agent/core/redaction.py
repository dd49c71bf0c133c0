"""Removes what must not appear in a log from foreign text: a D-Bus error, a library's warning.

This program's own values do not need it: their ``repr`` shows no key, identifier or address.
"""

from __future__ import annotations

import re
from typing import Final

ADDRESS: Final = re.compile(r"(?<![0-9A-Za-z])[0-9A-Fa-f]{2}(?:[:_-][0-9A-Fa-f]{2}){5}(?![0-9A-Za-z])")
"""A Bluetooth address, also in the form of BlueZ's object names (``dev_C4_AC_59_01_02_03``)."""
HEX: Final = re.compile(r"(?<![0-9A-Za-z])(?:0x)?[0-9A-Fa-f]{16,}(?![0-9A-Za-z])")
"""Identifiers have at least 12 bytes, so half of one is caught too."""
LITERAL: Final = re.compile(r"""\bb(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""")
"""Bytes as Python shows them."""


def redacted(text: str) -> str:
    """Return ``text`` without Bluetooth addresses, bytes and long hexadecimal numbers."""
    return HEX.sub("<hex>", ADDRESS.sub("<address>", LITERAL.sub("<bytes>", text)))
