"""A check that is killed at any statement and run again finds what an undisturbed one finds."""

import os
from pathlib import Path

import pytest

from bluezone_agent.stores.store import Store
from tests.diagnosis_keys import daily_key
from tests.exposure_check.test_check import Device

pytestmark = pytest.mark.slow


def killed_after(folder: Path, statements: int) -> bool:
    """Check in a process that dies, as by SIGKILL, before its next statement; return whether it lived to the end."""
    child = os.fork()
    if child == 0:
        left = statements
        with Store(folder / "state") as store:

            def count(_statement: str) -> None:
                nonlocal left
                left -= 1
                if left < 0:
                    os._exit(9)

            store._db.set_trace_callback(count)
            device(folder, store).check()
            store._db.set_trace_callback(None)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def device(folder: Path, store: Store) -> Device:
    made = Device.__new__(Device)
    made.store, made.folder = store, folder / "published"
    return made


def prepared(folder: Path) -> None:
    """Hear two people and publish both, one in each format."""
    folder.mkdir()
    with Store(folder / "state") as store:
        received = Device(store, folder / "published")
        for number, protocol in enumerate(("bluezone", "gaen")):
            key = daily_key(protocol, number=number + 1)
            received.receive(key)
            received.publish(str(number), key)


def outcome(folder: Path) -> list[str]:
    with Store(folder / "state") as store:
        device(folder, store).check()
        return [row.replace(str(folder), "") for row in device(folder, store).state()]


def test_killed_at_every_statement(tmp_path: Path) -> None:
    prepared(tmp_path / "whole")
    expected = outcome(tmp_path / "whole")
    assert len(expected) > 40, "two files, two keys, their minutes, a warning"
    statements = 0
    while True:
        folder = tmp_path / str(statements)
        prepared(folder)
        lived = killed_after(folder, statements)
        assert outcome(folder) == expected, f"killed before statement {statements}"
        if lived:
            break
        statements += 1
    assert statements > 20
