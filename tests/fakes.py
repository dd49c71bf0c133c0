"""Stand-ins with behaviour, for what a test must steer itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Self

from bluezone_agent.core.frames import Frame
from bluezone_agent.ports import Advert, Clock


class SteeredRadio:
    """A radio whose air the test makes: it keeps what was put on it, and hears what :meth:`hear` is given."""

    description = "steered"

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heard: Callable[[Advert], None] | None = None
        self.on_air: Frame | None = None
        self.history: list[tuple[float, Frame]] = []
        self.fails_with: Exception | None = None
        self.is_open = False

    async def __aenter__(self) -> Self:
        if self.fails_with:
            raise self.fails_with
        self.is_open = True
        return self

    async def __aexit__(self, *_: object) -> None:
        self.on_air, self.is_open = None, False

    async def advertise(self, frame: Frame) -> None:
        self.on_air = frame
        self.history.append((self._clock.now_s(), frame))

    async def withdraw(self) -> None:
        self.on_air = None

    async def listen(self, heard: Callable[[Advert], None]) -> None:
        self._heard = heard
        while self.fails_with is None:
            await asyncio.sleep(1)
        raise self.fails_with

    def hear(self, frame: Frame, rssi_dbm: int) -> None:
        assert self._heard is not None, "nobody listens"
        self._heard(Advert(frame, rssi_dbm, self._clock.now_s()))


def numbered_bytes() -> Callable[[int], bytes]:
    """Return a source of "random" bytes that are all different and always the same."""
    count = 0

    def draw(n: int) -> bytes:
        nonlocal count
        count += 1
        return count.to_bytes(n, "big")

    return draw
