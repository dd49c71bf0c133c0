"""The figures of every radio stack on every kind of controller, as the table in docs/bluez.md.

``scripts/lab --table [--debian N] [--radio NAME]`` sets the lab up and runs this; each figure is a boot of the guest. A
radio is an entry of STACKS in tests/lab/scenarios/figures.py.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from tests.lab.machine import RELEASES, Lab
from tests.lab.scenarios.figures import STACKS, Stack

FOR_EVERY_RADIO: Final[dict[str, dict[str, Any]]] = {
    "strict filter": {},
    "no filter": {"strict_filter": False},
}
FOR_MANAGED: Final[dict[str, dict[str, Any]]] = {
    "monitors itself (MSFT)": {"msft": True},
    "bonded device away": {"bonded": True},
}
"""Columns: options of the guest. The second half makes sense only where the kernel manages the adapter."""
COLUMNS: Final = FOR_EVERY_RADIO | FOR_MANAGED
HEAD: Final = ("Radio", "Debian", "Advertising", *COLUMNS, "Interval on the air", "Flags", "Power")


def figures(lab: Lab, name: str, stack: Stack, debian: int, *, extended: bool) -> dict[str, dict[str, Any]]:
    """Return for each column what tests/lab/scenarios/figures.py found."""
    found = {}
    for column, options in (COLUMNS if stack.managed else FOR_EVERY_RADIO).items():
        print(f"{name}, Debian {debian}, {'extended' if extended else 'legacy'}, {column}", file=sys.stderr)
        outcome = lab.play(
            "figures",
            extended=extended,
            debian=debian,
            stack=name,
            experimental=stack.experimental,
            **({"bonded": False} | options),
        )
        found[column] = outcome.result
    return found


def row(name: str, debian: int, extended: bool, found: dict[str, dict[str, Any]]) -> list[str]:
    """Return the cells of a row."""
    first = next(iter(found.values()))
    power = "unknown" if first["power_dbm"] is None else f"{first['power_dbm']} dBm"
    return [
        f"`{name}`",
        str(debian),
        "extended" if extended else "legacy",
        *(cell(found[column]) if column in found else "" for column in COLUMNS),
        f"{first['interval_ms']:,.0f} ms",
        f"`{first['flags'].upper()}`" if first["flags"] else "none",
        power,
    ]


def cell(one: dict[str, Any]) -> str:
    """Return received / sent and the longest gap."""
    return f"{one['received']:,} / {one['sent']:,}, {one['longest_gap_s']:.1f} s"


def main() -> None:
    """Print the table as Markdown."""
    options = argparse.ArgumentParser(prog="scripts/lab --table", description=__doc__)
    options.add_argument("--debian", type=int, action="append", choices=RELEASES)
    options.add_argument("--radio", action="append", choices=STACKS)
    chosen = options.parse_args()
    show(list(HEAD))
    show(["---"] * len(HEAD))
    with tempfile.TemporaryDirectory(prefix="lab-table-") as folder:
        lab = Lab(Path(folder))
        for name in chosen.radio or STACKS:
            for debian in chosen.debian or RELEASES:
                for extended in (True, False):
                    found = figures(lab, name, STACKS[name], debian, extended=extended)
                    show(row(name, debian, extended, found))


def show(cells: list[str]) -> None:
    """Print a line of the table."""
    print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
