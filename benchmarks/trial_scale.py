"""How packing, reporting and scoring a trial grow with its packets.

    python -m benchmarks.trial_scale [MILLIONS ...] [--folder DIR] [--spark] [--without-score]  (1 and 10 by default)

A device receives 100,000 packets of its 50 neighbours within a day, so 100 million packets are 1,000 devices. Each
command is a process of its own. The recordings are made first, in pieces of a minute. ``--spark`` computes the report
and the scores on Spark too, on one core and on two; its peak is that of all its processes, read four times a second.
CPU seconds say what a command costs where other programs run on the same machine.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.trials.synthetic import DAY_S, record

PER_DEVICE: Final = 100_000
MILLION: Final = 1_000_000
SCORE: Final = "score --rule swisscovid"
STEP_S: Final = 0.25
TICKS: Final = os.sysconf("SC_CLK_TCK")
PAGE_MIB: Final = os.sysconf("SC_PAGE_SIZE") / 2**20


def main(arguments: Sequence[str]) -> None:
    """Print a line for each command and size."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("millions", type=int, nargs="*", default=[1, 10])
    options.add_argument("--folder", type=Path)
    options.add_argument("--spark", action="store_true")
    options.add_argument("--without-score", action="store_true")
    chosen = options.parse_args(arguments)
    print(
        "| packets | devices | command | wall s | CPU s | packets per CPU s | peak MiB |\n|---|---|---|---|---|---|---|"
    )
    for millions in chosen.millions:
        with TemporaryDirectory(dir=chosen.folder) as work:
            count = millions * MILLION
            trial = record(Path(work) / "t", devices=count // PER_DEVICE, packets=count, length_s=DAY_S)
            commands = ["report"] if chosen.without_score else ["report", SCORE]
            for command in ("pack", *commands):
                _measure(trial.path, count, command)
            for cores in (1, 2) if chosen.spark else ():
                for command in commands:
                    _measure(trial.path, count, f"{command} --engine spark", cores)


def _measure(folder: Path, count: int, command: str, cores: int = 0) -> None:
    """Run a command on a trial and print what it took."""
    name, *options = command.split()
    program = [sys.executable, "-m", "bluezone_agent", "trial", name, str(folder), *options, "--json"]
    submit = {"PYSPARK_SUBMIT_ARGS": f"--master local[{cores}] pyspark-shell"} if cores else {}
    began_s, watched = time.monotonic(), _Watched()
    child = subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | submit)
    watched.watch(child.pid)
    _pid, status, used = os.wait4(child.pid, 0)
    took_s = time.monotonic() - began_s
    watched.stop()
    cpu_s = max(watched.cpu_s, used.ru_utime + used.ru_stime)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, program)
    shown = f"{command}, {cores} core(s)" if cores else command
    most_mib = max(watched.most_mib, used.ru_maxrss / 1024)
    print(
        f"| {count:,} | {count // PER_DEVICE} | {shown} | {took_s:.1f} | {cpu_s:.1f} | {count / cpu_s:,.0f}"
        f" | {most_mib:.0f} |",
        flush=True,
    )


class _Watched:
    """A process and its children: Spark's own process is a child, for which nobody waits."""

    def __init__(self) -> None:
        self.most_mib = 0.0
        """Of all together."""
        self._cpu_s: dict[int, float] = {}
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def cpu_s(self) -> float:
        """Of all together, as they were last seen."""
        return sum(self._cpu_s.values())

    def watch(self, pid: int) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._look, args=(pid,))
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def _look(self, pid: int) -> None:
        while not self._over.wait(STEP_S):
            sizes = []
            for one in _family(pid):
                try:
                    fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
                except OSError:
                    continue
                self._cpu_s[one] = (int(fields[11]) + int(fields[12])) / TICKS
                sizes.append(int(fields[21]) * PAGE_MIB)
            self.most_mib = max(self.most_mib, sum(sizes))


def _family(pid: int) -> Iterator[int]:
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in children:
        yield from _family(int(child))


if __name__ == "__main__":
    main(sys.argv[1:])
