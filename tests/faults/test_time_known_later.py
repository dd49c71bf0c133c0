"""L1: whatever is decided while time is not known is provisional.

A random script of encounters, publications, checks and restarts is played twice to the whole agent: on a device whose
clock is always right, and on one whose clock is wrong after each boot until somebody vouches for it. In the end both
know the same exposures and have queued the same notices.

Two limits are stated by how scripts are made. A device that is switched off before time is known never learns when it
received what it did, so each boot lasts until then. And a minute is what is dated, so clocks are wrong by whole ones.
``BLUEZONE_TIME_SCRIPTS=500`` plays that many.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

import pytest

from bluezone_agent.app.check import check_store
from bluezone_agent.clocks.simulated import SimulatedClock, run_simulated
from bluezone_agent.config import Config
from bluezone_agent.core.calendars import UTC_CALENDAR
from bluezone_agent.core.diagnosis_keys.bluezone_json import write_bluezone_json
from bluezone_agent.core.diagnosis_keys.key_export import write_key_export
from bluezone_agent.core.identifiers import DailyKey, DiagnosisKey
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.daemon.agent import Agent
from bluezone_agent.daemon.trusted_clock import TrustedClock
from bluezone_agent.exposure_check.check import PinnedSource
from bluezone_agent.key_sources import open_source
from bluezone_agent.scenarios.scratch import scratch_folder
from bluezone_agent.stores.exposures import Matched
from bluezone_agent.stores.store import Store
from tests.diagnosis_keys import AUTHORITY
from tests.fakes import SteeredRadio, numbered_bytes

pytestmark = pytest.mark.slow

SCRIPTS: Final = int(os.environ.get("BLUEZONE_TIME_SCRIPTS", "12"))
NOON_S: Final = 1_806_580_800.0
"""2027-04-01 12:00 UTC."""
HOUR_S: Final = 3600
MIDNIGHT_S: Final = 12 * HOUR_S
"""When the day of the cases' keys is over; times of a script are seconds after noon."""


@dataclass(frozen=True)
class Session:
    """The agent runs for a while."""

    starts_s: int
    lasts_s: int
    boots: bool
    wrong_by_s: int
    """Of a clock that lost its time at the boot."""
    known_after_s: int
    checks_s: tuple[int, ...]
    """Seconds after the start."""


@dataclass(frozen=True)
class Meeting:
    """Somebody is near who will be a case."""

    case: int
    starts_s: int
    lasts_s: int
    late_s: int = 0
    """How long after their slots somebody sends the case's identifiers again."""


@dataclass(frozen=True)
class Script:
    """What happens, whatever the clock shows."""

    sessions: tuple[Session, ...]
    meetings: tuple[Meeting, ...]
    published_s: tuple[int, ...]
    """By case."""
    dated: tuple[bool, ...]
    """Whether the case's file says when it was published; Bluezone's may not."""
    protocol: str

    @classmethod
    def of(cls, seed: int) -> Script:
        random = Random(seed)
        cases = random.randint(1, 3)
        sessions, at_s = [], random.randint(0, HOUR_S)
        while at_s < 22 * HOUR_S:
            over_midnight = random.random() < 0.5 and MIDNIGHT_S - 3 * HOUR_S < at_s < MIDNIGHT_S - 1800
            at_s = MIDNIGHT_S - 1800 if over_midnight else at_s  # and over a publication
            lasts_s = 4 * HOUR_S if over_midnight else random.choice([1200, 3600, 7200])
            # from two hours after its keys' day a file may be final
            known_after_s = random.randint(9060 if over_midnight else 20, lasts_s - 150)
            # also before the agent has dated what it received meanwhile
            checks = sorted([*random.sample(range(60, lasts_s - 30), random.randint(0, 3)), known_after_s])
            sessions.append(
                Session(
                    at_s,
                    lasts_s,
                    over_midnight or random.random() < 0.7,
                    60 * random.choice([-30_000, -1441, -200, -3, 3, 90, 1500, 500_000]),
                    known_after_s,
                    tuple(checks),
                )
            )
            at_s += lasts_s + random.choice([60, 600, 3 * HOUR_S])
        meetings = tuple(
            Meeting(case, random.randrange(0, MIDNIGHT_S - 3000, 60), random.choice([300, 900, 1500, 2400]))
            for case in range(cases)
            for _ in range(random.randint(1, 3))
        )
        meetings += tuple(
            Meeting(case, MIDNIGHT_S + random.randrange(-1800, 3600, 60), 1800, late_s=5400) for case in range(cases)
        )
        published = tuple(MIDNIGHT_S + 60 + random.choice([0, 1800, 5 * HOUR_S]) for _ in range(cases))
        protocol = random.choice(sorted(PROTOCOLS))
        dated = tuple(protocol == "gaen" or random.random() < 0.5 for _ in range(cases))
        return cls(tuple(sessions), meetings, published, dated, protocol)


