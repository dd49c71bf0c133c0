"""How right a census is: devices estimated from the live feed against the true number, on the simulated air.

    python -m benchmarks.census [FIRST_SEED LAST_SEED]

A hall with people, of whom 6 % to 90 % have a device: 5 to 500 devices of both protocols that rotate, all at once or
each by a clock of its own, in pockets and bags; a third of them come or leave while an agent in the middle counts for
five minutes. Packets go through the agent's own decoder and table of neighbours to lines of the live feed. The true
number is the mean number of devices in the hall. What can be chosen in the estimator was chosen with seeds 101 to 130;
the figures are of 1 to 50.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from random import Random
from statistics import mean, median
from typing import Final

from bluezone_agent.scenarios.cast import DAY_START_S
from bluezone_agent.scenarios.hall import Hall, count
from bluezone_agent.uptake.census import Census, Estimate

DEVICES: Final = (5, 20, 60, 150, 500)
SEEDS: Final = (1, 50)
LASTS_S: Final = 300
BEGINS_S: Final = DAY_START_S + 36_000
SHARE: Final = (0.06, 0.9)
CLOCKS_S: Final = (2.0, 3600.0)
"""How far apart devices begin their slots: all at once, as by right clocks, or whenever."""
SPARSE_S: Final = 11.0
"""How seldom bluetoothd reports a device with some adapters."""


@dataclass(frozen=True, slots=True)
class Reception:
    """How well the agent receives: bounds between which each seed draws."""

    name: str
    radius_m: tuple[float, float]
    packet_loss: tuple[float, float]
    report_every_s: float = 0.0

    def hall(self, random: Random) -> Hall:
        apart_s = random.choice(CLOCKS_S)
        return Hall(random.uniform(*self.radius_m), random.uniform(*self.packet_loss), self.report_every_s, apart_s)


RECEPTIONS: Final = (
    Reception("everybody within 3 to 10 m", (3, 10), (0.1, 0.6)),
    Reception("everybody within 3 to 10 m, one report in 11 s", (3, 10), (0.1, 0.6), SPARSE_S),
    Reception("everybody within 3 to 10 m, 1 packet in 20 to 100 received", (3, 10), (0.95, 0.99)),
)
TOO_FAR: Final = Reception(
    "everybody within 15 to 25 m: farther than devices in pockets are received", (15, 25), (0.1, 0.6)
)


@dataclass(frozen=True, slots=True)
class Counted:
    """A census and the truth."""

    people: int
    true: float
    found: Estimate

    @property
    def covered(self) -> bool:
        return self.found.low <= self.true <= self.found.high

    @property
    def error(self) -> float:
        return (self.found.devices - self.true) / self.true

    @property
    def share_error(self) -> float:
        """Of the share of people, in points."""
        return 100 * (self.found.devices - self.true) / self.people


def counted(reception: Reception, devices: int, seed: int) -> Counted:
    """Let a census be taken."""
    random = Random(f"census/{reception.name}/{devices}/{seed}")
    people = round(devices / random.uniform(*SHARE))
    hall = reception.hall(random)
    true, lines = count(hall, devices, random, begins_s=BEGINS_S + random.randrange(3600), lasts_s=LASTS_S)
    census = Census()
    for line in lines:
        census.add(line)
    return Counted(people, true, census.estimate())


def shown(name: str, every: Iterable[Counted]) -> str:
    """Return the figures of some censuses as a row of docs/uptake.md."""
    found = list(every)
    errors = [one.error for one in found]
    return (
        f"| {name} | {100 * mean(errors):+.1f} % | {100 * median(map(abs, errors)):.1f} %"
        f" | {mean(abs(one.share_error) for one in found):.1f} | {mean(one.found.low for one in found):.0f} to"
        f" {mean(one.found.high for one in found):.0f} | {100 * mean(one.covered for one in found):.0f} % |"
    )


def main() -> None:
    """Print a table."""
    first, last = map(int, sys.argv[1:3]) if len(sys.argv) > 2 else SEEDS
    print("| devices | mean error | median size | error of the share, points | mean interval | covered |")
    print("|---|---|---|---|---|---|")
    every = []
    for reception in (*RECEPTIONS, TOO_FAR):
        for n in DEVICES:
            found = [counted(reception, n, seed) for seed in range(first, last + 1)]
            print(shown(f"{reception.name}: {n}", found), flush=True)
            every += found if reception is not TOO_FAR else []
    print(shown(f"together, within 10 m: {len(every)} counts", every))


if __name__ == "__main__":
    main()
