"""A simulated morning at a door."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import NamedTuple, Self

from bluezone_agent.app.door import DoorReport, figures
from bluezone_agent.app.result import Result
from bluezone_agent.core.calendars import Calendar
from bluezone_agent.core.door import DoorState
from bluezone_agent.door.store import DoorStore
from bluezone_agent.scenarios.door import OPENS_S, UTC_OFFSET_MIN, Morning, simulate_door
from bluezone_agent.scenarios.scratch import scratch_folder


class DoorMorning(Result, frozen=True, kw_only=True):
    """What the guard of a simulated door saw, compared with the truth."""

    seed: int
    people: int
    people_with_device: int
    """In truth."""
    seen_with_device: int
    missed: int
    """People with a device that was not seen."""
    wrongly_seen: int
    """People without a device who were taken for somebody with one."""
    counted_twice: int
    two_phones_counted: int
    """How often the person with two phones was counted."""
    rotated_counted: tuple[int, ...]
    """How often each one was counted whose identifier changed at the door."""
    replay_counted: bool
    """Whether the replayed advertisement was counted."""
    replay_recognised: bool
    """Whether the guard saw that it had been counted already."""
    page: Path

    @classmethod
    def of(cls, morning: Morning, page: Path) -> Self:
        """Return the result of ``morning``, whose page is at ``page``."""
        (replays,) = (v for v in morning.visitors if v.replays)
        (two,) = (v for v in morning.visitors if v.phones > 1)
        return cls(
            seed=morning.seed,
            people=len(morning.visitors),
            people_with_device=morning.true_with,
            seen_with_device=morning.seen_with,
            missed=morning.missed,
            wrongly_seen=morning.false,
            counted_twice=morning.twice,
            two_phones_counted=two.counted,
            rotated_counted=tuple(v.counted for v in morning.visitors if v.rotated),
            replay_counted=replays.waved_in_with,
            replay_recognised=DoorState.ALREADY_COUNTED in morning.at_replay,
            page=page,
        )


class SimulatedDoor(NamedTuple):
    """The morning, and the report of its store."""

    morning: Morning
    report: DoorReport


def simulate(seed: int) -> SimulatedDoor:
    """Simulate a morning."""
    with scratch_folder() as folder:
        morning = simulate_door(seed, folder)
        day: date = Calendar(fallback=lambda _unix_s: 60 * UTC_OFFSET_MIN).day(OPENS_S)
        with DoorStore(folder) as store:
            return SimulatedDoor(morning, figures(store.passages(), day, day))
