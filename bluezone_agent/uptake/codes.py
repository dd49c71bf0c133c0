"""The code of a member: it proves that whoever makes a receipt was handed a code of this campaign.

A code is 20 characters of Crockford's base 32 in groups of four: 4 of the campaign, 15 random ones (75 bits), and a
check character, so that a mistyped one is noticed. A receipt never contains the code: it names it by ``code_id`` and
carries a MAC, both derived from the random part (HMAC-SHA256, RFC 2104), so that nobody who sees a receipt can make
another.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from typing import Final

from bluezone_agent.errors import N_
from bluezone_agent.uptake.units import UptakeError

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's: without I, L, O and U."""
READ_AS: Final = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})
CAMPAIGN_LENGTH: Final = 4
RANDOM_LENGTH: Final = 15
LENGTH: Final = CAMPAIGN_LENGTH + RANDOM_LENGTH + 1
GROUP: Final = 4
ID_LENGTH: Final = 12
"""Characters of a ``code_id``: 60 bits, so that two of 500,000 codes share one once in ten million campaigns."""


@dataclass(frozen=True, slots=True)
class MemberCode:
    """A code without its hyphens."""

    text: str

    def __repr__(self) -> str:
        return f"MemberCode({self.campaign}-<secret>)"

    @property
    def campaign(self) -> str:
        """The four characters of the campaign."""
        return self.text[:CAMPAIGN_LENGTH]

    @property
    def code_id(self) -> str:
        """What receipts call it."""
        digest = int.from_bytes(self._derived(b"code id"))
        return "".join(ALPHABET[(digest >> 5 * place) & 31] for place in range(ID_LENGTH))

    def mac(self, message: bytes) -> str:
        """Return the MAC of a receipt, hexadecimal."""
        return self._derived(b"receipt\0" + message).hex()

    def written(self) -> str:
        """Return the code as it is handed out, in groups. It is secret."""
        return "-".join(self.text[at : at + GROUP] for at in range(0, LENGTH, GROUP))

    def _derived(self, message: bytes) -> bytes:
        return hmac.digest(self.text.encode(), b"bluezone-agent uptake\0" + message, "sha256")


def new_campaign() -> str:
    """Return the first characters of a new campaign's codes."""
    return "".join(secrets.choice(ALPHABET) for _ in range(CAMPAIGN_LENGTH))


def new_code(campaign: str) -> MemberCode:
    """Return a new random code."""
    body = campaign + "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_LENGTH))
    return MemberCode(body + _check(body))


def parse_code(text: str) -> MemberCode:
    """Read a code as a person types it; raises UptakeError, which does not show it."""
    code = text.upper().translate(READ_AS)
    wrong = len(code) != LENGTH or any(c not in ALPHABET for c in code) or _check(code[:-1]) != code[-1]
    if wrong:
        raise UptakeError(
            N_("this is not a code of a campaign: {n} of {length} characters, or one is mistyped"),
            N_("type it again as it is on the slip: {length} letters and digits, hyphens may be left out"),
            n=len(code),
            length=LENGTH,
        )
    return MemberCode(code)


def _check(body: str) -> str:
    """Return the character that tells one mistyped or two exchanged neighbours: a sum with weights that are odd."""
    return ALPHABET[sum((2 * place + 1) * ALPHABET.index(c) for place, c in enumerate(body)) % 32]
