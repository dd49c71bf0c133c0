"""A disk that is full, read-only or failing: sightings wait or are counted, nothing uncommitted goes on the air."""

from __future__ import annotations

import asyncio
import os
import re
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import structlog.testing

from bluezone_agent.app.agent_state import read_health
from bluezone_agent.clocks.simulated import SimulatedClock, run_simulated
from bluezone_agent.core.identifiers import DailyKey
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.journal import KINDS, Broadcasting, Committed, Received, Record, Started
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.daemon import contact_writer
from bluezone_agent.daemon.agent import Agent
from bluezone_agent.errors import StoreWriteError
from bluezone_agent.health.health import Problem
from bluezone_agent.stores.file.open import FILE_NAME, PAGE_SIZE
from bluezone_agent.stores.file.recover import open_or_recover
from bluezone_agent.stores.store import StateLock, Store
from tests.fakes import SteeredRadio, numbered_bytes
from tests.faults import numbered
from tests.stores.later import made_later

pytestmark = pytest.mark.slow

NOON_S = 1_806_580_800.0
SLOT_S = 600

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount a small disk")
needs_mkfs = pytest.mark.skipif(shutil.which("mkfs.ext4") is None, reason="needs mkfs.ext4 (apt: e2fsprogs)")
needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace, to make system calls fail")


@pytest.fixture(autouse=True)
def no_log() -> Iterator[None]:
    """The limits of these tests hold for the file that a log would go to, too."""
    with structlog.testing.capture_logs():
        yield


class Bench:
    """An agent that hears somebody new every 10 s, on whatever disk its folder is."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = SimulatedClock(NOON_S)
        self.radio = SteeredRadio(self.clock)
        self.received = 0

    def live(self, life: Callable[[Bench], Awaitable[None]]) -> None:
        agent = Agent(self.store, self.radio, self.clock, PROTOCOLS["gaen"], -12, None, random_bytes=numbered_bytes())

        async def play() -> None:
            stop = asyncio.Event()
            async with asyncio.TaskGroup() as tasks:
                running = tasks.create_task(agent.run(stop))
                hearing = tasks.create_task(self._be_received())
                await asyncio.sleep(1)
                await life(self)
                hearing.cancel()
                stop.set()
                await running

        with StateLock(self.store.state_dir):
            run_simulated(play())

    async def _be_received(self) -> None:
        while True:
            await asyncio.sleep(10)
            if self.radio.listens:
                self.radio.receive(numbered.advertising_data(self.received), -60)
                self.received += 1

    def broadcasts(self) -> bytes | None:
        """Return the service data that is on the air."""
        advertising_data = self.radio.on_air
        return advertising_data.service_data[0xFD6F] if advertising_data else None

    def problems(self) -> tuple[Problem, ...]:
        return read_health(self.store, self.clock.now_s()).problems


async def sick_for_an_hour(bench: Bench) -> None:
    """What has to be true of every agent whose disk takes nothing from now on."""
    on_air = bench.broadcasts()
    assert on_air
    changes = len(bench.radio.history)
    await asyncio.sleep(SLOT_S - bench.clock.now_s() % SLOT_S - 5)
    assert bench.broadcasts() == on_air, "what is committed stays on the air until its slot is over"
    await asyncio.sleep(3600)
    assert bench.broadcasts() is None
    assert len(bench.radio.history) == changes, "nothing goes on the air that is not committed"
    assert bench.radio.listens
    assert bench.problems() == (Problem.NOT_BROADCASTING, Problem.NOT_STORING)


async def well_again(bench: Bench) -> None:
    """What has to be true soon after the disk takes writes again."""
    await asyncio.sleep(130)
    assert bench.broadcasts()
    assert bench.problems() == ()
    assert numbered.numbers(bench.store)[: bench.received - 13] == list(range(bench.received - 13)), "nobody was lost"


@contextmanager
def no_file_longer_than(size: int) -> Iterator[None]:
    """Let every write beyond ``size`` fail: this process's disk is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_takes_nothing_for_an_hour_costs_nothing(tmp_path: Path) -> None:
    async def life(bench: Bench) -> None:
        await asyncio.sleep(1000)
        with no_file_longer_than(1):
            await sick_for_an_hour(bench)
        await well_again(bench)

    with Store(tmp_path) as store:
        Bench(store).live(life)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@needs_root
def test_a_full_disk(small_disk: Path) -> None:
    async def life(bench: Bench) -> None:
        await asyncio.sleep(1000)
        with closing(sqlite3.connect(small_disk / "state" / FILE_NAME)) as db:  # no room in the log either
            assert db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() == (0, 0, 0)
        ballast = small_disk / "ballast"
        with ballast.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
            while True:
                file.write(bytes(512))
        await sick_for_an_hour(bench)
        ballast.unlink()
        await well_again(bench)

    with Store(small_disk / "state") as store:
        Bench(store).live(life)


