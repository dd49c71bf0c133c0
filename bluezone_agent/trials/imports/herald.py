"""``trial import herald``: the logs of a Herald test, a folder for each phone (theheraldproject/herald-analysis).

``detection.csv`` has the phone's model, system and, fourth, its short payload. ``contacts.csv`` has a row for each
event: a payload read from an identifier (2 in column ``read``), an RSSI (3 in ``measure``), a payload that the other
phone wrote (4 in ``share``). As in that project's TestAnalysis.R (at ad779cd), an identifier belongs to the phone whose
payload begins with the six characters that were read from it, before or after; and a written payload counts if this
phone has read the same one. What belongs to no phone is counted.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from math import floor
from pathlib import Path
from typing import Any, Final

from bluezone_agent.core.intervals import MINUTE_S
from bluezone_agent.core.sightings import PLAUSIBLE_RSSI_DBM
from bluezone_agent.errors import N_
from bluezone_agent.trials.folder import TrialError
from bluezone_agent.trials.imports.recording import (
    ImportedDevice,
    ImportedPhase,
    Recording,
    adverts_table,
    not_such,
    rows_table,
    unreadable,
)

CONTACTS, DETECTION = "contacts.csv", "detection.csv"
SHORT: Final = 6
"""Characters of a payload that name a phone."""
READ, MEASURE, SHARE = ("read", "2"), ("measure", "3"), ("share", "4")
SHARED: Final = "share"
"""In the column ``adapter``: the other phone wrote its payload; there is no RSSI."""
RSSI: Final = re.compile(r"RSSI:(-?\d+(?:\.\d+)?)")
POWER: Final = re.compile(r"BLETransmitPower:(-?\d+(?:\.\d+)?)")
PHASE: Final = "test"
NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9_-]+")
LONGEST_NAME: Final = 40
COUNTS: Final = ("bystander_packets", "bystanders", "impossible_rssi", "malformed", "foreign", "lost")


@dataclass(frozen=True, slots=True)
class _Phone:
    id: str
    model: str
    system: str
    payload: str
    rows: list[dict[str, str]]
    """Of contacts.csv."""


def read(source: Path, begins: datetime | None = None, ends: datetime | None = None) -> Recording:
    """Read the recording. The formal test lasts from ``begins`` to ``ends``; else from the first to the last contact.

    Raises TrialError.
    """
    try:
        phones = _phones(source)
        found = [_received(phone, phones) for phone in phones]
    except (OSError, ValueError, KeyError, csv.Error) as error:
        raise unreadable(source, error) from error
    packets = [packet for rows, _ in found for packet in rows]
    phase = _phase(source, [packet["time_s"] for packet in packets], begins, ends)
    for packet in packets:
        within = (phase.begins_s or 0.0) <= packet["time_s"] < (phase.ends_s or 0.0)
        packet["phase"] = PHASE if within else ""
    names = ("receiver", "sender", "time_s", "phase", "rssi_dbm", "stated_dbm", "adapter")
    return Recording(
        {
            "title": f"Herald test of {len(phones)} phones",
            "protocol": "gaen",
            "citation": "recorded by Herald (theheraldproject)",
            "notes": "Times are those of the logs. The distances are not known.",
        },
        [ImportedDevice(phone.id, model=phone.model, system=phone.system) for phone in phones],
        [phase],
        adverts_table({name: [packet.get(name) for packet in packets] for name in names}),
        rows_table("truth", []),
        minutes=[row for _, rows in found for row in rows],
    )


def _phase(source: Path, times: list[float], begins: datetime | None, ends: datetime | None) -> ImportedPhase:
    if not times and (begins is None or ends is None):
        raise not_such(
            source,
            N_("{path}: no phone received another one"),
            N_("payloads are compared by their first 6 characters: each phone needs its own in detection.csv"),
        )
    begins_s = float(floor(min(times))) if begins is None else begins.timestamp()
    ends_s = float(floor(max(times)) + 1) if ends is None else ends.timestamp()
    if begins_s >= ends_s:
        raise not_such(
            source, N_("{path}: the test ends before it begins"), N_("give other times of --from and --until")
        )
    return ImportedPhase(PHASE, begins_s, ends_s, confidence=0)


def _phones(source: Path) -> list[_Phone]:
    folders = sorted(path.parent for path in source.glob(f"*/{CONTACTS}"))
    if not folders:
        raise not_such(
            source,
            N_("{path} has no folder with a contacts.csv"),
            N_("name the folder that has one folder for each phone"),
        )
    phones = [_phone(folder, number) for number, folder in enumerate(folders, start=1)]
    shorts = [phone.payload for phone in phones]
    if twice := [short for short in shorts if shorts.count(short) > 1]:
        raise TrialError(
            N_("two phones have the payload {value}"),
            N_("the fourth value in each detection.csv has to be its own"),
            value=twice[0],
        )
    return phones


def _phone(folder: Path, number: int) -> _Phone:
    with (folder / CONTACTS).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    about = (folder / DETECTION).read_text("utf-8") if (folder / DETECTION).exists() else ""
    fields = next(csv.reader(about.splitlines()), [])
    if len(fields) < 4 or not fields[3]:
        raise TrialError(
            N_("{path}: the phone's own payload is not known"),
            N_("write the line model,system,version,payload into {file} in that folder"),
            path=folder,
            file=DETECTION,
        )
    model, system, version, payload = fields[:4]
    name = NOT_IN_NAMES.sub("-", folder.name).strip("-_")[:LONGEST_NAME] or f"phone-{number}"
    return _Phone(name, model, f"{system} {version}".strip(), payload[:SHORT], rows)


def _received(phone: _Phone, phones: list[_Phone]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return what a phone received of the others, and what it received besides, by minute."""
    of_payload = {other.payload: other.id for other in phones}
    owners: dict[str, set[str]] = defaultdict(set)
    payloads_read: set[str] = set()
    for row in phone.rows:
        if _is(row, READ):
            payloads_read.add(row["data"][:SHORT])
            if (owner := of_payload.get(row["data"][:SHORT])) is not None:
                owners[row["id"]].add(owner)
    packets: list[dict[str, Any]] = []
    besides: dict[int, dict[str, Any]] = {}
    strangers: dict[int, set[str]] = defaultdict(set)
    for row in phone.rows:
        if _is(row, MEASURE):
            senders = owners.get(row["id"], set())
        elif _is(row, SHARE):
            senders = {of_payload[row["data"]]} if row["data"] in of_payload and row["data"] in payloads_read else set()
        else:
            continue
        at_s = _seconds(row["time"])
        counts = besides.setdefault(floor(at_s / MINUTE_S), dict.fromkeys(COUNTS, 0))
        if not senders:
            counts["bystander_packets"] += 1
            strangers[floor(at_s / MINUTE_S)].add(row["id"])
        packet = {"receiver": phone.id, "time_s": at_s} | _power(row)
        counts["impossible_rssi"] += bool(senders) and _is(row, MEASURE) and packet["rssi_dbm"] is None
        packets += [packet | {"sender": sender} for sender in sorted(senders - {phone.id})]
    return packets, [
        counts | {"device": phone.id, "time_s": float((minute + 1) * MINUTE_S), "bystanders": len(strangers[minute])}
        for minute, counts in sorted(besides.items())
        if any(counts.values())
    ]


def _is(row: Mapping[str, str], event: tuple[str, str]) -> bool:
    column, number = event
    return row.get(column) == number


def _power(row: Mapping[str, str]) -> dict[str, Any]:
    if _is(row, SHARE):
        return {"rssi_dbm": None, "adapter": SHARED}
    measured, stated = RSSI.match(row["data"]), POWER.search(row["data"])
    rssi_dbm = round(float(measured[1])) if measured else None
    return {
        "rssi_dbm": rssi_dbm if rssi_dbm in PLAUSIBLE_RSSI_DBM else None,
        "stated_dbm": float(stated[1]) if stated else None,
        "adapter": "",
    }


def _seconds(text: str) -> float:
    """Return a time of a log as Unix seconds; without a zone it is UTC."""
    at = datetime.fromisoformat(text)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
