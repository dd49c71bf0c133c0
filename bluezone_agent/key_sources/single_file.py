"""One case file, by its path or URL: always read, since unlike a folder's it may get new contents under its name."""

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
    """Yield the file, or nothing where the server says that the one that is settled did not change."""
    name = at.path.rpartition("/")[2]
    file = fetch.changed_file(name, at, visit.notes.get(NOTE, "") if visit.known(name) else "")
    if file is not None:
        yield file
