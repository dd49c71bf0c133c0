"""Advertises exactly one identifier and changes it at every slot boundary."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from bluezone_agent.core.journal import Broadcasting, Record, Refused, Silenced
from bluezone_agent.daemon.identity import IdentifierOnAir, Identity
from bluezone_agent.daemon.watchdog import STUCK_S, Watchdog, Worker
from bluezone_agent.errors import RadioFault, RadioUnavailableError, StoreWriteError
from bluezone_agent.health.health import ROTATION_LATE_S
from bluezone_agent.ports import Clock, Radio
from bluezone_agent.stores.store import Store
from bluezone_agent.waiting import until_either

log: Final = structlog.get_logger()


RETRY_S: Final = 60.0
"""A full or read-only disk stays for minutes; nothing is advertised meanwhile."""
REFUSED_RETRY_S: Final = (5.0, 10.0, 20.0, 40.0, RETRY_S)
"""After each refusal in a row: another program prevents advertising for as long as a window is open, or for hours."""
SLEW_S: Final = 60.0
"""By how much longer than its slot an identifier may be advertised by uptime: a clock that is slowed down for
correction loses less than this in a slot."""


class Rotation:
    """Advertises identifiers, one after the other."""

    def __init__(self, identity: Identity, store: Store, radio: Radio, clock: Clock, watchdog: Watchdog) -> None:
        self._identity = identity
        self._store = store
        self._radio = radio
        self._clock = clock
        self._watchdog = watchdog
        self._changing = asyncio.Lock()
        self.advertised: bytes | None = None
        """The identifier that the radio advertises, as long as it is open; None for none."""
        self._over = (0.0, 0.0)
        """When the next rotation is due: wall time, and uptime at the latest."""
        self._due_changed = asyncio.Event()
        self._count = 0
        self._refusals = 0
        """In a row, of an identifier that was certainly not transmitted."""
        self._disk_takes = True
        self._may_be_refused = True
        """Whether the journal may say that the radio refuses to advertise: the last run's record does, until this run
        works."""

    async def rotate(self) -> None:
        """Take the next identifier and advertise it instead of the present one.

        A radio that can scan but not advertise is tried again with the next identifier, and before that with the same
        one if it was certainly never transmitted; `status` says so. If the disk does not accept the identifier, or
        the slot was used and its day has used up its keys, nothing is advertised until the disk accepts it or the slot
        is over.
        """
        async with self._changing:
            self._watchdog.expect(Worker.ROTATION, STUCK_S)
            try:
                on_air = self._identity.take()
            except StoreWriteError as error:
                await self._go_silent(error)
                return
            self._disk_takes = True
            if on_air is None:
                await self._wait_for_next_slot()
                return
            self._due_in(on_air.slot.ends_at_s - self._clock.now_s(), SLEW_S)
            try:
                known_dbm = await self._prepare(on_air)
                await self._radio.advertise(on_air.encode(known_dbm))
            except RadioUnavailableError as error:
                if error.kept_off_air:
                    self._identity.was_kept_off_air()
                if error.reason is not RadioFault.NO_BROADCAST:
                    raise
                self.advertised = None
                self._may_be_refused = True
                if error.kept_off_air:
                    self._try_again(on_air.slot.ends_at_s)
                self._record(on_air, Refused(int(self._clock.now_s()), str(error)))
                log.warning("not_advertising", reason=str(error))
                return
            self.advertised = on_air.slot.identifier
            self._count += 1
            self._refusals = 0
            now_s = self._clock.now_s()
            broadcasting = Broadcasting(int(now_s), on_air.slot.ends_at_s, self._count)
            self._record(on_air, broadcasting, *self._no_refusal(now_s))
            log.info("identifier_rotated", rotations=self._count, until_s=on_air.slot.ends_at_s)

    async def _prepare(self, on_air: IdentifierOnAir) -> int | None:
        try:
            return await self._radio.prepare(on_air.slot.ends_at_s - self._clock.now_s())
        except asyncio.CancelledError:  # the session ends during the pause: the radio does not have the identifier yet
            self._identity.was_kept_off_air()
            raise

    def _try_again(self, slot_ends_at_s: int) -> None:
        retry_s = REFUSED_RETRY_S[min(self._refusals, len(REFUSED_RETRY_S) - 1)]
        self._refusals += 1
        self._due_in(min(retry_s, slot_ends_at_s - self._clock.now_s()), 0.0)

    async def _go_silent(self, error: StoreWriteError) -> None:
        """Advertise nothing: an identifier that is not committed might be advertised again after a restart."""
        if self._disk_takes:
            log.error("identifier_not_committed", reason=str(error))
        self._disk_takes = False
        self._due_in(RETRY_S, 0.0)
        self._watchdog.expect(Worker.ROTATION, RETRY_S + ROTATION_LATE_S)
        await self._radio.withdraw()
        self.advertised = None

    def radio_works(self) -> None:
        """The radio advertises and scans."""
        self._identity.radio_works()

    async def _wait_for_next_slot(self) -> None:
        """Advertise nothing for the rest of the slot: another key for it would be one more to publish."""
        slot_left_s = self._identity.slot_end_s() - self._clock.now_s()
        log.warning("waiting_for_next_slot", for_s=round(slot_left_s))
        await self._radio.withdraw()
        self.advertised = None
        self._due_in(slot_left_s, SLEW_S)
        now_s = self._clock.now_s()
        self._store.post(Silenced(int(now_s), round(now_s + slot_left_s)), *self._no_refusal(now_s))
        self._watchdog.expect(Worker.ROTATION, slot_left_s + SLEW_S + ROTATION_LATE_S)

    def _due_in(self, seconds: float, late_s: float) -> None:
        self._over = self._clock.now_s() + seconds, self._clock.uptime_s() + seconds + late_s
        self._due_changed.set()

    def _no_refusal(self, now_s: float) -> list[Record]:
        """Return what the journal has to say so that the radio does not seem to refuse to advertise."""
        said, self._may_be_refused = self._may_be_refused, False
        return [Refused(int(now_s))] if said else []

    def _record(self, on_air: IdentifierOnAir, *records: Record) -> None:
        slot_left_s = on_air.slot.ends_at_s - self._clock.now_s()
        self._watchdog.expect(Worker.ROTATION, slot_left_s + SLEW_S + ROTATION_LATE_S)
        self._store.post(*records)

    async def slot_over(self) -> None:
        """Return when the next rotation is due: by wall time, or by uptime if that was set back."""
        while True:
            self._due_changed.clear()
            over_s, over_up_s = self._over
            left_s = over_up_s - self._clock.uptime_s()
            await until_either(self._due_changed, self._clock.sleep_until(over_s, at_most_s=left_s))
            if not self._due_changed.is_set():
                return
