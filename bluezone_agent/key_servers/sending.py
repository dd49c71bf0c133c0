"""Sends a request to a key server over the network, and waits a minute for the answer at most."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from threading import Timer
from typing import Final

import httpx2

from bluezone_agent.errors import N_, KeyServerError

TIMEOUT_S: Final = 30
DEADLINE_S: Final = 60
"""For a whole request: at the deadline the connection is closed, so that not even a slow trickle of bytes keeps it
open."""
MAX_ANSWER: Final = 64 * 1024

Send = Callable[[str, Mapping[str, str], bytes], tuple[int, bytes]]
"""URL, headers and content of a request → status of HTTP and content of the answer; raises KeyServerError."""


def send_request(url: str, headers: Mapping[str, str], content: bytes) -> tuple[int, bytes]:
    """POST ``content`` and return the status of HTTP, and the answer or enough of it to see that it is too long.

    Raises KeyServerError if no complete answer comes in time.
    """
    ends_at_s = time.monotonic() + DEADLINE_S
    with httpx2.Client(timeout=TIMEOUT_S, trust_env=False, headers=headers) as client:
        timer = Timer(DEADLINE_S, client.close)
        timer.daemon = True
        timer.start()
        try:
            with client.stream("POST", url, content=content) as response:
                return response.status_code, _content(response)
        except (httpx2.HTTPError, httpx2.StreamError) as error:
            raise _unreachable(url, error, ends_at_s) from error
        except RuntimeError as error:  # from a client that was closed at the deadline
            if time.monotonic() < ends_at_s:
                raise
            raise _unreachable(url, error, ends_at_s) from error
        finally:
            timer.cancel()


def _unreachable(url: str, error: Exception, ends_at_s: float) -> KeyServerError:
    late = time.monotonic() >= ends_at_s
    return unreachable(url, f"no complete answer within {DEADLINE_S} s" if late else str(error) or type(error).__name__)


def unreachable(url: str, reason: str) -> KeyServerError:
    """Return the error for a server that gives no answer."""
    return KeyServerError(
        N_("can't reach {url}: {reason}"),
        N_("check the network and the address in [publish], and try again; a token that was already received is kept"),
        url=url,
        reason=reason,
    )


def _content(response: httpx2.Response) -> bytes:
    """Return the answer, or enough of it to see that it is too long."""
    content = bytearray()
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) > MAX_ANSWER:
            break
    return bytes(content)
