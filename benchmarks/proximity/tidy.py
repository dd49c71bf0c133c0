"""Recordings in one form, whatever they came from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bluezone_agent.core.attenuation import ReceivedMinute, attenuation_db, attenuation_histogram, co_presence
from bluezone_agent.core.identifiers import ObservedIdentifier
from bluezone_agent.core.sightings import PLAUSIBLE_RSSI_DBM, ContactMinute, MinuteFold

Floats = NDArray[np.float64]
NEAR_M = 2.0
LEAST_KNOWN = 0.5
"""Share of a window's seconds whose distance must be known for the window to count."""
FIRST_MINUTE = 1440
"""Number of the first minute of a pair's known time: what was heard before it has a minute too."""


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """What one receiver heard of one transmitter in one scene, and how far apart they truly were."""

    dataset: str
    scene: str
    receiver: str
    transmitter: str
    t_s: Floats
    """When each packet was received, seconds; ascending."""
    rssi_dbm: Floats
    """With the receiver's published correction added, where there is one."""
    tx_power_dbm: float
    truth_t_s: Floats
    """Times at which the distance is known, a second apart where it is measured continuously."""
    truth_m: Floats
    minutes: tuple[ReceivedMinute, ...] = ()
    """What the agent makes of the packets: :func:`folded`."""

    @property
    def attenuation_db(self) -> Floats:
        """Transmit power less received power, never below zero."""
        return np.maximum(0.0, self.tx_power_dbm - self.rssi_dbm)

    @property
    def packet_minutes(self) -> NDArray[np.int_]:
        """The minute of each packet."""
        return np.asarray(FIRST_MINUTE + (self.t_s - self.truth_t_s[0]) // 60, dtype=np.int_)


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of a pair's time, and whether at least half of its known seconds were within 2 m."""

    pair: Pair
    length_s: float
    packets: slice
    """Of the pair's arrays."""
    minutes: tuple[int, int]
    """The first minute, and the one after the last."""
    near_s: float
    """Seconds within 2 m, scaled from the known seconds to the window's length."""

    @property
    def is_near(self) -> bool:
        """Whether a rule should say so."""
        return self.near_s >= self.length_s / 2

    def packets_of(self, index: int) -> slice:
        """Return the packets of one of the pair's minutes."""
        minute = self.pair.minutes[index].minute
        begin, end = np.searchsorted(self.pair.packet_minutes, (minute, minute + 1))
        return slice(int(begin), int(end))


def windows(pair: Pair, length_s: float) -> list[Window]:
    """Cut a pair's known time into whole windows; those in which nothing was heard are among them.

    What is shorter than a window is one of its own length. ``length_s`` is a whole number of minutes.
    """
    if not len(pair.truth_t_s):
        return []
    first, last = pair.truth_t_s[0], pair.truth_t_s[-1]
    step_s = float(np.median(np.diff(pair.truth_t_s))) if len(pair.truth_t_s) > 1 else length_s
    length_s = min(length_s, float(last - first) + step_s)
    windows: list[Window] = []
    for start in np.arange(first, last - length_s / 2, length_s):
        known = slice(*np.searchsorted(pair.truth_t_s, (start, start + length_s)))
        metres = pair.truth_m[known]
        if len(metres) * step_s < LEAST_KNOWN * length_s:
            continue
        near_s = float((metres <= NEAR_M).mean()) * length_s
        packets = slice(*(int(i) for i in np.searchsorted(pair.t_s, (start, start + length_s))))
        minute = FIRST_MINUTE + round((start - first) / 60)
        windows.append(Window(pair, length_s, packets, (minute, minute + max(1, round(length_s / 60))), near_s))
    return windows


def thinned(pair: Pair, on_s: float = 4.0, every_s: float = 240.0) -> Pair:
    """Return the pair as a phone's schedule would have heard it: ``on_s`` seconds every ``every_s``."""
    kept = (pair.t_s - pair.truth_t_s[0]) % every_s < on_s if len(pair.t_s) else np.zeros(0, bool)
    return replace(pair, t_s=pair.t_s[kept], rssi_dbm=pair.rssi_dbm[kept])


def folded(pairs: Iterable[Pair], *, with_co_presence: bool = True) -> list[Pair]:
    """Fold packets into minutes as the agent does; the others that a receiver heard in the same minute are company.

    All pairs of a scene come together.
    """
    pairs = list(pairs)
    contacts = [_fold(pair) for pair in pairs]
    levels: dict[tuple[str, str, str, int], dict[str, float]] = {}
    for pair, minutes in zip(pairs, contacts, strict=True):
        for m in minutes if with_co_presence else ():
            levels.setdefault(_place(pair, m), {})[pair.transmitter] = m.mean_dbm
    return [
        replace(pair, minutes=tuple(_received(pair, m, levels.get(_place(pair, m), {})) for m in minutes))
        for pair, minutes in zip(pairs, contacts, strict=True)
    ]


def _fold(pair: Pair) -> list[ContactMinute]:
    fold, observed = MinuteFold(), ObservedIdentifier("gaen", pair.transmitter.encode(), b"")
    for minute, rssi_dbm in zip(pair.packet_minutes, pair.rssi_dbm, strict=True):
        if round(rssi_dbm) in PLAUSIBLE_RSSI_DBM:
            fold.add(observed, round(rssi_dbm), int(minute) * 60, trusted=True)
    return fold.drain()


def _place(pair: Pair, m: ContactMinute) -> tuple[str, str, str, int]:
    """Where the known time of two pairs begins at different moments, theirs are the same minutes within one."""
    return pair.dataset, pair.scene, pair.receiver, m.minute + int(pair.truth_t_s[0] // 60)


def _received(pair: Pair, m: ContactMinute, levels: dict[str, float]) -> ReceivedMinute:
    return ReceivedMinute(
        m.minute,
        attenuation_db(pair.tx_power_dbm, m.mean_dbm),
        m.count,
        attenuation_histogram(m.histogram, pair.tx_power_dbm),
        co_presence(m.mean_dbm, [dbm for other, dbm in levels.items() if other != pair.transmitter]),
    )
