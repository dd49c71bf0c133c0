"""A recording instead of a radio."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Self

from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.core.reception import Advert
from bluezone_agent.paths import expanded
from bluezone_agent.ports import Clock, Radio
from bluezone_agent.radios.options import RadioOptions, argument
from bluezone_agent.radios.recorded.recording import read_recording


class ReplayRadio:
    """Receives a recording at the pace at which it was made; implements the Radio port. It transmits nothing."""

    scan_mode = "replay"
    silent_after_s = math.inf

    def __init__(self, adverts: Iterable[Advert], clock: Clock, description: str) -> None:
        """``adverts`` are in the order of reception; their times are moved so that the first is now."""
        self._adverts = adverts
        self._clock = clock
        self.description = description

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """There is nothing to close."""

    async def prepare(self, valid_s: float) -> int | None:  # noqa: ARG002 - the port's
        """There is nothing to prepare, and nothing is transmitted."""
        return None

    async def advertise(self, advertising_data: AdvertisingData) -> None:
        """Advertise to nobody."""

    async def withdraw(self) -> None:
        """There is nothing to stop."""

    async def listen(self, received: Callable[[Advert], None]) -> None:
        """Receive the recording once; returns at its end."""
        moved_by_s: float | None = None
        for advert in self._adverts:
            if moved_by_s is None:
                moved_by_s = self._clock.now_s() - advert.received_at_s
            at_s = advert.received_at_s + moved_by_s
            await self._clock.sleep_until(at_s)
            received(replace(advert, received_at_s=at_s))

    async def becomes_usable(self) -> None:
        """It is always usable."""

    async def power_cycle(self) -> None:
        """There is nothing to switch."""


def open_radio(name: str, clock: Clock, _options: RadioOptions) -> Radio:
    """Return the radio called ``replay:FILE``; raises RecordingError when the file can't be read."""
    return ReplayRadio(read_recording(expanded(argument(name))), clock, name)
