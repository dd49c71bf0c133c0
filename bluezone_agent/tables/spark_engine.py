"""Spark as an engine of datasets. It needs the extra ``spark`` and Java."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Final

import ibis
import ibis.expr.types as ir
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from bluezone_agent.errors import N_, AgentError

SETTINGS: Final = {
    "spark.sql.session.timeZone": "UTC",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
}


class EngineError(AgentError):
    """An engine does not start."""


class SparkEngine:
    """Spark, as its own configuration says: without one, on all cores of this machine."""

    def __init__(self) -> None:
        """Raises EngineError if there is no Java to run it."""
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")  # otherwise it asks the name server for our own name
        builder = SparkSession.builder.appName("bluezone-agent")
        for name, value in SETTINGS.items():
            builder = builder.config(name, value)
        try:
            self._session: Any = builder.getOrCreate()
        except (PySparkException, OSError) as error:
            raise EngineError(
                N_("Spark does not start: {reason}"),
                N_("it needs Java 17 or later; on Debian: apt install openjdk-17-jre-headless"),
                reason=str(error).splitlines()[0] if str(error) else type(error).__name__,
            ) from error
        self._session.sparkContext.setLogLevel("ERROR")
        self._connection: Any = ibis.pyspark.connect(self._session)

    def parquet(self, name: str, paths: Sequence[str]) -> ir.Table:
        """Return a table of some files."""
        self._session.read.parquet(*paths).createOrReplaceTempView(name)
        table: ir.Table = self._connection.table(name)
        return table
