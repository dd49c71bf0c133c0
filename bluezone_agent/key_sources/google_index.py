"""Google's layout: a folder on a server with an ``index.txt``; ours adds a signed index beside it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2

from bluezone_agent.core.diagnosis_keys.signed_index import MAX_SIGNED_INDEX, SIGNED_INDEX_NAME, SignedIndex
from bluezone_agent.errors import KeySourceError
from bluezone_agent.key_sources.address import SourceAddress
from bluezone_agent.key_sources.fetch import Fetch, HttpSource, PageError, shown
from bluezone_agent.key_sources.index import (
    INDEX_NAME,
    MAX_INDEX,
    SEQUENCE_NOTE,
    parse_index,
    require_listed,
    signed_index,
)
from bluezone_agent.ports import KeySource, MissingFile, SourceFile, Visit

LEFT_OUT = (403, 404, 410)
"""How servers say that there is no signed index; some storage answers 403 for what is not there."""


def open_address(address: SourceAddress) -> KeySource:
    """Return the source; raises ConfigError."""
    address.require_url("index")
    address.refuse_regions("index")
    return HttpSource(address, files)


def files(fetch: Fetch, root: httpx2.URL, visit: Visit) -> Iterator[SourceFile | MissingFile | SignedIndex]:
    """Yield what the index lists and the visit does not know."""
    index, listed = _listing(fetch, root, visit)
    if index is not None:
        yield index
    for name, sha256 in listed.items():
        if visit.known(name):
            continue
        try:
            file = fetch.file(name, root.join(name))
            require_listed(name, file.data, sha256)
        except KeySourceError as error:
            if fetch.is_over:
                raise
            yield MissingFile(name, error)
        else:
            yield file


def _listing(fetch: Fetch, root: httpx2.URL, visit: Visit) -> tuple[SignedIndex | None, dict[str, str]]:
    """Return the signed index, where there is one, and the listed paths, each with its digest or nothing."""
    at = root.join(SIGNED_INDEX_NAME)
    index = signed_index(_signed_bytes(fetch, at, visit), shown(at), visit)
    if index is not None:
        return index, {file.path: file.sha256 for file in index.files}
    at = root.join(INDEX_NAME)
    return None, dict.fromkeys(parse_index(fetch.get(at, MAX_INDEX), shown(at)), "")


def _signed_bytes(fetch: Fetch, at: httpx2.URL, visit: Visit) -> bytes | None:
    if visit.trust is None:
        return None
    try:
        return fetch.find(at, MAX_SIGNED_INDEX, LEFT_OUT)
    except PageError:
        if SEQUENCE_NOTE in visit.notes:
            raise
        return None  # some servers answer with a page for what is not there; a login page will spoil index.txt, too
