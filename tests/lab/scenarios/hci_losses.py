"""An agent on an adapter of its own, without bluetoothd, that is killed, and one whose adapter is unplugged."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from typing import Any

from bluezone_agent.clocks.system import SystemClock
from bluezone_agent.errors import RadioUnavailableError
from bluezone_agent.radios.hci.radio import HciRadio
from tests.lab.guest import CLI, Guest


async def play(guest: Guest) -> dict[str, Any]:
    """Return when the agent was killed and started again, and what the unplugged radio said after how long."""
    await guest.start_controllers()
    config = guest.out / "a.toml"
    config.write_text('radio = "hci:0"\nclock_trusted = true\n')
    command = (*CLI, "--state-dir", "/run/state/a", "--config", str(config), "run")
    with (guest.out / "agent-a.log").open("a") as log:
        agent = await asyncio.create_subprocess_exec(*command, stderr=log)
        await asyncio.sleep(20)
        agent.kill()
        await agent.wait()
        killed_at_s = time.time()
        await asyncio.sleep(20)
        agent = await asyncio.create_subprocess_exec(*command, stderr=log)
        await asyncio.sleep(20)
        agent.send_signal(signal.SIGTERM)
        code = await agent.wait()
    return {"killed_at_s": killed_at_s, "code": code, "unplugged": await _unplugged(guest)}


async def _unplugged(guest: Guest) -> dict[str, Any]:
    extra = guest.out / "extra"
    extra.mkdir()
    number = guest.options["controllers"]
    plugged = await guest.attach(extra, 1, first=number)
    radio = HciRadio(str(number), SystemClock())
    return await unplugged_while_listening(radio, lambda: plugged.send_signal(signal.SIGTERM))


async def unplugged_while_listening(radio: HciRadio, unplug: Callable[[], None]) -> dict[str, Any]:
    """Return how a radio that listens ends when its adapter is unplugged, and after how many seconds."""
    async with radio:
        listening = asyncio.create_task(radio.listen(lambda _: None))
        await asyncio.sleep(5)
        unplug()
        at_s = time.monotonic()
        await asyncio.wait([listening], timeout=30)
        took_s = time.monotonic() - at_s
        fault = listening.exception() if listening.done() else None
        return {
            "reason": fault.reason if isinstance(fault, RadioUnavailableError) else "",
            "said": str(fault),
            "took_s": took_s,
        }
