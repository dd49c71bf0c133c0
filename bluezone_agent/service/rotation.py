"""Keeps exactly one identifier on the air and changes it at every slot boundary."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from bluezone_agent.errors import RadioFault, RadioUnavailableError
from bluezone_agent.ports import Clock, Radio
from bluezone_agent.service.health import ROTATION_LATE_S
from bluezone_agent.service.identity import Identity, OnAir
from bluezone_agent.service.progress import STUCK_S, Part, Progress
from bluezone_agent.stores.store import Store

log: Final = structlog.get_logger()


class Rotation:
    """Puts identifiers on the air, one after the other."""

    def __init__(self, identity: Identity, store: Store, radio: Radio, clock: Clock, progress: Progress) -> None:
        self._identity = identity
        self._store = store
        self._radio = radio
        self._clock = clock
        self._progress = progress
        self._changing = asyncio.Lock()
        self._newest: OnAir | None = None
        self._count = 0

    async def rotate(self) -> None:
        """Take the next identifier and put it on the air in place of the present one.

        A radio that can listen but not broadcast is asked again with the next identifier, and `status` says so.
        """
        async with self._changing:
            self._progress.promise(Part.ROTATION, STUCK_S)
            self._newest = on_air = self._identity.take()
            try:
                await self._radio.advertise(on_air.frame)
            except RadioUnavailableError as error:
                if error.reason is not RadioFault.NO_BROADCAST:
                    raise
                self._mark("refused", on_air, reason=str(error))
                log.warning("not_broadcasting", reason=str(error))
                return
            self._count += 1
            self._mark("broadcast", on_air, rotations=self._count)
            log.info("identifier_rotated", rotations=self._count, until_s=on_air.slot.ends_at_s)

    def _mark(self, name: str, on_air: OnAir, **detail: object) -> None:
        self._progress.promise(Part.ROTATION, on_air.slot.ends_at_s - self._clock.now_s() + ROTATION_LATE_S)
        with self._store.transaction():
            self._store.mark(name, self._clock.now_s(), until_s=on_air.slot.ends_at_s, **detail)

    async def slot_over(self) -> None:
        """Return when the slot of the newest identifier is over, or when the clock went back before it."""
        while True:
            end_s = self._slot_end_s()
            await self._clock.sleep_until(end_s)
            if self._clock.now_s() >= self._slot_end_s():
                return

    def _slot_end_s(self) -> float:
        if self._newest is None:
            raise RuntimeError("rotate() comes before slot_over()")
        slot = self._newest.slot
        went_back = self._clock.now_s() < slot.starts_at_s
        return 0.0 if went_back else slot.ends_at_s
