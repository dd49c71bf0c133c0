"""``trial import mit-matrix``: MIT Lincoln Laboratory's matrix of postures (mitll/MIT-Matrix-Data).

A CSV, gzipped or not, with the columns of :data:`COLUMNS`. Each run is a phase: two phones on people who keep their
distance. One run has the packets of two logs at two distances, which become two phases. The name of a run has the time
of its log, without a zone: it counts as UTC, to the second.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bluezone_agent.errors import N_
from bluezone_agent.radios.recorded.recording import open_csv
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

COLUMNS: Final = (
    "run",
    "t_s",
    "rssi_dbm",
    "distance_m",
    "receiver",
    "beacon",
    "subject",
    "beacon_subject",
    "environment",
)
LOGGED_AT: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)[T_](\d\d)\.(\d\d)\.(\d\d)")
RECEIVER, SENDER = "receiver", "beacon"
SHORTEST_S: Final = 1.0


def read(source: Path) -> Recording:
    """Read the recording; raises TrialError, RecordingError."""
    runs: dict[tuple[str, str], list[dict[str, str]]] = {}
    try:
        with open_csv(source) as file:
            rows = csv.DictReader(file)
            if not set(COLUMNS) <= set(rows.fieldnames or ()):
                raise not_such(
                    source,
                    N_("{path} is not MIT's matrix: its first line lacks columns"),
                    N_("name the CSV with the columns run, t_s, rssi_dbm, distance_m, receiver, beacon and so on"),
                )
            for row in rows:
                runs.setdefault((row["run"], row["distance_m"]), []).append(row)
        phases, columns, truth = _phases(runs)
    except (ValueError, TypeError) as error:
        raise unreadable(source, error) from error
    return Recording(
        {
            "title": f"MIT Matrix Data, {len(runs)} runs of two phones",
            "protocol": "gaen",
            "license": "CC-BY-4.0",
            "citation": "mitll/MIT-Matrix-Data, MIT Lincoln Laboratory, CC BY 4.0",
            "notes": "Each phase is a run with its own people and phones. The packets state no transmit power."
            " The logs have no time zone; their times count as UTC.",
        },
        [ImportedDevice(RECEIVER, "listen", system="iOS"), ImportedDevice(SENDER, "broadcast", system="iOS")],
        phases,
        adverts_table(columns),
        rows_table("truth", truth),
    )


def _phases(
    runs: Mapping[tuple[str, str], list[dict[str, str]]],
) -> tuple[list[ImportedPhase], dict[str, list[object]], list[dict[str, object]]]:
    phases: list[ImportedPhase] = []
    names = ("receiver", "sender", "time_s", "phase", "distance_m", "rssi_dbm")
    columns: dict[str, list[object]] = {name: [] for name in names}
    truth: list[dict[str, object]] = []
    distances = Counter(run for run, _ in runs)
    for begins_s, run, metres, rows in sorted(
        (_logged_at(run), run, metres, rows) for (run, metres), rows in runs.items()
    ):
        ordered = sorted((float(row["t_s"]), int(row["rssi_dbm"])) for row in rows)
        name = f"{run} {metres} m" if distances[run] > 1 else run
        phase = _phase(name, rows[0], begins_s, begins_s + max(ordered[-1][0], SHORTEST_S))
        phases.append(phase)
        truth.append(fixed_truth(phase, RECEIVER, SENDER, float(metres)))
        of_run = (RECEIVER, SENDER, None, name, float(metres), None)
        for t_s, rssi_dbm in ordered:
            for column, value in zip(names, of_run, strict=True):
                columns[column].append(value)
            columns["time_s"][-1], columns["rssi_dbm"][-1] = begins_s + t_s, rssi_dbm
    return phases, columns, truth


def _phase(run: str, row: dict[str, str], begins_s: float, ends_s: float) -> ImportedPhase:
    phones = " / ".join(text for text in (row["receiver"], row["beacon"].strip(",")) if text)
    people = " / ".join(text for text in (row["subject"], row["beacon_subject"]) if text)
    return ImportedPhase(run, begins_s, ends_s, "; ".join(t for t in (people, phones) if t), row["environment"])


def _logged_at(run: str) -> float:
    found = LOGGED_AT.search(run)
    if found is None:
        raise ValueError(f"run {run!r} has no time in its name")
    return datetime.strptime(".".join(found.groups()), "%Y.%m.%d.%H.%M.%S").replace(tzinfo=UTC).timestamp()
