"""The reference material beside the checkout; tests that use it skip, and say so, without it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

SHARED: Final = Path(__file__).resolve().parents[2] / "shared"


def shared_file(name: str) -> Path:
    """Return the path of a shared file, or skip the test and say why."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"needs the reference file {name}, which is not beside this checkout")
    return path
