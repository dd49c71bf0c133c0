"""Who is near now: the identifiers of the last 30 s, in bounded memory, under pseudonyms."""

from __future__ import annotations

import math
from hashlib import blake2b
from typing import Final

from bluezone_agent.core.attenuation import attenuation_db, closeness
from bluezone_agent.core.identifiers import ObservedIdentifier
from bluezone_agent.core.live_line import Neighbour
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.core.recently_received import SPREAD_S, RecentlyReceived
from bluezone_agent.core.sightings import POWER_MW

GONE_S: Final = 30.0
"""A device is gone this long after its last packet, as in the Bluezone app: two reports of bluetoothd, which come 11 s
apart, may be missed."""
BUCKET_S: Final = 4.0
"""The power is averaged over the present bucket and the one before: 16 to 32 packets, so that fading of 4 dB averages
out, and who walks away is far after 8 s. Milliwatts are averaged, as in a stored minute, for which the bands are."""
MOST_SHOWN: Final = 1000
"""Neighbours in a line of the feed, 200 kB. A census counts halls of 500 devices, each of which is shown under two
identifiers for 30 s after its rotation."""
MOST_KNOWN: Final = 2 * MOST_SHOWN
"""Identifiers in memory: those that are shown, and as many that compete with them in a flood."""
SWEEP_S: Final = 1.0
"""How often room is made at most."""
LETTERS: Final = "23456789BCDFGHJKMNPQRSTVWXYZ"
"""No vowels, so that no word can appear, and nothing that looks like something else."""
PSEUDONYM_LETTERS: Final = 5
"""28^5 is 17 million: two of 1,000 neighbours share one with a probability of 3 %."""


def pseudonym(secret: bytes, observed: ObservedIdentifier) -> str:
    """Return the name of an identifier for as long as ``secret``, 16 to 64 random bytes, is kept."""
    text = b"\0".join((observed.protocol.encode(), observed.identifier, observed.metadata))
    number = int.from_bytes(blake2b(text, key=secret, digest_size=8).digest(), "big")
    letters = ""
    for _ in range(PSEUDONYM_LETTERS):
        number, at = divmod(number, len(LETTERS))
        letters += LETTERS[at]
    return letters


class _Near:
    """One identifier."""

    __slots__ = ("bucket", "count", "first_s", "last_s", "old_count", "old_mw", "packets", "sum_mw")

    def __init__(self, first_s: float, up_s: float, rssi_dbm: int) -> None:
        self.first_s = first_s
        self.bucket = up_s // BUCKET_S
        self.old_mw, self.old_count = 0.0, 0
        """Power and packets of the bucket before; those of older ones are forgotten."""
        self.sum_mw, self.count = 0.0, 0
        self.packets = 0
        self.add(rssi_dbm, up_s)

    def add(self, rssi_dbm: int, up_s: float) -> None:
        """Count a packet."""
        bucket = up_s // BUCKET_S
        if bucket != self.bucket:
            follows = bucket == self.bucket + 1
            self.old_mw, self.old_count = (self.sum_mw, self.count) if follows else (0.0, 0)
            self.sum_mw, self.count, self.bucket = 0.0, 0, bucket
        self.sum_mw += POWER_MW[rssi_dbm]
        self.count += 1
        self.packets += 1
        self.last_s = up_s

    def mean_dbm(self) -> float:
        """Return the mean of the last seconds' received power."""
        return 10 * math.log10((self.sum_mw + self.old_mw) / (self.count + self.old_count))

    def rank(self) -> tuple[bool, float]:
        """Those that last precede those that do not, as in the stored minutes; then the strongest."""
        return self.last_s - self.first_s > SPREAD_S, self.mean_dbm()


