"""Proof of life: by another adapter, by a peer's report, and never by oneself."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from bluezone_agent.actions.peer_report import Report, find_own, make_report, read_report, write_report
from bluezone_agent.actions.selftest import (
    Outcome,
    listen,
    of_running_agent,
    received_by_running_agent,
    with_adapters,
    with_report,
)
from bluezone_agent.app.agent_state import read_status
from bluezone_agent.clocks.simulated import SimulatedClock, run_simulated
from bluezone_agent.core.intervals import DAY_S, MINUTE_S
from bluezone_agent.core.journal import Committed, Proved, Records, Started
from bluezone_agent.core.protocols import PROTOCOLS, decode
from bluezone_agent.core.sightings import ContactMinute
from bluezone_agent.daemon.agent import Agent
from bluezone_agent.errors import NewFileError, NotProvableError, RadioFault, RadioUnavailableError, ReportError
from bluezone_agent.health.broadcast_proof import PROOF_LATE_S, is_newer
from bluezone_agent.health.health import Problem
from bluezone_agent.radios.multi_adapter import NamedAdapter, SeveralRadios
from bluezone_agent.stores.store import StateLock, Store
from tests.fakes import SteeredRadio
from tests.radio_contract import advertisements
from tests.radios.hci_air import NEAR_DBM, HciAir

NOON_S = 1_596_283_200.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "state") as opened:
        yield opened


class Pair:
    """An agent with two steered adapters; the second hears what the test lets it hear."""

    def __init__(self, store: Store, *, monitor_adapters: int = 1) -> None:
        self.clock = SimulatedClock(NOON_S)
        self.first, self.other = SteeredRadio(self.clock), SteeredRadio(self.clock)
        radio = SeveralRadios(
            [NamedAdapter("bluez:hci0", self.first), NamedAdapter("bluez:hci1", self.other)], self.clock
        )
        self.store = store
        self.agent = Agent(
            store,
            radio,
            self.clock,
            PROTOCOLS["gaen"],
            -12,
            lambda: asyncio.sleep(0),
            monitor_adapters=monitor_adapters,
        )

    async def live(self, seconds: float, *, receives: bool = True, repeated: bool = False) -> None:
        """Run for some time; the second adapter hears the first every 10 s, or somebody repeats the frame."""
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.agent.run(stop))
            for _ in range(int(seconds / 10)):
                await asyncio.sleep(10)
                assert self.first.on_air
                if receives:
                    self.other.receive(self.first.on_air, -40)
                if repeated:
                    self.first.receive(self.first.on_air, -40)
            self.problems = read_status(self.store, self.clock.now_s()).problems
            stop.set()


def test_the_own_broadcast_heard_by_another_adapter_is_a_proof_and_no_contact(store: Store) -> None:
    with StateLock(store.state_dir):
        pair = Pair(store)
        run_simulated(pair.live(1800))
    proof = read_status(store, NOON_S + 1800).proof
    assert (proof.provable, proof.by, proof.rssi_dbm) == (True, "bluez:hci1", -40)
    assert proof.at_s == pytest.approx(NOON_S + 1800, abs=11)
    assert pair.problems == ()
    assert store.contacts.hours(0) == []


def test_no_proof_for_long_is_a_problem_where_one_is_due(store: Store) -> None:
    with StateLock(store.state_dir):
        silent = Pair(store)
        run_simulated(silent.live(PROOF_LATE_S + 20, receives=False))
        assert silent.problems == (Problem.NOT_PROVED,)
        early = Pair(store)
        run_simulated(early.live(PROOF_LATE_S - 20, receives=False))
        assert early.problems == ()
        single = Pair(store, monitor_adapters=0)
        run_simulated(single.live(PROOF_LATE_S + 20, receives=False))
        assert single.problems == ()


def test_somebody_who_repeats_the_own_identifier_proves_nothing_and_is_no_contact(store: Store) -> None:
    pair = Pair(store)
    run_simulated(pair.live(600, receives=False, repeated=True))
    state = read_status(store, NOON_S + 600)
    assert state.proof.at_s is None
    assert (state.received_adverts, store.contacts.hours(0)) == (0, [])


def test_a_repeated_identifier_is_among_the_discarded(store: Store) -> None:
    pair = Pair(store)

    async def live() -> None:
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(pair.agent.run(stop))
            await asyncio.sleep(10)
            assert pair.first.on_air
            for advertising_data in (pair.first.on_air, advertisements("bluezone", 1)[0]):
                pair.first.receive(advertising_data, -40)
            stop.set()

    run_simulated(live())
    state = read_status(store, NOON_S + 10)
    assert (state.received_adverts, state.discarded_adverts) == (1, 1)


def test_a_later_proof_replaces_one_of_the_past_or_of_a_future_that_never_was() -> None:
    now_s = int(NOON_S)
    found = Proved(now_s - 10, "found", -40)
    assert is_newer(found, Records(), now_s)
    for known_ago_s, newer in ((11, True), (10, True), (9, False), (-1, True), (-DAY_S, True)):
        known = Records([Proved(now_s - known_ago_s, "known", -50)])
        assert is_newer(found, known, now_s) is newer, known_ago_s
    assert not is_newer(Proved(now_s + 1, "found", -40), Records([found]), now_s)


def received_by_peer(pair: Pair, at_s: float = NOON_S + 300) -> list[ContactMinute]:
    """Return what a peer stores that heard the pair's first adapter, and a stranger."""
    own, stranger = decode(pair.first.history[0][1]), decode(advertisements("bluezone", 1)[0])
    assert own
    assert stranger
    minute = int(at_s // MINUTE_S)
    return [ContactMinute(b, m, 200, -60.0, -70, -50, {}, True) for m in (minute, minute + 1) for b in (own, stranger)]


def report_on(pair: Pair, from_s: float = NOON_S, to_s: float = NOON_S + 600) -> Report:
    return make_report("peer", received_by_peer(pair), from_s, to_s)


def test_a_peers_report_proves_the_broadcast_without_any_key(store: Store, tmp_path: Path) -> None:
    pair = Pair(store, monitor_adapters=0)
    run_simulated(pair.live(600, receives=False))
    write_report(report_on(pair), tmp_path / "report.json")
    text = (tmp_path / "report.json").read_text()
    own = decode(pair.first.history[0][1])
    assert own
    assert own.identifier.hex() not in text
    outcome = with_report(store, read_report(tmp_path / "report.json"), NOON_S + 600)
    assert outcome == Outcome(True, "peer", 400, -50, NOON_S + 420)
    proof = read_status(store, NOON_S + 600).proof
    assert (proof.provable, proof.at_s, proof.by) == (False, int(NOON_S + 420), "peer")


def test_a_peer_that_heard_others_only_proves_nothing(store: Store) -> None:
    pair = Pair(store)
    run_simulated(pair.live(600, receives=False))
    report = make_report("peer", received_by_peer(pair)[1::2], NOON_S, NOON_S + 600)
    assert report.received
    assert with_report(store, report, NOON_S + 600) == Outcome(False, "peer")
    assert store.journal.get(Proved) is None


def test_a_report_of_another_time_is_refused(store: Store) -> None:
    pair = Pair(store)
    run_simulated(pair.live(600))
    with pytest.raises(NotProvableError, match="a time when this device did not advertise"):
        with_report(store, report_on(pair, NOON_S - 90_000, NOON_S - 80_000), NOON_S)


def test_a_peers_wrong_clock_cannot_move_a_proof_out_of_the_slot(store: Store) -> None:
    pair = Pair(store)
    run_simulated(pair.live(600))
    late = make_report("peer", received_by_peer(pair, NOON_S + 6000), NOON_S, NOON_S + 6600)
    (found,) = find_own(late, store.keys.all())
    assert NOON_S <= found.received_at_s <= NOON_S + 600


def test_identifiers_that_were_never_on_the_air_are_not_looked_for(store: Store) -> None:
    pair = Pair(store)
    run_simulated(pair.live(60))
    (own,) = store.keys.all()
    slots = list(PROTOCOLS["gaen"].slots(own.key))
    next_one = next(s for s in slots if s.starts_at_s > own.last_slot_s)
    observed = decode(pair.first.history[0][1])
    assert observed
    minute = ContactMinute(
        observed._replace(identifier=next_one.identifier), int(NOON_S // 60), 1, -60, -60, -60, {}, True
    )
    assert find_own(make_report("peer", [minute], NOON_S, NOON_S + 600), [own]) == []


def test_two_reports_on_the_same_identifier_share_no_digest(store: Store) -> None:
    pair = Pair(store)
    run_simulated(pair.live(60))
    one, two = report_on(pair), report_on(pair)
    assert not {h.digest for h in one.received} & {h.digest for h in two.received}


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        b"[1]",
        b"\xff",
        b'{"format":"x","by":"b","from_s":0,"to_s":0,"salt":""}',
        b" " * 8_000_001,
        b'{"a":' * 3000,
    ],
)
def test_what_is_no_report_is_refused(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "r.json"
    path.write_bytes(text)
    with pytest.raises(ReportError, match="is not a peer report"):
        read_report(path)


def test_a_report_is_never_overwritten(tmp_path: Path) -> None:
    report = make_report("me", [], 0, 1)
    write_report(report, tmp_path / "r.json")
    with pytest.raises(NewFileError, match="already exists"):
        write_report(report, tmp_path / "r.json")


def two_adapters(air: HciAir) -> SeveralRadios:
    clock = SimulatedClock(NOON_S)
    return SeveralRadios([NamedAdapter("hci:0", air.radio(clock)), NamedAdapter("hci:1", air.radio(clock))], clock)


@pytest.mark.parametrize("extended", [True, False], ids=["extended", "legacy"])
def test_a_self_test_with_two_adapters(extended: bool) -> None:
    async def test() -> tuple[Outcome, Outcome]:
        air = HciAir(extended=extended)
        clock, protocol = SimulatedClock(NOON_S), PROTOCOLS["bluezone"]
        received = await with_adapters(two_adapters(air), clock, protocol, 30, tx_power_dbm=-12)
        deaf = HciAir(extended=extended)
        deaf.out_of_range.add(("0", "1"))
        return received, await with_adapters(two_adapters(deaf), clock, protocol, 30, tx_power_dbm=-12)

    received, deaf = run_simulated(test())
    assert (received.received, received.by, received.max_dbm) == (True, "hci:1", NEAR_DBM)
    assert received.count >= 3
    assert deaf == Outcome(received=False)


def test_a_self_test_says_why_the_radio_cannot_be_used() -> None:
    async def test() -> None:
        clock = SimulatedClock(NOON_S)
        radio = SteeredRadio(clock)
        radio.fails_with = RadioUnavailableError(RadioFault.POWERED_OFF, "it is off")
        await with_adapters(radio, clock, PROTOCOLS["gaen"], 30, tx_power_dbm=-12)

    with pytest.raises(RadioUnavailableError, match="it is off"):
        run_simulated(test())


def test_what_a_free_radio_hears_becomes_a_report() -> None:
    async def test() -> list[ContactMinute]:
        air = HciAir(extended=True)
        clock = SimulatedClock(NOON_S)
        listener, sender = air.radio(clock), air.radio(clock)
        async with sender:
            await sender.advertise(advertisements("gaen", 1)[0])
            return await listen(listener, clock, 60)

    minutes = run_simulated(test())
    assert sum(m.count for m in minutes) == pytest.approx(60 / 0.205, abs=5)


def test_a_running_agent_reports_what_it_stored(store: Store) -> None:
    pair = Pair(store, monitor_adapters=0)

    async def test() -> list[ContactMinute]:
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(pair.agent.run(stop))
            await asyncio.sleep(10)
            reporting = tasks.create_task(received_by_running_agent(store, pair.clock, 60))
            await asyncio.sleep(30)
            pair.first.receive(advertisements("bluezone", 1)[0], -60)
            minutes = await reporting
            stop.set()
        return minutes

    assert [m.count for m in run_simulated(test())] == [1]


def test_a_proof_or_a_commit_of_the_future_does_not_answer_a_self_test(store: Store) -> None:
    """The clock was ahead for a while; the agent has done nothing since the test was asked for."""
    ahead_s = int(NOON_S) + DAY_S
    with store.transaction():
        for record in (Started(int(NOON_S), monitor_adapters=1), Proved(ahead_s, "hci1", -40), Committed(ahead_s)):
            store.journal.put(record)

    async def test() -> tuple[Outcome, float]:
        clock = SimulatedClock(NOON_S)
        outcome = await of_running_agent(store, clock, 10)
        from_s = clock.uptime_s()
        await received_by_running_agent(store, clock, 10)
        return outcome, clock.uptime_s() - from_s

    outcome, waited_s = run_simulated(test())
    assert outcome == Outcome(received=False)
    assert waited_s >= 10
