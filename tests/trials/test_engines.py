"""DuckDB and Spark compute the same numbers from the same dataset."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import pytest

from bluezone_agent.trials.folder import REPORT
from bluezone_agent.trials.imports.recording import import_recording
from tests.program import Program
from tests.shared import shared_file
from tests.trials.synthetic import synthetic

needs_spark: Final = pytest.mark.skipif(
    shutil.which("java") is None or find_spec("pyspark") is None,
    reason="needs Java (apt: openjdk-17-jre-headless) and Spark (scripts/spark)",
)
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
EQUAL: Final = 1e-9
TWO_CORES: Final = {"PYSPARK_SUBMIT_ARGS": "--master local[2] pyspark-shell"}


def report(program: Program, folder: Path, engine: str) -> dict[str, str]:
    """Return every number and word of a report by its place: of the answer, and of its tables."""
    command = program.command("trial", "report", folder, "--engine", engine, "--json")
    environment = program.environment() | TWO_CORES
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    found = dict(leaves("answer", json.loads(done.stdout)))
    for path in sorted((folder / REPORT).glob("*.csv")):
        with path.open(newline="") as file:
            for number, row in enumerate(csv.DictReader(file)):
                found |= {f"{path.stem} {number} {name}": value for name, value in row.items()}
    return found


def leaves(place: str, value: Any) -> Iterator[tuple[str, str]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if inner is None:
        yield place, str(value)
    else:
        for name, one in inner:
            yield from leaves(f"{place} {name}", one)


def differences(one: dict[str, str], other: dict[str, str]) -> list[str]:
    found = sorted(one.keys() ^ other.keys())
    return found + [f"{place}: {one[place]} and {other[place]}" for place in one if not same(one[place], other[place])]


def same(one: str, other: str) -> bool:
    try:
        return one == other or abs(float(one) - float(other)) <= EQUAL * max(1.0, abs(float(one)))
    except ValueError:
        return False


@needs_spark
@pytest.mark.parametrize("packets", [20_000, pytest.param(2_000_000, id="two-million")])
def test_every_number_of_a_report_is_the_same(program: Program, packets: int, long: bool) -> None:
    if packets > 100_000 and not long:
        pytest.skip("--long")
    trial = synthetic(program.home / "t", devices=12 if packets < 100_000 else 60, packets=packets)
    one, other = (report(program, trial.path, engine) for engine in ("duckdb", "spark"))
    assert differences(one, other) == []
    assert len(one) > 1000
    changed = one | {"answer continuity": str(float(one["answer continuity"]) + 1e-8)}
    assert len(differences(one, changed)) == 1, "what differs is seen"


@needs_spark
def test_a_recording_of_people_is_the_same(program: Program) -> None:
    folder = program.home / "t"
    import_recording("dp3t", shared_file("data/dp3t-exp34"), folder)
    assert differences(*(report(program, folder, engine) for engine in ("duckdb", "spark"))) == []


def test_without_java_or_spark_the_way_out_is_named(program: Program) -> None:
    trial = synthetic(program.home / "t", devices=2, packets=100)
    done = program.run("trial", "report", trial.path, "--engine", "spark", PATH="/nonexistent")
    assert done.returncode == 1
    way_out = "apt install openjdk-17-jre-headless" if find_spec("pyspark") else 'pip install "bluezone-agent[spark]"'
    assert way_out in " ".join(done.stderr.split())
