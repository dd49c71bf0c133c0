"""The whole agent on a steered radio, in simulated time."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from bluezone_agent.app.agent_state import read_status
from bluezone_agent.clocks.simulated import SimulatedClock, run_simulated
from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.core.identifiers import DailyKey, ProximityProtocol
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.journal import Broadcasting, Committed, Received, Refused, Started
from bluezone_agent.core.protocols import PROTOCOLS, decode
from bluezone_agent.daemon import control_socket
from bluezone_agent.daemon.agent import Agent
from bluezone_agent.daemon.schedule import CHECK_JITTER_S
from bluezone_agent.errors import RadioFault, RadioUnavailableError
from bluezone_agent.health.health import Problem
from bluezone_agent.stores.store import StateLock, Store
from tests.fakes import SteeredRadio, numbered_bytes

NOON_S = 1_596_283_200.0
"""2020-08-01 12:00 UTC."""


async def no_check() -> None:
    """Check nothing."""


class Bench:
    """An agent with its radio and clock."""

    def __init__(self, store: Store, protocol: str = "bluezone") -> None:
        self.clock = SimulatedClock(NOON_S)
        self.radio = SteeredRadio(self.clock)
        self.store = store
        self.agent = Agent(
            store, self.radio, self.clock, PROTOCOLS[protocol], -12, no_check, random_bytes=numbered_bytes()
        )

    async def during(self, life: Callable[["Bench"], Awaitable[None]]) -> None:
        """Run the agent while ``life`` happens, then stop it."""
        stop = asyncio.Event()

        async def live() -> None:
            await asyncio.sleep(0.1)
            await life(self)
            stop.set()

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(live())
            await self.agent.run(stop)

    def identifiers(self) -> list[bytes]:
        observed_identifiers = [decode(advertising_data) for _, advertising_data in self.radio.history]
        return [b.identifier for b in observed_identifiers if b is not None]


def advertisement_of_another(protocol: ProximityProtocol, data: bytes | None = None) -> AdvertisingData:
    day = int(NOON_S // DAY_S) * DAY_S
    key = DailyKey(protocol.name, data or b"\x07" * protocol.key_length, day, day + DAY_S, protocol.slots_per_day)
    return protocol.encode(key, protocol.identifier_at(key, NOON_S), -20)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path) as opened:
        yield opened


@pytest.mark.parametrize(("protocol", "slot_s"), [("bluezone", 900), ("gaen", 600)])
def test_a_day_has_one_identifier_a_slot_and_none_twice(store: Store, protocol: str, slot_s: int) -> None:
    bench = Bench(store, protocol)
    run_simulated(bench.during(lambda _: asyncio.sleep(DAY_S)))
    identifiers = bench.identifiers()
    assert len(identifiers) == DAY_S // slot_s + 1
    assert len(set(identifiers)) == len(identifiers)
    assert [at // slot_s for at, _ in bench.radio.history] == list(
        range(int(NOON_S // slot_s), int(NOON_S // slot_s) + len(identifiers))
    )


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(("known_dbm", "stated_dbm"), [(None, -12), (7, 7), (-20, -20)])
def test_the_power_that_the_radio_knows_is_stated(
    store: Store, protocol: str, known_dbm: int | None, stated_dbm: int
) -> None:
    bench = Bench(store, protocol)
    bench.radio.power_dbm = known_dbm
    run_simulated(bench.during(lambda _: asyncio.sleep(60)))
    (own,) = store.keys.all()
    observed = decode(bench.radio.history[0][1])
    assert observed is not None
    assert PROTOCOLS[protocol].tx_power_dbm(own.key, observed) == stated_dbm


def test_the_radio_is_told_how_long_an_identifier_is_valid(store: Store) -> None:
    bench = Bench(store)
    run_simulated(bench.during(lambda _: asyncio.sleep(1000)))
    assert bench.radio.prepared_s == pytest.approx([900, 900], abs=1)


def test_the_broadcast_is_gone_after_the_stop(store: Store) -> None:
    bench = Bench(store)

    async def on_air(b: Bench) -> None:
        assert b.radio.on_air is not None

    run_simulated(bench.during(on_air))
    assert bench.radio.on_air is None


def test_a_restart_within_a_slot_never_repeats_its_identifier(store: Store) -> None:
    first, second = Bench(store), Bench(store)
    second.agent = replace(second.agent, random_bytes=lambda n: b"\xff" * n)
    run_simulated(first.during(lambda _: asyncio.sleep(60)))
    run_simulated(second.during(lambda _: asyncio.sleep(60)))
    assert not set(first.identifiers()) & set(second.identifiers())


def test_a_clock_that_goes_back_never_repeats_an_identifier(store: Store) -> None:
    bench = Bench(store)

    async def go_back(b: Bench) -> None:
        await asyncio.sleep(3600)
        b.clock.offset_s -= 3000
        await asyncio.sleep(7200)

    run_simulated(bench.during(go_back))
    assert len(set(bench.identifiers())) == len(bench.identifiers())


@pytest.mark.parametrize(("own", "other"), [("bluezone", "gaen"), ("gaen", "bluezone")])
def test_an_agent_of_one_protocol_hears_and_stores_the_other(store: Store, own: str, other: str) -> None:
    bench = Bench(store, own)
    advertising_data = advertisement_of_another(PROTOCOLS[other])

    async def meet(b: Bench) -> None:
        for _ in range(120):
            b.radio.receive(advertising_data, -60)
            await asyncio.sleep(1)

    run_simulated(bench.during(meet))
    ids, identifiers = store.contacts.identifiers(other)
    assert identifiers == decode(advertising_data).identifier  # type: ignore[union-attr]
    minutes = store.contacts.minutes_of(ids)
    assert [m.minute for m in minutes] == [int(NOON_S // 60), int(NOON_S // 60) + 1]
    assert sum(m.count for m in minutes) == 120
    assert all(m.mean_dbm == pytest.approx(-60) for m in minutes)


def test_what_strangers_send_costs_a_counter_only(store: Store) -> None:
    bench = Bench(store)

    async def noise(b: Bench) -> None:
        b.radio.receive(AdvertisingData(service_data={0xFD6F: b"short"}), -60)
        b.radio.receive(AdvertisingData(manufacturer_data={76: b"x"}), -60)
        b.radio.receive(advertisement_of_another(PROTOCOLS["gaen"]), 127)
        b.radio.receive(advertisement_of_another(PROTOCOLS["gaen"]), -60)

    run_simulated(bench.during(noise))
    received = store.journal.get(Received)
    assert received is not None
    assert received.by_protocol == {"gaen": 1}
    assert received.discarded == {"malformed": 1, "foreign": 1, "without_rssi": 1, "repeated": 0, "dropped": 0}


def test_untrusted_time_is_kept_apart(store: Store) -> None:
    bench = Bench(store)
    bench.clock.is_synchronised = False

    async def meet(b: Bench) -> None:
        b.radio.receive(advertisement_of_another(PROTOCOLS["gaen"]), -60)
        await asyncio.sleep(120)

    run_simulated(bench.during(meet))
    ids, _ = store.contacts.identifiers("gaen")
    assert [m.trusted for m in store.contacts.minutes_of(ids)] == [False]
    assert [own.exportable for own in store.keys.all()] == [False]


def test_an_agent_without_a_radio_ends_with_the_reason(store: Store) -> None:
    bench = Bench(store)
    bench.radio.fails_with = RadioUnavailableError(RadioFault.NO_ADAPTER, "hci9 is not there")
    with pytest.raises(RadioUnavailableError, match="hci9 is not there"):
        run_simulated(bench.agent.run(asyncio.Event()))
    assert store.keys.all() == []


def test_the_key_is_replaced_on_the_air_at_once_when_asked(store: Store) -> None:
    bench = Bench(store)

    async def ask(b: Bench) -> None:
        await asyncio.sleep(60)
        reader, writer = await asyncio.open_unix_connection(store.state_dir / control_socket.SOCKET_NAME)
        writer.write(b'{"request": "replace-key"}\n')
        assert await reader.readline() == b'{"ok":true}\n'
        writer.close()

    run_simulated(bench.during(ask))
    before, after = bench.identifiers()
    assert before != after
    old, new = store.keys.all()
    assert old.closed
    assert old.key.ends_at_s == old.last_slot_s + 900
    assert not new.closed


@pytest.mark.parametrize("line", [b"\n", b"{}\n", b'{"request": "explode"}\n', b"\xff\n", b"[1]\n", b""])
def test_nonsense_on_the_control_socket_is_answered_and_harmless(store: Store, line: bytes) -> None:
    bench = Bench(store)

    async def ask(b: Bench) -> None:
        reader, writer = await asyncio.open_unix_connection(store.state_dir / control_socket.SOCKET_NAME)
        writer.write(line)
        writer.write_eof()
        assert await reader.readline() == b'{"ok":false,"error":"unknown request"}\n'
        writer.close()

    run_simulated(bench.during(ask))
    assert len(bench.identifiers()) == 1


def test_the_control_socket_is_the_owners_alone(store: Store) -> None:
    bench = Bench(store)

    async def look(_: Bench) -> None:
        assert (store.state_dir / control_socket.SOCKET_NAME).stat().st_mode & 0o777 == 0o600

    run_simulated(bench.during(look))
    assert not (store.state_dir / control_socket.SOCKET_NAME).exists()


def test_agents_that_start_together_leave_the_umask_as_it_was(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with ExitStack() as opened:
            benches = [Bench(opened.enter_context(Store(tmp_path / str(i)))) for i in range(3)]

            async def start_together() -> None:
                async with asyncio.TaskGroup() as agents:
                    for bench in benches:
                        agents.create_task(bench.during(lambda _: asyncio.sleep(1)))

            run_simulated(start_together())
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)


def test_checks_run_on_schedule(store: Store) -> None:
    bench = Bench(store)
    checked: list[float] = []

    async def check() -> None:
        checked.append(bench.clock.now_s())

    bench.agent = replace(bench.agent, check=check, check_every_hours=4)
    run_simulated(bench.during(lambda _: asyncio.sleep(DAY_S)))
    gaps = [b - a for a, b in pairwise([NOON_S - 4 * 3600, *checked])]
    assert len(gaps) in {5, 6}
    assert all(4 * 3600 <= gap <= 4 * 3600 + CHECK_JITTER_S for gap in gaps)
    assert len(set(gaps)) == len(gaps), "the minute is random"


def test_status_is_well_while_running_and_says_what_is_missing_afterwards(store: Store) -> None:
    bench = Bench(store)

    async def look(b: Bench) -> None:
        await asyncio.sleep(7200)
        assert read_status(store, b.clock.now_s()).problems == ()

    with StateLock(store.state_dir):
        run_simulated(bench.during(look))
        hours_later = read_status(store, NOON_S + 5 * 3600).problems
    assert hours_later == (Problem.NOT_BROADCASTING, Problem.NOT_STORING)
    assert read_status(store, NOON_S + 7200).problems == (Problem.NOT_RUNNING,)


def test_what_the_last_run_said_does_not_outlive_the_first_identifier_of_this_one(store: Store) -> None:
    """Not even where the clock was ahead then: nothing of it is believed for a year."""
    ahead_s = int(NOON_S) + 365 * DAY_S
    bench = Bench(store)
    with store.transaction():
        for record in (
            Started(ahead_s),
            Broadcasting(ahead_s, ahead_s + 600),
            Refused(ahead_s, "no"),
            Committed(ahead_s),
        ):
            store.journal.put(record)

    async def look(b: Bench) -> None:
        await asyncio.sleep(100)
        assert read_status(store, b.clock.now_s()).problems == ()

    with StateLock(store.state_dir):
        assert read_status(store, NOON_S).problems == (Problem.SCAN_ONLY, Problem.NOT_STORING)
        run_simulated(bench.during(look))
