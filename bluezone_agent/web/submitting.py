"""The submission that the page has begun. It ends whether or not a browser waits for it."""

from __future__ import annotations

import asyncio
from typing import Final, NamedTuple

from bluezone_agent.app.page_view import PageView
from bluezone_agent.core.requested_submission import RequestedSubmission
from bluezone_agent.errors import AgentError

WAITS_S: Final = 20.0
"""How long a browser waits; servers may take minutes."""


class SubmissionState(NamedTuple):
    """What became of it."""

    running: bool = False
    failure: AgentError | OSError | None = None
    """Why the last one of this process did not succeed."""


class Submitting:
    """At most one submission at a time."""

    def __init__(self, view: PageView) -> None:
        self._view = view
        self._work: asyncio.Task[None] | None = None
        self._failure: AgentError | OSError | None = None

    @property
    def state(self) -> SubmissionState:
        """Return whether one is on its way, else what became of the last."""
        running = self._work is not None and not self._work.done()
        return SubmissionState(running, None if running else self._failure)

    async def begin(self, asked: RequestedSubmission) -> None:
        """Begin a submission, unless one is on its way, and wait a while for its end."""
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._submit(asked))
        await asyncio.wait({self._work}, timeout=WAITS_S)

    async def _submit(self, asked: RequestedSubmission) -> None:
        self._failure = None
        try:
            await self._view.submit(asked)
        except (AgentError, OSError) as error:
            self._failure = error
