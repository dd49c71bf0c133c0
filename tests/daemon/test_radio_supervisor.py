"""A radio that fails in every way that radios do, in simulated time: what is on the air, heard and written down."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from bluezone_agent.app.agent_state import read_status
from bluezone_agent.clocks.simulated import SimulatedClock, run_simulated
from bluezone_agent.core.listening import Span
from bluezone_agent.core.protocols import PROTOCOLS, decode
from bluezone_agent.daemon import control_socket
from bluezone_agent.daemon.agent import Agent
from bluezone_agent.daemon.identity import KEYS_A_DAY
from bluezone_agent.daemon.radio_supervisor import POWER_CYCLE_EVERY_S, SCAN_REST_S
from bluezone_agent.errors import RadioFault, RadioUnavailableError
from bluezone_agent.health.health import Caution, Problem
from bluezone_agent.stores.store import StateLock, Store
from tests.fakes import SteeredRadio, numbered_bytes
from tests.radio_contract import advertisements

NOON_S = 1_596_283_200.0
"""2020-08-01 12:00 UTC."""
SILENT_S = 90.0
NEIGHBOUR = advertisements("gaen", 1)[0]


def fault(reason: RadioFault, text: str = "hci9 failed") -> RadioUnavailableError:
    return RadioUnavailableError(reason, text)


async def no_check() -> None:
    """Check nothing."""


class Bench:
    """An agent whose radio the test breaks. A neighbour broadcasts every 10 s unless ``alone``."""

    def __init__(self, store: Store, *, allow_power_cycle: bool = False) -> None:
        self.store = store
        self.clock = SimulatedClock(NOON_S)
        self.radio = SteeredRadio(self.clock, silent_after_s=SILENT_S)
        self.without_neighbour = False
        self.deaf = False
        self.agent = Agent(
            store,
            self.radio,
            self.clock,
            PROTOCOLS["bluezone"],
            -12,
            no_check,
            random_bytes=numbered_bytes(),
            allow_power_cycle=allow_power_cycle,
        )

    def live(self, life: Callable[[Bench], Awaitable[None]]) -> None:
        """Run the agent while ``life`` happens, then stop it."""

        async def play() -> None:
            stop = asyncio.Event()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.agent.run(stop))
                neighbour = tasks.create_task(self._neighbour())
                await asyncio.sleep(1)
                await life(self)
                neighbour.cancel()
                stop.set()

        with StateLock(self.store.state_dir):
            run_simulated(play())

    async def _neighbour(self) -> None:
        while True:
            if self.radio.listens and not self.without_neighbour and not self.deaf:
                self.radio.receive(NEIGHBOUR, -60)
            await asyncio.sleep(10)

    def identifiers(self) -> list[bytes]:
        return [
            observed.identifier for _, advertising_data in self.radio.history if (observed := decode(advertising_data))
        ]

    @property
    def works(self) -> bool:
        return self.radio.on_air is not None and self.radio.listens

    async def seconds_until_it_works(self, within_s: float = 600) -> float:
        began_s = self.clock.uptime_s()
        async with asyncio.timeout(within_s):
            while not self.works:
                await asyncio.sleep(0.1)
        return self.clock.uptime_s() - began_s

    def problems(self) -> tuple[Problem, ...]:
        return read_status(self.store, self.clock.now_s()).problems

    def cautions(self) -> tuple[Caution, ...]:
        return read_status(self.store, self.clock.now_s()).cautions

    def spans(self) -> list[Span]:
        return self.store.listening.since(0)

    def gaps(self) -> list[tuple[int, int, str]]:
        return [(s.starts_at_s - int(NOON_S), s.ends_at_s - int(NOON_S), s.reason) for s in self.spans() if s.reason]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Store(tmp_path) as store:
        yield Bench(store)


ANNOUNCED = [
    RadioFault.NO_BLUETOOTH,
    RadioFault.NO_ADAPTER,
    RadioFault.POWERED_OFF,
    RadioFault.LINKABLE,
    RadioFault.LOST,
]


@pytest.mark.parametrize("reason", [*ANNOUNCED, RadioFault.REFUSED, RadioFault.NOT_PERMITTED])
@pytest.mark.parametrize("lasts_s", [10, 100, 8 * 3600])
def test_a_lost_radio_is_waited_for_and_comes_back_with_a_new_identifier(
    bench: Bench, reason: RadioFault, lasts_s: int
) -> None:
    async def lose(b: Bench) -> None:
        await asyncio.sleep(100)
        before = b.identifiers()
        b.radio.fails_with = fault(reason)
        await asyncio.sleep(lasts_s)
        assert b.radio.on_air is None
        assert Problem.NO_RADIO in b.problems()
        assert Problem.NOT_BROADCASTING not in b.problems(), "one fault is one line"
        tries = b.radio.opened
        assert tries <= 8 + lasts_s / 30, "no busy retry"
        b.radio.fails_with = None
        assert await b.seconds_until_it_works() <= (2 if reason in ANNOUNCED else 61)
        assert b.identifiers()[: len(before)] == before
        assert len(set(b.identifiers())) == len(b.identifiers()) == len(before) + 1
        await asyncio.sleep(1)
        assert b.problems() == ()

    bench.live(lose)
    ((began_s, ended_s, said),) = bench.gaps()
    assert (began_s, said) == (101, reason)
    assert 101 + lasts_s <= ended_s <= 101 + lasts_s + 62


def test_a_linkable_radio_is_off_the_air_at_once(bench: Bench) -> None:
    async def flip(b: Bench) -> None:
        b.radio.fails_with = fault(RadioFault.LINKABLE)
        await asyncio.sleep(0)
        await asyncio.sleep(0.01)
        assert b.radio.on_air is None

    bench.live(flip)


def test_status_says_since_when_and_why(bench: Bench) -> None:
    async def lose(b: Bench) -> None:
        await asyncio.sleep(99)
        b.radio.fails_with = RadioUnavailableError(RadioFault.POWERED_OFF, "{adapter} is off", adapter="hci9")
        await asyncio.sleep(1000)
        radio = read_status(b.store, b.clock.now_s()).radio
        assert not radio.works
        assert radio.since_s == NOON_S + 100
        assert (radio.reason, radio.message, radio.fields) == ("powered off", "{adapter} is off", {"adapter": "hci9"})

    bench.live(lose)


@pytest.mark.parametrize("lasts_s", [0.5, 2])
def test_a_refused_scan_starts_again_and_leaves_the_broadcast_alone(bench: Bench, lasts_s: float) -> None:
    async def refuse(b: Bench) -> None:
        before = b.identifiers()
        b.radio.fails_with = fault(RadioFault.REFUSED, "org.bluez.Error.InProgress")
        await asyncio.sleep(lasts_s)
        assert b.radio.on_air
        b.radio.fails_with = None
        assert await b.seconds_until_it_works() <= 1 + SCAN_REST_S
        assert b.identifiers() == before
        assert b.radio.scans == 2

    bench.live(refuse)


def test_a_scan_that_stays_refused_opens_the_radio_anew(bench: Bench) -> None:
    async def refuse(b: Bench) -> None:
        b.deaf = True
        b.radio.refuses["listen"] = fault(RadioFault.REFUSED)
        await asyncio.sleep(400)
        assert b.radio.opened > 2
        assert Problem.NO_RADIO in b.problems()
        del b.radio.refuses["listen"]
        await b.seconds_until_it_works()
        assert len(set(b.identifiers())) == len(b.identifiers())

    bench.live(refuse)


def test_a_radio_that_breaks_as_soon_as_it_is_on_the_air_costs_few_keys(bench: Bench) -> None:
    async def flap(b: Bench) -> None:
        b.radio.refuses["listen"] = fault(RadioFault.LINKABLE)
        b.deaf = True
        await asyncio.sleep(24 * 3600)

    bench.live(flap)
    days = {own.key.starts_at_s for own in bench.store.keys.all()}
    assert len(bench.store.keys.all()) <= len(days) * KEYS_A_DAY


DAYS = int(os.environ.get("BLUEZONE_SEEDS", "6"))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(DAYS))
def test_a_day_of_radio_trouble_costs_a_days_keys_and_one_for_each_time_it_worked(bench: Bench, seed: int) -> None:
    """Two UTC days are touched: the agent starts at noon."""
    random = Random(1000 + seed)

    async def suffer(b: Bench) -> None:
        for _ in range(random.randint(20, 150)):
            await random.choice(FAULTS[:-1])(b, random)
            await asyncio.sleep(random.choice([0, 0.5, 3, 70, 600]))
            if b.clock.now_s() > NOON_S + 24 * 3600:
                break

    bench.live(suffer)
    days = Counter(own.key.starts_at_s for own in bench.store.keys.all())
    assert sum(days.values()) <= len(days) * KEYS_A_DAY + bench.radio.scans, days
    assert len(set(bench.identifiers())) == len(bench.identifiers())


def test_an_identifier_that_the_radio_refuses_is_tried_again_and_costs_no_other_key(bench: Bench) -> None:
    """As a legacy adapter under BlueZ does for as long as another program scans."""

    async def refuse(b: Bench) -> None:
        refusal = fault(RadioFault.REFUSED)
        refusal.kept_off_air = True
        b.radio.refuses["advertise"] = refusal
        b.radio.fails_with = fault(RadioFault.LINKABLE)
        await asyncio.sleep(1)
        b.radio.fails_with = None
        for _ in range(5):
            await asyncio.sleep(3 * 900)
            b.radio.refuses.clear()
            assert await b.seconds_until_it_works() <= 60, "it is asked every minute, not once in a slot"
            assert len(b.identifiers()) == len(set(b.identifiers()))
            b.radio.refuses["advertise"] = refusal
            await asyncio.sleep(900)  # a rotation finds it

    bench.live(refuse)
    assert len(bench.store.keys.all()) == 2, "one that was on the air, one since the adapter was linkable"


def test_a_radio_that_worked_and_was_lost_is_back_with_another_key(bench: Bench) -> None:
    async def lose(b: Bench) -> None:
        for _ in range(KEYS_A_DAY + 2):
            await asyncio.sleep(61)
            b.radio.fails_with = fault(RadioFault.LOST)
            await asyncio.sleep(1)
            b.radio.fails_with = None
        await asyncio.sleep(30)
        assert b.works, "a failing radio is one that does not work in between"

    bench.live(lose)


def test_once_the_days_keys_are_used_the_rest_of_a_slot_is_silent_and_the_next_is_not(bench: Bench) -> None:
    async def restart(b: Bench) -> None:
        b.radio.fails_with = fault(RadioFault.LOST)
        await asyncio.sleep(1)
        b.radio.fails_with = None
        b.radio.refuses["listen"] = fault(RadioFault.LINKABLE)
        await asyncio.sleep(200)
        del b.radio.refuses["listen"]
        await asyncio.sleep(400)
        assert b.radio.listens
        assert b.radio.on_air is None
        assert Caution.SILENCED in b.cautions(), "it says so"
        await asyncio.sleep(900)
        assert b.works
        assert Caution.SILENCED not in b.cautions()

    bench.live(restart)
    assert len(bench.store.keys.all()) == KEYS_A_DAY


def test_the_reason_of_a_silence_is_the_used_up_keys_not_what_was_before(bench: Bench) -> None:
    refusal = fault(RadioFault.NO_BROADCAST, "another program scans on hci9")
    refusal.kept_off_air = True

    async def use_up(b: Bench) -> None:
        b.radio.refuses["advertise"] = refusal
        b.radio.fails_with = fault(RadioFault.LINKABLE)
        await asyncio.sleep(1)
        b.radio.fails_with = None
        await asyncio.sleep(4)
        assert b.problems() == (Problem.SCAN_ONLY,)
        b.radio.refuses["advertise"] = fault(RadioFault.LINKABLE)  # perhaps it was on the air before
        await asyncio.sleep(120)
        del b.radio.refuses["advertise"]
        await asyncio.sleep(60)
        assert Caution.SILENCED in b.cautions()
        assert b.problems() == (), "nothing refuses to advertise any more"

    bench.live(use_up)


def test_an_identifier_whose_pause_was_interrupted_was_never_sent_and_costs_no_other_key(bench: Bench) -> None:
    async def interrupt(b: Bench) -> None:
        b.radio.pause_s = 2.0
        until_rotation_s = 900 - b.clock.now_s() % 900
        await asyncio.sleep(until_rotation_s + 1)
        b.radio.fails_with = fault(RadioFault.LINKABLE)
        await asyncio.sleep(0.5)
        b.radio.fails_with = None
        assert await b.seconds_until_it_works() < 60
        assert len(b.store.keys.all()) == 1
        assert len(b.identifiers()) == len(set(b.identifiers())) == 2

    bench.live(interrupt)


def test_a_silent_scanner_is_started_again_within_100_s_and_the_silence_is_a_gap(bench: Bench) -> None:
    async def fall_silent(b: Bench) -> None:
        await asyncio.sleep(199)
        b.deaf = True
        while b.radio.scans == 1:
            await asyncio.sleep(1)
        assert b.clock.now_s() - (NOON_S + 200) <= 100
        b.deaf = False
        await asyncio.sleep(300)
        assert len(b.identifiers()) == 1, "the broadcast is left alone"
        assert read_status(b.store, b.clock.now_s()).radio.scan_restarts == 1

    bench.live(fall_silent)
    ((began_s, ended_s, said),) = bench.gaps()
    assert said == RadioFault.SILENT
    assert began_s in range(189, 202)
    assert ended_s in range(280, 302)


def test_true_silence_is_no_gap_and_costs_neither_keys_nor_identifiers(bench: Bench) -> None:
    async def without_neighbours(b: Bench) -> None:
        b.without_neighbour = True
        await asyncio.sleep(6 * 3600)
        assert b.problems() == ()
        assert b.radio.scans > 200, "started again and again, to be sure"
        assert b.radio.power_cycles == 0
        assert len(b.identifiers()) == 6 * 4 + 1
        assert len(b.store.keys.all()) == 1

    bench.live(without_neighbours)
    assert sum(s.ends_at_s - s.starts_at_s for s in bench.spans() if s.listened) > 6 * 3600 - 60


def test_an_hour_of_silence_cycles_the_power_only_where_the_operator_allowed_it(tmp_path: Path) -> None:
    for allowed in (False, True):
        with Store(tmp_path / str(allowed)) as store:
            bench = Bench(store, allow_power_cycle=allowed)
            bench.without_neighbour = True
            bench.live(lambda _: asyncio.sleep(4.5 * 3600))
            assert bench.radio.power_cycles == (4 if allowed else 0)


def test_a_radio_that_stays_refused_is_power_cycled_at_most_once_an_hour(tmp_path: Path) -> None:
    for allowed in (False, True):
        with Store(tmp_path / str(allowed)) as store:
            bench = Bench(store, allow_power_cycle=allowed)

            async def refuse(b: Bench) -> None:
                b.radio.fails_with = fault(RadioFault.REFUSED)
                await asyncio.sleep(3 * POWER_CYCLE_EVERY_S - 60)

            bench.live(refuse)
            assert bench.radio.power_cycles == (3 if allowed else 0)


@pytest.mark.parametrize("reason", [RadioFault.POWERED_OFF, RadioFault.LINKABLE, RadioFault.NOT_PERMITTED])
def test_what_a_person_did_is_never_undone_by_a_power_cycle(tmp_path: Path, reason: RadioFault) -> None:
    with Store(tmp_path) as store:
        bench = Bench(store, allow_power_cycle=True)

        async def lose(b: Bench) -> None:
            b.radio.fails_with = fault(reason)
            await asyncio.sleep(3 * 3600)

        bench.live(lose)
        assert bench.radio.power_cycles == 0


def test_a_radio_that_cannot_broadcast_listens_and_says_so(bench: Bench) -> None:
    bench.radio.refuses["advertise"] = fault(RadioFault.NO_BROADCAST, "hci9 has no advertising instance left")

    async def listen(b: Bench) -> None:
        await asyncio.sleep(3000)
        assert b.radio.listens
        assert b.radio.on_air is None
        state = read_status(b.store, b.clock.now_s())
        assert state.problems == (Problem.SCAN_ONLY,)
        assert state.received_adverts > 200
        del b.radio.refuses["advertise"]
        await asyncio.sleep(900)
        assert b.works, "tried again with the next identifier"
        assert b.problems() == ()

    bench.live(listen)


@pytest.mark.parametrize(("refused_s", "back_within_s"), [(3, 3), (30, 6), (200, 61)])
def test_an_identifier_that_was_certainly_not_sent_is_tried_again_soon(
    bench: Bench, refused_s: float, back_within_s: float
) -> None:
    refusal = fault(RadioFault.NO_BROADCAST, "another program advertises on hci9")
    refusal.kept_off_air = True
    bench.radio.refuses["prepare"] = refusal

    async def listen(b: Bench) -> None:
        await asyncio.sleep(refused_s)
        assert b.radio.listens
        assert b.problems() == (Problem.SCAN_ONLY,)
        del b.radio.refuses["prepare"]
        await asyncio.sleep(back_within_s)
        assert b.works
        assert b.problems() == ()
        assert len(b.store.keys.all()) == 1, "it costs no other key"

    bench.live(listen)


def test_a_replaced_key_that_is_refused_is_tried_again_as_soon(bench: Bench) -> None:
    refusal = fault(RadioFault.NO_BROADCAST, "another program scans on hci9")
    refusal.kept_off_air = True

    async def ask(b: Bench) -> None:
        reader, writer = await asyncio.open_unix_connection(b.store.state_dir / control_socket.SOCKET_NAME)
        writer.write(b'{"request": "replace-key"}\n')
        await reader.readline()
        writer.close()

    async def replace_key(b: Bench) -> None:
        await ask(b)
        await asyncio.sleep(100)
        assert len(b.identifiers()) == 2, "one more, not two"
        b.radio.refuses["prepare"] = refusal
        await ask(b)
        assert b.problems() == (Problem.SCAN_ONLY,)
        del b.radio.refuses["prepare"]
        await asyncio.sleep(6)
        assert b.works
        assert b.problems() == ()

    bench.live(replace_key)


def test_after_a_suspension_another_identifier_is_on_the_air_before_anything_else(bench: Bench) -> None:
    async def sleep(b: Bench) -> None:
        await asyncio.sleep(99)
        b.clock.slept_s += 5 * 3600
        woken_s = b.clock.now_s()
        await asyncio.sleep(6)
        assert b.works
        (before, after) = b.radio.history
        assert after[0] - woken_s <= 5
        assert decode(before[1]) != decode(after[1])

    bench.live(sleep)
    ((began_s, ended_s, said),) = bench.gaps()
    assert said == RadioFault.SUSPENDED
    assert began_s in range(98, 107)
    assert ended_s - began_s in range(5 * 3600 - 1, 5 * 3600 + 8)


def test_the_key_can_be_replaced_while_the_radio_is_lost(bench: Bench) -> None:
    async def replace_key(b: Bench) -> None:
        b.radio.fails_with = fault(RadioFault.LOST)
        await asyncio.sleep(30)
        reader, writer = await asyncio.open_unix_connection(b.store.state_dir / control_socket.SOCKET_NAME)
        writer.write(b'{"request": "replace-key"}\n')
        assert await reader.readline() == b'{"ok":true}\n'
        writer.close()
        assert all(own.closed for own in b.store.keys.all())

    bench.live(replace_key)


def test_a_replacement_that_the_radio_refuses_is_said_and_mended(bench: Bench) -> None:
    async def replace_key(b: Bench) -> None:
        b.radio.refuses["advertise"] = fault(RadioFault.REFUSED, "no")
        reader, writer = await asyncio.open_unix_connection(b.store.state_dir / control_socket.SOCKET_NAME)
        writer.write(b'{"request": "replace-key"}\n')
        assert await reader.readline() == b'{"ok":false,"error":"no"}\n'
        writer.close()
        await asyncio.sleep(1)
        assert not b.works
        b.radio.refuses.clear()
        await b.seconds_until_it_works(910)  # the slot is over

    bench.live(replace_key)


def test_a_stop_ends_the_agent_at_once_even_while_it_waits_for_the_radio(bench: Bench) -> None:
    async def lose(b: Bench) -> None:
        b.radio.fails_with = fault(RadioFault.LOST)
        await asyncio.sleep(10_000)

    bench.live(lose)
    assert bench.radio.on_air is None


SEQUENCES = 50
RADIOS_OWN = [r for r in RadioFault if r not in {RadioFault.NO_BROADCAST, RadioFault.PAUSED}]


@pytest.mark.parametrize("seed", range(SEQUENCES))
def test_any_sequence_of_faults_ends_healthy(tmp_path: Path, seed: int) -> None:
    random = Random(seed)

    async def suffer(b: Bench) -> None:
        for _ in range(random.randint(3, 20)):
            await random.choice(FAULTS)(b, random)
            await asyncio.sleep(random.choice([0, 0.5, 3, 70, 1000]))
        b.radio.fails_with, b.deaf = None, False
        b.radio.refuses.clear()
        await asyncio.sleep(910)  # a radio that could not broadcast is asked again in the next slot
        await b.seconds_until_it_works(1)
        await asyncio.sleep(61)  # a minute is committed
        assert b.problems() == ()
        assert len(set(b.identifiers())) == len(b.identifiers())

    with Store(tmp_path) as store:
        bench = Bench(store, allow_power_cycle=seed % 2 == 0)
        bench.agent = replace(bench.agent, check_every_hours=24)
        bench.live(suffer)
        spans = bench.spans()
        assert all(a.ends_at_s <= b.starts_at_s for a, b in pairwise(spans))


async def _lose(b: Bench, random: Random) -> None:
    b.radio.fails_with = fault(random.choice(RADIOS_OWN))
    await asyncio.sleep(random.uniform(0, 200))
    b.radio.fails_with = None


async def _refuse(b: Bench, random: Random) -> None:
    method = random.choice(["advertise", "listen", "open"])
    refusal = fault(random.choice([RadioFault.REFUSED, RadioFault.NOT_PERMITTED]))
    refusal.kept_off_air = method == "advertise" and random.random() < 0.5
    b.radio.refuses[method] = refusal
    await asyncio.sleep(random.uniform(0, 1000))
    b.radio.refuses.clear()


async def _cannot_broadcast(b: Bench, random: Random) -> None:
    b.radio.refuses["advertise"] = fault(RadioFault.NO_BROADCAST)
    await asyncio.sleep(random.uniform(0, 1000))
    b.radio.refuses.clear()


async def _fall_silent(b: Bench, random: Random) -> None:
    b.deaf = True
    await asyncio.sleep(random.uniform(0, 3000))
    b.deaf = False


async def _suspend(b: Bench, random: Random) -> None:
    b.clock.slept_s += random.uniform(0, 10_000)


FAULTS = [_lose, _refuse, _cannot_broadcast, _fall_silent, _suspend]
