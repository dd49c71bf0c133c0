"""What an importer reads, and how it becomes the folder of a trial: the plan as far as it is known, and the dataset."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bluezone_agent.core.intervals import DAY_S, MINUTE_S
from bluezone_agent.errors import N_
from bluezone_agent.trials.folder import TrialError, make_folder
from bluezone_agent.trials.imports import KINDS
from bluezone_agent.trials.pack import schema, write_dataset
from bluezone_agent.trials.plan import Schedule
from bluezone_agent.trials.read_plan import parse_plan

Row = dict[str, Any]
SMALL: Final = ("on_air", "clock", "pair_offsets")
"""Tables that no importer fills."""
MICROS: Final = 6


@dataclass(frozen=True, slots=True)
class ImportedDevice:
    """A device, as far as the source describes it."""

    id: str
    role: str = "both"
    model: str = ""
    carried: str = ""
    person: str = ""
    system: str = ""
    power_dbm: float | None = None
    """Calibrated transmit power."""
    rssi_correction_db: float | None = None
    """What a calibration adds to its RSSI."""


@dataclass(frozen=True, slots=True)
class ImportedPhase:
    """A stretch of a recording; its times are None if the source has none."""

    name: str
    begins_s: float | None
    ends_s: float | None
    posture: str = ""
    obstacles: str = ""
    confidence: int = 3


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording in the form of a trial."""

    about: Mapping[str, str]
    """Settings of ``[trial]``: at least title, license and citation."""
    devices: Sequence[ImportedDevice]
    phases: Sequence[ImportedPhase]
    adverts: pa.Table
    """With receiver, sender, time_s, phase, distance_m, rssi_dbm, and what else of the table is known."""
    truth: pa.Table
    scan: Schedule | None = None
    """None: continuous."""
    minutes: Sequence[Row] = ()
    """What was counted and is not in the packets."""
    marks: Sequence[Row] = ()


def import_recording(kind: str, source: Path, folder: Path, **options: Any) -> tuple[dict[str, int], Recording]:
    """Make a trial's folder with the dataset of a recording; return the rows of each table, and what was read.

    Raises TrialError if ``source`` is not such a recording, PlanError, NewFileError.
    """
    module = import_module(f"{__package__}.{KINDS[kind]}")
    recording: Recording = module.read(source, **options)
    properties = {"source": {"kind": kind, "name": source.name}}
    return write_recording(recording, folder, properties), recording


def write_recording(recording: Recording, folder: Path, properties: Mapping[str, Any]) -> dict[str, int]:
    """Make a trial's folder with the dataset of a recording; return the rows of each table.

    Raises PlanError, NewFileError.
    """
    text = "\n".join(_plan(folder.absolute().name, recording)) + "\n"
    plan = parse_plan(text, folder)
    trial = make_folder(folder, text.encode())
    return write_dataset(trial, plan, _tables(recording), properties)


def not_such(source: Path, what: str, hint: str) -> TrialError:
    """Return the error for a source that has nothing of its kind; ``what`` is a template for the catalogues."""
    return TrialError(what, hint, path=source)


def unreadable(source: Path, reason: object) -> TrialError:
    """Return the error for a source that can't be read."""
    return TrialError(
        N_("can't read the recording {path}: {reason}"),
        N_("name the recording as it was published; docs/trials.md says where each is from"),
        path=source,
        reason=getattr(reason, "strerror", None) or reason,
    )


def adverts_table(columns: Mapping[str, Any]) -> pa.Table:
    """Return columns as a table of packets; those that are not given are missing, times are also the receiver's own."""
    length = len(columns["receiver"])
    columns = {"wall_s": columns["time_s"], "rotation": [0] * length, "adapter": [""] * length} | dict(columns)
    arrays = [
        pa.array(columns[name], type_, from_pandas=True) if name in columns else pa.nulls(length, type_)
        for name, type_ in ((f.name, f.type) for f in schema("adverts"))
    ]
    return pa.Table.from_arrays(arrays, schema=schema("adverts"))


