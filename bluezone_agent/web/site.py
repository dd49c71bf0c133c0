"""The site: which address shows which page, and what its forms do."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final, Protocol

import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from bluezone_agent.app.door_request import door_request
from bluezone_agent.app.page_parts import PARTS, PageNow
from bluezone_agent.app.page_view import PageView, present
from bluezone_agent.app.pause_text import describe
from bluezone_agent.core.pauses import Mode
from bluezone_agent.errors import AgentError, NoLiveFeedError
from bluezone_agent.i18n import LANGUAGES, speaking
from bluezone_agent.web.access import LANGUAGE, Access
from bluezone_agent.web.guard import STATIC, STREAM, form_of
from bluezone_agent.web.live_words import in_words
from bluezone_agent.web.login import LoginFault
from bluezone_agent.web.pages import DURATIONS, PAGES, Page, Seen, Shown
from bluezone_agent.web.rendering import explained, language_of, rendered_page, static_files
from bluezone_agent.web.stream import Streams
from bluezone_agent.web.submission import Mistake, submission_of
from bluezone_agent.web.submitting import Submitting

log: Final = structlog.get_logger()

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
SETTINGS: Final = "/settings"
POSITIVE: Final = "/positive"
DOOR: Final = "/door"
_POSITIVE: Final = next(page for page in PAGES if page.path == POSITIVE)
STATUS: Final = {LoginFault.WRONG: 403, LoginFault.TOO_MANY: 429}
"""Of HTTP."""


Failed = Callable[[Request, AgentError | OSError], Response]


class ExtraPage(Protocol):
    """A page that is there only if its owner asks for it, and that needs nothing of the agent."""

    path: str
    name: str
    """A text for the catalogues."""
    template: str

    @property
    def streams(self) -> tuple[Streams[Any], ...]:
        """Its feeds."""

    async def shown(self, language: str) -> Shown:
        """Return what the page is made from; raises AgentError, OSError."""

    def routes(self, failed: Failed) -> list[Route]:
        """Return what it answers besides being shown; ``failed`` makes a page of an error."""


class Site:
    """Answers requests that have passed the guard, over one view of the agent, and of pages that not everybody has."""

    def __init__(self, view: PageView, access: Access, extras: Sequence[ExtraPage] = ()) -> None:
        self._view = view
        self._access = access
        self._static = static_files()
        self._live = Streams(view.live, in_words, NoLiveFeedError)
        self._extras = extras
        self._menu: tuple[Page | ExtraPage, ...] = (*PAGES, *extras)
        self._submitting = Submitting(view)

    def application(self) -> Starlette:
        """Return it as an ASGI application."""
        routes = [Route(page.path, self._shows(page), methods=["GET"]) for page in PAGES]
        routes += [
            Route(STREAM, self._live.answer, methods=["GET"]),
            Route(STATIC + "{name}", self._file, methods=["GET"]),
            Route("/language", self._set_language, methods=["POST"]),
            Route(POSITIVE, self._submit, methods=["POST"]),
            Route(DOOR, self._door, methods=["POST"]),
            Route("/pause", self._pause, methods=["POST"]),
            Route("/resume", self._resume, methods=["POST"]),
        ]
        for extra in self._extras:
            routes += [Route(extra.path, self._shows_extra(extra), methods=["GET"]), *extra.routes(self._failed_extra)]
        return Starlette(routes=routes, exception_handlers={404: self._unknown})

    @property
    def streams(self) -> tuple[Streams[Any], ...]:
        """Return the streams, whose work somebody has to run."""
        return (self._live, *(stream for extra in self._extras for stream in extra.streams))

    def stranger(self, request: Request) -> Response:
        """Answer a browser that has not shown the token."""
        return rendered_page("stranger", language_of(request, ""), 403)

    def asks(self, request: Request) -> Response:
        """Answer a browser that has not given the passphrase."""
        return rendered_page("login", language_of(request, ""), 403, fault=None)

    def asks_again(self, request: Request, fault: LoginFault) -> Response:
        """Answer a browser that is not let in."""
        return rendered_page("login", language_of(request, ""), STATUS[fault], fault=fault)

    def _shows(self, page: Page) -> Handler:
        async def handler(request: Request) -> Response:
            return await self._page(request, page, request.query_params)

        return handler

    def _shows_extra(self, extra: ExtraPage) -> Handler:
        async def handler(request: Request) -> Response:
            return await self._without_agent(request, extra)

        return handler

    async def _page(self, request: Request, page: Page, query: Mapping[str, str], mistake: str = "") -> Response:
        configured = ""
        try:
            now = await self._view.part(PageNow)
            if now is None:
                return self._framed(request, "nothing", "", 503)
            configured = now.language
            names = {kind: name for name, kind in PARTS.items()}
            needed = {names[kind]: await self._view.part(kind) for kind in page.needs}
        except (AgentError, OSError) as error:
            return self._failed(request, error, configured)
        now, language = present(now, datetime.now(UTC)), language_of(request, configured)
        with speaking(language):
            seen = Seen(now, language, query, self._submitting.state, mistake, **needed)  # type: ignore[arg-type] # by name
            shown = page.shown(seen)
            pause = None if now.pause is None else describe(now.pause)
        return self._framed(request, page.template, configured, now=now, pause=pause, **shown)

    async def _without_agent(self, request: Request, page: ExtraPage) -> Response:
        """Show a page that needs nothing of the agent: there may be none."""
        now = None
        with suppress(AgentError, OSError):
            now = await self._view.part(PageNow)
        configured = "" if now is None else now.language
        try:
            shown = await page.shown(language_of(request, configured))
        except (AgentError, OSError) as error:
            return self._failed(request, error, configured)
        return self._framed(request, page.template, configured, **shown)

    def _framed(self, request: Request, template: str, configured: str, status: int = 200, **shown: Any) -> Response:
        return rendered_page(
            template,
            language_of(request, configured),
            status,
            here=request.url.path,
            menu=self._menu,
            form_value=self._access.form_value,
            **shown,
        )

    def _failed(self, request: Request, error: AgentError | OSError, configured: str) -> Response:
        log.warning("page_failed", kind=type(error).__name__)
        with speaking(language_of(request, configured)):
            said, hint = explained(error)
        return self._framed(request, "failed", configured, 503, error=said, hint=hint)

    def _failed_extra(self, request: Request, error: AgentError | OSError) -> Response:
        return self._failed(request, error, "")

    async def _unknown(self, request: Request, _error: Exception) -> Response:
        return self._framed(request, "unknown", "", 404)

    async def _file(self, request: Request) -> Response:
        kind, content = self._static.get(request.path_params["name"], ("", b""))
        if not kind:
            return await self._unknown(request, LookupError())
        return Response(content, media_type=kind)

    async def _set_language(self, request: Request) -> Response:
        form = form_of(await request.body())
        language = form.get("language", "")
        if language not in LANGUAGES:
            return RedirectResponse(SETTINGS, 303)
        known = next((page.path for page in self._menu if page.path == form.get("back")), SETTINGS)
        return RedirectResponse(known, 303, {"set-cookie": self._access.cookie(LANGUAGE, language)})

    async def _submit(self, request: Request) -> Response:
        form = form_of(await request.body())
        language = language_of(request, form.get("language", ""))
        with speaking(language):
            asked = submission_of(form, language)
        if isinstance(asked, Mistake):
            return await self._page(request, _POSITIVE, form, asked.text)
        await self._submitting.begin(asked)
        return RedirectResponse(POSITIVE, 303)

    async def _door(self, request: Request) -> Response:
        """Answer a script with no content or with the reason in words, a form with the page."""
        form = form_of(await request.body())
        asked, scripted = door_request(form), "json" in request.headers.get("accept", "")
        try:
            if asked is not None:
                await self._view.door(asked)
        except (AgentError, OSError) as error:
            if not scripted:
                return self._failed(request, error, "")
            with speaking(language_of(request, form.get("language", ""))):
                return JSONResponse({"error": " – ".join(filter(None, explained(error)))}, 409)
        return Response(status_code=204) if scripted else RedirectResponse(DOOR, 303)

    async def _pause(self, request: Request) -> Response:
        form = form_of(await request.body())
        lasts = {str(seconds): seconds for seconds in DURATIONS}.get(form.get("lasts", ""))
        mode = {str(mode): mode for mode in Mode}.get(form.get("mode", ""))
        if lasts is None or mode is None:
            return RedirectResponse(SETTINGS, 303)
        return await self._changed(request, self._view.pause(mode, lasts))

    async def _resume(self, request: Request) -> Response:
        return await self._changed(request, self._view.resume())

    async def _changed(self, request: Request, change: Coroutine[Any, Any, None]) -> Response:
        try:
            await change
        except (AgentError, OSError) as error:
            return self._failed(request, error, "")
        return RedirectResponse(SETTINGS, 303)
