"""The owner's data for other programs."""

from __future__ import annotations

import time
from pathlib import Path

from bluezone_agent.actions.own_data.rows import OwnData
from bluezone_agent.actions.own_data.write import FORMATS, table_writer, write_export
from bluezone_agent.app.configuration import configuration, rule_in_force
from bluezone_agent.app.contacts import power_bands
from bluezone_agent.app.device import Device
from bluezone_agent.app.owner_time import owner_calendar
from bluezone_agent.app.result import Result
from bluezone_agent.core.intervals import DAY_S, RETENTION_DAYS
from bluezone_agent.exposure_check.calibration_in_force import calibration_in_force
from bluezone_agent.files import require_new_folder
from bluezone_agent.stores.store import Store

__all__ = ["FORMATS", "DataExport", "ExportedTable", "export_data", "require_possible"]


class ExportedTable(Result, frozen=True, kw_only=True):
    """A table of the export."""

    name: str
    rows: int


class DataExport(Result, frozen=True, kw_only=True):
    """The export that was written."""

    folder: Path
    format: str
    tables: tuple[ExportedTable, ...]


def require_possible(folder: Path, format_name: str) -> None:
    """Check that an export is possible before the owner is asked; raises NewFileError, ExportError."""
    table_writer(format_name)
    require_new_folder(folder)


def export_data(device: Device, folder: Path, format_name: str) -> DataExport:
    """Write everything as of one moment into a new folder, even while an agent runs; raises AgentError."""
    config, now_s, write_tables = configuration(device), time.time(), table_writer(format_name)
    with Store(device.state_dir) as store, store.one_moment():
        calendar = owner_calendar(store)
        data = OwnData(
            store,
            config,
            rule_in_force(config),
            calendar,
            bands=power_bands(calibration_in_force(store, now_s), config),
            since_s=now_s - RETENTION_DAYS * DAY_S,
        )
        rows = write_export(folder, write_tables, data, calendar.local(now_s))
    return DataExport(
        folder=folder,
        format=format_name,
        tables=tuple(ExportedTable(name=name, rows=n) for name, n in rows.items()),
    )
