"""Which units can be shown without giving away those that have few people.

Everything that a report shows is a sum over *blocks*. A block is one unit with at least :data:`LEAST_PEOPLE` people,
or several units that are never told apart: at least :data:`LEAST_UNITS` of them, with at least that many people in
all. A unit with fewer people shares a block with others, first with the small ones next to it, then with the smallest
other one (complementary suppression). A unit is shown if each block is either inside of it or outside.

Blocks depend on headcounts alone, never on who reported what: so they are the same in every round and every edition of
a report, and no difference between sums, rounds or editions is finer than a block. A block counts when all its units
have reported, and a block with a small unit is counted as at least 1 and at most all people but one: else "all" and
"none" would tell of each person.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bluezone_agent.uptake.units import UnitTree

LEAST_PEOPLE: Final = 5
LEAST_UNITS: Final = 2
NOWHERE: Final = -1
"""The home of a block that is not even counted in the whole."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """The blocks of a tree; a block has the number of one of its units."""

    of_leaf: dict[int, int]
    """Unit without sub-units → its block."""
    home: dict[int, int]
    """Block → the smallest unit that contains all of it."""
    people: dict[int, int]
    units: dict[int, int]
    guarded: frozenset[int]
    """Blocks with a small unit."""
    shown: tuple[bool, ...]
    """By unit."""


class _Builder:
    def __init__(self, tree: UnitTree) -> None:
        self.tree = tree
        self.of_leaf = dict[int, int]()
        self.home = dict[int, int]()
        self.people = dict[int, int]()
        self.units = dict[int, int]()
        self.guarded = set[int]()

    def form(self, block: int, members: list[int], home: int) -> None:
        """Let small units form the block, or join the one that there is."""
        for leaf in members:
            self.of_leaf[leaf] = block
        self.home[block] = home
        self.people[block] = self.people.get(block, 0) + sum(self.tree.headcount[leaf] for leaf in members)
        self.units[block] = self.units.get(block, 0) + len(members)
        self.guarded.add(block)

    def build(self) -> None:
        """Go from the smallest units to the whole, and take small ones along until they are enough."""
        tree = self.tree
        small: dict[int, list[int]] = {}
        least: list[int | None] = [None] * len(tree.units)  # the smallest block inside
        for number in reversed(range(len(tree.units))):
            below = tree.children[number]
            if not below and tree.headcount[number] >= LEAST_PEOPLE:
                self.of_leaf[number] = self.home[number] = least[number] = number
                self.people[number], self.units[number] = tree.headcount[number], 1
            elif tree.is_awaited(number):
                self.of_leaf[number] = self.home[number] = number
                self.people[number], self.units[number] = 0, 1
            elif not below:
                small[number] = [number]
            else:
                pool = [leaf for child in below for leaf in small.get(child, ())]
                candidates = [(child, least[child]) for child in below]
                self._place(number, pool, small, [(child, block) for child, block in candidates if block is not None])
                blocks = [block for _child, block in candidates if block is not None]
                own = [self.of_leaf[pool[0]]] if pool and number not in small else []
                least[number] = min([*blocks, *own], key=self.people.__getitem__, default=None)
        if 0 in small:
            self.form(small[0][0], small[0], NOWHERE)

    def _place(
        self, number: int, pool: list[int], small: dict[int, list[int]], candidates: list[tuple[int, int]]
    ) -> None:
        if not pool:
            return
        if len(pool) >= LEAST_UNITS and sum(self.tree.headcount[leaf] for leaf in pool) >= LEAST_PEOPLE:
            self.form(pool[0], pool, number)
        elif candidates:
            # a unit without sub-units costs one row; else a block inside of the smallest one, and the rows above it
            _child, block = min(candidates, key=lambda c: (bool(self.tree.children[c[0]]), self.tree.headcount[c[0]]))
            self.form(block, pool, number)
        else:
            small[number] = pool


def blocks_of(tree: UnitTree) -> Blocks:
    """Return the blocks of a tree."""
    builder = _Builder(tree)
    builder.build()
    shown = [True] * len(tree.units)
    for leaf, block in builder.of_leaf.items():
        if block in builder.guarded:
            for number in tree.ancestors(leaf):
                if number == builder.home[block]:
                    break
                shown[number] = False
    return Blocks(
        of_leaf=builder.of_leaf,
        home=builder.home,
        people=builder.people,
        units=builder.units,
        guarded=frozenset(builder.guarded),
        shown=tuple(shown),
    )
