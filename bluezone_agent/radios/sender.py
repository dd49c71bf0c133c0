"""What stands for a sender's address: whether two packets came from one address, never which it was."""

from __future__ import annotations

import os
from hashlib import blake2s
from typing import Final

LENGTH: Final = 8
KEY: Final = os.urandom(32)
"""Of this process: nobody can turn a digest back later."""


def sender_digest(address: str) -> bytes:
    """Return the digest of an address such as ``AA:BB:CC:DD:EE:FF``."""
    return blake2s(address.upper().encode(), key=KEY, digest_size=LENGTH).digest()