def rows_table(name: str, rows: Sequence[Row]) -> pa.Table:
    """Return rows as a table of the dataset; columns that a row does not have are missing."""
    return pa.Table.from_pylist(list(rows), schema(name))


def fixed_truth(
    phase: ImportedPhase, one: str, other: str, distance_m: float, ends_s: float | None = None
) -> dict[str, Any]:
    """Return a row of the truth: two devices that stayed so far apart, until the phase or ``ends_s`` ends."""
    return {
        "phase": phase.name,
        "one": one,
        "other": other,
        "begins_s": phase.begins_s,
        "ends_s": phase.ends_s if ends_s is None else ends_s,
        "distance_m": distance_m,
        "source": "plan",
        "confidence": phase.confidence,
    }


def _plan(name: str, recording: Recording) -> Iterator[str]:
    yield f"[trial]\nname = {json.dumps(name)}"
    yield from (f"{key} = {_quoted(value)}" for key, value in recording.about.items())
    if recording.scan is not None:
        yield f"\n[radio]\nscan = {{on_s = {recording.scan.on_s:g}, every_s = {recording.scan.every_s:g}}}"
    for device in recording.devices:
        yield f'\n[[device]]\nid = "{device.id}"\nrole = "{device.role}"'
        texts = {"carried": device.carried, "person": device.person, "model": device.model}
        yield from (f"{key} = {_quoted(value)}" for key, value in texts.items() if value)
    for phase in recording.phases:
        length_s = MINUTE_S if phase.begins_s is None or phase.ends_s is None else phase.ends_s - phase.begins_s
        minutes = round(length_s / MINUTE_S, MICROS)
        yield f"\n[[phase]]\nname = {_quoted(phase.name)}\nminutes = {minutes}\nfree = true"
        yield f"confidence = {phase.confidence}"
        texts = {"posture": phase.posture, "obstacles": phase.obstacles}
        yield from (f"{key} = {_quoted(value)}" for key, value in texts.items() if value)


def _quoted(text: str) -> str:
    """Return a text as TOML: JSON's escapes are TOML's, but for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")


def _tables(recording: Recording) -> Iterator[tuple[str, str, pa.Table]]:
    for device in recording.devices:
        if device.role != "broadcast":
            yield from _by_day(device.id, recording.adverts.filter(pc.field("receiver") == device.id))
    yield "truth", "truth/truth.parquet", recording.truth
    small: dict[str, Sequence[Row]] = {
        "phases": [
            {name: getattr(phase, name) for name in ("begins_s", "ends_s", "posture", "obstacles", "confidence")}
            | {"phase": phase.name}
            for phase in recording.phases
        ],
        "devices": [_device(device) for device in recording.devices],
        "minutes": recording.minutes,
        "marks": recording.marks,
        **dict.fromkeys(SMALL, ()),
    }
    for name, rows in small.items():
        yield name, f"{name}/{name}.parquet", rows_table(name, rows)


def _by_day(receiver: str, adverts: pa.Table) -> Iterator[tuple[str, str, pa.Table]]:
    undated = adverts.filter(pc.field("time_s").is_null())
    if undated.num_rows or not adverts.num_rows:
        yield "adverts", f"adverts/{receiver}-undated.parquet", undated
    dated = adverts.filter(pc.field("time_s").is_valid())
    days = np.floor(dated["time_s"].to_numpy() / DAY_S).astype(np.int64)
    for day in np.unique(days):
        name = f"{receiver}-{datetime.fromtimestamp(int(day) * DAY_S, UTC):%Y-%m-%d}"
        yield "adverts", f"adverts/{name}.parquet", dated.filter(pa.array(days == day))


def _device(device: ImportedDevice) -> Row:
    known = {name: getattr(device, name) for name in ("person", "role", "carried", "model", "system")}
    return known | {
        "device": device.id,
        "radio": "",
        "scan_mode": "",
        "offset_s": 0.0,
        "unreadable_bytes": 0,
        "lost_packets": 0,
        "power_dbm": device.power_dbm,
        "rssi_correction_db": device.rssi_correction_db,
    }
