"""``trial pack``: the recordings as tidy tables, a Frictionless Data Package of Parquet files."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.files import PUBLIC, create
from bluezone_agent.trials.common_time import CommonTime
from bluezone_agent.trials.dataset_rows import ROWS, RecordedTrial, read_trial
from bluezone_agent.trials.dataset_tables import TABLES
from bluezone_agent.trials.folder import DATASET, TrialFolder
from bluezone_agent.trials.methods import code_book
from bluezone_agent.trials.plan import TrialPlan
from bluezone_agent.trials.recorded import RecordedNode
from bluezone_agent.trials.records import NS
from bluezone_agent.trials.truth import TrueDistances, by_pair

GZIP_LEVEL: Final = 4
"""The default, 9, takes five times as long for the same size."""
PACKAGE_NAME: Final = "datapackage.json"
README_NAME: Final = "README.md"
ARROW_TYPES: Final = {
    "string": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
}
LICENSES: Final = {
    "CC-BY-4.0": ("https://creativecommons.org/licenses/by/4.0/", "Creative Commons Attribution 4.0"),
    "CC-BY-SA-4.0": ("https://creativecommons.org/licenses/by-sa/4.0/", "Creative Commons Attribution-ShareAlike 4.0"),
    "CC-BY-ND-4.0": (
        "https://creativecommons.org/licenses/by-nd/4.0/",
        "Creative Commons Attribution-NoDerivatives 4.0",
    ),
    "CC0-1.0": ("https://creativecommons.org/publicdomain/zero/1.0/", "Creative Commons Zero 1.0"),
}


def pack(trial: TrialFolder) -> dict[str, int]:
    """Write the dataset, in place of an older one; return the rows of each table.

    Raises PlanError, TrialError, OSError.
    """
    recorded = read_trial(trial)
    return write_dataset(trial, recorded.plan, _tables(recorded))


def write_dataset(
    trial: TrialFolder,
    plan: TrialPlan,
    tables: Iterable[tuple[str, str, pa.Table]],
    properties: Mapping[str, Any] | None = None,
) -> dict[str, int]:
    """Write tables (name, file, rows) as the trial's dataset; return the rows of each. Raises OSError.

    ``properties`` become part of datapackage.json.
    """
    folder, new = trial.path / DATASET, trial.path / f".{DATASET}.new"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700)
    resources = [_write(new, name, path, table) for name, path, table in tables]
    create(new / README_NAME, code_book(plan, resources).encode(), mode=PUBLIC)
    package = _package(plan, resources) | dict(properties or {})
    create(new / PACKAGE_NAME, msgspec.json.format(msgspec.json.encode(package)), mode=PUBLIC)
    shutil.rmtree(folder, ignore_errors=True)
    new.rename(folder)
    rows: dict[str, int] = dict.fromkeys(TABLES, 0)
    for resource in resources:
        rows[resource["table"]] += resource["rows"]
    return rows


def _tables(recorded: RecordedTrial) -> Iterator[tuple[str, str, pa.Table]]:
    """Yield each table, or part of one: its name, its file, its rows."""
    truth = by_pair(recorded.truth)
    for node in recorded.nodes:
        table = _adverts(node, recorded.time, truth)
        if not table.num_rows:
            yield "adverts", f"adverts/{node.device}-empty.parquet", table
        days = np.floor(table["time_s"].to_numpy() / DAY_S).astype(np.int64)
        for day in np.unique(days):
            name = f"{node.device}-{datetime.fromtimestamp(int(day) * DAY_S, UTC):%Y-%m-%d}"
            yield "adverts", f"adverts/{name}.parquet", table.filter(pa.array(days == day))
    for name, rows in ROWS.items():
        yield name, f"{name}/{name}.parquet", pa.Table.from_pylist(rows(recorded), schema=schema(name))


def schema(name: str) -> pa.Schema:
    """Return the Arrow schema of a table."""
    return pa.schema([(c.name, pa.int64() if c.whole else ARROW_TYPES[c.type]) for c in TABLES[name]])


def _adverts(node: RecordedNode, time: CommonTime, truth: TrueDistances) -> pa.Table:
    packets = node.packets()
    wall_s = packets["wall_ns"].to_numpy() / NS
    at_s = wall_s - time.offsets[node.device].offset_s
    senders = packets["device"].to_numpy(zero_copy_only=False)
    columns = {
        "receiver": np.full(len(at_s), node.device, dtype=object),
        "sender": senders,
        "time_s": at_s,
        "wall_s": wall_s,
        "boottime_s": packets["boottime_ns"].to_numpy() / NS,
        "phase": _phases(at_s, time),
        "distance_m": pa.array(_distances(node.device, senders, at_s, truth), from_pandas=True),
        "rssi_dbm": packets["rssi_dbm"].cast(pa.int64()),
        "stated_dbm": packets["stated_dbm"].cast(pa.float64()),
        "rotation": packets["rotation"],
        "adapter": packets["adapter"],
    }
    return pa.table(columns, schema=schema("adverts"))


def _phases(at_s: np.ndarray[Any, Any], time: CommonTime) -> np.ndarray[Any, Any]:
    edges = [when.begins_s for when in time.phases] + [time.phases[-1].ends_s]
    names = np.array(["", *(when.phase.name for when in time.phases), ""], dtype=object)
    found: np.ndarray[Any, Any] = names[np.searchsorted(edges, at_s, side="right")]
    return found


def _distances(
    receiver: str, senders: np.ndarray[Any, Any], at_s: np.ndarray[Any, Any], truth: TrueDistances
) -> np.ndarray[Any, Any]:
    metres = np.full(len(at_s), np.nan)
    for sender in set(senders):
        known = truth.get(frozenset((receiver, sender)), ())
        if not known:
            continue
        rows = np.flatnonzero(senders == sender)
        index = np.searchsorted([t.begins_s for t in known], at_s[rows], side="right") - 1
        within = (index >= 0) & (at_s[rows] < np.array([t.ends_s for t in known])[index])
        metres[rows[within]] = np.array([t.distance_m for t in known])[index[within]]
    return metres


def _write(folder: Path, table: str, path: str, rows: pa.Table) -> dict[str, Any]:
    """Write a file and return its resource. gzip gives each page a checksum that every reader tests."""
    (folder / path).parent.mkdir(mode=0o755, exist_ok=True)
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink, compression="gzip", compression_level=GZIP_LEVEL, write_page_checksum=True)
    data = sink.getvalue().to_pybytes()
    create(folder / path, data, mode=PUBLIC)
    name = f"adverts-{Path(path).stem.lower()}" if table == "adverts" else table.replace("_", "-")
    return {
        "name": name,
        "table": table,
        "path": path,
        "type": "table",
        "format": "parquet",
        "mediatype": "application/vnd.apache.parquet",
        "rows": rows.num_rows,
        "sha256": hashlib.sha256(data).hexdigest(),
        "schema": {
            "fields": [
                {"name": c.name, "type": c.type, "description": c.description} | ({"unit": c.unit} if c.unit else {})
                for c in TABLES[table]
            ]
        },
    }


def _package(plan: TrialPlan, resources: Sequence[dict[str, Any]]) -> dict[str, Any]:
    about = plan.trial
    path, title = LICENSES.get(about.license, ("", about.license))
    license_ = {"name": about.license} | ({"path": path} if path else {}) | ({"title": title} if title else {})
    return {
        "name": about.name.lower(),
        "title": about.title or about.name,
        "description": about.notes or about.title or about.name,
        "licenses": [license_] if about.license else [],
        "consent": about.consent,
        "citation": about.citation,
        "near_m": about.near_m,
        "protocol": about.protocol,
        "timezone": about.timezone,
        "resources": list(resources),
    }
