"""Waiting for whichever comes first."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine


async def until_either(event: asyncio.Event, waiting: Coroutine[None, None, None]) -> None:
    """Return when ``event`` is set or ``waiting``, a coroutine, is done; the other is no longer waited for.

    Raises what ``waiting`` raises.
    """
    tasks: list[asyncio.Future[object]] = [asyncio.ensure_future(event.wait()), asyncio.ensure_future(waiting)]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
