"""The live feed over real sockets: who is near, for whoever reads, and never at the agent's cost."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Final

import msgspec
import pytest

from bluezone_agent.clocks.simulated import run_simulated
from bluezone_agent.core.calibration import Calibration
from bluezone_agent.core.clock_state import DistrustReason
from bluezone_agent.core.live_line import LiveLine, LiveRefused, LiveState
from bluezone_agent.core.neighbours import GONE_S
from bluezone_agent.core.pauses import Mode
from bluezone_agent.core.protocols import PROTOCOLS, decode
from bluezone_agent.daemon.live_feed import LEAST_S, MOST_READERS, SOCKET_NAME, WAITING_LINES, LiveFeed
from bluezone_agent.errors import RadioFault, RadioUnavailableError
from bluezone_agent.stores.calibrations import MEASURED, StoredCalibration
from bluezone_agent.stores.store import StateLock, Store
from tests.cli.test_around import LINE
from tests.daemon.test_agent import Bench, advertisement_of_another
from tests.daemon.test_pause_control import ask


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path) as opened, StateLock(tmp_path):
        yield opened


class Reader:
    """A program that reads the feed of an agent in this process."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def of(cls, store: Store) -> Reader:
        return cls(*await asyncio.open_unix_connection(store.state_dir / SOCKET_NAME))

    async def bytes(self) -> bytes:
        async with asyncio.timeout(5):
            return await self._reader.readline()

    async def line(self) -> LiveLine:
        return msgspec.json.decode(await self.bytes(), type=LiveLine)

    async def newest(self) -> LiveLine:
        """Return a line that is made from now on."""
        while True:
            try:
                async with asyncio.timeout(0.01):
                    await self._reader.readline()
            except TimeoutError:
                return await self.line()

    def die(self) -> None:
        self._writer.transport.abort()

    async def end(self) -> None:
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()


async def receive(bench: Bench, seconds: int, rssi_dbm: int = -60, protocol: str = "gaen") -> None:
    for _ in range(4 * seconds):
        bench.radio.receive(advertisement_of_another(PROTOCOLS[protocol]), rssi_dbm)
        await asyncio.sleep(0.25)


def test_a_reader_sees_at_once_and_each_second_who_is_near_until_30_s_after(store: Store) -> None:
    bench = Bench(store)

    async def look(b: Bench) -> None:
        await receive(b, 3)
        reader = await Reader.of(store)
        lines = [await reader.line() for _ in range(41)]
        await reader.end()
        assert [line.number for line in lines] == list(range(1, 42))
        assert [(after.at - before.at).total_seconds() for before, after in pairwise(lines)] == [1] * 40
        seen = [line for line in lines if line.neighbours]
        assert lines[: len(seen)] == seen
        assert {n.pseudonym for line in seen for n in line.neighbours} == {seen[0].neighbours[0].pseudonym}
        assert seen[-1].neighbours[0].received_s <= GONE_S
        assert len(seen) == int(GONE_S)
        first = lines[0]
        assert (first.state, first.protocol, first.received) == (LiveState.SCANNING, "bluezone", {"gaen": 12})
        assert first.radio.description == "steered"

    run_simulated(bench.during(look))


def test_lines_are_a_tenth_of_a_second_apart_however_often_something_changes(store: Store) -> None:
    bench = Bench(store)
    made = 0

    async def look(b: Bench) -> None:
        nonlocal made
        feed = LiveFeed(bench_line)
        (store.state_dir / "other").mkdir(mode=0o700)
        serving = asyncio.create_task(feed.serve(store.state_dir / "other"))
        await asyncio.sleep(0.1)
        reader, writer = await asyncio.open_unix_connection(store.state_dir / "other" / SOCKET_NAME)
        for _ in range(1000):
            feed.hurry()
            await asyncio.sleep(0.001)
        writer.transport.abort()
        serving.cancel()
        del reader

    def bench_line() -> LiveLine:
        nonlocal made
        made += 1
        return LINE

    run_simulated(bench.during(look))
    assert 8 <= made <= 1 / LEAST_S + 2


