"""Keeps exactly one identifier on the air and changes it at every slot boundary."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from bluezone_agent.ports import Clock, Radio
from bluezone_agent.service.identity import Identity, OnAir
from bluezone_agent.stores.store import Store

log: Final = structlog.get_logger()


class Rotation:
    """Puts identifiers on the air, one after the other."""

    def __init__(self, identity: Identity, store: Store, radio: Radio, clock: Clock) -> None:
        self._identity = identity
        self._store = store
        self._radio = radio
        self._clock = clock
        self._changing = asyncio.Lock()
        self._on_air: OnAir | None = None
        self._count = 0

    async def rotate(self) -> None:
        """Take the next identifier and put it on the air in place of the present one."""
        async with self._changing:
            on_air = self._identity.take()
            await self._radio.advertise(on_air.frame)
            self._on_air = on_air
            self._count += 1
            now_s = self._clock.now_s()
            with self._store.transaction():
                self._store.mark("broadcast", now_s, until_s=on_air.slot.ends_at_s, rotations=self._count)
            log.info("identifier_rotated", rotations=self._count, until_s=on_air.slot.ends_at_s)

    async def run(self) -> None:
        """Rotate at every slot boundary, for ever; the first identifier is on the air already."""
        while True:
            await self._clock.sleep_until(self._slot_end_s())
            if self._clock.now_s() >= self._slot_end_s():
                await self.rotate()

    def _slot_end_s(self) -> float:
        if self._on_air is None:
            raise RuntimeError("rotate() comes before run()")
        slot = self._on_air.slot
        went_back = self._clock.now_s() < slot.starts_at_s
        return 0.0 if went_back else slot.ends_at_s
