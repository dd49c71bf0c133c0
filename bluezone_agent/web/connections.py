"""Clients that are slow or too many are dropped, so that the owner's browser gets through."""

from __future__ import annotations

import asyncio
from typing import Final

from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_S: Final = 10.0
"""From the connection, or its last answer, to the last header of a request."""
MOST_CONNECTIONS: Final = 100
"""One browser has six to an origin; a process may have 1,024 files."""


class LimitedProtocol(H11Protocol):
    """uvicorn's own, which waits for ever for a request's headers and counts idle connections as busy ones."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        """Take a connection; if there are too many, the one that has been idle for longest goes."""
        super().connection_made(transport)
        self._waits_since_s = self.loop.time()
        self._deadline = self.loop.call_later(REQUEST_S, self._drop_if_idle)
        if len(self.connections) > MOST_CONNECTIONS:
            self._drop_one()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection."""
        self._deadline.cancel()
        super().connection_lost(exc)

    @property
    def is_idle(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        self._waits_since_s = self.loop.time()
        super().on_response_complete()

    def _drop_if_idle(self) -> None:
        """Drop a client that has sent no request in time; look again after an answer."""
        if not self.is_idle:
            self._deadline = self.loop.call_later(REQUEST_S, self._drop_if_idle)
        elif (left_s := self._waits_since_s + REQUEST_S - self.loop.time()) > 0:
            self._deadline = self.loop.call_later(left_s, self._drop_if_idle)
        else:
            self.transport.abort()

    def _drop_one(self) -> None:
        """Drop the idle connection that has waited longest, else this one."""
        others = [c for c in self.connections if isinstance(c, LimitedProtocol) and c.is_idle and c is not self]
        oldest = min(others, key=lambda c: c._waits_since_s, default=self)  # noqa: SLF001 - of its own class
        oldest.connections.discard(oldest)
        oldest.transport.abort()
