"""Measured rooms: the RSSI of one beacon at several receivers, with the true distance."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bluezone_agent.errors import N_, RecordingError
from bluezone_agent.radios.recorded.recording import open_csv

COLUMNS: Final = ("session", "t_s", "receiver", "rssi_dbm", "distance_m")
"""``t_s`` counts from the start of the session; ``distance_m`` is true."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One packet of the beacon at one receiver."""

    t_s: float
    rssi_dbm: int
    distance_m: float


@dataclass(frozen=True, slots=True)
class Track:
    """What one receiver received in one session, in order."""

    session: str
    receiver: str
    samples: tuple[Sample, ...]

    @property
    def stands(self) -> bool:
        """Whether the beacon stayed in one place."""
        return len({s.distance_m for s in self.samples}) == 1

    @property
    def closest_m(self) -> float:
        """The shortest true distance."""
        return min(s.distance_m for s in self.samples)


def read_measurements(path: Path) -> list[Track]:
    """Read a CSV, ``.gz`` or not, with :data:`COLUMNS` in any order.

    Raises RecordingError with the line when it can't be read or is not such a file.
    """
    samples: dict[tuple[str, str], list[Sample]] = {}
    with open_csv(path) as file:
        rows = csv.DictReader(file)
        if not set(COLUMNS) <= set(rows.fieldnames or ()):
            raise RecordingError(
                N_("{path} is not a measurement file: its first line does not contain {columns}"),
                N_("docs/recordings.md describes what is measured and the file format"),
                path=path,
                columns=",".join(COLUMNS),
            )
        for session, receiver, sample in _rows(path, rows):
            samples.setdefault((session, receiver), []).append(sample)
    return [
        Track(session, receiver, tuple(sorted(its, key=lambda s: s.t_s)))
        for (session, receiver), its in sorted(samples.items())
    ]


def _rows(path: Path, rows: csv.DictReader[str]) -> Iterator[tuple[str, str, Sample]]:
    for row in rows:
        try:
            sample = Sample(float(row["t_s"]), int(row["rssi_dbm"]), float(row["distance_m"]))
        except (TypeError, ValueError) as error:
            raise RecordingError(
                N_("{path}, line {number}: {reason} (found: {line})"),
                N_("correct or remove that line"),
                path=path,
                number=rows.line_num,
                reason=error,
                line=",".join(str(value) for value in row.values()),
            ) from error
        yield row["session"], row["receiver"], sample