class Neighbours:
    """The table. Its times are uptime, seconds: nobody appears or disappears because the clock was set.

    In a flood of forged identifiers the first :data:`MOST_SHOWN` are admitted at their first packet, others when they
    have been received for longer than :data:`SPREAD_S`, and the strongest of those that last stay.
    """

    def __init__(self, secret: bytes) -> None:
        """``secret``: the pseudonyms' key, random bytes of this run."""
        self._secret = secret
        self._known: dict[ObservedIdentifier, _Near] = {}
        self._recent = RecentlyReceived()
        self._swept_s = -math.inf
        self._least_dbm = -math.inf
        """The power of the last in rank that the last sweep kept: in a full table a stronger one gets room."""

    def __len__(self) -> int:
        return len(self._known)

    def received(self, observed: ObservedIdentifier, rssi_dbm: int, up_s: float) -> None:
        """Count one packet; ``rssi_dbm`` is in ``PLAUSIBLE_RSSI_DBM``."""
        entry = self._known.get(observed)
        if entry is None or up_s - entry.last_s > GONE_S:
            self._appeared(observed, rssi_dbm, up_s)
            return
        entry.add(rssi_dbm, up_s)

    def _appeared(self, observed: ObservedIdentifier, rssi_dbm: int, up_s: float) -> None:
        if up_s - self._swept_s >= SWEEP_S:
            self._sweep(up_s)
        first_s = up_s
        if observed not in self._known and len(self._known) >= MOST_SHOWN:
            age_s = self._recent.age_s(observed, int(up_s))
            if age_s <= SPREAD_S or (len(self._known) >= MOST_KNOWN and rssi_dbm <= self._least_dbm):
                return
            if len(self._known) >= MOST_KNOWN:
                self._known.popitem()  # the newest, one of those that compete
            first_s = up_s - age_s
        self._known[observed] = _Near(first_s, up_s, rssi_dbm)

    def _sweep(self, up_s: float) -> None:
        """Forget who is gone, and in a flood all but the first in rank."""
        self._swept_s = up_s
        self._forget_gone(up_s)
        if len(self._known) > MOST_SHOWN:
            kept = self._ranked()[:MOST_SHOWN]
            self._known, self._least_dbm = dict(kept), kept[-1][1].mean_dbm()

    def _forget_gone(self, up_s: float) -> None:
        self._known = {o: e for o, e in self._known.items() if up_s - e.last_s <= GONE_S}

    def _ranked(self) -> list[tuple[ObservedIdentifier, _Near]]:
        return sorted(self._known.items(), key=lambda found: found[1].rank(), reverse=True)

    def near(
        self, up_s: float, *, assumed_tx_power_dbm: int, rssi_correction_db: float = 0.0
    ) -> tuple[tuple[Neighbour, ...], int]:
        """Return who is near, lowest attenuation first, and how many more there are.

        ``assumed_tx_power_dbm`` is used for advertisements whose power nobody can read; ``rssi_correction_db`` is this
        receiver's (:mod:`bluezone_agent.core.calibration`).
        """
        self._forget_gone(up_s)
        ranked = self._ranked()[:MOST_SHOWN]
        found = [self._seen(o, e, up_s, assumed_tx_power_dbm, rssi_correction_db) for o, e in ranked]
        return tuple(sorted(found, key=lambda n: n.attenuation_db)), len(self._known) - len(found)

    def _seen(
        self, observed: ObservedIdentifier, entry: _Near, up_s: float, assumed_dbm: int, correction_db: float
    ) -> Neighbour:
        stated_dbm = PROTOCOLS[observed.protocol].open_tx_power_dbm(observed)
        power_dbm = assumed_dbm if stated_dbm is None else stated_dbm
        rssi_dbm = entry.mean_dbm()
        loss_db = round(attenuation_db(power_dbm - correction_db, rssi_dbm), 1)
        return Neighbour(
            pseudonym=pseudonym(self._secret, observed),
            protocol=observed.protocol,
            closeness=closeness(loss_db),
            attenuation_db=loss_db,
            rssi_dbm=round(rssi_dbm, 1),
            packets=entry.packets,
            appeared_s=round(up_s - entry.first_s, 1),
            received_s=round(up_s - entry.last_s, 1),
        )
