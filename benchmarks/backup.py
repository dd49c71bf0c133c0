"""What a backup costs: time and peak memory of `backup`, `restore` and `restore --merge`.

    python -m benchmarks.backup [MEGABYTES]

Each command is a process of its own, on a store of that size.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bluezone_agent.core.identifiers import ObservedIdentifier
from bluezone_agent.core.sightings import ContactMinute
from bluezone_agent.stores.store import Store

SLOT_MIN: Final = 15
AT_ONCE: Final = 20_000
MEASURED: Final = """if True:
    import atexit, sys
    from pathlib import Path
    peak = lambda: next(l for l in Path("/proc/self/status").read_text().splitlines() if l.startswith("VmHWM"))
    atexit.register(lambda: print(peak()))
    from bluezone_agent.cli import main
    main()
"""
"""Runs the program, and tells the most memory that it ever had: what wait() tells includes its parent's."""


def contacts(first: int) -> Iterator[ContactMinute]:
    """Yield minutes without end, each identifier for one period."""
    number = first
    while True:
        number += 1
        identifier = ObservedIdentifier("gaen", (number // SLOT_MIN).to_bytes(16), bytes(4))
        yield ContactMinute(identifier, number, 3, -61.25, -70, -55, {-24: 1, -20: 2}, trusted=True)


def fill(state_dir: Path, megabytes: int) -> None:
    """Write contact minutes until the store has its size."""
    with Store(state_dir) as store:
        minutes = contacts(int(time.time() // 60))
        while store.used_bytes() < megabytes * 1_000_000:
            with store.transaction():
                store.contacts.add([next(minutes) for _ in range(AT_ONCE)])


def run(*arguments: str | Path) -> str:
    """Run the program; return seconds and peak memory."""
    began_s = time.perf_counter()
    command = [sys.executable, "-c", MEASURED, *map(str, arguments), "--passphrase-file", "-"]
    done = subprocess.run(command, input="a passphrase of a benchmark\n", capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    peak_kib = int(done.stdout.split()[-2])
    return f"{time.perf_counter() - began_s:5.1f} s, {peak_kib / 1024:4.0f} MiB at most"


def main(megabytes: int) -> None:
    """Print what each command costs."""
    with TemporaryDirectory() as folder:
        device, other, new, file = (Path(folder, name) for name in ("device", "other", "new", "a.backup"))
        fill(device, megabytes)
        Store(other).close()
        print(f"a store of {megabytes} MB")
        print(f"backup           {run('--state-dir', device, 'backup', file)}")
        print(f"restore          {run('--state-dir', new, 'restore', file)}")
        print(f"restore --merge  {run('--state-dir', other, 'restore', '--merge', file)}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 30)
