"""One immediate test: does another device receive what this device advertises?"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from bluezone_agent.actions.peer_report import Report, find_own, was_on_air
from bluezone_agent.core.ages import age_s
from bluezone_agent.core.identifiers import DailyKey, ProximityProtocol
from bluezone_agent.core.intervals import DAY_S, day_start_s, minute_at
from bluezone_agent.core.journal import Committed, Proved
from bluezone_agent.core.reception import Advert, Sighting, receive
from bluezone_agent.core.sightings import PLAUSIBLE_RSSI_DBM, ContactMinute, MinuteFold
from bluezone_agent.errors import N_, NotProvableError
from bluezone_agent.health.broadcast_proof import is_newer, read_proof
from bluezone_agent.ports import Clock, Radio
from bluezone_agent.stores.store import Store

ENOUGH: Final = 3
"""Packets. One could be chance on a busy channel, and a strict duplicate filter lets three through in 30 s."""
LOOK_S: Final = 1.0
COMMIT_S: Final = 75
"""A running agent writes what it received once a minute, shortly after the minute has ended."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a self-test. If nothing was received, ``count`` is 0 and ``by`` names the receivers, if known."""

    received: bool
    by: str = ""
    count: int = 0
    max_dbm: int | None = None
    at_s: float | None = None
    """The last reception, Unix seconds."""


async def with_adapters(
    radio: Radio,
    clock: Clock,
    protocol: ProximityProtocol,
    seconds: float,
    *,
    tx_power_dbm: int,
    random_bytes: Callable[[int], bytes] = secrets.token_bytes,
) -> Outcome:
    """Advertise with a throw-away key, and return what the radio's other adapters received of it.

    Raises RadioUnavailableError when the advertising adapter can't be used.
    """
    now_s = clock.now_s()
    start_s = day_start_s(now_s)
    key = DailyKey(protocol.name, random_bytes(protocol.key_length), start_s, start_s + DAY_S, protocol.slots_per_day)
    slot = protocol.identifier_at(key, now_s)
    received: list[Advert] = []

    def receives(advert: Advert) -> None:
        observed = receive(advert).observed
        if advert.received_by and observed and observed.identifier == slot.identifier:
            received.append(advert)

    async with radio:
        await radio.advertise(protocol.encode(key, slot, tx_power_dbm))
        listening = asyncio.create_task(radio.listen(receives))
        try:
            deadline_s = clock.uptime_s() + seconds
            while len(received) < ENOUGH and clock.uptime_s() < deadline_s:
                await asyncio.wait([listening], timeout=min(LOOK_S, seconds))
                if listening.done():
                    listening.result()
                    break
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
    return _outcome(received)


def _outcome(received: list[Advert]) -> Outcome:
    if not received:
        return Outcome(received=False)
    known_dbm = [a.rssi_dbm for a in received if a.rssi_dbm in PLAUSIBLE_RSSI_DBM]
    last = received[-1]
    return Outcome(True, last.received_by, len(received), max(known_dbm, default=None), last.received_at_s)


async def of_running_agent(store: Store, clock: Clock, seconds: float) -> Outcome:
    """Wait until another adapter of the agent that runs on ``store`` has received its advertisements once more.

    Raises NotProvableError when the agent has no other adapter.
    """
    if not read_proof(store.journal).provable:
        raise not_provable()
    asked_s, deadline_s = clock.now_s(), clock.uptime_s() + seconds + COMMIT_S
    while clock.uptime_s() < deadline_s:
        proof, now_s = read_proof(store.journal), clock.now_s()
        proof_age_s = age_s(now_s, proof.at_s)
        if proof_age_s is not None and proof_age_s <= now_s - int(asked_s):
            return Outcome(True, proof.by, 1, proof.rssi_dbm, proof.at_s)
        await asyncio.sleep(LOOK_S)
    return Outcome(received=False)


def with_report(store: Store, report: Report, now_s: float) -> Outcome:
    """Look for this device in a peer's report, and record the proof.

    Raises NotProvableError when this device advertised nothing during the report.
    """
    keys = store.keys.all()
    if not was_on_air(report, keys):
        raise NotProvableError(
            N_("the report from {by} covers a time when this device did not advertise"),
            N_("make a new report on the peer while this agent runs; the clocks of both devices must be right"),
            by=report.by,
        )
    found = find_own(report, keys)
    if not found:
        return Outcome(received=False, by=report.by)
    newest = found[-1]
    proved = Proved(int(newest.received_at_s), report.by, newest.max_dbm)
    with store.transaction():
        if is_newer(proved, store.journal, now_s):
            store.journal.put(proved)
    return Outcome(True, report.by, sum(f.count for f in found), max(f.max_dbm for f in found), newest.received_at_s)


async def listen(radio: Radio, clock: Clock, seconds: float) -> list[ContactMinute]:
    """Receive all devices for ``seconds``, for a report; nothing is stored. Raises RadioUnavailableError."""
    fold = MinuteFold()

    def receives(advert: Advert) -> None:
        sighting = receive(advert)
        if isinstance(sighting, Sighting):
            fold.add(sighting.observed, sighting.rssi_dbm, sighting.received_at_s, trusted=clock.synchronised())

    async with radio:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await radio.listen(receives)
    return fold.drain()


async def received_by_running_agent(store: Store, clock: Clock, seconds: float) -> list[ContactMinute]:
    """Wait for ``seconds`` and until the running agent has stored them; return what it received."""
    from_s = clock.now_s()
    until = minute_at(from_s + seconds)
    deadline_s = clock.uptime_s() + seconds + COMMIT_S
    while clock.uptime_s() < deadline_s:
        committed = store.journal.get(Committed)
        if committed and until < minute_at(committed.at_s) <= minute_at(clock.now_s()):
            break
        await asyncio.sleep(LOOK_S)
    return store.contacts.minutes_since(from_s)


def not_provable() -> NotProvableError:
    """One adapter can't receive itself."""
    return NotProvableError(
        N_("one adapter can't verify its own transmission"),
        N_(
            'configure a second one, radio = ["bluez:hci0", "bluez:hci1"], or use another device: run '
            '"bluezone-agent selftest --listen 120 --report FILE" there, then "bluezone-agent '
            'selftest --peer FILE" here'
        ),
    )
