"""Units and their headcounts: a tree, read from ``units.csv``."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from bluezone_agent.errors import N_, ConfigError
from bluezone_agent.files import read_text

COLUMNS: Final = ("unit", "parent", "headcount")
NAME_COLUMN: Final = "name"
LONGEST: Final = 80
NO_LINES: Final = str.maketrans("\r\0", "  ")
"""What the reader of tables stumbles over inside of a line."""
MOST_PEOPLE: Final = 200_000_000
SIMPLE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,79}")
"""A name of a unit that is right without a closer look."""
SIMPLE_COUNT: Final = re.compile(r"[0-9]{1,8}")
FORMULA: Final = ("=", "+", "-", "@")
"""A spreadsheet computes what begins with one of these."""


class UptakeError(ConfigError):
    """A file of a campaign is wrong, or a campaign can't be evaluated as requested; its organiser can fix it."""


class Unit(msgspec.Struct, frozen=True, gc=False):
    """A line of ``units.csv``; half a million of them hold nothing that the garbage collector has to follow."""

    unit: str
    parent: str
    """Empty for the unit that contains all others."""
    headcount: int | None
    """None for a unit that has sub-units, whose headcount is their sum, or whose report is awaited."""
    name: str = ""
    """For people; the unit's own id if empty."""
    line: int = 0


class UnitTree:
    """Units by number; a parent comes before its sub-units, and number 0 contains all others."""

    def __init__(self, units: Sequence[Unit], path: Path) -> None:
        """``path`` is for errors. Raises UptakeError."""
        self._path = path
        by_id = self._by_id(units)
        below: dict[str, list[Unit]] = {}
        for one in units:
            if one.parent and one.parent not in by_id:
                raise _mistake(
                    path, one.line, N_('there is no unit "{value}", the parent of "{unit}"'), one.parent, one.unit
                )
            below.setdefault(one.parent, []).append(one)
        self.units = list(self._parents_first(units, below))
        self.number = {one.unit: number for number, one in enumerate(self.units)}
        self.parent = [self.number[one.parent] if one.parent else -1 for one in self.units]
        self.children: list[Sequence[int]] = [()] * len(self.units)  # one tuple for all that have none
        inside: dict[int, list[int]] = {}
        for number, parent in enumerate(self.parent):
            inside.setdefault(parent, []).append(number)
        for parent, found in inside.items():
            if parent >= 0:
                self.children[parent] = found
        self.headcount = self._headcounts()

    def _by_id(self, units: Sequence[Unit]) -> dict[str, Unit]:
        found: dict[str, Unit] = {}
        for one in units:
            if one.unit in found:
                raise _mistake(
                    self._path,
                    one.line,
                    N_('the unit "{value}" is already in line {unit}'),
                    one.unit,
                    found[one.unit].line,
                )
            found[one.unit] = one
        return found

    def _parents_first(self, units: Sequence[Unit], below: dict[str, list[Unit]]) -> Iterator[Unit]:
        roots = below.get("", [])
        if len(roots) != 1:
            raise UptakeError(
                N_("{path}: exactly one unit has no parent, the one that contains all others (found: {found})"),
                N_("add a line for the whole, and name it as the parent of the units that have none"),
                path=self._path,
                found=", ".join(one.unit for one in roots[:5]) or "0",
            )
        level, count = list(roots), 0
        while level:
            yield from level
            count += len(level)
            level = [child for one in level for child in below.get(one.unit, ())]
        if count != len(units):
            reached = set[str]()
            level = list(roots)
            while level:
                reached.update(one.unit for one in level)
                level = [child for one in level for child in below.get(one.unit, ())]
            one = next(one for one in units if one.unit not in reached)
            raise _mistake(
                self._path,
                one.line,
                N_('"{value}" contains itself, by way of its parent "{unit}"'),
                one.unit,
                one.parent,
            )

    def _headcounts(self) -> list[int]:
        found = [one.headcount or 0 for one in self.units]
        sums = [0] * len(found)
        for number in reversed(range(len(found))):
            one = self.units[number]
            if self.children[number]:
                if one.headcount is not None and one.headcount != sums[number]:
                    raise UptakeError(
                        N_('{path}, line {line}: the sub-units of "{unit}" have {sum} people, the unit {headcount}'),
                        N_("leave its headcount empty; give people who belong to no sub-unit one of their own"),
                        path=self._path,
                        line=one.line,
                        unit=one.unit,
                        sum=sums[number],
                        headcount=one.headcount,
                    )
                found[number] = sums[number]
            if self.parent[number] >= 0:
                sums[self.parent[number]] += found[number]
        return found

    def leaves(self) -> Iterator[int]:
        """Yield the units without sub-units: those that report."""
        return (number for number, below in enumerate(self.children) if not below)

    def is_awaited(self, number: int) -> bool:
        """Return whether the headcount of a unit comes with a report that has not been merged yet."""
        return not self.children[number] and self.units[number].headcount is None

    def ancestors(self, number: int) -> Iterator[int]:
        """Yield a unit, its parent, and so on up to the whole."""
        while number >= 0:
            yield number
            number = self.parent[number]

    def title(self, number: int) -> str:
        """Return what people call a unit."""
        return self.units[number].name or self.units[number].unit

    def require(self, unit: str) -> int:
        """Return the number of a unit; raises UptakeError if there is none."""
        number = self.number.get(normal(unit))
        if number is None:
            raise UptakeError(
                N_('there is no unit "{value}"'),
                N_("the units are in {path}, the first are: {units}"),
                value=unit,
                path=self._path,
                units=", ".join(one.unit for one in self.units[:8]),
            )
        return number


