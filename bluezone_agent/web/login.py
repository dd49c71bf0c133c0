"""Who gives the passphrase may open the page from the network; whoever guesses has few attempts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bluezone_agent.app.passphrase import LONGEST
from bluezone_agent.web.access import Access
from bluezone_agent.web.passphrase import KeptPassphrase

log: Final = structlog.get_logger()

LOGIN: Final = "/login"
FIELD: Final = "passphrase"
MOST_WRONG: Final = 5
"""Wrong passphrases of one address within :data:`WRONG_S`."""
WRONG_S: Final = 900.0
MOST_WRONG_IN_ALL: Final = 100
"""Within the same time: somebody in the network may have many addresses. It takes 20 s of CPU."""


class LoginFault(StrEnum):
    """Why a browser is not let in."""

    WRONG = "wrong"
    TOO_MANY = "too_many"


Shown = Callable[[Request, LoginFault], Response]
"""Makes the answer to whoever is not let in."""


class Attempts:
    """The attempts of the last quarter of an hour that did not succeed, or not yet."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._counted: list[tuple[float, str]] = []
        """When, and from which address."""

    def begins(self, address: str) -> bool:
        """Count an attempt; return False if an address may not make it."""
        self._counted = [(at_s, who) for at_s, who in self._counted if self._now() - at_s < WRONG_S]
        own = sum(who == address for _at_s, who in self._counted)
        if own >= MOST_WRONG or len(self._counted) >= MOST_WRONG_IN_ALL:
            return False
        self._counted.append((self._now(), address))
        return True

    def succeeded(self, address: str) -> None:
        """Forget the attempts of an address."""
        self._counted = [(at_s, who) for at_s, who in self._counted if who != address]


class Login:
    """Compares passphrases, one at a time: each takes memory and a core."""

    def __init__(self, passphrase: KeptPassphrase, access: Access, shown: Shown, attempts: Attempts) -> None:
        self._passphrase = passphrase
        self._access = access
        self._shown = shown
        self._attempts = attempts
        self._one_at_a_time = ThreadPoolExecutor(1, "passphrase")

    async def answer(self, request: Request, given: str) -> Response:
        """Answer the form with a passphrase. An attempt counts as wrong until it has succeeded."""
        address = request.client.host if request.client else ""
        if not self._attempts.begins(address):
            return self._shown(request, LoginFault.TOO_MANY)
        if not await self._is_right(given):
            log.warning("wrong_passphrase", address=address)
            return self._shown(request, LoginFault.WRONG)
        self._attempts.succeeded(address)
        return RedirectResponse("/", 303, {"set-cookie": self._access.session_cookie})

    async def _is_right(self, given: str) -> bool:
        if not 0 < len(given) <= LONGEST:
            return False
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._one_at_a_time, self._passphrase.is_right, given)
