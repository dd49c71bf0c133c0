"""Tables of received advertisements, as apps on phones export them: a line each, with names of columns in the first.

There is no common form, so whoever has the table says what its columns are called.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.core.reception import Advert
from bluezone_agent.errors import N_, MalformedPayloadError, RecordingError

COLUMNS: Final = ("time", "rssi", "data")
"""When it was received, its RSSI in dBm, and the advertising data in hex."""
DELIMITERS: Final = ",;\t|"
PER_SECOND: Final = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))
"""A number that is larger than the first is a time since the Unix epoch of which the second make a second: until the
year 5138 they can't be confused."""
LATEST: Final = 1e20
LEAST_DBM, MOST_DBM = -128, 127
"""A signed byte, as HCI has it."""
BETWEEN_BYTES: Final = re.compile(r"0x|[\s:.-]", re.IGNORECASE)
RSSI: Final = re.compile(r"(-?\d{1,3})(?:\.\d+)?\s*(?:dBm)?", re.IGNORECASE)


def read_columns(text: str) -> Mapping[str, str]:
    """Return column → its name in a table, from ``time=Timestamp,rssi=RSSI``; raises RecordingError."""
    found = {column: column for column in COLUMNS}
    for part in filter(None, text.split(",")):
        column, _equals, name = part.partition("=")
        if column.strip() not in found or not name.strip():
            raise RecordingError(
                N_('"{part}" says of no column what it is called'),
                N_("write for example time=Timestamp,rssi=RSSI,data=Payload"),
                part=part,
            )
        found[column.strip()] = name.strip()
    return found


def read_table(path: Path, columns: Mapping[str, str]) -> Iterator[Advert]:
    """Yield what a table has, in its order; lines without data are skipped. Raises RecordingError, OSError.

    A time is a number since the Unix epoch, in s, ms, us or ns, or ISO 8601, without an offset in this computer's zone.
    """
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        head = file.readline()
        rows = csv.reader((head, *file), delimiter=max(DELIMITERS, key=head.count))
        try:
            names = next(rows, [])
            places = {column: _place(path, names, name) for column, name in columns.items()}
            for row in rows:
                cells = {column: row[place].strip() if place < len(row) else "" for column, place in places.items()}
                if cells["data"] and (advert := _advert(cells)):
                    yield advert
        except (csv.Error, ValueError, OverflowError) as error:
            raise RecordingError(
                N_("{path}, line {line}: {reason}"),
                N_("a line has a time (Unix or ISO 8601), an RSSI in dBm, and the advertising data in hex"),
                path=path,
                line=rows.line_num,
                reason=error,
            ) from error


def _advert(cells: Mapping[str, str]) -> Advert | None:
    """Return what a line says; None if the data are of a stranger, since what a trial's devices send is well formed."""
    data, at_s, rssi_dbm = (
        bytes.fromhex(BETWEEN_BYTES.sub("", cells["data"])),
        _time(cells["time"]),
        _rssi(cells["rssi"]),
    )
    try:
        return Advert(AdvertisingData.from_bytes(data), rssi_dbm, at_s)
    except MalformedPayloadError:
        return None


def _place(path: Path, names: list[str], name: str) -> int:
    found = [place for place, one in enumerate(names) if one.strip().casefold() == name.casefold()]
    if len(found) != 1:
        raise RecordingError(
            N_('{path} has no column "{name}"; it has: {names}'),
            N_("say what they are called: --columns time=…,rssi=…,data=…"),
            path=path,
            name=name,
            names=", ".join(names) or "-",
        )
    return found[0]


def _time(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        return datetime.fromisoformat(text).timestamp()
    if not 0 < number < LATEST:
        raise ValueError(f"{text!r} is no time")
    return number / next((per for least, per in PER_SECOND if number > least), 1.0)


def _rssi(text: str) -> int:
    found = RSSI.fullmatch(text)
    if found is None or not LEAST_DBM <= int(found[1]) <= MOST_DBM:
        raise ValueError(f"{text!r} is no RSSI")
    return int(found[1])
