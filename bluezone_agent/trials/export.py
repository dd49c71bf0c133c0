"""``trial export``: a dataset as other programs read it: CSV tables, an SQLite file, or the folders of a Herald trial.

Herald (theheraldproject): a folder for each device with ``contacts.csv`` and ``detection.csv``; its TestAnalysis.R
joins them by a short payload of 6 characters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from math import floor
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from pyarrow import csv

from bluezone_agent.errors import N_, NewFileError
from bluezone_agent.files import create
from bluezone_agent.trials.dataset import Dataset
from bluezone_agent.trials.dataset_tables import TABLES
from bluezone_agent.trials.folder import DATASET, TrialError, TrialFolder
from bluezone_agent.trials.herald_figures import SETUP_S, SHARED, HeraldFigures, figures

CONTACTS: Final = "time,sensor,id,detect,read,measure,share,visit,detectHerald,delete,data"
DETECT, READ, MEASURE, SHARE = "1,,,,,,", ",2,,,,,", ",,3,,,,", ",,,4,,,"


@dataclass(frozen=True, slots=True)
class ExportedFiles:
    """Files that were written, and lines to put into a program that reads them."""

    files: int
    settings: tuple[str, ...] = ()
    expected: HeraldFigures | None = None
    """What Herald's script finds with these settings."""


def export(trial: TrialFolder, kind: str, folder: Path) -> ExportedFiles:
    """Write a packed trial into a new folder as ``csv``, ``herald`` or ``sqlite``.

    Raises PlanError, TrialError, NewFileError.
    """
    dataset = Dataset(trial.path / DATASET)
    try:
        folder.mkdir(mode=0o700)
        return KINDS[kind](trial, dataset, folder)
    except FileExistsError as error:
        raise NewFileError(
            N_("{path} already exists and is never overwritten"),
            N_("choose another name, or move the existing one away"),
            path=folder,
        ) from error


def _as_csv(_trial: TrialFolder, dataset: Dataset, folder: Path) -> ExportedFiles:
    for table in TABLES:
        create(folder / f"{table}.csv", _csv(dataset[table].to_pyarrow()) if dataset.has(table) else b"")
    return ExportedFiles(len(TABLES))


def _csv(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    csv.write_csv(table, sink)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def _as_herald(trial: TrialFolder, dataset: Dataset, folder: Path) -> ExportedFiles:
    plan = trial.plan()
    begins_s, ends_s = _times(trial, dataset)
    payloads = {device.id: f"D{number:05}" for number, device in enumerate(plan.devices, start=1)}
    adverts = dataset["adverts"]
    for device in plan.devices:
        (folder / device.id).mkdir(mode=0o700)
        received = adverts.filter(adverts.receiver == device.id).order_by("time_s")
        rows = received.select("sender", "time_s", "rssi_dbm", "adapter").to_pyarrow().to_pylist()
        create(folder / device.id / "contacts.csv", (f"{line}\n".encode() for line in _contacts(rows, payloads)))
        own = f'"{device.model or device.id}","Linux","0","{payloads[device.id]}"\n'
        create(folder / device.id / "detection.csv", own.encode())
    return ExportedFiles(
        2 * len(plan.devices),
        tuple(_settings(folder, plan.trial.name, begins_s, ends_s)),
        figures(adverts, len(plan.devices), begins_s, ends_s),
    )


def herald_settings(folder: Path, trial: TrialFolder) -> tuple[str, ...]:
    """Return the settings of Herald's script for a recording in ``folder`` that was imported as ``trial``."""
    times = _times(trial, Dataset(trial.path / DATASET))
    return tuple(_settings(folder, trial.plan().trial.name, *times))


def _times(trial: TrialFolder, dataset: Dataset) -> tuple[float, float]:
    phases = dataset["phases"].to_pyarrow().to_pylist()
    if phases[0]["begins_s"] is None:
        raise TrialError(
            N_("{path} has no times: Herald's script can't read it"),
            N_('write its tables instead: "bluezone-agent trial export --to csv"'),
            path=trial.path,
        )
    return float(floor(min(row["begins_s"] for row in phases))), float(floor(max(row["ends_s"] for row in phases)))


def _contacts(rows: list[dict[str, object]], payloads: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines of contacts.csv: a sender is detected and read at its first packet, and measured at each."""
    yield CONTACTS
    known: set[str] = set()
    for row in rows:
        sender, when = str(row["sender"]), _time(float(str(row["time_s"])))
        if sender not in known:
            known.add(sender)
            yield f"{when},BLE,{sender},{DETECT},"
            yield f"{when},BLE,{sender},{READ},{payloads[sender]}"
        if row["adapter"] == SHARED:
            yield f"{when},BLE,{sender},{SHARE},{payloads[sender]}"
        elif row["rssi_dbm"] is not None:
            yield f"{when},BLE,{sender},{MEASURE},RSSI:{float(str(row['rssi_dbm'])):.1f}"


def _settings(folder: Path, name: str, begins_s: float, ends_s: float) -> Iterator[str]:
    yield f'basedir <- "{folder.absolute()}"'
    yield f'appversion <- "{name}"'
    for variable, at_s in (
        ("filtertimemin", begins_s - SETUP_S),
        ("filtertimemax", ends_s + SETUP_S),
        ("cestart", begins_s),
        ("ceend", ends_s),
    ):
        day, time = _time(at_s)[:19].split(" ")
        yield f'{variable} <- as.POSIXct(paste("{day}", "{time}"), format="%Y-%m-%d %H:%M:%S")'


def _time(unix_s: float) -> str:
    """Return a time as Herald writes it, rounded down: the script takes whole seconds."""
    at = datetime.fromtimestamp(floor(unix_s * 1000 + 1e-3) / 1000, UTC)
    return f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03}+0000"


def _as_sqlite(_trial: TrialFolder, dataset: Dataset, folder: Path) -> ExportedFiles:
    module: Any = import_module("bluezone_agent.trials.export_sqlite")  # sqlite-utils loads slowly
    module.write_sqlite(dataset, folder)
    return ExportedFiles(1)


KINDS: Final[Mapping[str, Callable[[TrialFolder, Dataset, Path], ExportedFiles]]] = {
    "csv": _as_csv,
    "herald": _as_herald,
    "sqlite": _as_sqlite,
}
