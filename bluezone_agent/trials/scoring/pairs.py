"""What one device received of another, minute by minute as the agent keeps it, and how far apart they truly were."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bluezone_agent.core.attenuation import ReceivedMinute, attenuation_db, attenuation_histogram, co_presence
from bluezone_agent.core.intervals import MINUTE_S
from bluezone_agent.core.sightings import PLAUSIBLE_RSSI_DBM, power_summary

Floats = NDArray[np.float64]
PacketsByMinute = Mapping[int, Mapping[int, int]]
"""Minute → RSSI in dBm → packets."""
NEAR_M: Final = 2.0
LEAST_KNOWN: Final = 0.5
"""Share of a window's seconds whose distance must be known for the window to count."""
FIRST_MINUTE: Final = 1440
"""Number of the first minute of a pair's known time: what was received before it has a minute too."""


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """What one receiver received of one sender in one scene, and how far apart they truly were."""

    scene: str
    receiver: str
    sender: str
    packets: PacketsByMinute
    """Minutes count from the first second at which the distance is known, which is in :data:`FIRST_MINUTE`."""
    tx_power_dbm: float
    truth_t_s: Floats
    """Times at which the distance is known, a second apart where it is measured continuously; ascending."""
    truth_m: Floats
    near_m: float = NEAR_M
    correction_db: float = 0.0
    """What is added to the RSSI."""
    minutes: tuple[ReceivedMinute, ...] = ()
    """What the agent makes of the packets: :func:`folded`."""

    def received(self) -> dict[int, dict[int, int]]:
        """Return the packets with their corrected RSSI, in whole dBm; without those that can't be."""
        found: dict[int, dict[int, int]] = {}
        for minute, by_rssi in sorted(self.packets.items()):
            corrected: Counter[int] = Counter()
            for rssi_dbm, n in sorted(by_rssi.items()):
                if (dbm := round(rssi_dbm + self.correction_db)) in PLAUSIBLE_RSSI_DBM:
                    corrected[dbm] += n
            if corrected:
                found[minute] = dict(corrected)
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


def windows(pair: Pair, length_s: float) -> list[JudgedWindow]:
    """Cut a pair's known time into whole windows; those in which nothing was received are among them.

    What is shorter than a window is one of its own length. ``length_s`` is a whole number of minutes.
    """
    if not len(pair.truth_t_s):
        return []
    first, last = pair.truth_t_s[0], pair.truth_t_s[-1]
    step_s = float(np.median(np.diff(pair.truth_t_s))) if len(pair.truth_t_s) > 1 else length_s
    length_s = min(length_s, float(last - first) + step_s)
    found: list[JudgedWindow] = []
    for start in np.arange(first, last - length_s / 2, length_s):
        known = slice(*np.searchsorted(pair.truth_t_s, (start, start + length_s)))
        metres = pair.truth_m[known]
        if len(metres) * step_s < LEAST_KNOWN * length_s:
            continue
        near_s = float((metres <= pair.near_m).mean()) * length_s
        minute = FIRST_MINUTE + round((start - first) / MINUTE_S)
        found.append(JudgedWindow(pair, length_s, (minute, minute + max(1, round(length_s / MINUTE_S))), near_s))
    return found


def folded(pairs: Iterable[Pair], *, with_co_presence: bool = True) -> list[Pair]:
    """Fold packets into minutes as the agent does; the others that a receiver got in the same minute are company.

    All pairs of a scene come together.
    """
    pairs = list(pairs)
    minutes_of = [{t: power_summary(by_rssi) for t, by_rssi in pair.received().items()} for pair in pairs]
    levels: dict[tuple[str, str, int], dict[str, float]] = {}
    for pair, minutes in zip(pairs, minutes_of, strict=True):
        for t, (_, mean_dbm, _) in minutes.items() if with_co_presence else ():
            levels.setdefault(_same_minute(pair, t), {})[pair.sender] = mean_dbm
    return [
        replace(
            pair,
            minutes=tuple(_received(pair, t, kept, levels.get(_same_minute(pair, t), {})) for t, kept in found.items()),
        )
        for pair, found in zip(pairs, minutes_of, strict=True)
    ]


def _same_minute(pair: Pair, minute: int) -> tuple[str, str, int]:
    """Where the known time of two pairs begins at different moments, theirs are the same minutes within one."""
    return pair.scene, pair.receiver, minute + int(pair.truth_t_s[0] // MINUTE_S)


def _received(
    pair: Pair, minute: int, kept: tuple[int, float, dict[int, int]], levels: dict[str, float]
) -> ReceivedMinute:
    count, mean_dbm, histogram = kept
    return ReceivedMinute(
        minute,
        attenuation_db(pair.tx_power_dbm, mean_dbm),
        count,
        attenuation_histogram(histogram, pair.tx_power_dbm),
        co_presence(mean_dbm, [dbm for other, dbm in levels.items() if other != pair.sender]),
    )
