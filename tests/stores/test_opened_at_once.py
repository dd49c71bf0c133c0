"""A store that many open at the same moment, as a service that starts and the person who looks at it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from bluezone_agent.stores.file.migrations import NAMES, applied
from bluezone_agent.stores.file.open import open_database

AT_ONCE = 8


@pytest.mark.parametrize("number", range(5))
def test_a_new_store_that_many_open_at_once_is_whole_for_all(tmp_path: Path, number: int) -> None:
    together = Barrier(AT_ONCE)

    def open_it(_: int) -> list[str]:
        together.wait()
        db = open_database(tmp_path / "state")
        steps = applied(db)
        db.close()
        return steps

    with ThreadPoolExecutor(AT_ONCE) as threads:
        assert list(threads.map(open_it, range(AT_ONCE))) == [list(NAMES)] * AT_ONCE
