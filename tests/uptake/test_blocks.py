"""Nobody can work out the figure of a unit with few people: by an attacker who knows the program and all its tables.

The attacker knows which units are counted together, and shares no code with what hides them. It tries exact linear
algebra over everything that is published, and, for trees small enough, every world: all figures that the units could
have reported, run through the program; a unit is safe if worlds with the same tables leave at least two possible
figures for it.
"""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from itertools import product
from math import prod
from typing import Final

import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bluezone_agent.uptake.blocks import LEAST_PEOPLE, blocks_of
from bluezone_agent.uptake.figures import SCHEMA
from bluezone_agent.uptake.rollup import RollUp
from bluezone_agent.uptake.sums import FigureKey, WorkKey
from bluezone_agent.uptake.units import UnitTree
from tests.uptake.trees import names, tree_of, trees

MOST_WORLDS = 1500
Reports = dict[int, int]
"""Unit without sub-units → people; a unit that has not reported is missing."""


def published(tree: UnitTree, editions: list[Reports], kind: str = "reported") -> list[dict[int, float]]:
    """Return what the program shows of each unit, for several reports at once: it takes them for rounds.

    A count on the air is of everybody in the unit, and exact.
    """
    rows = [
        {"unit": tree.units[leaf].unit, "round": number, "kind": kind} | figure(kind, people, tree.headcount[leaf])
        for number, reports in enumerate(editions, start=1)
        for leaf, people in reports.items()
    ]
    blocks = blocks_of(tree)
    every = range(len(tree.units))
    numbers = range(1, len(editions) + 1)
    with RollUp(tree, blocks, pa.Table.from_pylist(rows, SCHEMA)) as rollup:
        sums = rollup.sums(list(every), list(numbers), None)
    if kind == "counted":
        return [
            {at: air.devices for at in every if blocks.shown[at] and (air := sums.counts.get(WorkKey(at, n)))}
            for n in numbers
        ]
    return [
        {
            at: found.installed
            for at in every
            if blocks.shown[at] and (found := sums.figures.get(FigureKey(at, n, "reported")))
        }
        for n in numbers
    ]


def figure(kind: str, n: int, people: int) -> dict[str, int]:
    if kind == "counted":
        return {"people": people, "devices": n, "devices_low": n, "devices_high": n}
    return {"installed": n, "at_s": 1}


def small_units(tree: UnitTree) -> list[int]:
    return [leaf for leaf in tree.leaves() if 0 < tree.headcount[leaf] < LEAST_PEOPLE]


def all_worlds(tree: UnitTree) -> list[Reports]:
    leaves = list(tree.leaves())
    return [
        dict(zip(leaves, figures, strict=True))
        for figures in product(*(range(tree.headcount[leaf] + 1) for leaf in leaves))
    ]


def test_the_small_unit_of_an_office_is_not_parent_minus_siblings() -> None:
    tree = tree_of(("office", "", None), ("a", "office", 20), ("b", "office", 9), ("c", "office", 3))
    assert names(tree, (n for n, shown in enumerate(blocks_of(tree).shown) if not shown)) == {"b", "c"}


def test_the_only_small_unit_of_a_department_hides_the_department_too() -> None:
    tree = tree_of(("office", "", None), ("a", "office", None), ("a1", "a", 3), ("b", "office", 8), ("c", "office", 30))
    assert names(tree, (n for n, shown in enumerate(blocks_of(tree).shown) if not shown)) == {"a", "a1", "b"}


def test_a_small_unit_among_large_trees_hides_no_more_than_it_must() -> None:
    tree = tree_of(
        ("province", "", None),
        ("x", "province", 2),
        ("o", "province", None),
        ("o1", "o", 10),
        ("o2", "o", 11),
        ("q", "province", None),
        ("q1", "q", 50),
        ("q2", "q", 60),
    )
    assert names(tree, (n for n, shown in enumerate(blocks_of(tree).shown) if not shown)) == {"x", "o", "o1"}


def test_nothing_is_hidden_where_every_unit_is_large_enough() -> None:
    tree = tree_of(("office", "", None), ("a", "office", 5), ("b", "office", 900))
    assert all(blocks_of(tree).shown)


def test_a_campaign_of_one_small_unit_shows_nothing() -> None:
    assert not any(blocks_of(tree_of(("room", "", 4))).shown)
    assert not any(blocks_of(tree_of(("all", "", None), ("a", "all", 2), ("b", "all", 2))).shown)


