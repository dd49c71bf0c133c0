"""What one device received of another, minute by minute as the agent keeps it, and how far apart they truly were."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from bluezone_agent.core.attenuation import (
    NO_OTHERS,
    CoPresence,
    ReceivedMinute,
    attenuation_db,
    attenuation_histogram,
)
from bluezone_agent.core.intervals import MINUTE_S
from bluezone_agent.core.sightings import PLAUSIBLE_RSSI_DBM, power_summary
from bluezone_agent.trials.scoring.known_time import KnownTime, windows_of

PacketsByMinute = Mapping[int, Mapping[int, int]]
"""Minute → RSSI in dBm → packets."""
SUMMARIES: Final = 2**16
"""Minutes that are kept, since many have the same packets."""


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """What one receiver received of one sender in one scene, and how far apart they truly were."""

    scene: str
    receiver: str
    sender: str
    packets: PacketsByMinute
    """Minutes count from the first second at which the distance is known, which is in :data:`FIRST_MINUTE`."""
    tx_power_dbm: float
    known: KnownTime
    """When the distance is known, and when they were near."""
    correction_db: float = 0.0
    """What is added to the RSSI."""
    minutes: tuple[ReceivedMinute, ...] = ()
    """What the agent makes of the packets: :func:`folded`."""

    def received(self) -> dict[int, dict[int, int]]:
        """Return the packets with their corrected RSSI, in whole dBm; without those that can't be."""
        found: dict[int, dict[int, int]] = {}
        for minute, by_rssi in sorted(self.packets.items()):
            if corrected := _corrected(by_rssi.items(), self.correction_db):
                found[minute] = corrected
        return found


@dataclass(frozen=True, slots=True)
class JudgedWindow:
    """A stretch of a pair's time, and whether at least half of its known seconds were near."""

    pair: Pair
    length_s: float
    minutes: tuple[int, int]
    """The first minute, and the one after the last."""
    near_s: float
    """Seconds near, scaled from the known seconds to the window's length."""

    @property
    def is_near(self) -> bool:
        """Whether a rule should say so."""
        return self.near_s >= self.length_s / 2


@dataclass(frozen=True, slots=True)
class _Summary:
    """What the agent keeps of a minute's packets."""

    mean_dbm: float
    attenuation_db: float
    count: int
    histogram: Mapping[int, int]


def windows(pair: Pair, length_s: float) -> list[JudgedWindow]:
    """Cut a pair's known time into whole windows; those in which nothing was received are among them."""
    of = windows_of(pair.known, length_s)
    rows = zip(of.minutes.tolist(), of.ends.tolist(), of.near_s.tolist(), strict=True)
    return [JudgedWindow(pair, of.length_s, (first, end), near_s) for first, end, near_s in rows]


def folded(pairs: Iterable[Pair], *, with_co_presence: bool = True) -> list[Pair]:
    """Fold packets into minutes as the agent does; the others that a receiver got in the same minute are company.

    All pairs of a receiver in a scene come together.
    """
    found = [(pair, _summaries(pair)) for pair in pairs]
    levels = _levels(found) if with_co_presence else {}
    return [
        replace(pair, minutes=tuple(_received(pair, minutes, levels.get((pair.scene, pair.receiver), {}))))
        for pair, minutes in found
    ]


def _summaries(pair: Pair) -> dict[int, _Summary]:
    return {
        minute: summary
        for minute, by_rssi in sorted(pair.packets.items())
        if (summary := _summary(tuple(by_rssi.items()), pair.correction_db, pair.tx_power_dbm)) is not None
    }


@lru_cache(maxsize=SUMMARIES)
def _summary(by_rssi: tuple[tuple[int, int], ...], correction_db: float, tx_power_dbm: float) -> _Summary | None:
    """Return what is kept of a minute; None if no RSSI can be."""
    corrected = _corrected(by_rssi, correction_db)
    if not corrected:
        return None
    count, mean_dbm, histogram = power_summary(corrected)
    return _Summary(
        mean_dbm, attenuation_db(tx_power_dbm, mean_dbm), count, attenuation_histogram(histogram, tx_power_dbm)
    )


def _corrected(by_rssi: Iterable[tuple[int, int]], correction_db: float) -> dict[int, int]:
    corrected: Counter[int] = Counter()
    for rssi_dbm, n in sorted(by_rssi):
        if (dbm := round(rssi_dbm + correction_db)) in PLAUSIBLE_RSSI_DBM:
            corrected[dbm] += n
    return dict(corrected)


def _shift(pair: Pair) -> int:
    """Where the known time of two pairs begins at different moments, theirs are the same minutes within one."""
    return int(pair.known.first_s // MINUTE_S)


def _levels(
    pairs: Iterable[tuple[Pair, Mapping[int, _Summary]]],
) -> dict[tuple[str, str], dict[int, tuple[list[float], float]]]:
    """Return the mean RSSI of all that a receiver received in a minute of a scene, ascending, and their sum."""
    found: dict[tuple[str, str], dict[int, list[float]]] = {}
    for pair, minutes in pairs:
        of_receiver, shift = found.setdefault((pair.scene, pair.receiver), {}), _shift(pair)
        for t, summary in minutes.items():
            of_receiver.setdefault(t + shift, []).append(summary.mean_dbm)
    return {key: {t: (sorted(its), sum(its)) for t, its in by_minute.items()} for key, by_minute in found.items()}


def _received(
    pair: Pair, minutes: Mapping[int, _Summary], levels: Mapping[int, tuple[list[float], float]]
) -> Iterator[ReceivedMinute]:
    shift = _shift(pair)
    for t, kept in minutes.items():
        company = _co_presence(kept.mean_dbm, *levels[t + shift]) if levels else NO_OTHERS
        yield ReceivedMinute(t, kept.attenuation_db, kept.count, kept.histogram, company)


def _co_presence(mean_dbm: float, levels: Sequence[float], sum_dbm: float) -> CoPresence:
    """Return what ``co_presence`` of the core does of the others among ``levels``, without going through them all."""
    others = len(levels) - 1
    if not others:
        return NO_OTHERS
    weaker_by_db = mean_dbm - (sum_dbm - mean_dbm) / others
    return CoPresence(others, len(levels) - bisect_right(levels, mean_dbm), round(weaker_by_db, 2))