def test_no_line_has_an_identifier_of_others_or_more_than_the_end_of_the_own(store: Store) -> None:
    bench = Bench(store)

    async def look(b: Bench) -> None:
        await receive(b, 1)
        await receive(b, 1, protocol="bluezone")
        reader = await Reader.of(store)
        text = await reader.bytes()
        await reader.end()
        for protocol in PROTOCOLS.values():
            observed = decode(advertisement_of_another(protocol))
            assert observed is not None
            for secret in (observed.identifier, observed.identifier[:4], observed.identifier[-4:]):
                assert secret not in text
                assert secret.hex().encode() not in text.lower()
        own = b.identifiers()[-1].hex()
        assert b"****" + own[-4:].encode() in text
        assert own[-6:].encode() not in text

    run_simulated(bench.during(look))


def test_the_line_says_why_nothing_is_received(store: Store) -> None:
    bench = Bench(store)

    async def look(b: Bench) -> None:
        reader = await Reader.of(store)
        assert (await reader.line()).state is LiveState.SCANNING
        await ask(b, Mode.PAUSED, 600)
        line = await reader.newest()
        assert (line.state, line.own_code, line.protected) == (LiveState.PAUSED, None, False)
        assert line.pause_left_s == pytest.approx(600, abs=3)
        await ask(b, Mode.PROTECTED, 600)
        await asyncio.sleep(1)
        line = await reader.newest()
        assert (line.state, line.protected) == (LiveState.SCANNING, True)
        b.radio.fails_with = RadioUnavailableError(RadioFault.POWERED_OFF, "{adapter} is off", adapter="hci0")
        line = await reader.newest()
        assert (line.state, line.own_code, line.radio.fault) == (LiveState.RADIO_LOST, None, "powered off")
        assert line.radio.message.format(**line.radio.fields) == "hci0 is off"
        assert line.clock_trusted
        await reader.end()

    run_simulated(bench.during(look))


def test_the_line_says_that_the_clock_is_not_trusted(store: Store) -> None:
    bench = Bench(store)
    bench.clock.is_synchronised = False

    async def look(_: Bench) -> None:
        reader = await Reader.of(store)
        line = await reader.line()
        assert (line.clock_trusted, line.clock_reason) == (False, DistrustReason.NOT_SYNCHRONISED)
        await reader.end()

    run_simulated(bench.during(look))


def test_the_calibration_in_force_counts_also_one_that_is_made_meanwhile(store: Store) -> None:
    bench = Bench(store)

    async def look(b: Bench) -> None:
        await receive(b, 2, -60)
        reader = await Reader.of(store)
        line = await reader.line()
        assert (line.calibrated, line.neighbours[0].attenuation_db) == (False, 35.0)
        now_s = int(b.clock.now_s())
        with store.transaction():
            calibration = Calibration(rssi_correction_db=-4.0)
            store.calibrations.add(StoredCalibration("steered", "", MEASURED, calibration, now_s, now_s + 10_000))
        await asyncio.sleep(65)
        await receive(b, 2, -60)
        line = await reader.newest()
        assert (line.calibrated, line.neighbours[0].attenuation_db) == (True, 39.0)
        await reader.end()

    run_simulated(bench.during(look))


def test_the_power_of_phones_is_the_configured_one(store: Store) -> None:
    bench = Bench(store)
    bench.agent = replace(bench.agent, assumed_tx_power_dbm=-12)

    async def look(b: Bench) -> None:
        await receive(b, 2, -60)
        reader = await Reader.of(store)
        assert (await reader.line()).neighbours[0].attenuation_db == 48.0
        await reader.end()

    run_simulated(bench.during(look))


def test_sixteen_readers_are_served_others_are_told_and_one_that_leaves_makes_room(store: Store) -> None:
    async def look(_: Bench) -> None:
        readers = [await Reader.of(store) for _ in range(20)]
        firsts = [await reader.bytes() for reader in readers]
        refused = [msgspec.json.decode(text, type=LiveRefused).refused for text in firsts if b"refused" in text]
        assert refused == [f"it already has {MOST_READERS} readers"] * 4
        served = [reader for reader, text in zip(readers, firsts, strict=True) if b"refused" not in text]
        assert len(served) == MOST_READERS
        lines = await asyncio.gather(*(reader.line() for reader in served))
        assert {line.number for line in lines} == {2}, "one line is made for all"
        await served.pop().end()
        await asyncio.sleep(3)
        readers.append(await Reader.of(store))
        assert (await readers[-1].line()).state is LiveState.SCANNING
        for reader in readers:
            await reader.end()

    run_simulated(Bench(store).during(look))


