"""Google's layout: a folder on a server with an ``index.txt``; this program's authority adds a signed index.

Google's key server has two addresses, the index's and a base. The index lies in the root folder of its region, below
the base, and its lines are paths below the base, so each line begins with that folder: ``region/index.txt`` lists
``region/1.zip``. Source: google/exposure-notifications-server, docs/getting-started/publishing-temporary-exposure-keys
and internal/export (createFilename). The lines of this program's authority are paths below the index's own folder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final

import httpx2

from bluezone_agent.core.diagnosis_keys.signed_index import MAX_SIGNED_INDEX, SIGNED_INDEX_NAME, SignedIndex
from bluezone_agent.core.source_records import SEQUENCE_NOTE
from bluezone_agent.errors import N_, ConfigError, KeySourceError
from bluezone_agent.key_sources.address import SourceAddress
from bluezone_agent.key_sources.fetch import LEFT_OUT, Fetch, HttpSource, NotThereError, PageError, shown
from bluezone_agent.key_sources.index import (
    INDEX_NAME,
    MAX_INDEX,
    Missing,
    is_path,
    parse_index,
    require_listed,
    signed_index,
)
from bluezone_agent.ports import KeySource, MissingFile, SourceFile, Visit

DEEPEST: Final = 4
"""The most folders between base and index that are guessed."""


def open_address(address: SourceAddress) -> KeySource:
    """Return the source; raises ConfigError."""
    address.require_url("index")
    address.refuse_regions("index")
    if address.index and not is_path(address.index):
        raise ConfigError(
            N_('[[source]] {location}: index = "{index}" is not a path below the location'),
            N_('write its path from there, for instance index = "region-VN/index.txt"'),
            location=address.location,
            index=address.index,
        )
    return HttpSource(address, partial(files, address.index))


def files(
    index_path: str, fetch: Fetch, root: httpx2.URL, visit: Visit
) -> Iterator[SourceFile | MissingFile | SignedIndex]:
    """Yield the files that the index lists and the visit does not know; ``index_path`` is empty for ``index.txt``."""
    at = root.join(index_path or INDEX_NAME)
    index = _signed(fetch, at.join(SIGNED_INDEX_NAME), visit)
    if index is not None:
        yield index
        listed, bases = {file.path: file.sha256 for file in index.files}, [at.join(".")]
    else:
        paths = parse_index(fetch.get(at, MAX_INDEX), shown(at))
        listed, bases = dict.fromkeys(paths, ""), [root] if index_path else [root, *_overlapping(root, paths)]
    have, missing = _fetching(fetch, bases), Missing()
    for name, sha256 in listed.items():
        if visit.known(name):
            continue
        try:
            file = have(name)
            require_listed(name, file.data, sha256)
        except KeySourceError as error:
            if fetch.is_over:
                raise
            yield from missing.add(name, error)
        else:
            yield file
    missing.require_few(shown(at))


def _overlapping(root: httpx2.URL, paths: Sequence[str]) -> list[httpx2.URL]:
    """Return where the base may be if the location is the index's own folder, with which every line begins."""
    folders = root.path.strip("/").split("/")
    return [
        root.join("../" * depth)
        for depth in range(1, min(len(folders), DEEPEST) + 1)
        if paths and all(path.startswith("/".join(folders[-depth:]) + "/") for path in paths)
    ]


def _fetching(fetch: Fetch, bases: list[httpx2.URL]) -> Callable[[str], SourceFile]:
    """Return a function that fetches a file below the first base that has one; from then on only that base is used."""

    def have(name: str) -> SourceFile:
        for base in bases[:-1]:
            try:
                file = fetch.file(name, base.join(name))
            except NotThereError:
                continue
            bases[:] = [base]
            return file
        file = fetch.file(name, bases[-1].join(name))
        bases[:] = bases[-1:]
        return file

    return have


def _signed(fetch: Fetch, at: httpx2.URL, visit: Visit) -> SignedIndex | None:
    """Return the signed index, None if there is none."""
    return signed_index(_signed_bytes(fetch, at, visit), shown(at), visit)


def _signed_bytes(fetch: Fetch, at: httpx2.URL, visit: Visit) -> bytes | None:
    if visit.trust is None:
        return None
    try:
        return fetch.find(at, MAX_SIGNED_INDEX, LEFT_OUT)
    except PageError:
        if SEQUENCE_NOTE in visit.notes:
            raise
        return None  # some servers answer with a page for a missing file; a login page will break index.txt, too