@needs_root
@needs_mkfs
def test_a_disk_that_becomes_read_only(tmp_path: Path) -> None:
    """As a card does that wears out: the kernel mounts it read-only when it finds an error."""
    image, folder = tmp_path / "image", tmp_path / "disk"
    folder.mkdir()
    image.write_bytes(bytes(16 * 2**20))
    subprocess.run(["mkfs.ext4", "-q", "-O", "^has_journal", image], check=True)
    if subprocess.run(["mount", "-o", "loop,errors=remount-ro", image, folder], check=False).returncode:
        pytest.skip("no loop devices here")
    try:

        async def life(bench: Bench) -> None:
            await asyncio.sleep(1000)
            # "abort" stops the file system as an error of the disk would, open files or not
            subprocess.run(["mount", "-o", "remount,abort", folder], check=True)  # noqa: ASYNC221 - time stands still
            await sick_for_an_hour(bench)

        with Store(folder / "state") as store:
            bench = Bench(store)
            bench.live(life)
        subprocess.run(["umount", folder], check=True)
        subprocess.run(["mount", "-o", "loop", image, folder], check=True)
        with Store(folder / "state") as store:
            assert set(range(90)) <= set(numbered.numbers(store))
    finally:
        subprocess.run(["umount", "-l", folder], check=False)


def test_a_disk_that_fills_while_a_store_is_begun_anew_leaves_none_open(tmp_path: Path) -> None:
    """By halves up to the last write that may fail: that of the keys, into a store that is made already."""
    too_little, enough = 1, 2**20
    while enough - too_little > PAGE_SIZE:
        most = (too_little + enough) // 2
        folder = tmp_path / str(most)
        with Store(folder) as later, later.transaction():
            later.keys.add(DailyKey("gaen", bytes(16), 0, DAY_S, DAY_S // SLOT_S), last_slot_s=0, exportable=True)
            made_later(later._db)
        try:
            with no_file_longer_than(most):
                open_or_recover(folder)[0].close()
        except StoreWriteError:
            opened = [fd.resolve() for fd in Path("/proc/self/fd").iterdir()]
            assert not [path for path in opened if path.is_relative_to(folder)]
            too_little = most
        else:
            enough = most


def test_what_waits_too_long_is_dropped_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contact_writer, "BACKLOG", 100)

    async def life(bench: Bench) -> None:
        await asyncio.sleep(1000)
        with no_file_longer_than(1):
            await sick_for_an_hour(bench)
        await asyncio.sleep(130)
        kept = numbered.numbers(bench.store)
        received = bench.store.journal.get(Received)
        dropped = received.dropped if received else 0
        assert dropped > 200
        assert bench.received - 13 <= len(kept) + dropped <= bench.received
        assert read_health(bench.store, bench.clock.now_s()).problems == ()

    with Store(tmp_path) as store:
        Bench(store).live(life)


def test_a_statement_that_fails_leaves_the_store_usable(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        with (
            no_file_longer_than(1),
            pytest.raises(StoreWriteError, match=r"agent.db can't be written"),
            store.transaction(),
        ):
            store.journal.put(Committed(1))
        store.post(Broadcasting(2, 600))
        assert kinds(store) == [Broadcasting]


def test_what_could_not_be_written_is_written_with_the_next_that_can(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        with no_file_longer_than(1):
            store.post(Started(1))
            store.post(Broadcasting(2, 600))
            store.post(Broadcasting(3, 1200))
        assert kinds(store) == []
        with store.transaction():
            store.journal.put(Committed(4))
        assert kinds(store) == [Started, Broadcasting, Committed]
        assert store.journal.get(Broadcasting) == Broadcasting(3, 1200)


def kinds(store: Store) -> list[type[Record]]:
    return [kind for kind in KINDS.values() if store.journal.get(kind)]


@needs_strace
@pytest.mark.timeout(3600)
def test_an_error_at_any_write_or_sync(tmp_path: Path, long: bool) -> None:
    """The n-th write or sync of the whole agent fails with EIO, once: it goes on, and has everything in the end.

    Every one of them in the long form, else four and the last few, when it stops.
    """
    calls = Counter(line.split("(")[0] for line in agent_with([], tmp_path / "whole", tmp_path / "log").splitlines())
    for call in ("pwrite64", "fdatasync"):
        assert calls[call] > 20
        some = {*range(1, calls[call] + 1, calls[call] // 4), *range(calls[call] - 5, calls[call] + 1)}
        for n in range(1, calls[call] + 1) if long else sorted(some):
            folder = tmp_path / f"{call}-{n}"
            log = agent_with(["-e", f"inject={call}:error=EIO:when={n}"], folder, tmp_path / "log")
            assert "(INJECTED)" in log, "the call was not reached"
            with Store(folder) as store:
                kept = numbered.numbers(store)
                assert store._db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
            assert kept == list(range(30)), f"{call} {n} of {calls[call]}"


def agent_with(options: list[str], state_dir: Path, log: Path) -> str:
    """Let an agent live for 10 minutes; begin again, as a service manager would, where it can't even open its store."""
    strace = shutil.which("strace")
    assert strace is not None
    agent = [sys.executable, "-m", "tests.faults.daemon", str(state_dir), str(NOON_S), "0", "10"]
    done = subprocess.run(
        [strace, "-f", "-qq", "-e", "trace=pwrite64,fdatasync", "-o", str(log), *options, *agent],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        assert done.returncode == 75, done.stderr
        subprocess.run(agent, check=True, capture_output=True)
    return re.sub(r"^\d+ +", "", log.read_text(), flags=re.MULTILINE)
