"""Everything that a request has to pass before a page is made, and the headers of every answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bluezone_agent.web.access import Access
from bluezone_agent.web.login import FIELD, LOGIN, Login

log: Final = structlog.get_logger()

LONGEST_BODY: Final = 4096
"""Bytes; the longest form has two hundred."""
ANSWER_S: Final = 30.0
"""From the request's last header to the answer's last byte; a stream has no such limit."""
STREAM: Final = "/stream"
STATIC: Final = "/static/"
TOO_LONG: Final = "the form is too long"
POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
HEADERS: Final = {
    "content-security-policy": POLICY,
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "same-origin",  # with "no-referrer" a browser hides the origin of our own forms
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


@dataclass(frozen=True, slots=True)
class Guard:
    """An ASGI application around another: it lets through only what comes from the owner's own browser."""

    app: ASGIApp
    access: Access
    hosts: frozenset[str]
    """Values of the Host header under which the page is served: another one may be an attacker's name for it."""
    strangers: Callable[[Request], Response]
    """Makes the answer for a browser that has not shown the token."""
    login: Login | None = None
    """On a network a passphrase opens the page, in place of the token."""
    answer_s: float = field(default=ANSWER_S)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        limit_s = None if scope["path"].startswith(STREAM) else self.answer_s
        try:
            async with asyncio.timeout(limit_s):
                await self._answer(scope, receive, _with_headers(send))
        except TimeoutError:
            log.info("slow_client_dropped")
            raise  # uvicorn closes the connection
        except Exception as error:
            log.error("page_error", path=scope["path"], kind=type(error).__name__)
            raise  # uvicorn answers 500

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.login is not None and (scope["method"], scope["path"]) == ("POST", LOGIN):
            await (await self._entered(self.login, scope, receive))(scope, receive, send)
            return
        refused = self._refused(scope)
        if refused is None and scope["method"] == "POST":
            body = await _body(receive)
            refused = self._refused_form(body)
            receive = _again(body or b"")
        await (refused or self.app)(scope, receive, send)

    async def _entered(self, login: Login, scope: Scope, receive: Receive) -> Response:
        headers = Headers(scope=scope)
        refused = self._refused_name(headers) or _refused_site(scope, headers)
        if refused is not None:
            return refused
        body = await _body(receive)
        if body is None:
            return PlainTextResponse(TOO_LONG, 413)
        return await login.answer(Request(scope), form_of(body).get(FIELD, ""))

    def _refused_name(self, headers: Headers) -> Response | None:
        if headers.get("host", "").lower() not in self.hosts:
            return PlainTextResponse("this name is not served here", 421)
        return None

    def _refused(self, scope: Scope) -> Response | None:
        """Return the answer to a request that is not the owner's, None for one that is."""
        headers = Headers(scope=scope)
        refused = self._refused_name(headers)
        if refused is not None:
            return refused
        if scope["method"] not in ("GET", "HEAD", "POST"):
            return PlainTextResponse("not allowed", 405)
        return None if scope["path"].startswith(STATIC) else self._refused_browser(scope, headers)

    def _refused_browser(self, scope: Scope, headers: Headers) -> Response | None:
        request = Request(scope)
        if self.login is None and scope["method"] == "GET" and self.access.opens(request.query_params.get("token", "")):
            return RedirectResponse("/", 303, {"set-cookie": self.access.session_cookie})
        if not self.access.knows(headers.get("cookie", "")):
            return self.strangers(request)
        return _refused_site(scope, headers) if scope["method"] == "POST" else None

    def _refused_form(self, body: bytes | None) -> Response | None:
        if body is None:
            return PlainTextResponse(TOO_LONG, 413)
        if not self.access.accepts_form(form_of(body).get("form", "")):
            return PlainTextResponse("this form is out of date: load the page again", 403)
        return None


def form_of(body: bytes) -> dict[str, str]:
    """Return the fields of a form; of those with one name the first."""
    try:
        fields = parse_qs(body.decode("ascii"), max_num_fields=20)
    except ValueError:  # also UnicodeDecodeError
        return {}
    return {name: values[0] for name, values in fields.items()}


def _refused_site(scope: Scope, headers: Headers) -> Response | None:
    if headers.get("origin") != f"{scope['scheme']}://{headers.get('host', '').lower()}":
        return PlainTextResponse("another site sent this form", 403)
    return None


async def _body(receive: Receive) -> bytes | None:
    """Return the whole body of a request, None if it is too long."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > LONGEST_BODY:
            return None
    return body


def _again(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
        await send(message)

    return sending
