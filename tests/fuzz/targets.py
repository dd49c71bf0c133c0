"""Everything that reads bytes of others: what a good input looks like, what reads it, and how it may refuse.

Case files as bombs have tests of their own (tests/core/test_key_file_bombs.py); BlueZ's side of a frame is in
tests/radios, the store in tests/fuzz/test_store.py.
"""

from __future__ import annotations

from typing import Final

from tests.fuzz import air, owner, published
from tests.fuzz.target import Target

TARGETS: Final[dict[str, Target]] = {**air.TARGETS, **published.TARGETS, **owner.TARGETS}
