"""A paused agent is silent and deaf at once, says so, and goes on by itself; protected minutes do not count."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bluezone_agent.app.agent_state import pending_notices, read_metrics, read_status
from bluezone_agent.clocks.simulated import run_simulated
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.pauses import Mode
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.core.sightings import BootTime, ContactMinute
from bluezone_agent.daemon import control_socket, pause_control
from bluezone_agent.errors import RadioFault, RadioUnavailableError
from bluezone_agent.stores.store import StateLock, Store
from tests.daemon.test_agent import NOON_S, Bench, advertisement_of_another
from tests.diagnosis_keys import daily_key
from tests.exposure_check.test_check import Device
from tests.fakes import SteeredRadio

HOUR_S = 3600


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Store(tmp_path) as store, StateLock(tmp_path):
        yield Bench(store)


@dataclass(frozen=True)
class Stopped:
    """A clock's reading, for another thread."""

    wall_s: float
    up_s: float
    boot_id: str
    is_synchronised: bool

    def now_s(self) -> float:
        return self.wall_s

    def uptime_s(self) -> float:
        return self.up_s

    def synchronised(self) -> bool:
        return self.is_synchronised

    def utc_offset_s(self, unix_s: float) -> int:
        raise NotImplementedError

    async def sleep_until(self, unix_s: float, *, at_most_s: float = math.inf) -> None:
        raise NotImplementedError


async def ask(bench: Bench, mode: Mode | None, lasts_s: float = HOUR_S) -> None:
    """Do what the commands do, in a thread of its own while the agent answers in this one."""
    clock = Stopped(bench.clock.now_s(), bench.clock.uptime_s(), bench.clock.boot_id, bench.clock.synchronised())

    def command() -> None:
        with Store(bench.store.state_dir) as store:
            if mode is None:
                pause_control.resume(store)
            else:
                pause_control.pause(store, clock, mode, lasts_s)

    await asyncio.to_thread(command)


def on_air(bench: Bench) -> bool:
    return bench.radio.on_air is not None


def spans(store: Store) -> list[tuple[str, str, int]]:
    return [(s.scan_mode, s.reason, s.ends_at_s - s.starts_at_s) for s in store.listening.since(0)]


def test_it_is_silent_and_deaf_at_once_and_resumed_by_itself(bench: Bench) -> None:
    async def life(b: Bench) -> None:
        await asyncio.sleep(100)
        assert on_air(b)
        await ask(b, Mode.PAUSED)
        assert not on_air(b), "when the command returns"
        assert not b.radio.listens, "nor is anybody heard"
        await asyncio.sleep(HOUR_S - 5)
        assert not on_air(b)
        await asyncio.sleep(10)
        assert on_air(b)
        assert b.radio.scans == 2
        await asyncio.sleep(100)

    run_simulated(bench.during(life))
    assert len(set(bench.identifiers())) == len(bench.identifiers()), "another identifier, under another address"
    assert [(mode, reason, round(length, -2)) for mode, reason, length in spans(bench.store)] == [
        ("steered", "", 100),
        ("", RadioFault.PAUSED, 3600),
        ("steered", "", 100),
    ]
    assert bench.store.pauses.current() is None


class SlowToClose(SteeredRadio):
    """A Bluetooth service that takes its time, real time: commands are answered meanwhile."""

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(time.sleep, 0.5)
        await super().__aexit__()


def test_the_answer_comes_when_a_slow_radio_is_silent(bench: Bench) -> None:
    bench.radio = SlowToClose(bench.clock)
    bench.agent = replace(bench.agent, radio=bench.radio)
    was_on_air: list[bool] = []

    async def life(b: Bench) -> None:
        await asyncio.sleep(100)
        await ask(b, Mode.PAUSED)
        was_on_air.append(on_air(b))

    run_simulated(bench.during(life))
    assert was_on_air == [False]


def test_a_resume_ends_it_at_once_and_a_second_pause_takes_its_place(bench: Bench) -> None:
    async def life(b: Bench) -> None:
        await asyncio.sleep(100)
        await ask(b, Mode.PAUSED)
        await asyncio.sleep(60)
        await ask(b, Mode.PAUSED, 4 * HOUR_S)
        await asyncio.sleep(2 * HOUR_S)
        assert not on_air(b)
        await ask(b, None)
        await asyncio.sleep(1)
        assert on_air(b)

    run_simulated(bench.during(life))


