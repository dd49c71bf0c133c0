"""The page of a running trial: who receives whom, and a mark by a touch."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from bluezone_agent.app.trial_live import live
from bluezone_agent.app.trial_run import mark
from bluezone_agent.errors import N_, AgentError
from bluezone_agent.i18n import _, speaking
from bluezone_agent.trials.folder import TrialFolder
from bluezone_agent.trials.live_line import LiveTrial
from bluezone_agent.web.guard import STREAM, form_of
from bluezone_agent.web.pages import Shown
from bluezone_agent.web.rendering import explained, language_of
from bluezone_agent.web.site import Failed
from bluezone_agent.web.stream import Streams
from bluezone_agent.web.trial_words import trial_words

TRIAL: Final = "/trial"
TRIAL_STREAM: Final = STREAM + TRIAL


class TrialPage:
    """The trial in one folder, for a page of its owner."""

    path = TRIAL
    name: str = N_("Trial")
    template = "trial"

    def __init__(self, folder: Path) -> None:
        """Raises PlanError, TrialError for a folder that has no trial."""
        TrialFolder(folder).plan()
        self._folder = folder
        self._live: Streams[LiveTrial] = Streams(lambda: live(folder), trial_words, AgentError)
        self.streams = (self._live,)

    async def shown(self, _language: str) -> Shown:
        """Return nothing: a script fills the page."""
        return {}

    def routes(self, _failed: Failed) -> list[Route]:
        """Return what the page answers besides being shown."""
        return [
            Route(TRIAL_STREAM, self._live.answer, methods=["GET"]),
            Route(TRIAL, self._noted, methods=["POST"]),
        ]

    async def _noted(self, request: Request) -> Response:
        """Note a mark in every recording on this machine; a script is told which, or why not."""
        form = form_of(await request.body())
        with speaking(language_of(request, form.get("language", ""))):
            try:
                noted = await asyncio.to_thread(mark, self._folder, form.get("text", ""))
                said, status = _("noted by {devices}").format(devices=", ".join(noted.devices)), 200
            except (AgentError, OSError) as error:
                said, status = explained(error)[0], 409
        if "json" in request.headers.get("accept", ""):
            return JSONResponse({"said": said}, status)
        return RedirectResponse(TRIAL, 303)
