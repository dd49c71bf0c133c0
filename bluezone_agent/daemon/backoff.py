"""How long to wait before a radio that failed is tried again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

FIRST_WAIT_S: Final = 1.0
"""An adapter needs about a second to come up; asking sooner finds it half made."""
LONGEST_WAIT_S: Final = 60.0
"""Doubled six times from 1 s. What no signal announces (a new bus, a mended file) is noticed within a minute."""
LONGEST_CALM_S: Final = 300.0
"""A radio that breaks again as soon as it is on the air costs a daily key each time: 288 a day at most."""
JITTER: Final = 0.5
"""Waits are drawn from half of their length to all of it, so that devices of one site do not try in step."""


@dataclass(slots=True)
class Backoff:
    """Bounded exponential waits with jitter; two counts, because a signal may cut short only one kind of wait."""

    random: Callable[[], float]
    """Uniform in [0, 1)."""
    failures: int = 0
    """Since the radio last worked for a while."""
    short_lives: int = 0
    """Of these, how many came after an identifier had been on the air."""

    def failed(self, *, was_on_air: bool) -> None:
        """Count one more."""
        self.failures += 1
        self.short_lives += was_on_air

    def worked(self) -> None:
        """Forget all failures."""
        self.failures = self.short_lives = 0

    def calm_s(self) -> float:
        """Return how long to leave the radio alone whatever is signalled."""
        return self._jittered(_doubled(self.short_lives, LONGEST_CALM_S))

    def wait_s(self) -> float:
        """Return how long to wait at most, when nothing is signalled."""
        return self._jittered(_doubled(self.failures, LONGEST_WAIT_S))

    def _jittered(self, seconds: float) -> float:
        return seconds * (1 - JITTER * self.random())


def _doubled(count: int, longest_s: float) -> float:
    return min(FIRST_WAIT_S * 2.0 ** min(max(0, count - 1), 30), longest_s)
