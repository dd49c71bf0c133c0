"""How long a text message is, in the units of the standard (3GPP TS 23.038 and 23.040)."""

from __future__ import annotations

from typing import Final

import msgspec

GSM: Final = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The default alphabet (23.038, 6.2.1), without the escape."""
GSM_EXTENDED: Final = "\f^{}\\[~]|€"
"""Letters of the extension table, which take two units."""
GSM_ONE: Final = 160
UCS2_ONE: Final = 70
"""Units of a single message: 140 octets of 7 or 16 bits."""
GSM_PART: Final = 153
UCS2_PART: Final = 67
"""Units of a part of a long message: its header takes 6 octets."""


class SmsLength(msgspec.Struct, frozen=True, kw_only=True):
    """How a text is sent."""

    alphabet: str
    """``GSM 03.38`` or ``UCS-2``."""
    units: int
    """Septets, or 16-bit units: a letter outside of the Basic Multilingual Plane takes two."""
    limit: int
    """Units of a single message."""
    messages: int


def sms_length(text: str) -> SmsLength:
    """Return how a text is sent: in the GSM alphabet if it has all letters, or else in UCS-2."""
    if all(letter in GSM or letter in GSM_EXTENDED for letter in text):
        units = len(text) + sum(letter in GSM_EXTENDED for letter in text)
        return SmsLength(alphabet="GSM 03.38", units=units, limit=GSM_ONE, messages=_parts(units, GSM_ONE, GSM_PART))
    units = len(text.encode("utf-16-le")) // 2
    return SmsLength(alphabet="UCS-2", units=units, limit=UCS2_ONE, messages=_parts(units, UCS2_ONE, UCS2_PART))


def _parts(units: int, one: int, part: int) -> int:
    return 1 if units <= one else -(-units // part)
