"""Case files from a web server: every device asks for the same things in the same way, and believes nothing yet.

The signature is what protects; all of this keeps a bad server or network from costing memory, time or privacy.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from http.cookiejar import CookieJar, DefaultCookiePolicy
from ipaddress import ip_address
from threading import Timer
from typing import Final

import httpx2
import stamina

from bluezone_agent.errors import N_, ConfigError, KeySourceError
from bluezone_agent.key_sources.index import (
    INDEX_NAME,
    MAX_FILE,
    MAX_INDEX,
    MAX_SIGNATURE,
    SIGNATURE_SUFFIX,
    SIGNED_BESIDE,
    parse_index,
)
from bluezone_agent.ports import SourceFile

DEADLINE_S: Final = 300
"""For everything that one check fetches from one source: 14 days of files over a slow mobile link."""
SILENCE_S: Final = 15
"""Without a byte, after which a connection is given up."""
ATTEMPTS: Final = 3
LONGEST_PAUSE_S: Final = 30
"""Of a server's Retry-After; who asks for more is tried again at the next check."""
MAX_REDIRECTS: Final = 3
MAX_FAULTS: Final = 3
"""Files that may fail before the rest are left for the next check."""
PASSING: Final = (429, 500, 502, 503, 504)
"""Answers that may be another a moment later."""
HEADERS: Final = {"User-Agent": "bluezone-agent", "Accept": "*/*", "Accept-Encoding": "identity"}
FILE_SUFFIXES: Final = (".zip", ".json")

# its default hook prints each retry to stdout, where the data of ``--json`` go
stamina.instrumentation.set_on_retry_hooks(())


class _PassingError(Exception):
    """An answer that may be another a moment later."""

    def __init__(self, response: httpx2.Response) -> None:
        self.response = response


class HttpSource:
    """The URL of a folder with an ``index.txt``, or of one case file. https, or anything on this machine."""

    def __init__(self, location: str, *, deadline_s: float = DEADLINE_S) -> None:
        """Raises ConfigError for a URL that is no place to fetch from."""
        self._url = _parsed(location)
        self._deadline_s = deadline_s

    @property
    def name(self) -> str:
        """The URL without credentials."""
        return _shown(self._url)

    def files(self, known: Callable[[str], bool]) -> Iterator[SourceFile]:
        """Yield the files that ``known`` does not know; raises KeySourceError.

        A listed file that can't be had does not hold back the others: its error is raised at the end, or at the
        third.
        """
        with _Fetch(self._deadline_s) as fetch:
            if self._url.path.endswith(FILE_SUFFIXES):  # always: it may get new contents under its old name
                yield self._file(fetch, self._url.path.rpartition("/")[2], self._url)
                return
            faults: list[KeySourceError] = []
            for name, url in self._listed(fetch):
                if known(name):
                    continue
                try:
                    file = self._file(fetch, name, url)
                except KeySourceError as error:
                    faults.append(error)
                    if len(faults) == MAX_FAULTS:
                        break
                else:
                    yield file
            if faults:
                raise faults[0]

    def _listed(self, fetch: _Fetch) -> list[tuple[str, httpx2.URL]]:
        base = self._url if self._url.path.endswith("/") else self._url.copy_with(path=self._url.path + "/")
        index = base.join(INDEX_NAME)
        return [(path, base.join(path)) for path in parse_index(fetch.get(index, MAX_INDEX), _shown(index))]

    def _file(self, fetch: _Fetch, name: str, url: httpx2.URL) -> SourceFile:
        data = fetch.get(url, MAX_FILE)
        beside = url.copy_with(path=url.path + SIGNATURE_SUFFIX)
        return SourceFile(name, data, fetch.get(beside, MAX_SIGNATURE) if name.endswith(SIGNED_BESIDE) else None)


