"""Which of an owner's keys are submitted, and what a submission states about when each was advertised."""

from __future__ import annotations

from collections.abc import Sequence

from bluezone_agent.core.identifiers import DailyKey
from bluezone_agent.core.intervals import DAY_S, day_start_s


def until_the_days_end(keys: Sequence[DailyKey], now_s: float) -> list[DailyKey]:
    """Return keys of past days as if they lasted to the day's end, whenever they ended; other keys are unchanged.

    The end of a key reveals when its device was started or its owner asked for a test. For a receiver there is no
    difference: identifiers of later slots were never advertised, and receptions of them after the publication do not
    count.
    """
    return [
        key._replace(ends_at_s=end_s) if (end_s := day_start_s(key.starts_at_s) + DAY_S) <= now_s else key
        for key in keys
    ]


def choose(keys: Sequence[DailyKey], *, most: int, most_of_a_day: int) -> list[DailyKey]:
    """Return up to ``most`` keys in the order of their days: for each day the one advertised longest, then the next.

    ``keys`` are in the order in which they were advertised, with their original ends.
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
