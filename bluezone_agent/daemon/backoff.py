"""How long to wait before a failed radio is tried again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

FIRST_WAIT_S: Final = 1.0
"""An adapter needs about a second to come up; before that it is only half initialised."""
LONGEST_WAIT_S: Final = 60.0
"""Doubled six times from 1 s. Changes without a signal (a new bus, a corrected file) are noticed within a minute."""
LONGEST_CALM_S: Final = 300.0
"""A radio that fails again as soon as it advertises costs a daily key each time: 288 a day at most."""
JITTER: Final = 0.5
"""Waits are drawn from half of their length to all of it, so that the devices of one site do not retry in step."""


@dataclass(slots=True)
class Backoff:
    """Bounded exponential waits with jitter; two counts, because a signal may shorten only one kind of wait."""

    random: Callable[[], float]
    """Uniform in [0, 1)."""
    failures: int = 0
    """Failures since the radio last worked for a while."""
    short_lives: int = 0
    """How many of these came after an identifier had been advertised."""

    def failed(self, *, was_on_air: bool) -> None:
        """Count one more failure."""
        self.failures += 1
        self.short_lives += was_on_air

    def worked(self) -> None:
        """Forget all failures."""
        self.failures = self.short_lives = 0

    def calm_s(self) -> float:
        """Return how long to leave the radio alone, whatever is signalled."""
        return self._jittered(_doubled(self.short_lives, LONGEST_CALM_S))

    def wait_s(self) -> float:
        """Return how long to wait at most, if nothing is signalled."""
        return self._jittered(_doubled(self.failures, LONGEST_WAIT_S))

    def _jittered(self, seconds: float) -> float:
        return seconds * (1 - JITTER * self.random())


def _doubled(count: int, longest_s: float) -> float:
    return min(FIRST_WAIT_S * 2.0 ** min(max(0, count - 1), 30), longest_s)
