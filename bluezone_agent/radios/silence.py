"""Watches a scan: one that receives nothing for too long may be stuck, and is stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from bluezone_agent.core.reception import Advert
from bluezone_agent.ports import Clock, Radio

LOOK_S: Final = 5.0
"""How often a scan is checked; waking up every 5 s costs nothing measurable."""


def _nothing() -> None:
    """Check nothing else."""


async def scan_until_silent(
    radio: Radio, clock: Clock, received: Callable[[Advert], None], look: Callable[[], None] = _nothing
) -> float | None:
    """Scan until ``radio`` has received nothing for its ``silent_after_s``, checked every :data:`LOOK_S`.

    Returns the seconds of silence once the scan is stopped, or None when a recording ends. ``look`` runs at every
    check, and ends the scan by raising. Raises RadioUnavailableError.
    """
    receives = False

    def receives_and_passes_on(advert: Advert) -> None:
        nonlocal receives
        receives = True  # reading the clock for every advert costs more
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
