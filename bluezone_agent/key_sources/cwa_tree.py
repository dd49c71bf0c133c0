"""Corona-Warn-App's layout: a tree of dates and, for a day that is not over, hours, separately for each region.

``version/v1/diagnosis-keys/country/REGION/date`` lists dates as JSON, ``date/DATE`` is a key export, ``date/DATE/hour``
lists hours, ``date/DATE/hour/HOUR`` is a key export. An empty slot is a signed empty file, or does not exist. Source:
corona-warn-app/cwa-server, services/distribution/api_v1.json.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import httpx2
import msgspec

from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.errors import N_, ConfigError, KeySourceError
from bluezone_agent.key_sources.address import SourceAddress
from bluezone_agent.key_sources.fetch import Fetch, HttpSource, shown
from bluezone_agent.key_sources.index import MAX_FILE, MAX_INDEX
from bluezone_agent.ports import KeySource, MissingFile, SourceFile, Visit

COUNTRY: Final = "version/v1/diagnosis-keys/country/"
REGION: Final = re.compile(r"[A-Z]{2,3}")
LOOK_BACK_DAYS: Final = 15
"""Days whose files may contain keys of the last 14 days."""
EMPTY: Final = (404, 410)
"""Answers by which a server says that a slot is empty."""


def open_address(address: SourceAddress) -> KeySource:
    """Return the source; raises ConfigError."""
    address.require_url("cwa")
    address.refuse_index("cwa")
    wrong = [region for region in address.regions if not REGION.fullmatch(region)]
    if wrong or not address.regions:
        raise ConfigError(
            N_('[[source]] {location}: layout = "cwa" needs regions, not {found}'),
            N_('use country codes, for instance regions = ["DE"]'),
            location=address.location,
            found=list(wrong or address.regions),
        )

    def files(fetch: Fetch, root: httpx2.URL, visit: Visit) -> Iterator[SourceFile | MissingFile]:
        for region in address.regions:
            yield from _files(fetch, root.join(f"{COUNTRY}{region}/"), region, visit)

    return HttpSource(address, files)


def _files(fetch: Fetch, tree: httpx2.URL, region: str, visit: Visit) -> Iterator[SourceFile | MissingFile]:
    for name, at in _slots(fetch, tree, region, visit):
        if visit.known(name):
            continue
        try:
            data = fetch.find(at, MAX_FILE, EMPTY)
        except KeySourceError as error:
            if fetch.is_over:
                raise
            yield MissingFile(name, error)
        else:
            if data is not None:
                yield SourceFile(name, data)


def _slots(fetch: Fetch, tree: httpx2.URL, region: str, visit: Visit) -> Iterator[tuple[str, httpx2.URL]]:
    """Yield the files of complete days, then those of the hours of days that have no file yet."""
    today = datetime.fromtimestamp(visit.now_s, UTC).date()
    dates = _dates(fetch, tree.join("date"))
    for day in sorted(d for d in dates if abs((today - d).days) <= LOOK_BACK_DAYS):
        yield f"{region}/{day}.zip", tree.join(f"date/{day}")
    for day in (today - timedelta(days=1), today):
        if day not in dates:
            for hour in _hours(fetch, tree.join(f"date/{day}/hour")):
                yield f"{region}/{day}/{hour:02}.zip", tree.join(f"date/{day}/hour/{hour}")


def _dates(fetch: Fetch, at: httpx2.URL) -> set[date]:
    return set(_list(fetch.get(at, MAX_INDEX), date, at))


def _hours(fetch: Fetch, at: httpx2.URL) -> list[int]:
    data = fetch.find(at, MAX_INDEX, EMPTY)
    hours: list[int] = [] if data is None else _list(data, int, at)
    return sorted({hour for hour in hours if 0 <= hour < DAY_S // 3600})


def _list(data: bytes, kind: type[Any], at: httpx2.URL) -> list[Any]:
    try:
        found: list[Any] = msgspec.json.decode(data, type=list[kind])  # type: ignore[valid-type]  # a type at run time
    except (msgspec.DecodeError, UnicodeError) as error:
        raise KeySourceError(
            N_("{where} is not a list of dates or hours: {reason}"),
            N_("check the location and the layout in [[source]]"),
            where=shown(at),
            reason=error,
        ) from error
    return found