class Device:
    """One device through one script."""

    def __init__(self, script: Script, folder: Path, *, clock_is_right: bool) -> None:
        self.script = script
        self.right = clock_is_right
        self.protocol = PROTOCOLS[script.protocol]
        day_s = int(NOON_S) // DAY_S * DAY_S
        self.keys = [
            DailyKey(script.protocol, bytes([case + 1]) * self.protocol.key_length, day_s, day_s + DAY_S, slots)
            for case, slots in enumerate([self.protocol.slots_per_day] * len(script.published_s))
        ]
        self.folder = folder / "published"
        self.folder.mkdir()
        self.draw = numbered_bytes()
        self.published: set[int] = set()

    async def play(self, store: Store) -> None:
        self.store, self.clock = store, SimulatedClock(NOON_S)
        for session in self.script.sessions:
            await asyncio.sleep(max(0.0, session.starts_s - self._script_s()))
            await self._run(session)
        last_s = int(self._script_s())
        await self._run(Session(last_s, 400, False, 0, 20, (300,)))

    async def _run(self, session: Session) -> None:
        wrong = session.boots and not self.right
        if session.boots:
            self.clock.boot()
        if wrong:
            self.clock.is_synchronised = False
            self.clock.offset_s = max(session.wrong_by_s, -NOON_S)
        radio, stop = SteeredRadio(self.clock), asyncio.Event()
        agent = Agent(self.store, radio, self.clock, self.protocol, -12, None, random_bytes=self.draw)

        async def live() -> None:
            checks = list(session.checks_s)
            for second in range(10, session.lasts_s, 10):
                await asyncio.sleep(session.starts_s + second - self._script_s())
                if second >= session.known_after_s:
                    self.clock.is_synchronised, self.clock.offset_s = True, 0.0
                self._meet(radio)
                while checks and checks[0] <= second:
                    checks.pop(0)
                    self._check()
            stop.set()

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(live())
            await agent.run(stop)

    def _meet(self, radio: SteeredRadio) -> None:
        at_s = self._script_s()
        for meeting in self.script.meetings:
            if radio.listens and meeting.starts_s <= at_s < meeting.starts_s + meeting.lasts_s:
                key = self.keys[meeting.case]
                slot = self.protocol.identifier_at(key, NOON_S + at_s - meeting.late_s)
                radio.receive(self.protocol.encode(key, slot, -20), -65)

    def _check(self) -> None:
        for case, published_s in enumerate(self.script.published_s):
            if published_s <= self._script_s() and case not in self.published:
                self.published.add(case)
                self._publish(case, int(NOON_S) + published_s)
        now = TrustedClock(self.clock, self.store).look()
        source = PinnedSource(open_source(str(self.folder)), AUTHORITY.verification_key)
        check_store(self.store, Config(rule="swisscovid"), [source], now, UTC_CALENDAR)

    def _publish(self, case: int, at_s: int) -> None:
        keys = [DiagnosisKey(self.keys[case])]
        if self.protocol.name == "gaen":
            data = write_key_export(keys, AUTHORITY, start_s=0, end_s=at_s, region="VN")
            (self.folder / f"{case}.zip").write_bytes(data)
        else:
            data = write_bluezone_json(keys, published_at_s=at_s)
            if not self.script.dated[case]:
                data = data.replace(b"published_at", b"another_name")
            (self.folder / f"{case}.json").write_bytes(data)
            (self.folder / f"{case}.json.sig").write_bytes(AUTHORITY.sign(data))

    def _script_s(self) -> float:
        return asyncio.get_running_loop().time()

    def knows(self) -> object:
        """Return what its owner can be told, and what was queued for them."""
        store = self.store
        return (
            [(m.key_digest, [(r.minute, r.attenuation_db, r.count) for r in m.minutes]) for m in found(store)],
            [(w.day, w.degree) for w in store.exposures.warned()],
            len(store.notices.waiting(NOON_S + DAY_S)),
        )


def found(store: Store) -> list[Matched]:
    return sorted(store.exposures.matched(), key=lambda m: m.key_digest)


@pytest.mark.parametrize("seed", range(SCRIPTS))
def test_what_is_known_in_the_end_is_as_if_time_had_always_been_known(seed: int) -> None:
    script = Script.of(seed)
    known = []
    for right in (True, False):
        with scratch_folder() as folder, Store(folder / "state") as store:
            device = Device(script, folder, clock_is_right=right)
            run_simulated(device.play(store))
            known.append(device.knows())
    assert known[1] == known[0], script
