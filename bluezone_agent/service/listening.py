"""From adverts to stored minutes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

import structlog

from bluezone_agent.core.intervals import MINUTE_S, minute_at
from bluezone_agent.core.protocols import decode
from bluezone_agent.core.sightings import PLAUSIBLE_RSSI_DBM, MinuteFold
from bluezone_agent.errors import MalformedPayloadError
from bluezone_agent.ports import Advert, Clock
from bluezone_agent.service.health import COMMIT_LATE_S
from bluezone_agent.service.progress import Part, Progress
from bluezone_agent.service.proof import mark_proved
from bluezone_agent.stores.store import Store

log: Final = structlog.get_logger()


class Listening:
    """Folds what the radio hears and commits it once a minute."""

    def __init__(self, store: Store, clock: Clock, is_own: Callable[[bytes], bool], progress: Progress) -> None:
        """``is_own`` tells the identifiers that this device has on the air itself."""
        self._store = store
        self._clock = clock
        self._is_own = is_own
        self._progress = progress
        self._proof: Advert | None = None
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
        if self._is_own(beacon.identifier):
            self._own_heard(advert)
            return
        self._fold.add(beacon, advert.rssi_dbm, advert.received_at_s, trusted=self._trusted)
        self._counts[beacon.protocol] += 1
        self._last_heard_s = advert.received_at_s

    def _own_heard(self, advert: Advert) -> None:
        """Another adapter proves the own broadcast; the one that broadcasts never hears itself, but who repeats it."""
        if advert.heard_by:
            self._proof = advert
        else:
            self._counts["repeated"] += 1

    async def write_minutes(self) -> None:
        """Commit each minute shortly after it is over, for ever."""
        while True:
            self._progress.promise(Part.WRITER, COMMIT_LATE_S)
            await self._clock.sleep_until((minute_at(self._clock.now_s()) + 1) * MINUTE_S + 1)
            self.commit(before_minute=minute_at(self._clock.now_s()))

    def commit(self, before_minute: int | None = None) -> None:
        """Write the minutes before ``before_minute`` (all when None) and the signs of life."""
        self._trusted = self._clock.trusted()
        minutes = self._fold.drain(before_minute)
        now_s = self._clock.now_s()
        with self._store.transaction():
            self._store.contacts.add(minutes)
            self._store.listening.extend(now_s)
            self._store.mark("commit", now_s, minutes=len(minutes))
            if self._proof:
                mark_proved(self._store, self._proof.received_at_s, self._proof.heard_by, self._proof.rssi_dbm)
                self._proof = None
            if self._last_heard_s:
                self._store.mark("heard", self._last_heard_s, **self._counts)
        if minutes:
            log.debug("minutes_committed", minutes=len(minutes))
