"""A protocol that the agent never heard of works from end to end once it is in the registry."""

import asyncio
from contextlib import ExitStack
from pathlib import Path

import pytest

from bluezone_agent.clocks.simulated import SimulatedClock, run_simulated
from bluezone_agent.core.identifiers import DiagnosisKey, ProximityProtocol
from bluezone_agent.core.matching import ReceivedIdentifiers, match
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.daemon.agent import Agent
from bluezone_agent.radios.simulated.air import Air, Position
from bluezone_agent.stores.store import Store
from tests.toy_protocol import Toy

EPOCH_S = 1_600_000_000.0
TOY: ProximityProtocol = Toy()


async def meet(stores: list[Store], protocols: list[str], minutes: int) -> None:
    """Run one agent a store, a metre apart."""
    air = Air(lambda: EPOCH_S + asyncio.get_running_loop().time(), advert_interval_s=5)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as agents:
        for number, (store, protocol) in enumerate(zip(stores, protocols, strict=True)):
            clock = SimulatedClock(EPOCH_S)
            here = Position(number, 0)
            radio = air.radio(clock, lambda _, here=here: here)  # type: ignore[misc]
            agents.create_task(Agent(store, radio, clock, PROTOCOLS[protocol], -12, nothing).run(stop))
        await asyncio.sleep(minutes * 60)
        stop.set()


async def nothing() -> None:
    """Check nothing."""


@pytest.mark.slow
def test_it_is_broadcast_heard_stored_and_matched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PROTOCOLS, TOY.name, TOY)
    with ExitStack() as opened:
        stores = [opened.enter_context(Store(tmp_path / name)) for name in ("toy", "gaen", "bluezone")]
        run_simulated(meet(stores, ["toy", "gaen", "bluezone"], 130))
        theirs = stores[0].keys.all()
        assert {own.key.protocol for own in theirs} == {"toy"}
        for listener in stores[1:]:
            ids, identifiers = listener.contacts.identifiers("toy")
            received = ReceivedIdentifiers(identifiers, TOY.identifier_length)
            matches = list(match(TOY, [DiagnosisKey(own.key) for own in theirs], received))
            assert {ids[index] for _, _, index in matches} == set(ids)
            assert len(matches) == 3, "130 minutes touch three slots of an hour"
            (found, slot, index) = matches[0]
            minute = listener.contacts.minutes_of([ids[index]])[0]
            assert slot.starts_at_s <= minute.minute * 60 < slot.ends_at_s
            assert TOY.tx_power_dbm(found.key, minute.observed) == -12