@pytest.mark.parametrize("by_s", [-400 * DAY_S, -HOUR_S, HOUR_S, 12 * 365 * DAY_S])
def test_a_clock_that_is_set_neither_ends_nor_prolongs_it(bench: Bench, by_s: float) -> None:
    async def life(b: Bench) -> None:
        await asyncio.sleep(100)
        await ask(b, Mode.PAUSED)
        await asyncio.sleep(HOUR_S / 2)
        b.clock.offset_s += by_s
        await asyncio.sleep(HOUR_S / 2 - 30)
        assert not on_air(b)
        await asyncio.sleep(60)
        assert on_air(b)

    run_simulated(bench.during(life))


@pytest.mark.parametrize(("reboots", "left_s"), [(False, HOUR_S - 700), (True, HOUR_S - 700)])
def test_it_survives_a_restart_and_a_reboot(bench: Bench, reboots: bool, left_s: float) -> None:
    async def lives() -> None:
        async def ends(b: Bench) -> None:
            await asyncio.sleep(100)
            await ask(b, Mode.PAUSED)
            await asyncio.sleep(600)

        async def begins_again(b: Bench) -> None:
            await asyncio.sleep(left_s)
            assert not on_air(b)
            assert b.radio.opened == 1, "not opened to be closed again"
            await asyncio.sleep(200)
            assert on_air(b)

        await bench.during(ends)
        if reboots:
            bench.clock.boot()
        await bench.during(begins_again)

    run_simulated(lives())


