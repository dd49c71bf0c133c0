"""A recorded room: every receiver becomes an agent that receives the beacon of a case, and then checks."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from bluezone_agent.clocks.simulated import SimulatedClock, run_simulated
from bluezone_agent.core.exposure import day_exposures
from bluezone_agent.core.identifiers import DailyKey, ProximityProtocol
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.reception import Advert
from bluezone_agent.core.risk import RiskModel
from bluezone_agent.daemon.agent import Agent
from bluezone_agent.exposure_check.check import Check
from bluezone_agent.radios.recorded.measurements import Track
from bluezone_agent.radios.recorded.replay import ReplayRadio
from bluezone_agent.scenarios.cast import DAY_START_S, NEAR_M
from bluezone_agent.scenarios.publisher import Publisher
from bluezone_agent.scenarios.scratch import scratch_folder
from bluezone_agent.stores.store import Store

SESSION_STARTS_AT_S: Final = DAY_START_S + 2 * 3600
PUBLISHED_AT_S: Final = DAY_START_S + DAY_S + 3 * 3600
CASE_KEY: Final = b"the same day every time the room is replayed"
"""The case of a replay is not a person; its key need not be secret."""


@dataclass(frozen=True, slots=True)
class ReceiverResult:
    """The result of one receiver's agent."""

    track: Track
    received_minutes: int
    near_minutes: float
    attenuation_db: float | None
    """The median over its minutes; None when nothing was received."""
    warned: bool

    @property
    def is_near(self) -> bool:
        """Whether the beacon truly came within 2 m."""
        return self.track.closest_m <= NEAR_M


@dataclass(frozen=True, slots=True)
class Score:
    """How the warnings compare with the truth "within 2 m"."""

    warned_near: int
    warned_far: int
    missed_near: int
    quiet_far: int

    @classmethod
    def of(cls, received: Sequence[ReceiverResult]) -> Score:
        """Count the receivers of sessions in which the beacon stood still."""
        outcomes = [(h.warned, h.is_near) for h in received if h.track.stands]
        return cls(*(outcomes.count(kind) for kind in ((True, True), (True, False), (False, True), (False, False))))

    @property
    def precision(self) -> float | None:
        """The share of warned receivers that were near; None if none was warned."""
        warned = self.warned_near + self.warned_far
        return self.warned_near / warned if warned else None

    @property
    def recall(self) -> float | None:
        """The share of near receivers that were warned; None if none was near."""
        near = self.warned_near + self.missed_near
        return self.warned_near / near if near else None


def replay_room(
    tracks: Sequence[Track], protocol: ProximityProtocol, rule: RiskModel, *, tx_power_dbm: int
) -> Iterator[ReceiverResult]:
    """Yield what each track's agent found; ``tx_power_dbm`` is what the beacon's advertisements state."""
    data = CASE_KEY[: protocol.key_length]
    key = DailyKey(protocol.name, data, DAY_START_S, DAY_START_S + DAY_S, protocol.slots_per_day)
    with scratch_folder() as folder:
        publisher = Publisher(folder)
        publisher.publish([key], None, PUBLISHED_AT_S)
        for number, track in enumerate(tracks):
            with Store(folder / str(number)) as store:
                adverts = _adverts(track, protocol, key, tx_power_dbm)
                run_simulated(_listen(store, adverts, protocol))
                check = Check(store, rule, assumed_tx_power_dbm=tx_power_dbm, now_s=PUBLISHED_AT_S + 3600)
                check.run([publisher.source()])
                yield _received(track, store, rule)


def _adverts(track: Track, protocol: ProximityProtocol, key: DailyKey, tx_power_dbm: int) -> Iterator[Advert]:
    slot = advertising_data = None
    for sample in track.samples:
        at_s = SESSION_STARTS_AT_S + sample.t_s
        if slot is None or advertising_data is None or at_s >= slot.ends_at_s:
            slot = protocol.identifier_at(key, at_s)
            advertising_data = protocol.encode(key, slot, tx_power_dbm)
        yield Advert(advertising_data, sample.rssi_dbm, at_s)


async def _listen(store: Store, adverts: Iterator[Advert], protocol: ProximityProtocol) -> None:
    clock = SimulatedClock(SESSION_STARTS_AT_S)
    agent = Agent(store, ReplayRadio(adverts, clock, "replay"), clock, protocol, 0, _check_later)
    await agent.run(asyncio.Event())  # it ends with the recording


async def _check_later() -> None:
    """Nothing is published before the beacon's day is over."""


def _received(track: Track, store: Store, rule: RiskModel) -> ReceiverResult:
    matched = store.exposures.matched()
    attenuations = [m.attenuation_db for found in matched for m in found.minutes]
    days = day_exposures(matched, rule)
    return ReceiverResult(
        track,
        sum(d.received_minutes for d in days),
        sum(d.near_minutes for d in days),
        statistics.median(attenuations) if attenuations else None,
        bool(store.exposures.warned()),
    )
