"""From adverts to stored minutes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

import structlog

from bluezone_agent.core.intervals import MINUTE_S, minute_at
from bluezone_agent.core.journal import DISCARD_REASONS, Committed, Received, Reception
from bluezone_agent.core.packet_share import PacketShare
from bluezone_agent.core.pauses import Mode
from bluezone_agent.core.reception import Advert, Discarded, DiscardReason, Sighting, receive
from bluezone_agent.core.sightings import BootTime, ContactMinute, MinuteFold
from bluezone_agent.daemon.own_usage import OwnUsage
from bluezone_agent.daemon.pause_control import PauseControl
from bluezone_agent.daemon.trusted_clock import Now, TrustedClock
from bluezone_agent.daemon.watchdog import Watchdog, Worker
from bluezone_agent.errors import StoreWriteError
from bluezone_agent.health.health import COMMIT_LATE_S
from bluezone_agent.ports import Clock
from bluezone_agent.stores.store import Store

log: Final = structlog.get_logger()

BACKLOG: Final = 20_000
"""Minutes kept in memory while the disk accepts none: some hours of a busy place, 12 MB."""
IDLE_S: Final = 90.0
"""The journal is written every second minute if no device is near; health reports a commit as late after three."""
EXTENDED_EVERY_S: Final = 480.0
"""How often the end of the open listening span is moved: a kill may lose this much of it. Each move writes a page."""
STEP_S: Final = 60.0
"""If wall time advances by this much more or less than uptime, it was set."""


class ContactWriter:
    """Aggregates what the radio receives and commits it once a minute."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        time: TrustedClock,
        is_own: Callable[[bytes], bool],
        prove: Callable[[Sighting], None],
        *,
        seen: Callable[[Sighting], None],
        pause_control: PauseControl,
        watchdog: Watchdog,
    ) -> None:
        """``is_own`` recognises this device's identifiers; ``prove`` gets those that another adapter received;
        ``seen`` gets every sighting that counts."""
        self._store = store
        self._clock = clock
        self._time = time
        self._is_own = is_own
        self._prove = prove
        self._seen = seen
        self._pause_control = pause_control
        self._watchdog = watchdog
        self._fold = MinuteFold()
        self._share = PacketShare()
        self._usage = OwnUsage(clock)
        self._minute = range(0)
        """Seconds of the minute that is open in the fold."""
        self._backlog: list[ContactMinute] = []
        self._counts: Counter[str] = Counter()
        self._last_received_s = 0.0
        self._dropped_at_s: int | None = None
        self._committed: Now | None = None
        self._extended_up_s = 0.0
        self._dated = False
        """Whether every minute of this boot that can be dated has been dated."""

    def received(self, advert: Advert) -> None:
        """Count one advert; whatever a stranger sends costs at most a counter."""
        received = receive(advert)
        if isinstance(received, Discarded):
            self._counts[received.reason] += 1
        elif not self._is_own(received.observed.identifier):
            self._count(received)
        elif received.received_by:
            self._prove(received)
        else:  # the advertising adapter never receives itself: somebody repeats its identifier
            self._counts[DiscardReason.REPEATED] += 1

    def _count(self, sighting: Sighting) -> None:
        if int(sighting.received_at_s) not in self._minute:
            self._turn_to(minute_at(sighting.received_at_s))
        self._fold.count(sighting.observed, sighting.rssi_dbm, sighting.received_at_s)
        self._share.received(sighting.observed, sighting.observed.protocol, sighting.rssi_dbm, sighting.received_at_s)
        self._counts[sighting.observed.protocol] += 1
        self._last_received_s = sighting.received_at_s
        self._seen(sighting)

    def counted(self) -> Received:
        """Return what was received since the start."""
        return _counted(self._last_received_s, self._counts, self._dropped_at_s)

    def _turn_to(self, minute: int) -> None:
        """Open another minute. A clock that was set is noticed here, unless it stays within the minute."""
        now = self._time.look()
        start_s = minute * MINUTE_S
        began = None if now.trusted else BootTime(now.boot_id, round(start_s - now.booted_at_s))
        protected = self._pause_control.mode is Mode.PROTECTED
        self._fold.turn_to(minute, trusted=now.trusted, began=began, protected=protected)
        self._minute = range(start_s, start_s + MINUTE_S)

    async def write_minutes(self) -> None:
        """Commit each minute shortly after it is over, for ever."""
        while True:
            self._watchdog.expect(Worker.WRITER, COMMIT_LATE_S)
            next_s = (minute_at(self._clock.now_s()) + 1) * MINUTE_S + 1
            await self._clock.sleep_until(next_s, at_most_s=2 * MINUTE_S)
            self.commit(still_open=minute_at(self._clock.now_s()))

    def finish(self) -> None:
        """Write everything there is; once more if the disk failed, since there is no later chance."""
        self.commit()
        if self._backlog:
            self.commit()

    def commit(self, still_open: int | None = None) -> None:
        """Write all minutes except the one that is ``still_open``, and the pending journal records.

        What the disk does not accept is kept for the next time, and counted as dropped when it becomes too much.
        """
        now = self._time.look()
        minutes = [*self._backlog, *self._fold.drain(still_open)]
        if not now.trusted or any(m.began for m in minutes):
            self._dated = False
        if still_open != self._minute.start // MINUTE_S:
            self._minute = range(0)
        if still_open is not None and not minutes and self._can_wait(now):
            return
        try:
            with self._store.transaction():
                self._store.contacts.add(minutes)
                dated = self._date(now)
                self._record(now, len(minutes), still_open)
        except StoreWriteError as error:
            self._keep(minutes, error)
            return
        self._say(now)
        self._backlog, self._committed, self._dated = [], now, now.trusted
        if dated:
            log.info("minutes_dated", minutes=dated)
        if minutes:
            log.debug("minutes_committed", minutes=len(minutes))

    def _can_wait(self, now: Now) -> bool:
        """Return whether an empty minute may be written with the next: most are, and writing wears the card."""
        last = self._committed
        return (
            last is not None and last.distrust_reason is now.distrust_reason and now.uptime_s - last.uptime_s < IDLE_S
        )

    def _say(self, now: Now) -> None:
        if now.distrust_reason is not (self._committed.distrust_reason if self._committed else None):
            if now.distrust_reason:
                log.warning("clock_distrusted", reason=str(now.distrust_reason))
            else:
                log.info("clock_trusted")

    def _date(self, now: Now) -> int:
        """Once time is known, date what was received before."""
        if self._dated or not now.trusted:
            return 0
        return self._store.date(now.boot_id, now.booted_at_s, now.wall_s)

    def _record(self, now: Now, minutes: int, still_open: int | None) -> None:
        last = self._committed
        if last and abs(now.booted_at_s - last.booted_at_s) > STEP_S:
            self._store.listening.extend(last.wall_s)
            self._store.listening.restart(now.wall_s)
        elif last is None or still_open is None or now.uptime_s >= self._extended_up_s + EXTENDED_EVERY_S:
            self._extended_up_s = now.uptime_s
            self._store.listening.extend(now.wall_s)
        self._store.listening.keep_offset(now.wall_s, self._clock.utc_offset_s(now.wall_s))
        self._store.journal.put(Committed(int(now.wall_s), minutes, now.trusted))
        self._store.journal.put(self._usage.now(now.wall_s))
        if self._last_received_s:
            if dropped := self._fold.take_dropped():
                self._counts["dropped"] += dropped
                self._dropped_at_s = int(now.wall_s)
            self._store.journal.put(self.counted())
        if (share := self._share.take(now.wall_s)) is not None:
            self._store.journal.put(Reception(int(now.wall_s), round(share, 3)))

    def _keep(self, minutes: list[ContactMinute], error: StoreWriteError) -> None:
        self._backlog = minutes[-BACKLOG:]
        lost = sum(m.count for m in minutes[:-BACKLOG])
        self._counts["dropped"] += lost
        log.error("minutes_not_committed", waiting=len(self._backlog), dropped=lost, reason=str(error))


def _counted(at_s: float, counts: Counter[str], dropped_at_s: int | None) -> Received:
    discarded = {reason: counts[reason] for reason in DISCARD_REASONS}
    by_protocol = {name: n for name, n in counts.items() if name not in discarded}
    return Received(int(at_s), by_protocol, **discarded, dropped_at_s=dropped_at_s)
