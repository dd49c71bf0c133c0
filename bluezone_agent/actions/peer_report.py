"""A peer report: what one device received, written so that another device can find its own identifiers, and no others.

The peer writes salted digests of the identifiers it received, with times and RSSI. Anybody who knows an identifier can
look for it; nobody can derive an identifier from a digest. So the device under test needs no key of the peer, and the
peer gets none of the device's keys. A report can't be forged either: only devices that received an identifier know it.
The time of reception is the peer's statement, checked against the time in which this device advertised the identifier.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec

from bluezone_agent.core.intervals import MINUTE_S
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.core.sightings import ContactMinute
from bluezone_agent.core.texts import without_bom
from bluezone_agent.errors import N_, ReportError
from bluezone_agent.files import write_new
from bluezone_agent.stores.keys import OwnKey

FORMAT: Final = "bluezone-agent peer report 1"
LONGEST_REPORT: Final = 8_000_000
"""Bytes: 200 per identifier; a packed train has a few thousand identifiers an hour."""
DIGEST_LENGTH: Final = 32
"""Hex digits: 16 bytes, the length of the longest identifier."""
SALT_LENGTH: Final = 16
CLOCKS_DIFFER_S: Final = 7200
"""The tolerance of Exposure Notification between two devices' clocks."""


class ReceivedDigest(msgspec.Struct, frozen=True):
    """One identifier in a report."""

    protocol: str
    digest: str
    first_s: int
    last_s: int
    """Beginning of the first and end of the last minute in which it was received, by the peer's clock."""
    count: int
    max_dbm: int


class Report(msgspec.Struct, frozen=True):
    """What a peer received between two times."""

    format: str
    by: str
    """The peer's name, as its owner gave it."""
    from_s: int
    to_s: int
    salt: str
    received: tuple[ReceivedDigest, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """An identifier of this device that a peer received."""

    received_at_s: int
    """The last reception, within the time in which this device advertised the identifier by its own clock."""
    count: int
    max_dbm: int


def make_report(
    by: str,
    minutes: Iterable[ContactMinute],
    from_s: float,
    to_s: float,
    random_bytes: Callable[[int], bytes] = os.urandom,
) -> Report:
    """Return the report of a peer that received ``minutes``."""
    salt = random_bytes(SALT_LENGTH)
    received: dict[str, ReceivedDigest] = {}
    for m in minutes:
        digest = _digest(salt, m.observed.protocol, m.observed.identifier)
        start_s = m.minute * MINUTE_S
        known = received.get(digest)
        received[digest] = ReceivedDigest(
            m.observed.protocol,
            digest,
            known.first_s if known else start_s,
            start_s + MINUTE_S,
            m.count + (known.count if known else 0),
            max(m.max_dbm, known.max_dbm) if known else m.max_dbm,
        )
    return Report(
        FORMAT, by, int(from_s), int(to_s), salt.hex(), tuple(sorted(received.values(), key=lambda h: h.digest))
    )


def find_own(report: Report, keys: Iterable[OwnKey]) -> list[Found]:
    """Return this device's identifiers, in use during the report, that the peer received; newest last."""
    salt = bytes.fromhex(report.salt)
    by_digest = {h.digest: h for h in report.received}
    found = []
    for own in keys:
        for starts_at_s, ends_at_s, identifier in _on_air(own, report.from_s, report.to_s):
            received = by_digest.get(_digest(salt, own.key.protocol, identifier))
            if received:
                at_s = min(max(received.last_s, starts_at_s), ends_at_s)
                found.append(Found(at_s, received.count, received.max_dbm))
    return sorted(found, key=lambda f: f.received_at_s)


def was_on_air(report: Report, keys: Iterable[OwnKey]) -> bool:
    """Return whether this device advertised any identifier during the report: otherwise the report proves nothing."""
    return any(True for own in keys for _ in _on_air(own, report.from_s, report.to_s))


def _on_air(own: OwnKey, from_s: int, to_s: int) -> Iterator[tuple[int, int, bytes]]:
    key = own.key
    if key.protocol not in PROTOCOLS or key.ends_at_s < from_s - CLOCKS_DIFFER_S:
        return
    for slot in PROTOCOLS[key.protocol].slots(key):
        if slot.starts_at_s > min(own.last_slot_s, to_s + CLOCKS_DIFFER_S):
            return
        if slot.ends_at_s >= from_s - CLOCKS_DIFFER_S:
            yield slot.starts_at_s, slot.ends_at_s, slot.identifier


def _digest(salt: bytes, protocol: str, identifier: bytes) -> str:
    return sha256(salt + protocol.encode() + b"\0" + identifier).hexdigest()[:DIGEST_LENGTH]


def write_report(report: Report, path: Path) -> None:
    """Write a new file; raises NewFileError."""
    write_new(path, msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")


def read_report(path: Path) -> Report:
    """Read a report; raises ReportError when it can't be read or is not a report."""
    try:
        with path.open("rb") as file:
            data = file.read(LONGEST_REPORT + 1)
    except OSError as error:
        raise ReportError(
            N_("can't read the report {path}: {reason}"),
            N_('create one on the peer with "bluezone-agent selftest --listen 120 --report FILE"'),
            path=path,
            reason=error.strerror,
        ) from error
    try:
        if len(data) > LONGEST_REPORT:
            raise ValueError(f"longer than {LONGEST_REPORT} bytes")
        report = msgspec.json.decode(without_bom(data), type=Report)
        if report.format != FORMAT:
            raise ValueError(f"format is {report.format!r}, {FORMAT!r} expected")
        bytes.fromhex(report.salt)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ReportError(
            N_("{path} is not a peer report: {reason}"),
            N_('create one on the peer with "bluezone-agent selftest --listen 120 --report FILE"'),
            path=path,
            reason=error,
        ) from error
    return report
