"""What the service costs: how long `status`, a start and a stop take, and how much memory an idle daemon has.

    python -m benchmarks.service [RUNS] [CHECKOUT]

With CHECKOUT, that of another commit with its own .venv, its `status` is timed in turns with this one's.

On the virtual radio, with a store of 14 days in which two people were heard at any time, with bytecode. The first
column is the aim (docs/systemd.md).
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from bluezone_agent.core.identifiers import ObservedIdentifier
from bluezone_agent.core.sightings import MinuteFold
from bluezone_agent.stores.store import Store
from tests.program import Program

DAYS: Final = 14
SLOT_MIN: Final = 15
NEIGHBOURS: Final = 2
RESIDENT: Final = "VmRSS:"


def fill(program: Program) -> None:
    """Write 14 days of minutes near two people."""
    now_min = int(time.time() // 60)
    with Store(program.state_dir) as store:
        for first in range(now_min - DAYS * 1440, now_min, SLOT_MIN):
            fold = MinuteFold()
            for minute in range(first, first + SLOT_MIN):
                for who in range(NEIGHBOURS):
                    identifier = (first * NEIGHBOURS + who).to_bytes(16, "big")
                    fold.add(ObservedIdentifier("gaen", identifier, bytes(4)), -60, minute * 60.0, trusted=True)
            with store.transaction():
                store.contacts.add(fold.drain())


def status_ms(program: Program) -> float:
    """Return how long one `status` takes, the interpreter's start included."""
    began_s = time.perf_counter()
    program.run("status")
    return 1000 * (time.perf_counter() - began_s)


FILL: Final = (
    "import sys; from pathlib import Path; from benchmarks.service import fill; from tests.program import Program\n"
    "fill(Program(Path(sys.argv[1])))"
)


def compare_status(program: Program, checkout: Path, runs: int) -> None:
    """Print how long `status` takes here and in another checkout, timed in turns, each on a store of its own."""
    python = str(checkout / ".venv" / "bin" / "python")
    with TemporaryDirectory() as home:
        subprocess.run([python, "-c", FILL, home], cwd=checkout, check=True)
        subprocess.run([python, "-m", "compileall", "-q", "bluezone_agent"], cwd=checkout, check=True)
        other = [python, "-m", "bluezone_agent", "--state-dir", f"{home}/state", "status"]
        commands = {"here": (program.command("status"), program.home), "there": (other, checkout)}
        times: dict[str, list[float]] = {name: [] for name in commands}
        for number in range(2 * (runs + 1)):
            name = ("here", "there")[number % 2]
            command, folder = commands[name]
            began_s = time.perf_counter()
            done = subprocess.run(command, cwd=folder, env=program.environment(), capture_output=True, check=False)
            times[name].append(1000 * (time.perf_counter() - began_s))
            assert done.stdout, done.stderr
    here, there = (median(times[name][1:]) for name in ("here", "there"))  # the first one warms the disk's cache
    print(f"status, {runs} runs each in turns: here {here:.0f} ms, there {there:.0f} ms, ratio {here / there:.2f}")


def life(program: Program) -> tuple[float, float, float]:
    """Return the seconds from start to broadcast and from SIGTERM to exit, and the memory between, in MiB."""
    began_s = time.perf_counter()
    agent = program.start("run", "--no-check")
    assert agent.stderr is not None
    while "event='identifier_rotated'" not in agent.stderr.readline():
        assert agent.poll() is None, "the agent ended"
    on_air_s = time.perf_counter() - began_s
    time.sleep(10)
    lines = Path(f"/proc/{agent.pid}/status").read_text().splitlines()
    resident_kib = next(int(line.split()[1]) for line in lines if line.startswith(RESIDENT))
    began_s = time.perf_counter()
    agent.terminate()
    agent.communicate(timeout=60)
    return on_air_s, time.perf_counter() - began_s, resident_kib / 1024


def main(runs: int, checkout: Path | None) -> None:
    """Print each figure beside its aim."""
    with TemporaryDirectory() as home:
        program = Program(Path(home))
        fill(program)
        program.config.write_text('radio = "virtual"\nclock_trusted = true\n')
        subprocess.run([sys.executable, "-m", "compileall", "-q", "bluezone_agent"], check=True)
        status_ms(program)
        times = sorted(status_ms(program) for _ in range(runs))
        size = sum(path.stat().st_size for path in program.state_dir.iterdir()) / 1e6
        print(f"store of {DAYS} days: {size:.1f} MB; {runs} runs each: median, worst")
        print(f"<= 100 ms   status              {median(times):.0f} ms, {times[-1]:.0f} ms")
        if checkout:
            compare_status(program, checkout, runs)
        lives = [life(program) for _ in range(max(3, runs // 10))]
        for aim, name, column, unit in (
            ("<= 5 s     ", "start to broadcast", 0, "s"),
            ("<= 5 s     ", "SIGTERM to exit", 1, "s"),
            ("<= 60 MiB  ", "resident memory", 2, "MiB"),
        ):
            values = [one[column] for one in lives]
            print(f"{aim} {name:<20}{median(values):.1f} {unit}, {max(values):.1f} {unit}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 30, Path(sys.argv[2]).resolve() if len(sys.argv) > 2 else None)