def test_a_slow_reader_loses_lines_and_nobody_else_does(store: Store) -> None:
    """It is stopped for an hour: what waits for it is bounded, and then it sees the present."""

    async def look(_: Bench) -> None:
        slow, quick = await Reader.of(store), await Reader.of(store)
        await slow.line()
        numbers = []
        tracemalloc.start()
        for second in range(3600):
            numbers.append((await quick.line()).number)
            if second == 1800:
                half_way = tracemalloc.get_traced_memory()[0]
        grown = tracemalloc.get_traced_memory()[0] - half_way
        tracemalloc.stop()
        assert numbers == list(range(numbers[0], numbers[0] + 3600))
        assert grown < 200_000
        late = [(await slow.line()).number]
        while late[-1] < numbers[-1] - WAITING_LINES:
            late.append((await slow.line()).number)
        assert len(late) < 1500, "many are lost"
        assert late == sorted(late)
        await slow.end()
        await quick.end()

    run_simulated(Bench(store).during(look))


def test_a_reader_that_dies_is_forgotten_and_without_readers_nothing_is_made(store: Store) -> None:
    async def look(_: Bench) -> None:
        for _n in range(3):
            reader = await Reader.of(store)
            await reader.line()
            reader.die()
        await asyncio.sleep(600)
        reader = await Reader.of(store)
        assert (await reader.line()).number < 10
        await reader.end()

    run_simulated(Bench(store).during(look))


def test_the_socket_is_its_owners_alone_and_goes_with_the_agent(store: Store) -> None:
    path = store.state_dir / SOCKET_NAME

    async def look(_: Bench) -> None:
        assert path.stat().st_mode & 0o777 == 0o600
        reader = await Reader.of(store)
        reader._writer.write(b"anything\n" * 100_000)  # is ignored
        assert (await reader.line()).number == 1
        reader.die()

    run_simulated(Bench(store).during(look))
    assert not path.exists()


HOUR: Final = """
import asyncio, sys
from pathlib import Path
from bluezone_agent.clocks.simulated import run_simulated
from bluezone_agent.stores.store import StateLock, Store
from tests.daemon.test_agent import Bench
from tests.daemon.test_live_feed import Reader, receive

async def read(reader):
    while True:
        await reader.line()

async def hour(bench):
    readers = [await Reader.of(bench.store) for _ in range(int(sys.argv[2]))]
    reading = [asyncio.create_task(read(reader)) for reader in readers]
    for _ in range(60):
        await receive(bench, 30)
        await asyncio.sleep(30)
    assert not any(task.done() for task in reading)
    for task, reader in zip(reading, readers):
        task.cancel()
        reader.die()

with Store(Path(sys.argv[1])) as store, StateLock(store.state_dir):
    run_simulated(Bench(store).during(hour))
"""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace, to see what reaches the disk")
def test_readers_cost_the_card_nothing(tmp_path: Path) -> None:
    """An hour with three readers writes to the same files, as often as an hour with none."""
    written = {}
    for readers in (0, 3):
        folder, log = tmp_path / str(readers), tmp_path / f"{readers}.log"
        calls = "trace=write,pwrite64,writev,pwritev,ftruncate,fsync,fdatasync,rename,unlink"
        strace = ["strace", "-f", "-qq", "-y", "-e", calls, "-e", "signal=none", "-o", str(log)]
        subprocess.run([*strace, sys.executable, "-c", HOUR, str(folder), str(readers)], check=True)
        found = re.findall(rf"^\d+ +(\w+)\(.*?{re.escape(os.fspath(folder))}/([\w.-]+)", log.read_text(), re.MULTILINE)
        written[readers] = Counter(found)
    assert written[0]["pwrite64", "agent.db-wal"] > 60
    assert written[3] == written[0]
