"""Packets received against packets sent: one broadcaster, one listener, in every scan mode."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise
from typing import Any, Final

from bluezone_agent.clocks.system import SystemClock
from bluezone_agent.core.reception import Advert
from bluezone_agent.radios.bluez.radio import BluezRadio
from tests.lab.air import read_air
from tests.lab.guest import Guest
from tests.radio_contract import advertisements, listening

LASTS_S: Final = 120
SWING_DB: Final = 10


async def play(guest: Guest) -> dict[str, Any]:
    """Return the scan mode, packets sent and received, the longest silence, and the values of RSSI."""
    await guest.start()
    clock = SystemClock()
    sender, receiver = BluezRadio("hci0", clock), BluezRadio("hci1", clock)
    async with sender, receiver:
        await sender.advertise(advertisements("gaen", 1)[0])
        async with listening(receiver) as ear:
            await asyncio.sleep(5)
            began_s = time.time()
            swinging = asyncio.create_task(_swing(guest)) if guest.options["swing"] else None
            await asyncio.sleep(LASTS_S)
            ended_s = time.time()
            if swinging:
                swinging.cancel()
            mode = receiver.scan_mode
        await sender.withdraw()
    await asyncio.sleep(5)
    received = [advert for advert in ear.adverts if began_s <= advert.received_at_s < ended_s]
    (stretch,) = [s for s in read_air(guest.out / "air.jsonl") if s.sender == "0" and s.observed]
    return {
        "mode": mode,
        "sent": round(stretch.packets * (ended_s - began_s) / (stretch.to_s - stretch.from_s)),
        "received": len(received),
        "longest_gap_s": _longest_gap_s(received, began_s, ended_s),
        "rssi_dbm": sorted({advert.rssi_dbm for advert in received}),
    }


async def _swing(guest: Guest) -> None:
    strong = False
    while True:
        strong = not strong
        guest.set_range({"0>1": -50 if strong else -50 - SWING_DB})
        await asyncio.sleep(1)


def _longest_gap_s(received: list[Advert], began_s: float, ended_s: float) -> float:
    times = [began_s, *(advert.received_at_s for advert in received), ended_s]
    return max(b - a for a, b in pairwise(times))
