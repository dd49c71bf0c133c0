"""A store damaged anywhere: every command that reads it shows what is there, or names the file and the way out.

What the agent itself makes of such a store is in tests/faults/test_damaged_store.py.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from random import Random

import pytest

from bluezone_agent.cli import root
from bluezone_agent.core.calibration import Calibration
from bluezone_agent.core.clock_state import ClockState, ClockTimeline
from bluezone_agent.core.exposure import Degree
from bluezone_agent.core.journal import Broadcasting, Committed, Proved, RadioState, Received, Started
from bluezone_agent.core.pauses import Mode, Pause
from bluezone_agent.errors import StoreError
from bluezone_agent.stores.calibrations import MEASURED, StoredCalibration
from bluezone_agent.stores.file.open import FILE_NAME, PAGE_SIZE
from bluezone_agent.stores.store import Store
from tests.diagnosis_keys import NOW_S, daily_key, signing_key
from tests.exposure_check.test_check import Device

pytestmark = pytest.mark.slow

COMMANDS = (
    ("status",),
    ("status", "--json"),
    ("status", "--prometheus"),
    ("contacts",),
    ("exposures", "--json"),
    ("exposures", "explain", "2020-09-23"),
    ("keys", "sources"),
    ("keys", "list"),
    ("compare", "--rule", "swisscovid", "--rule", "lfph-wide"),
    ("calibrate", "show"),
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a row in every table that a command reads."""
    folder = tmp_path_factory.mktemp("whole")
    with Store(folder / "state") as store:
        device = Device(store, folder / "published")
        for protocol in ("gaen", "bluezone"):
            key = daily_key(protocol)
            device.receive(key)
            device.publish(protocol, key)
        (device.folder / "damaged.zip").write_bytes(b"PK")
        assert [day.degree for day in device.check().days] == [Degree.F1]
        device.check(key=signing_key(2).verification_key)
        with store.transaction():
            for number in range(14):
                key = daily_key(days_ago=number, number=number + 100)
                store.keys.add(key, last_slot_s=key.ends_at_s - 600, exportable=True, closed=True)
            record_activity(store)
    return folder / "state"


def record_activity(store: Store) -> None:
    """Write what an agent that ran says of itself, in the caller's transaction."""
    radio = RadioState(
        NOW_S,
        "bluez",
        works=False,
        since_s=NOW_S - 5,
        reason="lost",
        message="{name} is gone ({reason})",
        fields={"name": "hci0", "reason": "unplugged"},
        sessions=2,
    )
    for record in (
        Received(NOW_S, {"gaen": 12}, dropped=3),
        Started(NOW_S - 3600, "gaen", sources=1, monitor_adapters=1, allow_linkable=("privacy",)),
        Broadcasting(NOW_S - 60, NOW_S + 540, rotations=7),
        Committed(NOW_S, minutes=3),
        Proved(NOW_S - 30, "bluez:hci1", -41),
        radio,
    ):
        store.journal.put(record)
    store.listening.begin(NOW_S - 3600, "active")
    store.listening.begin(NOW_S - 1800, "", "powered off")
    store.pauses.set(Pause(Mode.PROTECTED, 3600, "boot", 7200, NOW_S + 3600, clock_trusted=True))
    store.timelines.keep(ClockState(ClockTimeline("boot", NOW_S - 7200, 7200, NOW_S, 7200), None))
    calibration = Calibration(-3.5, 0.5, None, None, packets=400)
    store.calibrations.add(StoredCalibration("bluez", "trong hộp", MEASURED, calibration, NOW_S, NOW_S + 86_400))


def damage(path: Path, random: Random) -> None:
    """Rubbish in a page, flipped bits, a stretch of zeros, or less of the file."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        match random.randrange(5):
            case 0:
                file.seek(random.randrange(size // PAGE_SIZE) * PAGE_SIZE)
                file.write(random.randbytes(PAGE_SIZE))
            case 1:
                file.seek(random.randrange(size))
                file.write(bytes(random.randrange(1, 300)))
            case 2:
                os.truncate(path, random.randrange(size))
            case _:
                for _ in range(random.choice((1, 3, 30, 300))):
                    at = random.randrange(size)
                    file.seek(at)
                    byte = file.read(1)[0]
                    file.seek(at)
                    file.write(bytes([byte ^ 1 << random.randrange(8)]))


def outcome(command: tuple[str, ...], folder: Path) -> str:
    """Run a command in this process; what must not be raised is."""
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        try:
            root.main([*command, "--state-dir", str(folder)], standalone_mode=False)
        except StoreError as error:
            return "refused" if str(folder) in str(error) else f"refused without a name: {error}"
    return "read"


@pytest.mark.timeout(3600)
def test_commands_read_a_damaged_store_or_name_it(whole: Path, tmp_path: Path, long: bool) -> None:
    seen: Counter[str] = Counter()
    for number in range(3_000 if long else 150):
        random, folder = Random(number), tmp_path / str(number)
        shutil.copytree(whole, folder)
        damage(folder / FILE_NAME, random)
        for command in COMMANDS:
            seen[outcome(command, folder)] += 1
        shutil.rmtree(folder)
    assert set(seen) == {"read", "refused"}
    assert min(seen.values()) > 100
