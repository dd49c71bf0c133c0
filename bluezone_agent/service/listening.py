"""From adverts to stored minutes."""

from __future__ import annotations

from collections import Counter
from typing import Final

import structlog

from bluezone_agent.core.intervals import MINUTE_S, minute_at
from bluezone_agent.core.protocols import decode
from bluezone_agent.core.sightings import PLAUSIBLE_RSSI_DBM, MinuteFold
from bluezone_agent.errors import MalformedPayloadError
from bluezone_agent.ports import Advert, Clock
from bluezone_agent.stores.store import Store

log: Final = structlog.get_logger()


class Listening:
    """Folds what the radio hears and commits it once a minute."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._fold = MinuteFold()
        self._trusted = clock.trusted()
        self._counts: Counter[str] = Counter()
        self._last_heard_s = 0.0

    def heard(self, advert: Advert) -> None:
        """Count one advert; whatever a stranger sends costs a counter at most."""
        try:
            beacon = decode(advert.frame)
        except MalformedPayloadError:
            self._counts["malformed"] += 1
            return
        if beacon is None:
            self._counts["foreign"] += 1
            return
        if advert.rssi_dbm not in PLAUSIBLE_RSSI_DBM:
            self._counts["without_rssi"] += 1
            return
        self._fold.add(beacon, advert.rssi_dbm, advert.received_at_s, trusted=self._trusted)
        self._counts[beacon.protocol] += 1
        self._last_heard_s = advert.received_at_s

    async def write_minutes(self) -> None:
        """Commit each minute shortly after it is over, for ever."""
        while True:
            await self._clock.sleep_until((minute_at(self._clock.now_s()) + 1) * MINUTE_S + 1)
            self.commit(before_minute=minute_at(self._clock.now_s()))

    def commit(self, before_minute: int | None = None) -> None:
        """Write the minutes before ``before_minute`` (all when None) and the signs of life."""
        self._trusted = self._clock.trusted()
        minutes = self._fold.drain(before_minute)
        now_s = self._clock.now_s()
        with self._store.transaction():
            self._store.contacts.add(minutes)
            self._store.mark("commit", now_s, minutes=len(minutes))
            if self._last_heard_s:
                self._store.mark("heard", self._last_heard_s, **self._counts)
        if minutes:
            log.debug("minutes_committed", minutes=len(minutes))
