"""The engines by their names; this module needs no package of theirs, which only an analyst's machine has."""

from __future__ import annotations

from typing import Final

DUCKDB: Final = "duckdb"
SPARK: Final = "spark"
ENGINE_NAMES: Final = (DUCKDB, SPARK)
DEFAULT_ENGINE: Final = DUCKDB
