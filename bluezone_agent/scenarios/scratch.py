"""Where simulated devices keep their stores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder in memory if there is one: a simulated day writes as often as a real one, within seconds."""
    memory = Path("/dev/shm")  # noqa: S108 - TemporaryDirectory makes a private folder of random name in it
    with TemporaryDirectory(prefix="bluezone-", dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)
