"""DP-3T's recordings with people (DP-3T/bt-measurements): packets in SQLite, positions from cameras in JSON.

Reads a directory of any of their experiments: every ``*.sqlite`` with a table ``results`` is a scene, its timestamps
in seconds or milliseconds; every JSON file, packed in a zip or not, with a list ``datetime`` and lists of positions
by person is a ground truth, or a part of one. A scene takes the parts that overlap with it in time, else the distances
in the table. Other databases, such as the single phones' own, are left alone.
"""

from __future__ import annotations

import json
import sqlite3
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from benchmarks.proximity.tidy import Floats, Pair

ZURICH = ZoneInfo("Europe/Zurich")
MODELS = {
    "SM-G973F": (1, 2, 7, 9, 11, 12),
    "SM-G970F": (3, 4),
    "SM-A405FN": (5, *range(13, 21)),
    "SM-G981B/DS": (6,),
    "SM-A908B": (8,),
    "SM-A515F": (10,),
}
"""Whose phone was what: the tables' own column is wrong for most rows."""
CALIBRATION = {
    "SM-G973F": (2, -29),
    "SM-G970F": (5, -25),
    "SM-A405FN": (2, -23),
    "SM-A515F": (2, -28),
    "SM-A908B": (5, -25),
    "SM-G981B/DS": (5, -25),
}
"""Published RSSI correction and transmit power, dBm."""
BY_PERSON = {str(person): CALIBRATION[model] for model, people in MODELS.items() for person in people}
UNKNOWN_PHONE = (2, -25)
LEAST_DBM = -60
MILLISECONDS = 1e11


@dataclass(frozen=True, slots=True)
class Truth:
    """Where people were, once a second."""

    t_s: Floats
    positions: dict[str, Floats]
    """Person → (seconds, 2) metres, NaN where unseen."""

    def distance_m(self, one: str, other: str) -> tuple[Floats, Floats] | None:
        """Return the seconds at which both were seen, and how far apart they were."""
        if one not in self.positions or other not in self.positions:
            return None
        apart = np.linalg.norm(self.positions[one] - self.positions[other], axis=1)
        known = ~np.isnan(apart)
        return self.t_s[known], apart[known]


def load(directory: Path, name: str = "dp3t") -> list[Pair]:
    """Return every pair of every scene in which anything was heard, or whose distance is known."""
    truths = [_truth(raw) for raw in _tracks(directory)]
    pairs: list[Pair] = []
    for path in sorted(directory.rglob("*.sqlite")):
        pairs += _scene(path, truths, name)
    return pairs


def _tracks(directory: Path) -> Iterator[dict[str, list[object]]]:
    for path in sorted(directory.rglob("*.json")):
        yield from _track(path.read_bytes())
    for path in sorted(directory.rglob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                if member.endswith(".json") and "__MACOSX" not in member:
                    yield from _track(archive.read(member))


def _track(data: bytes) -> Iterator[dict[str, list[object]]]:
    value = json.loads(data)
    if isinstance(value, dict) and isinstance(value.get("datetime"), list):
        yield value


def _truth(raw: dict[str, list[object]]) -> Truth:
    """Take the median position of each second."""
    times = np.array([_seconds(t) for t in raw["datetime"]])
    seconds, index = np.unique(np.floor(times), return_inverse=True)
    starts = np.searchsorted(index, np.arange(len(seconds) + 1))
    positions: dict[str, Floats] = {}
    for person, places in raw.items():
        if person != "datetime":
            xy = np.array([p[:2] if isinstance(p, list) else (np.nan, np.nan) for p in places], dtype=np.float64)
            positions[person] = np.array([_median(xy[a:b]) for a, b in pairwise(starts)])
    return Truth(seconds, positions)


def _median(places: Floats) -> Floats:
    seen = places[~np.isnan(places[:, 0])]
    return np.median(seen, axis=0) if len(seen) else np.array((np.nan, np.nan))


def _seconds(stamp: object) -> float:
    if isinstance(stamp, int | float):
        return stamp / 1000 if stamp > MILLISECONDS else float(stamp)
    when = datetime.fromisoformat(str(stamp))
    return (when if when.tzinfo else when.replace(tzinfo=ZURICH)).timestamp()


def _scene(path: Path, truths: list[Truth], name: str) -> list[Pair]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as db:
        columns = {row[1] for row in db.execute("PRAGMA table_info(results)")}
        if not columns:
            return []
        distance, power = (c if c in columns else "NULL" for c in ("ground_truth_distance", "tx_power"))
        rows = db.execute(
            f"SELECT receiver_id, transmitter_id, timestamp, rssi, {distance}, {power} FROM results ORDER BY timestamp"
        ).fetchall()
    received: dict[tuple[str, str], list[tuple[float, float, float]]] = {}
    stated_dbm: dict[str, float] = {}
    for receiver, transmitter, stamp, rssi, apart, power_dbm in rows:
        stated = np.nan if apart is None or float(apart) < 0 else float(apart)  # -1: nobody measured it
        if power_dbm is not None and LEAST_DBM <= float(power_dbm) < 0:  # 0: not stated
            stated_dbm[str(transmitter)] = float(power_dbm)
        received.setdefault((str(receiver), str(transmitter)), []).append((_seconds(stamp), float(rssi), stated))
    if not received:
        return []
    first, last = (edge(t for packets in received.values() for t, _, _ in packets) for edge in (min, max))
    parts = sorted((t for t in truths if t.t_s[0] < last and t.t_s[-1] > first), key=lambda t: t.t_s[0])
    receivers = {receiver for receiver, _ in received}
    people = {person for pair in received for person in pair}
    pairs = []
    for receiver in sorted(receivers):
        for transmitter in sorted(people - {receiver}):
            packets = np.array(received.get((receiver, transmitter), [])).reshape(-1, 3)
            known = _known(parts, receiver, transmitter, packets)
            if known is not None and len(known[0]):
                pair = _pair(name, path.stem, receiver, transmitter, packets, known)
                pairs.append(replace(pair, tx_power_dbm=stated_dbm.get(transmitter, pair.tx_power_dbm)))
    return pairs


def _known(parts: Sequence[Truth], receiver: str, transmitter: str, packets: Floats) -> tuple[Floats, Floats] | None:
    if not parts:
        stated = packets[~np.isnan(packets[:, 2])]
        return stated[:, 0], stated[:, 2]
    seen = [d for part in parts if (d := part.distance_m(receiver, transmitter)) is not None]
    if not seen:
        return None
    times_s, first_of = np.unique(np.concatenate([t for t, _ in seen]), return_index=True)
    return times_s, np.concatenate([metres for _, metres in seen])[first_of]


def _pair(
    name: str, scene: str, receiver: str, transmitter: str, packets: Floats, known: tuple[Floats, Floats]
) -> Pair:
    correction, _ = BY_PERSON.get(receiver, UNKNOWN_PHONE)
    _, tx_power_dbm = BY_PERSON.get(transmitter, UNKNOWN_PHONE)
    return Pair(name, scene, receiver, transmitter, packets[:, 0], packets[:, 1] + correction, tx_power_dbm, *known)
