"""A scan that is watched: one that falls silent may be stuck, and ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from bluezone_agent.core.reception import Advert
from bluezone_agent.ports import Clock, Radio

LOOK_S: Final = 5.0
"""How often a scan is looked at; a wake-up every 5 s costs nothing measurable."""


def _nothing() -> None:
    """Look at nothing else."""


async def scan_until_silent(
    radio: Radio, clock: Clock, received: Callable[[Advert], None], look: Callable[[], None] = _nothing
) -> float | None:
    """Scan until ``radio`` has received nothing for its ``silent_after_s``, or :data:`LOOK_S` longer.

    Returns the seconds of silence, with the scan stopped; None at the end of a recording. ``look`` is called every
    :data:`LOOK_S`, and ends the scan with what it raises. Raises RadioUnavailableError.
    """
    receives = False

    def receives_and_passes_on(advert: Advert) -> None:
        nonlocal receives
        receives = True  # a look at the clock for every advert costs more
        received(advert)

    received_up_s = clock.uptime_s()
    scan = asyncio.ensure_future(radio.listen(receives_and_passes_on))
    try:
        while (silent_s := clock.uptime_s() - received_up_s) < radio.silent_after_s:
            await asyncio.wait([scan], timeout=LOOK_S)
            if scan.done():
                scan.result()
                return None
            look()
            if receives:
                receives, received_up_s = False, clock.uptime_s()
    finally:
        scan.cancel()
        await asyncio.gather(scan, return_exceptions=True)
    return silent_s
