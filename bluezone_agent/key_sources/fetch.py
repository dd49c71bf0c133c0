"""Fetching from a server: every device makes the same requests in the same way, and nothing is accepted yet.

The signature is the protection; the rules here keep a bad server or network from costing memory, time or privacy.
Nothing is written to the disk: a file is held in memory, at most 16 MiB, until it is verified and matched.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, field
from threading import Timer
from typing import Final

import httpx2
import stamina

from bluezone_agent.core.diagnosis_keys.signed_index import SignedIndex
from bluezone_agent.errors import N_, CertificateDatesError, KeySourceError
from bluezone_agent.key_sources.address import SourceAddress
from bluezone_agent.key_sources.client import open_client
from bluezone_agent.key_sources.index import DETACHED_SIGNATURE_FOR, MAX_FILE, MAX_SIGNATURE, SIGNATURE_SUFFIX
from bluezone_agent.key_sources.urls import is_of_dates, parsed, same_origin, shown, tls_context, tls_fault
from bluezone_agent.ports import MissingFile, SourceFile, Visit

__all__ = ["LEFT_OUT", "Fetch", "HttpSource", "NotThereError", "PageError", "shown"]

ATTEMPTS: Final = 3
LONGEST_PAUSE_S: Final = 30
"""The limit for a server's Retry-After, if so much time is left; after a longer one the next check tries again."""
MAX_REDIRECTS: Final = 3
MAX_SILENCES: Final = 3
"""Requests without an answer after which the rest is left for the next check."""
OK: Final = (200,)
PASSING: Final = (429, 500, 502, 503, 504)
"""Temporary answers: another one may come a moment later."""
NOT_THERE: Final = (404, 410)
LEFT_OUT: Final = (403, *NOT_THERE)
"""Answers by which servers say that a file does not exist: some storage answers 403."""
NOT_CHANGED: Final = 304
LONGEST_ETAG: Final = 100
"""Characters; a longer ETag is not sent back."""
PAGES: Final = (b"<!doctype html", b"<html")
"""The beginning of a web page, in lower case: no key file begins like this."""
SNIFFED: Final = 256
"""Bytes that are searched for it."""

# its default hook prints each retry to stdout, where the ``--json`` data go
stamina.instrumentation.set_on_retry_hooks(())


@dataclass(frozen=True, slots=True)
class Reply:
    """A server's complete answer."""

    status: int
    headers: httpx2.Headers
    body: bytes = field(repr=False)


class _PassingError(Exception):
    """A temporary answer: another one may come a moment later."""

    def __init__(self, response: httpx2.Response) -> None:
        self.response = response


class PageError(KeySourceError):
    """A web page came instead of a file."""


class NotThereError(KeySourceError):
    """The server has no such file; some storage says so by refusing access."""


class HttpSource:
    """A server, queried according to its layout."""

    def __init__(
        self,
        address: SourceAddress,
        layout: Callable[[Fetch, httpx2.URL, Visit], Iterator[SourceFile | MissingFile | SignedIndex]],
        *,
        is_file: bool = False,
    ) -> None:
        """Unless it ``is_file``, the location is a folder, with or without a final slash.

        Raises ConfigError for a URL from which nothing can be fetched.
        """
        self._address = address
        self._layout = layout
        self._url = parsed(address)
        self._root = self._url.copy_with(path=self._url.path.rstrip("/") + "/" * (not is_file))
        self._tls = tls_context(address)

    @property
    def name(self) -> str:
        """The URL, that of the index if one is named, without credentials."""
        return shown(self._root.join(self._address.index) if self._address.index else self._url)

    def files(self, visit: Visit) -> Iterator[SourceFile | MissingFile | SignedIndex]:
        """Yield what the layout finds; see :class:`bluezone_agent.ports.KeySource`."""
        with Fetch(self._address, self._tls) as fetch:
            yield from self._layout(fetch, self._root, visit)


