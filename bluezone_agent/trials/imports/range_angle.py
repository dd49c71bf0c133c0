"""``trial import range-angle``: phones on people at distances and angles (mitll/Range_Angle).

A folder, or the tar.gz of it. Each log is a text of ``time,kind,value…``; from a ``Range`` (feet) and an ``Angle`` on,
the phones keep their distance until the next ones: a phase. Of ``Bluetooth`` rows only those of the app's own beacon,
``BlueProxTx``, belong to the phones; the others are counted. One log names no beacon: all of it is counted.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any, Final

from bluezone_agent.core.sightings import PLAUSIBLE_RSSI_DBM
from bluezone_agent.errors import N_
from bluezone_agent.trials.imports.recording import (
    ImportedDevice,
    ImportedPhase,
    Recording,
    adverts_table,
    fixed_truth,
    not_such,
    rows_table,
    unreadable,
)

SENDER_NAME: Final = "BlueProxTx"
RECEIVER, SENDER = "receiver", "beacon"
RECEIVED: Final = ("Bluetooth", "BT")
RECEIVED_FIELDS: Final = 7
"""Time, kind, identifier of the sender, dBm, its name, stated power, its own clock; a name may have commas."""
FOOT_M: Final = 0.3048
NOT_STATED: Final = -999.0
SHORTEST_S: Final = 1e-3


@dataclass
class _Log:
    """What one log has."""

    name: str
    steps: list[tuple[float, float, str]] = field(default_factory=list)
    """Time, feet and degrees of each stretch."""
    packets: list[tuple[float, int, float | None]] = field(default_factory=list)
    """Time, dBm and stated power of the beacon's packets."""
    others: int = 0
    senders: set[str] = field(default_factory=set)
    impossible: int = 0
    model: str = ""
    ends_s: float = 0.0


def read(source: Path) -> Recording:
    """Read the recording; raises TrialError."""
    try:
        logs = [_log(name, text) for name, text in sorted(_texts(source))]
    except (OSError, ValueError, tarfile.TarError) as error:
        raise unreadable(source, error) from error
    logs = [log for log in logs if log.packets or log.others or log.impossible]
    if not logs:
        raise not_such(
            source,
            N_("{path} has no log with Bluetooth rows"),
            N_("name the folder with user1_… and so on, or its tar.gz, as it was published"),
        )
    phases = [(log, *_phase(log, number)) for log in logs for number in range(len(log.steps))]
    columns: dict[str, list[Any]] = {name: [] for name in ("time_s", "rssi_dbm", "stated_dbm", "phase", "distance_m")}
    for log in logs:
        _append(columns, log, [(phase, metres) for of, phase, metres in phases if of is log])
    length = len(columns["time_s"])
    return Recording(
        {
            "title": f"MIT Range_Angle, {len(logs)} logs of two phones on people",
            "protocol": "gaen",
            "license": "CC-BY-4.0",
            "citation": "mitll/Range_Angle, MIT Lincoln Laboratory, CC BY 4.0",
            "notes": "Each log has its own people and phones; a phase is a distance and an angle of one log. The times"
            " have no zone and count as UTC. Packets of other devices are counted per log, in minutes.",
        },
        [ImportedDevice(RECEIVER, "listen", system="iOS"), ImportedDevice(SENDER, "broadcast")],
        [phase for _, phase, _ in phases],
        adverts_table({"receiver": [RECEIVER] * length, "sender": [SENDER] * length} | columns),
        rows_table("truth", [fixed_truth(phase, RECEIVER, SENDER, metres) for _, phase, metres in phases]),
        minutes=[
            {
                "device": RECEIVER,
                "time_s": log.ends_s,
                "bystander_packets": log.others,
                "bystanders": len(log.senders),
                "impossible_rssi": log.impossible,
                "malformed": 0,
                "foreign": 0,
                "lost": 0,
            }
            for log in logs
        ],
    )


def _texts(source: Path) -> Iterator[tuple[str, str]]:
    """Yield the name, with its folder, and the text of each log."""
    if source.is_dir():
        for file in source.rglob("*.txt"):
            yield f"{file.parent.name}/{file.stem}", file.read_text("utf-8")
        return
    with tarfile.open(source) as archive:
        for member in archive:
            path = PurePosixPath(member.name)
            text = archive.extractfile(member) if member.isfile() and path.suffix == ".txt" else None
            if text is not None:
                yield f"{path.parent.name}/{path.stem}", text.read().decode()


def _log(name: str, text: str) -> _Log:
    log = _Log(name)
    for line in text.splitlines():
        fields = line.split(",")
        if fields[0] and not fields[0][0].isdigit() and len(fields) > 1:
            fields[:2] = fields[1], fields[0]  # the oldest log has the kind in front
        if len(fields) < 3:
            continue
        kind = fields[1]
        if kind == "Device":
            log.model = log.model or fields[2]
        elif kind == "Range":
            log.steps.append((_seconds(fields[0]), float(fields[2]), ""))
        elif kind == "Angle" and log.steps:
            begins_s, feet, degrees = log.steps.pop()
            log.steps += [(begins_s, feet, degrees)] if degrees else []
            log.steps.append((_seconds(fields[0]) if degrees else begins_s, feet, fields[2]))
        elif kind in RECEIVED:
            _receive(log, fields)
    return log


def _receive(log: _Log, fields: list[str]) -> None:
    at_s, rssi_dbm = _seconds(fields[0]), int(fields[3])
    log.ends_s = max(log.ends_s, at_s)
    if ",".join(fields[4 : len(fields) - RECEIVED_FIELDS + 5]) != SENDER_NAME:
        log.others += 1
        log.senders.add(fields[2])
    elif rssi_dbm not in PLAUSIBLE_RSSI_DBM:
        log.impossible += 1
    else:
        stated = float(fields[-2])
        log.packets.append((at_s, rssi_dbm, None if stated == NOT_STATED else stated))


def _phase(log: _Log, number: int) -> tuple[ImportedPhase, float]:
    begins_s, feet, degrees = log.steps[number]
    ends_s = log.steps[number + 1][0] if number + 1 < len(log.steps) else max(log.ends_s, begins_s) + 1
    name = f"{log.name} {number + 1}: {feet:g} ft" + (f", {degrees} degrees" if degrees else "")
    about = ", ".join(text for text in (log.name.partition("/")[0], log.model) if text)
    return ImportedPhase(name, begins_s, max(ends_s, begins_s + SHORTEST_S), about), round(feet * FOOT_M, 4)


def _append(columns: dict[str, list[Any]], log: _Log, phases: list[tuple[ImportedPhase, float]]) -> None:
    """Append a log's packets, each with the phase of its time; before the first one there is none."""
    ordered = sorted(log.packets, key=lambda packet: packet[0])
    index = 0
    for at_s, rssi_dbm, stated_dbm in ordered:
        while index < len(phases) and at_s >= (phases[index][0].begins_s or 0.0):
            index += 1
        phase = phases[index - 1] if index else None
        columns["time_s"].append(at_s)
        columns["rssi_dbm"].append(rssi_dbm)
        columns["stated_dbm"].append(stated_dbm)
        columns["phase"].append(phase[0].name if phase else "")
        columns["distance_m"].append(phase[1] if phase else None)


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
