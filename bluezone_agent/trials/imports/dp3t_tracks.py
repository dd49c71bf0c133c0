"""DP-3T's recordings with people (DP-3T/bt-measurements): the phones, and their positions from cameras.

Every JSON file, packed in a zip or not, with a list ``datetime`` and lists of positions by person is a ground truth, or
a part of one.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
ZURICH: Final = ZoneInfo("Europe/Zurich")
MODELS: Final = {
    "SM-G973F": (1, 2, 7, 9, 11, 12),
    "SM-G970F": (3, 4),
    "SM-A405FN": (5, *range(13, 21)),
    "SM-G981B/DS": (6,),
    "SM-A908B": (8,),
    "SM-A515F": (10,),
}
"""Whose phone was what: the tables' own column is wrong for most rows."""
CALIBRATION: Final = {
    "SM-G973F": (2, -29),
    "SM-G970F": (5, -25),
    "SM-A405FN": (2, -23),
    "SM-A515F": (2, -28),
    "SM-A908B": (5, -25),
    "SM-G981B/DS": (5, -25),
}
"""Published RSSI correction and transmit power, dBm."""
BY_PERSON: Final = {str(person): CALIBRATION[model] for model, people in MODELS.items() for person in people}
MILLISECONDS: Final = 1e11


@dataclass(frozen=True, slots=True)
class CameraTrack:
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


def camera_tracks(directory: Path) -> list[CameraTrack]:
    """Return the ground truths in a directory. Raises OSError, ValueError."""
    return [_truth(raw) for raw in _tracks(directory)]


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


def _truth(raw: dict[str, list[object]]) -> CameraTrack:
    """Take the median position of each second."""
    times = np.array([unix_seconds(t) for t in raw["datetime"]])
    seconds, index = np.unique(np.floor(times), return_inverse=True)
    starts = np.searchsorted(index, np.arange(len(seconds) + 1))
    positions: dict[str, Floats] = {}
    for person, places in raw.items():
        if person != "datetime":
            xy = np.array([p[:2] if isinstance(p, list) else (np.nan, np.nan) for p in places], dtype=np.float64)
            positions[person] = np.array([_median(xy[a:b]) for a, b in pairwise(starts)])
    return CameraTrack(seconds, positions)


def _median(places: Floats) -> Floats:
    seen = places[~np.isnan(places[:, 0])]
    return np.median(seen, axis=0) if len(seen) else np.array((np.nan, np.nan))


def unix_seconds(stamp: object) -> float:
    """Return a time stamp of theirs, in seconds or milliseconds or as text, as Unix seconds."""
    if isinstance(stamp, int | float):
        return stamp / 1000 if stamp > MILLISECONDS else float(stamp)
    when = datetime.fromisoformat(str(stamp))
    return (when if when.tzinfo else when.replace(tzinfo=ZURICH)).timestamp()