class Fetch:
    """The requests of one check to one source, under one deadline; no cookies, no proxy unless configured.

    At the deadline a timer closes the connection, so that not even a slow trickle of bytes keeps it open.
    """

    def __init__(self, address: SourceAddress, tls: ssl.SSLContext) -> None:
        self._deadline_s, self._silence_s = address.deadline_s, address.silence_s
        self._ends_at_s = time.monotonic() + address.deadline_s
        self._silences = 0
        self._client = open_client(address, tls)
        self._timer = Timer(address.deadline_s, self._client.close)
        self._timer.daemon = True

    def __enter__(self) -> Fetch:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._client.close()

    @property
    def is_over(self) -> bool:
        """Whether nothing more can be fetched in this check: its time is up, or the server does not answer."""
        return self._silences >= MAX_SILENCES or time.monotonic() >= self._ends_at_s

    def get(self, url: httpx2.URL, limit: int) -> bytes:
        """Return the body at ``url``, at most ``limit`` bytes; raises KeySourceError."""
        return self.ask(url, limit).body

    def find(self, url: httpx2.URL, limit: int, absent: Container[int] = NOT_THERE) -> bytes | None:
        """Return the body at ``url``, None if the server answers one of ``absent``; raises KeySourceError."""
        reply = self.ask(url, limit, fine=(*OK, *absent))  # type: ignore[misc]
        return reply.body if reply.status in OK else None

    def file(self, name: str, url: httpx2.URL) -> SourceFile:
        """Return a key file with its signature, if its format has a detached one. Raises KeySourceError."""
        return SourceFile(name, self.get(url, MAX_FILE), self._signature(name, url))

    def changed_file(self, name: str, url: httpx2.URL, etag: str) -> SourceFile | None:
        """Return a key file as :meth:`file` does, None if its ``etag`` is unchanged."""
        reply = self.ask(
            url,
            MAX_FILE,
            fine=(*OK, NOT_CHANGED) if etag else OK,
            headers={"If-None-Match": etag} if etag else {},
        )
        if reply.status == NOT_CHANGED:
            return None
        new = reply.headers.get("ETag", "")
        notes = {"etag": new} if new.isascii() and new.isprintable() and 0 < len(new) <= LONGEST_ETAG else {}
        return SourceFile(name, reply.body, self._signature(name, url), notes)

    def ask(
        self, url: httpx2.URL, limit: int, *, fine: tuple[int, ...] = OK, headers: dict[str, str] | None = None
    ) -> Reply:
        """Return the answer, whose status is in ``fine`` and whose body has at most ``limit`` bytes.

        Temporary faults are retried three times, with growing, random pauses. Raises KeySourceError.
        """
        try:
            for attempt in stamina.retry_context(on=self._pause, attempts=ATTEMPTS, timeout=self._left_s(url)):
                with attempt:
                    return self._ask_once(url, limit, fine, headers or {})
        except _PassingError as error:
            raise _answered(url, error.response) from error
        except RuntimeError:  # from a client that was closed at the deadline
            self._left_s(url)
            raise
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            self._left_s(url)
            raise self._unanswered(url, error) from error
        raise AssertionError("stamina yields an attempt or raises")

    def _ask_once(self, url: httpx2.URL, limit: int, fine: tuple[int, ...], headers: dict[str, str]) -> Reply:
        at = url
        for _ in range(MAX_REDIRECTS + 1):
            timeout_s = min(self._silence_s, self._left_s(url))
            with self._client.stream("GET", at, headers=headers, timeout=timeout_s) as response:
                if response.next_request is None:
                    return self._reply(at, response, limit, fine)
                at = same_origin(at, response.next_request.url)
        raise KeySourceError(
            N_("{url} redirects more than {limit} times"),
            N_("set location in [[source]] to the address that it redirects to"),
            url=shown(url),
            limit=MAX_REDIRECTS,
        )

    def _reply(self, url: httpx2.URL, response: httpx2.Response, limit: int, fine: tuple[int, ...]) -> Reply:
        if response.status_code in PASSING:
            raise _PassingError(response)
        if response.status_code not in fine:
            raise _answered(url, response)
        body = self._body(url, response, limit) if response.status_code in OK else b""
        return Reply(response.status_code, response.headers, body)

    def _body(self, url: httpx2.URL, response: httpx2.Response, limit: int) -> bytes:
        body = bytearray()
        for chunk in response.iter_raw():
            body += chunk
            self._left_s(url)
            if len(body) > limit:
                raise KeySourceError(
                    N_("{url} is larger than {limit} bytes"),
                    N_("it can't be a diagnosis key file: check the location in [[source]]"),
                    url=shown(url),
                    limit=limit,
                )
        if body[:SNIFFED].lstrip().lower().startswith(PAGES):
            raise PageError(
                N_("{url} answers with a web page"),
                N_("this may be the network's login page: log in, or check the location in [[source]]"),
                url=shown(url),
            )
        return bytes(body)

    def _signature(self, name: str, url: httpx2.URL) -> bytes | None:
        if not name.endswith(DETACHED_SIGNATURE_FOR):
            return None
        return self.find(url.copy_with(path=url.path + SIGNATURE_SUFFIX), MAX_SIGNATURE)

    def _left_s(self, url: httpx2.URL) -> float:
        left_s = self._ends_at_s - time.monotonic()
        if left_s > 0:
            return left_s
        raise KeySourceError(
            N_("{url} was not fully received within {limit} s"),
            N_("the next check will continue with the missing files"),
            url=shown(url),
            limit=round(self._deadline_s),
        )

    def _unanswered(self, url: httpx2.URL, error: Exception) -> KeySourceError:
        self._silences += 1
        fault = tls_fault(error)
        if fault is not None:
            kind = CertificateDatesError if is_of_dates(fault) else KeySourceError
            return kind(
                N_("no secure connection to {url}: {reason}"),
                N_(
                    "the server needs TLS 1.2 or later and a valid certificate for this name from a trusted "
                    "authority (or the one in ca_file); check this device's clock, and the location in "
                    "[[source]]"
                ),
                url=shown(url),
                reason=getattr(fault, "verify_message", "") or fault.reason or fault,
            )
        return KeySourceError(
            N_("can't fetch {url}: {reason}"),
            N_("check the network and the location in [[source]]; the next check will try again"),
            url=shown(url),
            reason=str(error) or type(error).__name__,
        )

    def _pause(self, error: Exception) -> bool | float:
        """Return whether to try again, or after how many seconds."""
        if not isinstance(error, _PassingError):
            passing = isinstance(error, httpx2.TransportError) and tls_fault(error) is None
            return passing and time.monotonic() < self._ends_at_s
        wanted = error.response.headers.get("Retry-After", "")
        if not wanted.isdecimal():
            return True
        longest_s = min(LONGEST_PAUSE_S, self._ends_at_s - time.monotonic())
        return float(wanted) if float(wanted) <= longest_s else False


def _answered(url: httpx2.URL, response: httpx2.Response) -> KeySourceError:
    kind = NotThereError if response.status_code in LEFT_OUT else KeySourceError
    return kind(
        N_("{url} answers {status} {reason}"),
        N_("check the location and the layout in [[source]]; the next check will try again"),
        url=shown(url),
        status=response.status_code,
        reason=response.reason_phrase,
    )
