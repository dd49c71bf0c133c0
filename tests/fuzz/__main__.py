"""Mutants of good inputs, read in this process, which may not grow.

    python -m tests.fuzz COUNT [SEED [TARGET…]]

One JSON line a target: how many mutants were read and refused, and what must not be: each kind of failure once, with
the input.
"""

from __future__ import annotations

import io
import json
import logging
import resource
import signal
import sys
import tempfile
import traceback
from collections import Counter
from contextlib import redirect_stderr
from pathlib import Path
from random import Random
from typing import Any, Final

from bluezone_agent.cli.base import fail
from bluezone_agent.errors import AgentError
from tests.fuzz.damage import mutant
from tests.fuzz.target import SECRET, Target
from tests.fuzz.targets import TARGETS

ROOM: Final = 192 * 2**20
"""Bytes of address space that reading may take beside what the program itself takes."""
HANGS_S: Final = 10.0
"""CPU seconds after which an input counts as one that never ends."""
LONGEST_TEXT: Final = 2_000
"""Characters of an error: more is no message but the input itself."""
SHARE_OF_SECRET: Final = 16
SAID: Final = io.StringIO()
"""What a person is told, one for all: click remembers every stream that it has written to."""


class HangsError(Exception):
    """An input takes for ever."""


def limit_memory() -> None:
    """Let this process grow by :data:`ROOM` at most."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + ROOM, used + ROOM))


class Silence(logging.Handler):
    """Nothing that reads bytes of others may write them into the log."""

    def emit(self, record: logging.LogRecord) -> None:
        raise AssertionError(f"{record.name} logs at {record.levelname}")


def outcome(target: Target, data: bytes, folder: Path) -> str:
    """Return ``read`` or ``refused``; raises what must not be."""
    signal.setitimer(signal.ITIMER_VIRTUAL, HANGS_S)
    try:
        target.read(data, folder)
    except AgentError as error:
        refusal = error
    else:
        return "read"
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    assert type(refusal) in target.refusals, f"{type(refusal).__name__} is not declared"
    assert_fit_to_print(refusal)
    return "refused"


def assert_fit_to_print(error: AgentError) -> None:
    """What a person is told is short, moves no cursor, begins no line of its own, and tells no secret."""
    SAID.seek(0)
    SAID.truncate()
    with redirect_stderr(SAID):
        fail(error)
    text = SAID.getvalue()
    assert len(text) <= LONGEST_TEXT, f"an error of {len(text)} characters"
    assert all(line.startswith("bluezone-agent: ") for line in text.splitlines()), "a line that is not ours"
    assert text.replace("\n", "").isprintable(), "control characters"
    shown = text + str(error) + repr(error)
    assert not any(SECRET[at : at + SHARE_OF_SECRET] in shown for at in range(len(SECRET) - SHARE_OF_SECRET + 1)), (
        "secret"
    )


def run(name: str, count: int, seed: int) -> dict[str, Any]:
    """Read ``count`` mutants of one target; return the tally and an example of each failure."""
    target, random, tally, failures = TARGETS[name], Random(f"{seed} {name}"), Counter[str](), dict[str, str]()
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        for data in target.seeds:
            assert outcome(target, data, Path(folder)) == "read", f"{name}: a good input is refused"
        for _ in range(count):
            data = mutant(target.seeds, random, target.inside)
            try:
                tally[outcome(target, data, Path(folder))] += 1
            except Exception as error:  # noqa: BLE001 - what must never happen is reported
                tally["failed"] += 1
                where = traceback.extract_tb(error.__traceback__)[-1]
                kind = f"{type(error).__name__}: {str(error)[:100]!r} at {Path(where.filename).name}:{where.lineno}"
                failures.setdefault(kind, data[:400].hex())
    return {"target": name, "tally": tally, "failures": dict(list(failures.items())[:20])}


def main() -> None:
    """Run the targets that are asked for, or all."""

    def hang(*_: object) -> None:
        raise HangsError

    count, seed, *names = sys.argv[1:] if len(sys.argv) > 2 else [*sys.argv[1:], "1"]
    signal.signal(signal.SIGVTALRM, hang)
    logging.basicConfig(level=logging.WARNING, handlers=[Silence()])
    limit_memory()
    for name in names or TARGETS:
        print(json.dumps(run(name, int(count) // TARGETS[name].cost, int(seed))), flush=True)


if __name__ == "__main__":
    main()
