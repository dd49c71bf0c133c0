"""What the rule ``learned`` is taught by pairs: as recorded, and as radios would receive that are a little off."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from random import Random
from typing import Final

from bluezone_agent.trials.scoring.fitting import Lesson
from bluezone_agent.trials.scoring.pairs import Pair, folded

OFF_DB: Final = 2.0
"""Standard deviation of a radio's offset, each of receiver and sender."""


def of_people(people: Sequence[Pair]) -> list[Lesson]:
    """Return what is learned from pairs of people; ``people`` are not folded yet."""
    return [
        Lesson(tuple(folded(people)), 1.8),
        Lesson(tuple(folded(varied(people, 1, -4.0))), 0.3),
        Lesson(tuple(folded(varied(people, 2, 4.0))), 0.3),
        Lesson(tuple(folded(varied(people, 3), with_co_presence=False)), 0.6),
    ]


def varied(pairs: Iterable[Pair], seed: int, all_db: float = 0.0) -> list[Pair]:
    """Return the pairs as radios would have received them that are a little off, each in its own way."""
    random = Random(seed)
    off: dict[tuple[str, str], float] = {}

    def radio(pair: Pair, role: str, who: str) -> float:
        return off.setdefault((pair.scene, role + who), random.gauss(0, OFF_DB))

    return [
        replace(
            pair,
            correction_db=pair.correction_db
            + all_db
            + radio(pair, "receives ", pair.receiver)
            + radio(pair, "sends ", pair.sender),
        )
        for pair in pairs
    ]
