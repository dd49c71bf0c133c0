"""Parquet, with the meaning of every column in its file (extra ``parquet``: pyarrow)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from bluezone_agent.actions.own_data.columns import Column, ColumnType, Row, Table, Tables, in_groups
from bluezone_agent.errors import N_, ExportError
from bluezone_agent.files import create

try:
    import pyarrow as pa
    from pyarrow import parquet
except ImportError as error:
    raise ExportError(
        N_("Parquet needs the package {package}, which is not installed"),
        N_("run \"pip install 'bluezone-agent[parquet]'\", or choose csv or sqlite, which need nothing"),
        package="pyarrow",
    ) from error

TYPES: Final = {
    ColumnType.TEXT: pa.string(),
    ColumnType.INTEGER: pa.int64(),
    ColumnType.REAL: pa.float64(),
    ColumnType.BOOLEAN: pa.bool_(),
    ColumnType.TIME: pa.timestamp("ms", "UTC"),
    ColumnType.DAY: pa.date32(),
}
ROWS_OF_A_GROUP: Final = 50_000
"""About 10 MB of Python values at a time."""


def write_tables(folder: Path, tables: Tables) -> dict[str, int]:
    """Write ``NAME.parquet`` for each table; return the number of its rows. Raises OSError."""
    return {table.name: _write(folder / f"{table.name}.parquet", table, rows) for table, rows in tables}


def _write(path: Path, table: Table, rows: Iterable[Row]) -> int:
    schema = pa.schema([_field(column) for column in table.columns], {"description": str(table.meaning)})
    written = 0

    def pieces() -> Iterator[bytes]:
        nonlocal written
        sink = _TakenFile()
        with parquet.ParquetWriter(sink, schema) as writer:
            for some in in_groups(rows, ROWS_OF_A_GROUP):
                written += len(some)
                columns = zip(zip(*some, strict=True), schema, strict=True)
                writer.write_batch(
                    pa.record_batch([pa.array(values, field.type) for values, field in columns], schema=schema)
                )
                yield sink.take()
        yield sink.take()

    create(path, pieces())
    return written


class _TakenFile:
    """A file in memory whose contents are taken away while it is written."""

    closed = False

    def __init__(self) -> None:
        self._written = bytearray()
        self._position = 0

    def write(self, data: bytes) -> int:
        """Append ``data``; pyarrow passes any buffer."""
        size = memoryview(data).nbytes
        self._written += data
        self._position += size
        return size

    def tell(self) -> int:
        """Return the length of the whole file so far."""
        return self._position

    def flush(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing: what is left can be taken."""

    def take(self) -> bytes:
        """Return what was written since the last call."""
        taken = bytes(self._written)
        self._written.clear()
        return taken


def _field(column: Column) -> Any:
    return pa.field(column.name, TYPES[column.type], metadata={"description": str(column.meaning), "unit": column.unit})
