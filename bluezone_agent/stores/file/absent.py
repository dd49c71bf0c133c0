"""Keeps a library from importing what it would like to use but does not need."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def absent(*names: str) -> Iterator[None]:
    """Let imports of these packages fail inside the block, unless they are imported already."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None makes an import fail: importlib's reference
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
