"""One diagnosis key file, by path or URL: it is always read, since it may get new contents under its old name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import httpx2

from bluezone_agent.key_sources import directory
from bluezone_agent.key_sources.address import SourceAddress
from bluezone_agent.key_sources.fetch import Fetch, HttpSource
from bluezone_agent.ports import KeySource, SourceFile, Visit

NOTE: Final = "etag"


def open_address(address: SourceAddress) -> KeySource:
    """Return the source; raises ConfigError."""
    address.refuse_regions("file")
    address.refuse_index("file")
    return HttpSource(address, files, is_file=True) if address.is_url else directory.open_address(address)


def files(fetch: Fetch, at: httpx2.URL, visit: Visit) -> Iterator[SourceFile]:
    """Yield the file, or nothing if the server says that the final file did not change."""
    name = at.path.rpartition("/")[2]
    file = fetch.changed_file(name, at, visit.notes.get(NOTE, "") if visit.known(name) else "")
    if file is not None:
        yield file
