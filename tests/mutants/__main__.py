"""Breaks the code in one place at a time and says whether the tests notice.

    python -m tests.mutants [NAME ...]

Each is made in a copy of the tree, where the test that has to catch it is run. Exit 1 when one survives. With --table
it prints the table of tests/MUTANTS.md.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.mutants import MUTANTS
from tests.mutants.mutant import Mutant

ROOT: Final = Path(__file__).resolve().parents[2]
COPIED: Final = ("bluezone_agent", "tests", "pyproject.toml")
TIMEOUT_S: Final = 600


def fails(test: str, tree: Path) -> bool:
    """Return whether a test fails in ``tree``; one that takes for ever does."""
    command = f"{sys.executable} -m pytest -q -x -p no:cacheprovider {test}"
    try:
        done = subprocess.run(
            command,
            shell=True,
            cwd=tree,
            env=os.environ | {"PYTHONPATH": str(tree)},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return True
    if done.returncode not in {0, 1}:
        raise SystemExit(f"{test} did not run\n{done.stdout}{done.stderr}")
    return done.returncode == 1


def caught(mutant: Mutant, tree: Path) -> bool:
    """Return whether the mutant's test fails in ``tree`` with the mutant in it."""
    path = tree / "bluezone_agent" / mutant.file
    text = path.read_text()
    if text.count(mutant.old) != 1:
        raise SystemExit(f"{mutant.name}: {mutant.file} has its place {text.count(mutant.old)} times; mend the mutant")
    path.write_text(text.replace(mutant.old, mutant.new))
    try:
        return fails(mutant.test, tree)
    finally:
        path.write_text(text)


def table() -> str:
    """Return the table of tests/MUTANTS.md."""
    rows = (f"| `{m.name}` | {m.fault} | `{m.file}` | `{m.test}` |\n" for m in MUTANTS)
    return "".join(rows)


def main(names: list[str]) -> int:
    """Try the named mutants, or all; return how many survived."""
    mutants = [mutant for mutant in MUTANTS if not names or mutant.name in names]
    survived = []
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        for name in COPIED:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, tree / name)
        for test in dict.fromkeys(mutant.test for mutant in mutants):
            if fails(test, tree):
                raise SystemExit(f"{test} fails without any mutant")
        for mutant in mutants:
            began_s = time.monotonic()
            found = caught(mutant, tree)
            survived += [] if found else [mutant.name]
            verdict = "caught  " if found else "SURVIVED"
            print(f"{verdict}  {mutant.name}  ({time.monotonic() - began_s:.0f} s)", flush=True)
    print(f"{len(survived)} of {len(mutants)} survived")
    return len(survived)


if __name__ == "__main__":
    if sys.argv[1:] == ["--table"]:
        print(table(), end="")
        sys.exit()
    sys.exit(min(main(sys.argv[1:]), 1))