def normal(text: str) -> str:
    """Return a name as it is compared: Vietnamese letters composed, single spaces."""
    if " " not in text and text.isprintable() and text.isascii():
        return text
    return " ".join(unicodedata.normalize("NFC", text).split())


def csv_rows(lines: Iterable[str], path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of the line and the values of each row; ``path`` is for errors. Raises UptakeError."""
    rows = csv.reader(line if line.isprintable() else line.translate(NO_LINES) for line in lines)
    try:
        for row in rows:
            yield rows.line_num, row
    except csv.Error as error:
        raise UptakeError(
            N_("{path}, line {line}: this is not a table: {reason}"),
            N_("write one row a line, with commas between the values"),
            path=path,
            line=rows.line_num,
            reason=error,
        ) from error


def read_units(path: Path) -> list[Unit]:
    """Read ``units.csv``: columns unit, parent, headcount and, if it likes, name. Raises UptakeError."""
    try:
        text = read_text(path)
    except (OSError, UnicodeDecodeError) as error:
        raise UptakeError(
            N_("can't read {path}: {reason}"),
            N_('name a text file in UTF-8 with the columns unit,parent,headcount ("CSV UTF-8" in a spreadsheet)'),
            path=path,
            reason=getattr(error, "strerror", None) or error,
        ) from error
    return list(parse_units(text.split("\n"), path))


def parse_units(lines: Iterable[str], path: Path) -> Iterator[Unit]:
    """Read the lines of ``units.csv``; ``path`` is for errors. Raises UptakeError."""
    rows = csv_rows(lines, path)
    _line, first = next(rows, (1, []))
    head = [name.strip().lower() for name in first]
    if sorted(set(head) - {NAME_COLUMN}) != sorted(COLUMNS) or len(set(head)) != len(head):
        raise UptakeError(
            N_("{path}, line 1: the columns are {found}"),
            N_("the first line is unit,parent,headcount, or unit,parent,headcount,name"),
            path=path,
            found=",".join(head) or "-",
        )
    places = [head.index(name) for name in (*COLUMNS, NAME_COLUMN) if name in head]
    for line, row in rows:
        if (simple := _simple_unit(row, places, line)) is not None and len(row) == len(head):
            yield simple
            continue
        if not any(row) or not "".join(row).strip():
            continue
        if len(row) != len(head):
            raise UptakeError(
                N_("{path}, line {line}: {found} values, {expected} columns"),
                N_("put a value that has a comma in double quotes"),
                path=path,
                line=line,
                found=len(row),
                expected=len(head),
            )
        yield _unit(dict(zip(head, map(normal, row), strict=True)), line, path)


def _simple_unit(row: list[str], places: list[int], line: int) -> Unit | None:
    """Return the unit of a row that needs no second look, as nearly all of half a million do; None for others."""
    try:
        unit, parent, count, *name = [row[place] for place in places]
    except IndexError:
        return None
    if not SIMPLE.fullmatch(unit) or not (not parent or SIMPLE.fullmatch(parent)) or (name and name[0]):
        return None
    if not count:
        return Unit(unit, parent, None, "", line)
    return Unit(unit, parent, int(count), "", line) if SIMPLE_COUNT.fullmatch(count) else None


def _unit(row: dict[str, str], line: int, path: Path) -> Unit:
    unit, parent, name = row["unit"], row["parent"], row.get(NAME_COLUMN, "")
    for column, value in (("unit", unit or FORMULA[0]), ("parent", parent), (NAME_COLUMN, name)):
        if value and (len(value) > LONGEST or value.startswith(FORMULA) or not value.isprintable()):
            raise UptakeError(
                N_('{path}, line {line}: {column} = "{value}" is not a name'),
                N_("use up to {longest} letters, digits and spaces; a name does not begin with = + - @"),
                path=path,
                line=line,
                column=column,
                value=row[column],
                longest=LONGEST,
            )
    count = row["headcount"]
    if count and not (count.isascii() and count.isdecimal() and len(count) < 12 and int(count) <= MOST_PEOPLE):
        raise UptakeError(
            N_('{path}, line {line}: the headcount "{value}" is not a whole number'),
            N_("write digits only, such as 1250; leave it empty for a unit that has sub-units"),
            path=path,
            line=line,
            value=count,
        )
    return Unit(unit, parent, int(count) if count else None, name, line)


def _mistake(path: Path, line: int, message: str, value: str, unit: str | int) -> UptakeError:
    return UptakeError(
        N_("{path}, line {line}: {mistake}"),
        N_("correct that line"),
        path=path,
        line=line,
        mistake=UptakeError(message, value=value, unit=unit),
    )
