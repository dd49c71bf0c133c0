"""How long merging and reporting take for a country: 63 provinces, 11,000 communes, 500,000 units, 3 rounds.

    python -m benchmarks.uptake_scale [--engine spark] [UNITS ...]

Each size is made (not counted), then merged and reported in a process of its own, so that its peak of memory is its
own. It prints a line a size, and how much longer ten times as many units take.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import pyarrow as pa

from bluezone_agent.app import uptake as campaigns
from bluezone_agent.app.uptake_report import report
from bluezone_agent.tables.names import DUCKDB, SPARK
from bluezone_agent.uptake.figures import SCHEMA, figures_csv
from bluezone_agent.uptake.folder import KEY
from bluezone_agent.uptake.report_file import write_report
from bluezone_agent.uptake.signing import new_key, public_text, read_key
from bluezone_agent.uptake.units import Unit, UnitTree

PROVINCES: Final = 63
COMMUNES: Final = 11_000
SIZES: Final = (5_000, 50_000, 500_000)
ROUNDS: Final = 3
TWO_CORES: Final = {"PYSPARK_SUBMIT_ARGS": "--master local[2] pyspark-shell"}
"""Spark itself runs in a Java process, whose memory is not in the figure of this one."""


def province(number: int, communes: int, units: int, chance: random.Random) -> UnitTree:
    """Return a province: some communes, each with its units of 1 to 80 people."""
    name = f"P{number}"
    lines = [Unit(name, "", None, f"Province {number}")]
    per_commune = max(1, round(units / communes))
    for commune in range(communes):
        lines.append(Unit(f"{name}.{commune}", name, None))
        lines += [
            Unit(f"{name}.{commune}.{unit}", f"{name}.{commune}", chance.randint(1, 80)) for unit in range(per_commune)
        ]
    return UnitTree(lines, Path(name))


def figures(tree: UnitTree, chance: random.Random) -> pa.Table:
    """Return what 95 % of the units reported in each round."""
    rows = [
        {
            "unit": tree.units[leaf].unit,
            "round": number,
            "kind": "reported",
            "installed": min(tree.headcount[leaf], int(tree.headcount[leaf] * number * chance.random() / 2)),
            "at_s": 1_620_000_000 + number * 604_800 + chance.randint(0, 36_000),
        }
        for number in range(1, ROUNDS + 1)
        for leaf in tree.leaves()
        if chance.random() < 0.95
    ]
    return pa.Table.from_pylist(rows, SCHEMA)


def make(folder: Path, units: int) -> None:
    """Write the folder of a ministry and a signed report of each province."""
    chance = random.Random(units)
    communes = max(1, round(COMMUNES * units / SIZES[-1] / PROVINCES))
    (folder / "units.csv").write_text(
        "unit,parent,headcount\nVN,,\n" + "".join(f"P{n},VN,\n" for n in range(PROVINCES))
    )
    campaigns.new(folder / "units.csv", folder / "ministry", "residents", "Asia/Ho_Chi_Minh", 60.0)
    keys = {}
    for number in range(PROVINCES):
        tree = province(number, communes, units // PROVINCES, chance)
        path = folder / KEY
        path.unlink(missing_ok=True)
        path.write_bytes(new_key())
        path.chmod(0o600)
        key = read_key(path)
        keys[f"P{number}"] = public_text(key)
        content = write_report(tree, figures_csv(figures(tree, chance)), "residents", datetime.now(UTC), key)
        (folder / f"P{number}.zip").write_bytes(content)
    (folder / "ministry/trusted.csv").write_text("".join(f"{name},{key}\n" for name, key in keys.items()))


def measure(folder: Path, engine: str) -> dict[str, Any]:
    """Merge and report; return the seconds of both and the peak of memory."""
    ministry, began_s, began_cpu_s = folder / "ministry", time.monotonic(), time.process_time()
    merged = campaigns.merge(ministry, sorted(folder.glob("P*.zip")))
    merged_s = time.monotonic()
    found = report(ministry, number=3, unit=None, levels=2, deadline="10:00", engine=engine)
    ended_s, cpu_s = time.monotonic(), time.process_time() - began_cpu_s
    digest = hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(found, made_at=datetime.fromtimestamp(0, UTC))))
    return {
        "digest": digest.hexdigest()[:12],
        "units": sum(one.units for one in merged.reports),
        "rows": len(found.units),
        "hidden": found.hidden_units,
        "people": found.units[0].headcount or 0,
        "installed": found.units[0].installed.people if found.units[0].installed else 0,
        "merge_s": merged_s - began_s,
        "report_s": ended_s - merged_s,
        "cpu_s": cpu_s,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def sizes(arguments: list[str]) -> Iterator[int]:
    yield from map(int, arguments) if arguments else SIZES


def main() -> None:
    """Measure every size."""
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(measure(Path(sys.argv[2]), sys.argv[3])))
        return
    spark = sys.argv[1:3] == ["--engine", SPARK]
    engine, arguments = (SPARK, sys.argv[3:]) if spark else (DUCKDB, sys.argv[1:])
    before: dict[str, Any] | None = None
    for units in sizes(arguments):
        with tempfile.TemporaryDirectory() as name:
            make(Path(name), units)
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.uptake_scale", "--measure", name, engine],
                check=True,
                env=os.environ | TWO_CORES,
                capture_output=True,
                text=True,
            )
        found = json.loads(done.stdout)
        took_s = found["merge_s"] + found["report_s"]
        line = (
            f"{found['units']:>9,.0f} units, {ROUNDS} rounds: merge {found['merge_s']:.1f} s, report"
            f" {found['report_s']:.1f} s, together {took_s:.1f} s ({found['cpu_s']:.1f} s of CPU), peak"
            f" {found['peak_mb']:,.0f} MB; {found['rows']:,.0f} rows shown, their digest {found['digest']}"
        )
        if before:
            growth = found["cpu_s"] / before["cpu_s"]
            line += f"; {growth:.1f} times the CPU for {found['units'] / before['units']:.1f} times the units"
        print(line, flush=True)
        before = found


if __name__ == "__main__":
    main()
