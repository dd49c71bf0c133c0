"""Which of an owner's keys are submitted, and what is told of when each was on the air."""

from __future__ import annotations

from collections.abc import Sequence

from bluezone_agent.core.identifiers import DailyKey
from bluezone_agent.core.intervals import DAY_S, day_start_s


def until_the_days_end(keys: Sequence[DailyKey], now_s: float) -> list[DailyKey]:
    """Return the keys of days that are over as lasting to their day's end, whenever they ended; others as they are.

    Where a key ended tells when its device was started or its owner asked for a test. For a receiver it is the same:
    identifiers of later slots never were on the air, and what is received of them after the publication does not count.
    """
    return [
        key._replace(ends_at_s=end_s) if (end_s := day_start_s(key.starts_at_s) + DAY_S) <= now_s else key
        for key in keys
    ]


def choose(keys: Sequence[DailyKey], *, most: int, most_of_a_day: int) -> list[DailyKey]:
    """Return up to ``most`` keys in the order of their days: of each day the one longest on the air, then the next.

    ``keys`` come in the order in which they were on the air, with the ends that they had there.
    """
    days: dict[int, list[tuple[int, int]]] = {}
    last_end_s = 0
    for number, key in enumerate(keys):
        on_air_s = key.ends_at_s - max(key.starts_at_s, last_end_s)
        last_end_s = key.ends_at_s
        days.setdefault(key.starts_at_s, []).append((-on_air_s, number))
    ranked = [(nth, -start_s, number) for start_s, day in days.items() for nth, (_, number) in enumerate(sorted(day))]
    kept = sorted(r for r in ranked if r[0] < most_of_a_day)[:most]
    return [keys[number] for number in sorted(number for *_, number in kept)]