def test_asked_for_while_none_runs_it_is_honoured_from_the_start(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        bench = Bench(store)

        async def life(b: Bench) -> None:
            assert b.radio.opened == 0
            await asyncio.sleep(HOUR_S - 10)
            assert b.radio.history == []
            await asyncio.sleep(20)
            assert on_air(b)

        async def lives() -> None:
            pause_control.pause(store, bench.clock, Mode.PAUSED, HOUR_S)
            await bench.during(life)

        run_simulated(lives())


def test_a_pause_while_the_radio_is_lost_is_answered_and_honoured(bench: Bench) -> None:
    async def life(b: Bench) -> None:
        b.radio.fails_with = RadioUnavailableError(RadioFault.NO_ADAPTER, "no adapter")
        await asyncio.sleep(100)
        await ask(b, Mode.PAUSED)
        b.radio.fails_with = None
        await asyncio.sleep(HOUR_S - 200)
        assert not on_air(b)
        await asyncio.sleep(300)
        assert on_air(b)

    run_simulated(bench.during(life))


def test_status_prometheus_and_the_dead_mans_switch_know_it(bench: Bench) -> None:
    seen: list[tuple[object, ...]] = []

    async def life(b: Bench) -> None:
        await asyncio.sleep(700)
        await ask(b, Mode.PAUSED, 8 * HOUR_S)
        for _ in range(8 * 12 + 6):
            await asyncio.sleep(300)
            now_s = b.clock.now_s()
            state = read_status(b.store, now_s)
            late = [life for life, age in state.ages.items() if age.late]
            seen.append((state.pause and state.pause.mode, state.problems, pending_notices(b.store, now_s), late))
            metrics = read_metrics(b.store, now_s)
            assert f'paused{{mode="paused"}} {int(state.pause is not None)}' in metrics

    run_simulated(bench.during(life))
    assert seen[:95] == [(Mode.PAUSED, (), [], [])] * 95
    assert seen[-5:] == [(None, (), [], [])] * 5


def test_minutes_heard_while_protected_are_kept_and_marked(bench: Bench) -> None:
    advertising_data = advertisement_of_another(PROTOCOLS["gaen"])

    async def meet(b: Bench) -> None:
        for _ in range(10):
            b.radio.receive(advertising_data, -50)
            await asyncio.sleep(60)

    async def life(b: Bench) -> None:
        await meet(b)
        await ask(b, Mode.PROTECTED, 600)
        assert on_air(b)
        await meet(b)
        await asyncio.sleep(60)
        await meet(b)

    run_simulated(bench.during(life))
    received = bench.store.contacts.minutes_since(0)
    assert [m.protected for m in received] in ([False] * 10 + [True] * n + [False] * (20 - n) for n in (9, 10, 11))
    assert [s.listened for s in bench.store.listening.since(0)] == [True]


def test_what_was_heard_in_unknown_time_stays_protected_when_it_is_dated(bench: Bench) -> None:
    observed = PROTOCOLS["gaen"].decode(advertisement_of_another(PROTOCOLS["gaen"]))
    assert observed is not None
    undated = [
        ContactMinute(observed, minute, 1, -50.0, -50, -50, {}, False, BootTime("boot 0", up_s), protected=protected)
        for minute, up_s, protected in ((10, 600, True), (10, 660, True), (11, 720, False))
    ]
    with bench.store.transaction():
        bench.store.contacts.add(undated)
        bench.store.contacts.date("boot 0", NOON_S, NOON_S + 900)
    assert [m.protected for m in bench.store.contacts.minutes_since(NOON_S)] == [True, True, False]
    with bench.store.transaction():
        bench.store.contacts.delete_before(NOON_S + 7200)
    assert not bench.store._db.execute("SELECT 1 FROM protected").fetchone(), "no trace is left"


def test_a_protected_exposure_is_found_and_shown_and_does_not_warn(tmp_path: Path) -> None:
    with Store(tmp_path / "state") as store:
        device = Device(store, tmp_path / "published")
        key = daily_key("gaen")
        device.receive(key)
        rows = [tuple(row) for row in store._db.execute("SELECT minute, identifier_id FROM contact_minute")]
        with store.transaction():
            store._db.executemany("INSERT INTO protected VALUES (?, ?)", rows[:12])
        device.publish("1", key)
        report = device.check()
        (day,) = report.days
        assert (day.received_minutes, day.near_minutes, day.warns) == (20, 8.0, False)
        assert report.new_warnings == ()
        (matched,) = store.exposures.matched()
        assert [m.protected for m in matched.minutes] == [True] * 12 + [False] * 8


async def ask_as_page(bench: Bench, line: bytes) -> bytes:
    """Send one request over the page's socket, and return the answer."""
    reader, writer = await asyncio.open_unix_connection(bench.store.state_dir / control_socket.PAGE_SOCKET_NAME)
    writer.write(line)
    answer = await reader.readline()
    writer.close()
    return answer


def test_the_page_can_pause_and_resume(bench: Bench) -> None:
    bench.agent = replace(bench.agent, page_folder=bench.store.state_dir)

    async def live(b: Bench) -> None:
        path = b.store.state_dir / control_socket.PAGE_SOCKET_NAME
        assert path.stat().st_mode & 0o777 == 0o660
        asked = b'{"request": "pause", "mode": "paused", "lasts_s": 1800}\n'
        assert await ask_as_page(b, asked) == b'{"ok":true}\n'
        assert not on_air(b), "it is silent when the answer comes"
        kept = b.store.pauses.current()
        assert kept is not None
        assert (kept.mode, kept.lasts_s) == (Mode.PAUSED, 1800)
        assert await ask_as_page(b, b'{"request": "resume"}\n') == b'{"ok":true}\n'
        await asyncio.sleep(5)
        assert on_air(b)
        assert b.store.pauses.current() is None

    run_simulated(bench.during(live))


@pytest.mark.parametrize(
    "line",
    [
        b'{"request": "replace-key"}\n',
        b'{"request": "pause", "lasts_s": 1}\n',
        b'{"request": "pause", "lasts_s": 999999999}\n',
        b'{"request": "pause", "mode": "off", "lasts_s": 600}\n',
    ],
)
def test_the_page_can_ask_for_nothing_else(bench: Bench, line: bytes) -> None:
    bench.agent = replace(bench.agent, page_folder=bench.store.state_dir)

    async def live(b: Bench) -> None:
        assert await ask_as_page(b, line) == b'{"ok":false,"error":"unknown request"}\n'
        assert on_air(b)
        assert len(b.identifiers()) == 1

    run_simulated(bench.during(live))


def test_without_a_page_there_is_no_socket_for_it(bench: Bench) -> None:
    async def live(b: Bench) -> None:
        assert not (b.store.state_dir / control_socket.PAGE_SOCKET_NAME).exists()

    run_simulated(bench.during(live))
