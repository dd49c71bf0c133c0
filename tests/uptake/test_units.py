"""units.csv: what is wrong in it is said with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluezone_agent.i18n import LANGUAGES
from bluezone_agent.uptake.folder import DENOMINATORS, SETTINGS, ZONE, make_folder
from bluezone_agent.uptake.units import UnitTree, UptakeError, parse_units, read_units
from tests.uptake.trees import PATH, trees

HEAD = "unit,parent,headcount\n"


def tree(text: str) -> UnitTree:
    return UnitTree(list(parse_units(text.split("\n"), PATH)), PATH)


def test_headcounts_are_those_of_all_units_below() -> None:
    found = tree(HEAD + "room,dept,7\ndept,office,\noffice,,\nhall,office,12\n")
    assert {one.unit: n for one, n in zip(found.units, found.headcount, strict=True)} == {
        "office": 19,
        "dept": 7,
        "room": 7,
        "hall": 12,
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1"),
        ("unit,headcount\na,1\n", "line 1"),
        (HEAD + "a,,1,2\n", "line 2: 4 values, 3 columns"),
        (HEAD + "a,,\nb,a,5\nb,a,6\n", 'line 4: the unit "b" is already in line 3'),
        (HEAD + "a,,\nb,c,5\n", 'line 3: there is no unit "c", the parent of "b"'),
        (HEAD + "a,,5\nb,,5\n", "exactly one unit has no parent"),
        (HEAD + "a,b,\nb,a,\n", "exactly one unit has no parent"),
        (HEAD + "a,,\nr,a,3\nb,c,\nc,b,\n", 'line 4: "b" contains itself'),
        (HEAD + "a,,9\nb,a,5\n", 'the sub-units of "a" have 5 people, the unit 9'),
        (HEAD + "a,,1.5\n", 'the headcount "1.5" is not a whole number'),
        (HEAD + "a,,-1\n", 'the headcount "-1" is not a whole number'),
        (HEAD + "a,,٣\n", "is not a whole number"),
        (HEAD + "=1+1,,3\n", '"=1+1" is not a name'),
        (HEAD + "a\x1b[2J,,3\n", "is not a name"),
    ],
)
def test_a_mistake_is_said_with_its_line(text: str, said: str) -> None:
    with pytest.raises(UptakeError) as error:
        tree(text)
    assert said in str(error.value)
    assert error.value.hint


def test_what_a_spreadsheet_writes_is_read(tmp_path: Path) -> None:
    path = tmp_path / "units.csv"
    path.write_bytes('\ufeffUnit,Parent,Headcount,Name\r\n1,,,"Sở, một"\r\n2,1,5,Pho\u0300ng\r\n\r\n'.encode())
    found = UnitTree(read_units(path), path)
    assert [found.title(number) for number in range(2)] == ["Sở, một", "Phòng"]


@given(trees())
def test_a_parent_comes_before_its_sub_units(found: UnitTree) -> None:
    assert all(parent < number for number, parent in enumerate(found.parent))
    assert found.headcount[0] == sum(found.headcount[leaf] for leaf in found.leaves())


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        tree(text)
    except UptakeError as error:
        assert error.hint  # noqa: PT017 - either way


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_settings_of_a_new_campaign_are_explained_in_each_language(tmp_path: Path, language: str) -> None:
    made = make_folder(tmp_path / "c", b"unit,parent,headcount\na,,9\n", "pupils", ZONE, 60.0, language=language)
    assert (made.settings.denominator, made.settings.timezone, made.settings.target_percent) == ("pupils", ZONE, 60.0)
    text = (tmp_path / "c" / SETTINGS).read_text("utf-8")
    assert ("Múi giờ" in text) is (language == "vi")
    assert all(name in text for name in DENOMINATORS)
    assert sum(line.startswith("# ") for line in text.splitlines()) == 5, "one for the file and one a setting"