evidence: Final = pytest.mark.parametrize("kind", ["reported", "counted"])
OFFICE: Final = (("office", "", None), ("a", "office", 20), ("b", "office", 9), ("c", "office", 3))


@evidence
def test_a_table_before_the_small_unit_reported_does_not_give_it_by_difference(kind: str) -> None:
    tree = tree_of(*OFFICE)
    a, b, c = (tree.number[unit] for unit in "abc")
    before, after = published(tree, [{a: 12, b: 4}, {a: 12, b: 4, c: 2}], kind)
    assert before[0] == 12, "the two that are counted together are not there yet"
    assert after[0] == 18


@evidence
def test_when_all_or_none_of_a_group_have_it_the_sum_does_not_say_so(kind: str) -> None:
    tree = tree_of(*OFFICE)
    a, b, c = (tree.number[unit] for unit in "abc")
    every, nobody = published(tree, [{a: 20, b: 9, c: 3}, {a: 0, b: 0, c: 0}], kind)
    assert (every[0], nobody[0]) == (31, 1)
    assert (every[a], nobody[a]) == (20, 0), "a large unit is shown as it is"


@pytest.mark.slow
@settings(max_examples=20)
@given(trees(most_units=15, most_people=12), st.data())
def test_no_count_of_few_people_is_shown_nor_a_part_of_a_group(tree: UnitTree, data: st.DataObject) -> None:
    """However many people were counted at which places: what a unit shows is of whole groups of enough people."""
    people = {leaf: data.draw(st.integers(1, 12)) for leaf in data.draw(st.sets(st.sampled_from(list(tree.leaves()))))}
    rows = [
        {"unit": tree.units[leaf].unit, "round": 1, "kind": "counted"} | figure("counted", n // 2, n)
        for leaf, n in people.items()
    ]
    blocks = blocks_of(tree)
    with RollUp(tree, blocks, pa.Table.from_pylist(rows, SCHEMA)) as rollup:
        counts = rollup.sums(range(len(tree.units)), [1], None).counts
    groups = defaultdict[int, list[int]](list)
    for leaf, block in blocks.of_leaf.items():
        groups[block].append(leaf)
    whole = [
        group
        for block, group in groups.items()
        if blocks.home[block] >= 0 and set(group) <= set(people) and sum(people[leaf] for leaf in group) >= LEAST_PEOPLE
    ]
    for at in range(len(tree.units)):
        inside = [group for group in whole if at in tree.ancestors(blocks.home[blocks.of_leaf[group[0]]])]
        found = counts.get(WorkKey(at, 1))
        expected = sum(people[leaf] for group in inside for leaf in group)
        assert (found.people if found else 0) == expected
        assert (found.places if found else 0) == sum(map(len, inside))


@given(trees(most_units=30, most_people=12))
def test_every_block_has_people_enough(tree: UnitTree) -> None:
    blocks = blocks_of(tree)
    assert set(blocks.of_leaf) == set(tree.leaves())
    people, units = defaultdict[int, int](int), defaultdict[int, int](int)
    for leaf, block in blocks.of_leaf.items():
        people[block] += tree.headcount[leaf]
        units[block] += 1
    assert (dict(people), dict(units)) == (blocks.people, blocks.units)
    for leaf in small_units(tree):
        block = blocks.of_leaf[leaf]
        assert blocks.home[block] == -1 or (people[block] >= LEAST_PEOPLE and units[block] >= 2)
        assert not blocks.shown[leaf]


@evidence
@pytest.mark.slow
@settings(max_examples=20)
@given(trees(most_units=7, most_people=6))
def test_no_world_can_be_told_from_all_others(kind: str, tree: UnitTree) -> None:
    """Every possible set of reports: all units have reported."""
    assume(small_units(tree) and prod(tree.headcount[leaf] + 1 for leaf in tree.leaves()) <= MOST_WORLDS)
    worlds = all_worlds(tree)
    alike = defaultdict[tuple[tuple[int, float], ...], list[Reports]](list)
    for world, shown in zip(worlds, published(tree, worlds, kind), strict=True):
        alike[tuple(sorted(shown.items()))].append(world)
    for same in alike.values():
        for unit in small_units(tree):
            assert len({world[unit] for world in same}) > 1, (tree.units[unit].unit, same)


@pytest.mark.slow
@settings(max_examples=25)
@given(trees(most_units=6, most_people=6), st.data())
def test_no_world_can_be_told_by_two_editions(tree: UnitTree, data: st.DataObject) -> None:
    """A table before some units had reported, and one after: their difference is known to the attacker too."""
    assume(small_units(tree) and prod(tree.headcount[leaf] + 1 for leaf in tree.leaves()) <= MOST_WORLDS)
    early = data.draw(st.sets(st.sampled_from(list(tree.leaves()))))
    worlds = all_worlds(tree)
    before = published(tree, [{leaf: n for leaf, n in world.items() if leaf in early} for world in worlds])
    after = published(tree, worlds)
    alike = defaultdict[tuple[tuple[tuple[int, float], ...], ...], list[Reports]](list)
    for world, *both in zip(worlds, before, after, strict=True):
        alike[tuple(tuple(sorted(shown.items())) for shown in both)].append(world)
    for same in alike.values():
        for unit in small_units(tree):
            assert len({world[unit] for world in same}) > 1, (tree.units[unit].unit, early)


@evidence
@pytest.mark.slow
@settings(max_examples=20)
@given(trees(most_units=25, most_people=12), st.data())
def test_no_combination_of_sums_and_rounds_gives_a_small_unit(kind: str, tree: UnitTree, data: st.DataObject) -> None:
    """Exact linear algebra: the unknowns are the figures of all units in three rounds, and a shown figure is a row.

    A unit that reports nothing in a round is 0 there, and everybody knows; figures stay away from all and none, where
    the guard would have to be undone. If a unit's unit vector, or that of its change, were a combination of the rows,
    its figure would be known.
    """
    leaves = list(tree.leaves())
    rounds = []
    for _ in range(3):
        silent = data.draw(st.sets(st.sampled_from(leaves)))
        rounds.append([leaf for leaf in leaves if leaf not in silent])
    tables = published(tree, [{leaf: tree.headcount[leaf] // 2 for leaf in reporting} for reporting in rounds], kind)
    known = []
    for number, (reporting, table) in enumerate(zip(rounds, tables, strict=True)):
        blocks = blocks_of(tree)
        for at in table:
            row = [Fraction(0)] * (3 * len(leaves))
            for place, leaf in enumerate(leaves):
                counted = all(other in reporting for other in leaves if blocks.of_leaf[other] == blocks.of_leaf[leaf])
                if leaf in reporting and counted and at in tree.ancestors(leaf):
                    row[number * len(leaves) + place] = Fraction(1)
            known.append(row)
    basis = reduced(known)
    for unit in small_units(tree):
        place = leaves.index(unit)
        for number in range(3):
            target = [Fraction(0)] * (3 * len(leaves))
            target[number * len(leaves) + place] = Fraction(1)
            assert not spanned(target, basis), tree.units[unit].unit
            if number:
                target[(number - 1) * len(leaves) + place] = Fraction(-1)
                assert not spanned(target, basis), f"the change of {tree.units[unit].unit}"


def reduced(rows: list[list[Fraction]]) -> list[list[Fraction]]:
    """Return a basis in which each row has its own first column."""
    basis: list[list[Fraction]] = []
    for found in rows:
        row = rest(found, basis)
        if any(row):
            lead = next(value for value in row if value)
            basis.append([value / lead for value in row])
    return basis


def rest(row: list[Fraction], basis: list[list[Fraction]]) -> list[Fraction]:
    for other in basis:
        place = next(place for place, value in enumerate(other) if value)
        if factor := row[place]:
            row = [a - factor * b for a, b in zip(row, other, strict=True)]
    return row


def spanned(row: list[Fraction], basis: list[list[Fraction]]) -> bool:
    return not any(rest(row, basis))


def test_the_attacker_finds_what_nobody_hides() -> None:
    """It can fail: without suppression a parent minus its siblings is a unit, and a world is its own table."""
    rows = [[Fraction(n) for n in row] for row in ([1, 1, 1], [1, 0, 0], [0, 1, 0])]
    assert spanned([Fraction(0), Fraction(0), Fraction(1)], reduced(rows))
    assert not spanned([Fraction(0), Fraction(0), Fraction(1)], reduced(rows[:2]))
