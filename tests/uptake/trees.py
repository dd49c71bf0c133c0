"""Trees of units for tests: by hand and by hypothesis."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from hypothesis import strategies as st

from bluezone_agent.uptake.units import Unit, UnitTree

PATH: Final = Path("units.csv")


def tree_of(*lines: tuple[str, str, int | None]) -> UnitTree:
    """Return a tree of (unit, parent, headcount)."""
    return UnitTree([Unit(*line, line=number) for number, line in enumerate(lines, start=2)], PATH)


@st.composite
def trees(draw: st.DrawFn, most_units: int = 14, most_people: int = 9, *, small: bool = True) -> UnitTree:
    """Make a tree: each unit below one that came before it, headcounts for those without sub-units."""
    count = draw(st.integers(2, most_units))
    parents = [-1] + [draw(st.integers(0, number - 1)) for number in range(1, count)]
    inner = set(parents)
    least = 0 if small else 5
    return tree_of(
        *(
            (
                f"u{number}",
                "" if parent < 0 else f"u{parent}",
                None if number in inner else draw(st.integers(least, most_people)),
            )
            for number, parent in enumerate(parents)
        )
    )


def names(tree: UnitTree, numbers: Iterable[int]) -> set[str]:
    return {tree.units[number].unit for number in numbers}
