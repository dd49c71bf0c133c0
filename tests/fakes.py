"""Stand-ins with behaviour, for what a test must steer itself."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Self

from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.core.reception import Advert
from bluezone_agent.errors import RadioFault
from bluezone_agent.ports import Clock


class SteeredRadio:
    """A radio whose air the test makes: it keeps what was put on it, and hears what :meth:`hear` is given.

    ``fails_with`` is why it can't be opened, or not be used any more; ``refuses`` why one of its methods fails.
    """

    description = "steered"
    scan_mode = "steered"

    def __init__(self, clock: Clock, *, silent_after_s: float = math.inf) -> None:
        self._clock = clock
        self._received: Callable[[Advert], None] | None = None
        self._fault: Exception | None = None
        self._changed = asyncio.Event()
        self.silent_after_s = silent_after_s
        self.on_air: AdvertisingData | None = None
        self.history: list[tuple[float, AdvertisingData]] = []
        self.opened = 0
        self.scans = 0
        self.power_cycles = 0
        self.power_dbm: int | None = None
        """What it says of its transmit power."""
        self.pause_s = 0.0
        """Between two identifiers."""
        self.prepared_s: list[float] = []
        self.refuses: dict[str, Exception] = {}

    @property
    def fails_with(self) -> Exception | None:
        return self._fault

    @fails_with.setter
    def fails_with(self, fault: Exception | None) -> None:
        self._fault = fault
        self._changed.set()

    @property
    def listens(self) -> bool:
        return self._received is not None

    async def __aenter__(self) -> Self:
        self.opened += 1
        self._check("open")
        return self

    async def __aexit__(self, *_: object) -> None:
        self.on_air = None

    async def prepare(self, valid_s: float) -> int | None:
        self._check("prepare")
        await asyncio.sleep(self.pause_s)
        self.prepared_s.append(valid_s)
        return self.power_dbm

    async def advertise(self, advertising_data: AdvertisingData) -> None:
        self.on_air = None
        self._check("advertise")
        self.on_air = advertising_data
        self.history.append((self._clock.now_s(), advertising_data))

    async def withdraw(self) -> None:
        self.on_air = None

    async def listen(self, received: Callable[[Advert], None]) -> None:
        self._check("listen")
        self._received = received
        self.scans += 1
        try:
            while self._fault is None:
                self._changed.clear()
                await self._changed.wait()
            raise self._fault
        finally:
            self._received = None
            if self._fault and getattr(self._fault, "reason", None) is not RadioFault.REFUSED:
                self.on_air = None  # a refused scan alone leaves the broadcast as it is

    async def becomes_usable(self) -> None:
        while self._fault:
            self._changed.clear()
            await self._changed.wait()

    async def power_cycle(self) -> None:
        self.power_cycles += 1

    def receive(self, advertising_data: AdvertisingData, rssi_dbm: int) -> None:
        assert self._received is not None, "nobody listens"
        self._received(Advert(advertising_data, rssi_dbm, self._clock.now_s()))

    def _check(self, method: str) -> None:
        fault = self._fault or self.refuses.get(method)
        if fault:
            raise fault


def numbered_bytes() -> Callable[[int], bytes]:
    """Return a source of "random" bytes that are all different and always the same."""
    count = 0

    def draw(n: int) -> bytes:
        nonlocal count
        count += 1
        return count.to_bytes(n, "big")

    return draw
