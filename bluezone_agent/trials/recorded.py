"""What the devices of a trial recorded: the records in memory, and the packets of one device at a time."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pyarrow as pa
from pyarrow import csv

from bluezone_agent.errors import N_
from bluezone_agent.trials.append import read_json_lines
from bluezone_agent.trials.folder import CLOCK, DEVICE, DEVICES, EVENTS, MARKS, TrialError, TrialFolder
from bluezone_agent.trials.packets import chunks, read_chunk
from bluezone_agent.trials.plan import TrialPlan
from bluezone_agent.trials.records import (
    CLOCK_DECODER,
    EVENTS_DECODER,
    MARKS_DECODER,
    BothClocks,
    RecordedDevice,
    TrialEvent,
    TrialMark,
)

PACKET_TYPES = {
    "boottime_ns": pa.int64(),
    "wall_ns": pa.int64(),
    "device": pa.string(),
    "rotation": pa.int64(),
    "rssi_dbm": pa.int16(),
    "stated_dbm": pa.int16(),
    "adapter": pa.string(),
}


@dataclass(slots=True)
class RecordedNode:
    """What one device recorded."""

    device: str
    folder: Path
    about: RecordedDevice | None
    first_received: pa.Table = field(repr=False)
    """When each identifier was first received, on the device's clock: ``device``, ``rotation``, ``wall_ns_min``."""
    events: list[TrialEvent] = field(repr=False)
    marks: list[TrialMark] = field(repr=False)
    clock: list[BothClocks] = field(repr=False)
    unreadable_bytes: int

    def packets(self) -> pa.Table:
        """Read the packets. Raises OSError."""
        return _packets(self.folder)[0]


def read_nodes(trial: TrialFolder, plan: TrialPlan) -> list[RecordedNode]:
    """Return what each device of the plan recorded, without those whose folder is missing.

    Raises TrialError if nothing was recorded, or a folder belongs to no device of the plan.
    """
    folders = sorted(path.name for path in (trial.path / DEVICES).glob("*") if path.is_dir())
    for name in folders:
        if plan.device(name) is None:
            raise TrialError(
                N_("{path} belongs to no device of the plan"),
                N_("the plan has: {devices}; move the folder away, or correct the plan"),
                path=trial.device(name),
                devices=", ".join(device.id for device in plan.devices),
            )
    if not folders:
        raise TrialError(
            N_("{path} has no recordings"),
            N_('record with "bluezone-agent trial run", or try "bluezone-agent trial simulate"'),
            path=trial.path,
        )
    return [_read_node(trial, name) for name in folders]


def _read_node(trial: TrialFolder, name: str) -> RecordedNode:
    folder = trial.device(name)
    packets, unreadable_bytes = _packets(folder)
    return RecordedNode(
        name,
        folder,
        _about(trial, name),
        packets.group_by(["device", "rotation"]).aggregate([("wall_ns", "min")]),
        list(read_json_lines(folder / EVENTS, EVENTS_DECODER)),
        list(read_json_lines(folder / MARKS, MARKS_DECODER)),
        list(read_json_lines(folder / CLOCK, CLOCK_DECODER)),
        unreadable_bytes,
    )


def _packets(folder: Path) -> tuple[pa.Table, int]:
    """Return the packets in a device's folder, and how many bytes can't be read."""
    torn = list[int]()
    tables = [_table(b"".join(read_chunk(path, torn.append))) for path in chunks(folder)]
    return pa.concat_tables(tables) if tables else pa.schema(list(PACKET_TYPES.items())).empty_table(), sum(torn)


def _table(text: bytes) -> pa.Table:
    if not text:
        return pa.schema(list(PACKET_TYPES.items())).empty_table()
    options = csv.ConvertOptions(column_types=PACKET_TYPES, strings_can_be_null=False)
    return csv.read_csv(io.BytesIO(text), convert_options=options)


def _about(trial: TrialFolder, name: str) -> RecordedDevice | None:
    path = trial.device(name) / DEVICE
    try:
        return msgspec.json.decode(path.read_bytes(), type=RecordedDevice)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise TrialError(
            N_("{path} is damaged: {reason}"),
            N_("copy it again from the device"),
            path=path,
            reason=error,
        ) from error
