"""A packed dataset as tables that are computed where they lie: Ibis expressions, on any engine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import ibis.expr.types as ir
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from bluezone_agent.errors import N_
from bluezone_agent.tables.engines import ENGINES, Engine
from bluezone_agent.tables.names import DUCKDB
from bluezone_agent.trials.folder import TrialError
from bluezone_agent.trials.pack import PACKAGE_NAME

BLOCK: Final = 2**20
PACKETS: Final = "adverts"


@dataclass(frozen=True, slots=True)
class PacketFiles:
    """The files of one receiver."""

    paths: list[str]
    rows: int


class Dataset:
    """The tables of a dataset by name."""

    def __init__(self, folder: Path, engine: str = DUCKDB) -> None:
        """Raises TrialError if a file is missing or is not the one that was packed, or the engine does not start."""
        self._folder = folder
        package = _package(folder)
        self._source: dict[str, Any] = package.get("source", {})
        self._paths: dict[str, list[str]] = {}
        self._rows: dict[str, int] = {}
        for resource in package["resources"]:
            _require_whole(folder, resource)
            path = str(folder / resource["path"])
            self._paths.setdefault(resource["table"], []).append(path)
            self._rows[path] = resource["rows"]
        self._engine: Engine = ENGINES[engine]()

    def __getitem__(self, table: str) -> ir.Table:
        return self._engine.parquet(table, self._paths[table])

    def packets(self, paths: Sequence[str]) -> ir.Table:
        """Return the packets of some files of :meth:`packets_by_receiver`."""
        return self._engine.parquet("some_adverts", paths)

    def packets_by_receiver(self) -> dict[str, PacketFiles]:
        """Return the files of each receiver of whom there are packets; every file is of one."""
        found: dict[str, PacketFiles] = {}
        for path in self._paths[PACKETS]:
            if rows := self._rows[path]:
                receiver = _first(path, "receiver")
                before = found.get(receiver, PacketFiles([], 0))
                found[receiver] = PacketFiles([*before.paths, path], before.rows + rows)
        return found

    @property
    def kind(self) -> str:
        """Which importer made it; empty for a trial that was recorded or simulated."""
        return str(self._source.get("kind", ""))

    def batches(self, table: str, rows: int) -> Iterator[pa.RecordBatch]:
        """Yield a table, which may not fit into memory, in batches of so many rows; none without a file."""
        for path in self._paths.get(table, ()):
            yield from pq.ParquetFile(path).iter_batches(batch_size=rows)

    def has(self, table: str) -> bool:
        """Return whether there is a file of this table."""
        return table in self._paths


def _first(path: str, column: str) -> str:
    """Return the first value of a column of a file that has rows."""
    with pq.ParquetFile(path) as file:
        return str(next(file.iter_batches(batch_size=1, columns=[column]))[column][0])


def _package(folder: Path) -> dict[str, Any]:
    path = folder / PACKAGE_NAME
    try:
        package: dict[str, Any] = msgspec.json.decode(path.read_bytes())
    except FileNotFoundError as error:
        raise TrialError(
            N_("{path} has no dataset"), N_('make it first: "bluezone-agent trial pack"'), path=folder.parent
        ) from error
    except msgspec.DecodeError as error:
        raise TrialError(
            N_("{path} is damaged: {reason}"),
            N_('make it again: "bluezone-agent trial pack"'),
            path=path,
            reason=error,
        ) from error
    return package


def _require_whole(folder: Path, resource: dict[str, Any]) -> None:
    path = folder / resource["path"]
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                digest.update(block)
        found = digest.hexdigest()
    except FileNotFoundError:
        found = ""
    if found != resource["sha256"]:
        raise TrialError(
            N_("{path} is not the file that was packed"),
            N_('make the dataset again: "bluezone-agent trial pack"'),
            path=path,
        )
