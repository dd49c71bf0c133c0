"""The HTTP client: no cookies, the same headers for every device, no proxy unless configured."""

from __future__ import annotations

import os
import ssl
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final

import httpx2

from bluezone_agent.errors import N_, KeySourceError
from bluezone_agent.key_sources.address import SourceAddress
from bluezone_agent.key_sources.urls import shown

PROXIES: Final = ("all_proxy", "http_proxy", "https_proxy", "no_proxy")
"""Variables that name proxies; their values may contain a password and are not shown."""
HEADERS: Final = {"User-Agent": "bluezone-agent", "Accept": "*/*", "Accept-Encoding": "identity"}


def open_client(address: SourceAddress, tls: ssl.SSLContext) -> httpx2.Client:
    """Return the HTTP client; raises KeySourceError for a proxy that it can't use."""
    try:
        return httpx2.Client(
            headers=HEADERS,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            timeout=address.silence_s,
            trust_env=address.use_proxy,
            verify=tls,
        )
    except (ImportError, ValueError, httpx2.InvalidURL) as error:  # SOCKS, other schemes, invalid URLs
        raise KeySourceError(
            N_("can't fetch {url} through the proxy set in the environment ({names})"),
            N_("set an http:// or https:// proxy there, or set use_proxy = false for this [[source]]"),
            url=shown(httpx2.URL(address.location)),
            names=", ".join(sorted(name for name in os.environ if name.lower() in PROXIES)),
        ) from error
