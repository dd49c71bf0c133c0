"""What computes the tables of a dataset: DuckDB in this process, or Spark on a machine or a cluster."""

from __future__ import annotations

import shutil
import weakref
from collections.abc import Callable, Sequence
from tempfile import mkdtemp
from typing import Final, Protocol, cast

import ibis
import ibis.expr.types as ir

from bluezone_agent.extra_packages import imported
from bluezone_agent.tables.names import DUCKDB, SPARK

SETTINGS: Final = {
    "enable_progress_bar": "false",
    "memory_limit": "2GB",
}
"""Of DuckDB; what it sorts and groups beyond that goes to the disk."""


class Engine(Protocol):
    """Reads files as tables, and computes expressions over them."""

    def parquet(self, name: str, paths: Sequence[str]) -> ir.Table:
        """Return a table of some files, which all have its columns."""


class DuckEngine:
    """DuckDB, which works through files that are larger than memory."""

    def __init__(self) -> None:
        self._connection = ibis.duckdb.connect()
        spilled = mkdtemp(prefix="bluezone-agent-")  # otherwise it is a folder where the command was run
        weakref.finalize(self, shutil.rmtree, spilled, ignore_errors=True)
        for name, value in (SETTINGS | {"temp_directory": spilled}).items():
            self._connection.raw_sql(f"SET {name} = '{value}'")

    def parquet(self, _name: str, paths: Sequence[str]) -> ir.Table:
        """Return a table of some files."""
        return self._connection.read_parquet(list(paths))


def _spark() -> Engine:
    """Return Spark as an engine; raises MissingPackageError without its packages, EngineError if it does not start."""
    return cast("Engine", imported("tables.spark_engine", SPARK).SparkEngine())


ENGINES: Final[dict[str, Callable[[], Engine]]] = {DUCKDB: DuckEngine, SPARK: _spark}
"""By the name that ``--engine`` takes."""
