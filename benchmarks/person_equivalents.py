"""Contacts in person-equivalents against the truth of the simulated days: seeds 1 to N, both protocols.

python -m benchmarks.person_equivalents [N]
"""

from __future__ import annotations

import logging
import statistics
import sys
from collections import Counter

import structlog

from bluezone_agent.scenarios.day import PersonVerdict, simulate


def truth(verdict: PersonVerdict) -> tuple[int, int, int]:
    """Return person-minutes, the most people received in one minute, and how many people were received at all."""
    minutes = Counter(minute for its in verdict.received.values() for minute in its)
    return sum(minutes.values()), max(minutes.values(), default=0), len(verdict.received)


def main(seeds: int) -> None:
    """Print the error of the person-minutes and of the lower bound."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    for protocol in ("bluezone", "gaen"):
        days = [v for seed in range(1, seeds + 1) for v in simulate(seed, protocol).verdicts]
        errors = [v.counted.person_minutes / truth(v)[0] - 1 for v in days]
        peaks = Counter(v.counted.at_least - truth(v)[1] for v in days)
        people = Counter(truth(v)[2] - v.counted.at_least for v in days)
        print(
            f"{protocol}: {len(days)} days of a device, {sum(v.counted.person_minutes for v in days) / 60:.0f}"
            f" person-hours; error of a day: mean {statistics.mean(errors):+.2%}, from {min(errors):+.2%} to"
            f" {max(errors):+.2%}; at the same time, counted less true: {dict(sorted(peaks.items()))};"
            f" all people of the day less the bound: {dict(sorted(people.items()))}"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
