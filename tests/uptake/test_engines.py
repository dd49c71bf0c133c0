"""DuckDB and Spark compute the same figures of a campaign."""

from __future__ import annotations

import math
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Any, Final

import msgspec
import pytest

from bluezone_agent.app.uptake_report import UptakeReport
from bluezone_agent.files import create
from bluezone_agent.uptake.folder import COLLECTED, COUNTED, REPORTED, make_folder
from tests.program import Program

needs_spark: Final = pytest.mark.skipif(
    shutil.which("java") is None or find_spec("pyspark") is None,
    reason="needs Java (apt: openjdk-17-jre-headless) and Spark (scripts/spark)",
)
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
TWO_CORES: Final = {"PYSPARK_SUBMIT_ARGS": "--master local[2] pyspark-shell"}
ROUNDS: Final = 3


def campaign(folder: Path, seed: int) -> Path:
    """Make a campaign of six offices, with every kind of evidence, small units, and reports that are missing."""
    random = Random(seed)
    people = {f"o{o}.{u}": random.choice((2, 3, 5, 8, 40)) for o in range(6) for u in range(random.randint(1, 9))}
    lines = ["unit,parent,headcount", "whole,,", *(f"o{o},whole," for o in range(6))]
    lines += [f"{unit},{unit.split('.')[0]},{n}" for unit, n in people.items()]
    made = make_folder(folder, "\n".join(lines).encode(), "residents", "Asia/Ho_Chi_Minh", 60.0)
    reported, collected, counted = list[str](), list[str](), list[str]()
    for number in range(1, ROUNDS + 1):
        day = f"2021-05-{7 * number:02}"
        for unit, n in people.items():
            if random.random() < 0.9:
                streets, leaflets = random.choice((("", ""), (2, 40)))
                at = f"{day}T0{random.randint(1, 4)}:30:00Z"
                reported.append(f"{number},{unit},{random.randint(0, n)},{streets},{leaflets},{at}")
            for code in range(random.randint(0, n)):
                running = str(random.random() < 0.7).lower()
                collected.append(f"{number},{unit},{unit.upper()}-{code},{day},{running}")
            if random.random() < 0.7:
                devices = round(random.uniform(0, n), 1)
                low, high = int(devices), int(devices) + random.randint(1, 4)
                counted.append(f"{number},{unit},{day}T03:00:00Z,5,{n},{devices},{low},{high},guard")
    for name, rows in ((REPORTED, reported), (COLLECTED, collected), (COUNTED, counted)):
        create(made.path / name, "".join(f"{row}\n" for row in rows).encode())
    return made.path


def report(program: Program, folder: Path, engine: str) -> dict[str, Any]:
    command = program.command("uptake", "report", "--folder", folder, "--levels", "9", "--deadline", "10:00")
    done = subprocess.run(
        [*command, "--engine", engine, "--json"],
        env=program.environment() | TWO_CORES,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = msgspec.json.decode(done.stdout, type=UptakeReport)
    return dict(leaves("", msgspec.to_builtins(found) | {"made_at": None}))


def leaves(place: str, value: Any) -> list[tuple[str, Any]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else None
    if inner is None:
        return [(place, value)]
    return [found for name, one in inner for found in leaves(f"{place} {name}", one)]


def same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9)
    return bool(one == other)


@needs_spark
def test_every_figure_of_a_report_is_the_same(program: Program) -> None:
    folder = campaign(program.home / "c", 5)
    one, other = (report(program, folder, engine) for engine in ("duckdb", "spark"))
    assert one.keys() == other.keys()
    assert len(one) > 500
    assert [place for place in one if not same(one[place], other[place])] == []
    kinds = {place.split()[2] for place, value in one.items() if place.startswith(" units ") and value is not None}
    assert {"installed", "receipts", "running", "on_air", "streets", "leaflets"} <= kinds
    assert one[" hidden_units"] > 0


def test_without_java_or_spark_the_way_out_is_named(program: Program) -> None:
    folder = campaign(program.home / "c", 5)
    done = program.run("uptake", "report", "--folder", folder, "--engine", "spark", PATH="/nonexistent")
    assert done.returncode == 1
    way_out = "apt install openjdk-17-jre-headless" if find_spec("pyspark") else 'pip install "bluezone-agent[spark]"'
    assert way_out in " ".join(done.stderr.split())
