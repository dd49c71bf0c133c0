"""``trial import dp3t``: a recording of DP-3T's with people (DP-3T/bt-measurements exp34) as a dataset.

Every ``*.sqlite`` with a table ``results`` is a scene and becomes a phase; other databases, such as the single phones'
own, are left alone. The distances are those of the camera tracks that overlap with a scene, where both people were
seen, as long as the tracks are; of a scene without tracks those of the table, where it has any. Files are read in place
and stay as they are.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from bluezone_agent.core.intervals import MINUTE_S
from bluezone_agent.errors import N_
from bluezone_agent.trials.imports.dp3t_tracks import BY_PERSON, MODELS, CameraTrack, camera_tracks, unix_seconds
from bluezone_agent.trials.imports.recording import (
    ImportedDevice,
    ImportedPhase,
    Recording,
    adverts_table,
    not_such,
    unreadable,
)
from bluezone_agent.trials.pack import schema
from bluezone_agent.trials.plan import Schedule

CITATION: Final = "DP-3T/bt-measurements, EPFL and ETH Zurich, CC BY-ND 4.0"
NOTES: Final = "Phones of people who acted scenes of daily life, filmed by cameras."
SCAN: Final = Schedule(4, 240)
MODEL_OF: Final = {person: model for model, people in MODELS.items() for person in people}
STATED_DBM: Final = (-60.0, 0.0)
"""Powers that a table can state; it has 0 where nothing was stated."""


@dataclass(frozen=True, slots=True)
class _Packet:
    receiver: int
    sender: int
    at_s: float
    """Unix seconds."""
    rssi_dbm: int
    distance_m: float | None
    """As the table states it."""
    stated_dbm: float | None


Distances = dict[tuple[int, int], dict[float, float]]
"""Two people, the smaller number first → Unix second → metres."""


@dataclass(frozen=True, slots=True)
class _Scene:
    name: str
    packets: list[_Packet]
    known: Distances
    source: str
    """Of the distances."""

    @property
    def begins_s(self) -> int:
        return int(self.packets[0].at_s)

    @property
    def ends_s(self) -> int:
        return self.begins_s + (int(self.packets[-1].at_s - self.begins_s) // MINUTE_S + 1) * MINUTE_S


def read(source: Path) -> Recording:
    """Read the recording; raises TrialError."""
    try:
        tables = [(path.stem, packets) for path in sorted(source.rglob("*.sqlite")) if (packets := _packets(path))]
        tracks = camera_tracks(source) if tables else []
        scenes = [_scene(name, packets, tracks) for name, packets in tables]
    except (sqlite3.Error, OSError, ValueError) as error:
        raise unreadable(source, error) from error
    if not scenes:
        raise not_such(
            source,
            N_("{path} has no scene of DP-3T: no *.sqlite with a table results"),
            N_("name the folder with the scenes (*.sqlite) and the camera tracks, as it was published"),
        )
    return Recording(
        {
            "title": f"DP-3T, people acting {len(scenes)} scenes",
            "protocol": "gaen",
            "timezone": "Europe/Zurich",
            "license": "CC-BY-ND-4.0",
            "citation": CITATION,
            "notes": NOTES,
        },
        list(_devices(scenes)),
        [ImportedPhase(scene.name, float(scene.begins_s), float(scene.ends_s)) for scene in scenes],
        adverts_table(_adverts(scenes)),
        pa.concat_tables([_truth(scene) for scene in scenes]),
        SCAN,
    )


def _packets(path: Path) -> list[_Packet]:
    """Return the packets of a scene in order; none if the file is another database."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as db:
        columns = {row[1] for row in db.execute("PRAGMA table_info(results)")}
        if not columns:
            return []
        distance, power = (name if name in columns else "NULL" for name in ("ground_truth_distance", "tx_power"))
        rows = db.execute(
            f"SELECT receiver_id, transmitter_id, timestamp, rssi, {distance}, {power} FROM results"  # noqa: S608
            " ORDER BY timestamp"
        )
        return [
            _Packet(
                int(receiver),
                int(sender),
                unix_seconds(stamp),
                int(rssi),
                float(apart) if apart is not None and float(apart) >= 0 else None,  # -1: nobody measured it
                float(dbm) if dbm is not None and STATED_DBM[0] <= float(dbm) < STATED_DBM[1] else None,
            )
            for receiver, sender, stamp, rssi, apart, dbm in rows
        ]


