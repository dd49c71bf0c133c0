"""The modules of the package that can be imported here."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pkgutil import walk_packages

import bluezone_agent


def importable() -> Iterator[str]:
    """Yield the name of every module but the program itself, and Spark's where Spark is not installed."""
    for found in walk_packages(bluezone_agent.__path__, "bluezone_agent."):
        without = found.name.endswith(".spark_engine") and find_spec("pyspark") is None
        if not without and not found.name.endswith("__main__"):
            yield found.name