class _Fetch:
    """The requests of one check to one source, under one deadline; no cookies, no proxy.

    At the deadline a timer closes the connection, so that not even a byte now and then keeps it open.
    """

    def __init__(self, deadline_s: float) -> None:
        self._ends_at_s = time.monotonic() + deadline_s
        self._deadline_s = deadline_s
        self._client = httpx2.Client(
            headers=HEADERS,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            timeout=SILENCE_S,
            trust_env=False,
        )
        self._timer = Timer(deadline_s, self._client.close)
        self._timer.daemon = True

    def __enter__(self) -> _Fetch:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._client.close()

    def get(self, url: httpx2.URL, limit: int) -> bytes:
        """Return the body at ``url``, at most ``limit`` bytes; raises KeySourceError."""
        try:
            for attempt in stamina.retry_context(on=self._pause, attempts=ATTEMPTS, timeout=self._left_s(url)):
                with attempt:
                    return self._get_once(url, limit)
        except _PassingError as error:
            raise _answered(url, error.response) from error
        except RuntimeError:  # of a client that was closed at the deadline
            self._left_s(url)
            raise
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            self._left_s(url)
            raise KeySourceError(
                N_("can't fetch {url}: {reason}"),
                N_("check the network and the location in [[source]]; the next check tries again"),
                url=_shown(url),
                reason=str(error) or type(error).__name__,
            ) from error
        raise AssertionError("stamina yields an attempt or raises")

    def _get_once(self, url: httpx2.URL, limit: int) -> bytes:
        at = url
        for _ in range(MAX_REDIRECTS + 1):
            with self._client.stream("GET", at) as response:
                if response.next_request is None:
                    return self._body(at, response, limit)
                at = _same_origin(at, response.next_request.url)
        raise KeySourceError(
            N_("{url} redirects more than {limit} times"),
            N_("put the address it leads to into the location of the [[source]]"),
            url=_shown(url),
            limit=MAX_REDIRECTS,
        )

    def _body(self, url: httpx2.URL, response: httpx2.Response, limit: int) -> bytes:
        if response.status_code in PASSING:
            raise _PassingError(response)
        if response.status_code != httpx2.codes.OK:
            raise _answered(url, response)
        body = bytearray()
        for chunk in response.iter_raw():
            body += chunk
            self._left_s(url)
            if len(body) > limit:
                raise KeySourceError(
                    N_("{url} is larger than {limit} bytes"),
                    N_("it can't be a case file: check the location in [[source]]"),
                    url=_shown(url),
                    limit=limit,
                )
        return bytes(body)

    def _left_s(self, url: httpx2.URL) -> float:
        left_s = self._ends_at_s - time.monotonic()
        if left_s > 0:
            return left_s
        raise KeySourceError(
            N_("{url} was not complete within {limit} s"),
            N_("the next check goes on with the files that are missing"),
            url=_shown(url),
            limit=round(self._deadline_s),
        )

    def _pause(self, error: Exception) -> bool | float:
        """Return whether to try again, or after how many seconds."""
        if not isinstance(error, _PassingError):
            return isinstance(error, httpx2.TransportError) and time.monotonic() < self._ends_at_s
        wanted = error.response.headers.get("Retry-After", "")
        if not wanted.isdecimal():
            return True
        return float(wanted) if float(wanted) <= LONGEST_PAUSE_S else False


def _parsed(location: str) -> httpx2.URL:
    try:
        url = httpx2.URL(location)
    except httpx2.InvalidURL as error:
        raise ConfigError(
            N_('location = "{location}" is not a URL: {reason}'),
            N_("name the folder that holds the index.txt, for instance https://keys.example.org/"),
            location=location.rpartition("@")[2],
            reason=error,
        ) from error
    if not url.host or url.query or url.fragment:
        raise ConfigError(
            N_('location = "{location}" is not the URL of a folder'),
            N_("name the folder that holds the index.txt, for instance https://keys.example.org/"),
            location=_shown(url),
        )
    if url.scheme != "https" and not _is_loopback(url.host):
        raise ConfigError(
            N_('location = "{location}" is not https'),
            N_("use the https address: over http anybody on the way can tell that this device runs the agent"),
            location=_shown(url),
        )
    return url


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _same_origin(url: httpx2.URL, target: httpx2.URL) -> httpx2.URL:
    if (url.scheme, url.host, url.port) == (target.scheme, target.host, target.port):
        return target
    raise KeySourceError(
        N_("{url} redirects to another place, {target}"),
        N_("if that is right, put it into the location of the [[source]]; a login page of the network does this too"),
        url=_shown(url),
        target=_shown(target),
    )


def _answered(url: httpx2.URL, response: httpx2.Response) -> KeySourceError:
    return KeySourceError(
        N_("{url} answers {status} {reason}"),
        N_("the location in [[source]] must be the folder that holds the index.txt; the next check tries again"),
        url=_shown(url),
        status=response.status_code,
        reason=response.reason_phrase,
    )


def _shown(url: httpx2.URL) -> str:
    """Return a URL without what could be a password or tell of a person."""
    return str(url.copy_with(userinfo=b"", query=None, fragment=None))