def _scene(name: str, packets: list[_Packet], tracks: Sequence[CameraTrack]) -> _Scene:
    first_s, last_s = packets[0].at_s, packets[-1].at_s
    parts = sorted((t for t in tracks if t.t_s[0] < last_s and t.t_s[-1] > first_s), key=lambda t: t.t_s[0])
    if parts:
        return _Scene(name, packets, _seen(packets, parts), "camera")
    known: Distances = {}
    for packet in packets:
        if packet.distance_m is not None:
            known.setdefault(_pair(packet), {}).setdefault(packet.at_s, packet.distance_m)
    return _Scene(name, packets, known, "table")


def _seen(packets: Sequence[_Packet], parts: Sequence[CameraTrack]) -> Distances:
    people = sorted({person for packet in packets for person in _pair(packet)})
    found: Distances = {}
    for track in parts:
        for one, other in combinations(people, 2):
            if (both := track.distance_m(str(one), str(other))) is not None and len(both[0]):
                of_pair = found.setdefault((one, other), {})
                for at_s, metres in zip(both[0].tolist(), both[1].tolist(), strict=True):
                    of_pair.setdefault(at_s, metres)
    return found


def _pair(packet: _Packet) -> tuple[int, int]:
    return min(packet.receiver, packet.sender), max(packet.receiver, packet.sender)


def _name(person: int) -> str:
    return f"phone-{person}"


def _devices(scenes: Sequence[_Scene]) -> Iterator[ImportedDevice]:
    receivers = {packet.receiver for scene in scenes for packet in scene.packets}
    for person in sorted(receivers | {packet.sender for scene in scenes for packet in scene.packets}):
        correction_db, power_dbm = BY_PERSON.get(str(person), (None, None))
        yield ImportedDevice(
            _name(person),
            "both" if person in receivers else "broadcast",
            MODEL_OF.get(person, ""),
            person=f"P{person:02}",
            system="Android",
            power_dbm=power_dbm,
            rssi_correction_db=correction_db,
        )


def _adverts(scenes: Sequence[_Scene]) -> dict[str, Any]:
    packets = [(scene, packet) for scene in scenes for packet in scene.packets]
    return {
        "receiver": [_name(packet.receiver) for _, packet in packets],
        "sender": [_name(packet.sender) for _, packet in packets],
        "time_s": [packet.at_s for _, packet in packets],
        "phase": [scene.name for scene, _ in packets],
        "distance_m": [
            scene.known.get(_pair(p), {}).get(float(int(p.at_s)) if scene.source == "camera" else p.at_s)
            for scene, p in packets
        ],
        "rssi_dbm": [packet.rssi_dbm for _, packet in packets],
        "stated_dbm": [packet.stated_dbm for _, packet in packets],
    }


def _truth(scene: _Scene) -> pa.Table:
    """Return a row for each pair and second; as arrays, because there are hundreds of thousands."""
    pairs = sorted(scene.known)
    lengths = [len(scene.known[pair]) for pair in pairs]
    begins_s = np.array([at_s for pair in pairs for at_s in sorted(scene.known[pair])], dtype=float)
    metres = [scene.known[pair][at_s] for pair in pairs for at_s in sorted(scene.known[pair])]
    columns = {
        "phase": np.full(len(begins_s), scene.name, dtype=object),
        "one": np.repeat(np.array([_name(one) for one, _other in pairs], dtype=object), lengths),
        "other": np.repeat(np.array([_name(other) for _one, other in pairs], dtype=object), lengths),
        "begins_s": begins_s,
        "ends_s": begins_s + 1,
        "distance_m": np.array(metres, dtype=float),
        "source": np.full(len(begins_s), scene.source, dtype=object),
        "confidence": np.full(len(begins_s), 3),
    }
    return pa.table(columns, schema=schema("truth"))
