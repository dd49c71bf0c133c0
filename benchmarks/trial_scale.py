"""How packing, reporting and scoring a trial grow with its packets.

    python -m benchmarks.trial_scale [MILLIONS ...] [--folder DIR] [--spark] [--without-score]  (1 and 10 by default)

A device receives 100,000 packets of its 50 neighbours within a day, so 100 million packets are 1,000 devices. Each
command is a process of its own. The recordings are made first, in pieces of a minute. ``--spark`` computes the report
on Spark too, on one core and on two.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.trials.synthetic import DAY_S, record

PER_DEVICE: Final = 100_000
MILLION: Final = 1_000_000
RULE: Final = "swisscovid"


def main(arguments: Sequence[str]) -> None:
    """Print a line for each command and size."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("millions", type=int, nargs="*", default=[1, 10])
    options.add_argument("--folder", type=Path)
    options.add_argument("--spark", action="store_true")
    options.add_argument("--without-score", action="store_true")
    chosen = options.parse_args(arguments)
    print("| packets | devices | command | wall s | packets/s | peak MiB |\n|---|---|---|---|---|---|", flush=True)
    for millions in chosen.millions:
        with TemporaryDirectory(dir=chosen.folder) as work:
            count = millions * MILLION
            trial = record(Path(work) / "t", devices=count // PER_DEVICE, packets=count, length_s=DAY_S)
            for command in ("pack", "report", *(() if chosen.without_score else (f"score --rule {RULE}",))):
                _measure(trial.path, count, command)
            for cores in (1, 2) if chosen.spark else ():
                _measure(trial.path, count, "report --engine spark", cores)


def _measure(folder: Path, count: int, command: str, cores: int = 0) -> None:
    """Run a command on a trial and print what it took."""
    name, *options = command.split()
    program = [sys.executable, "-m", "bluezone_agent", "trial", name, str(folder), *options, "--json"]
    submit = {"PYSPARK_SUBMIT_ARGS": f"--master local[{cores}] pyspark-shell"} if cores else {}
    began_s = time.monotonic()
    child = subprocess.Popen(program, stdout=subprocess.DEVNULL, env=os.environ | submit)
    _pid, status, used = os.wait4(child.pid, 0)
    took_s = time.monotonic() - began_s
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, program)
    shown = f"{command}, {cores} core(s)" if cores else command
    peak = "" if cores else f"{used.ru_maxrss / 1024:.0f}"  # Spark's own process is not this one
    print(
        f"| {count:,} | {count // PER_DEVICE} | {shown} | {took_s:.1f} | {count / took_s:,.0f} | {peak} |", flush=True
    )


if __name__ == "__main__":
    main(sys.argv[1:])
