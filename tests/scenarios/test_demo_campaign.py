"""``demo --campaign``: what a province's campaign leaves is what the real commands make, and they go on from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from pypdf import PdfReader

from bluezone_agent.app.demo_campaign import OFFICES
from tests.program import Program

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Program, dict[str, Any]]:
    program = Program(tmp_path_factory.mktemp("demo"))
    program.state_dir.mkdir(0o700)
    done = program.run("demo", "--campaign", "--json")
    assert done.returncode == 0, done.stderr
    return program, json.loads(done.stdout)


def test_every_office_and_round_is_in_it(made: tuple[Program, dict[str, Any]]) -> None:
    program, found = made
    assert len(found["offices"]) == len(OFFICES) == 5
    assert found["headcount"] == sum(n for _name, people in OFFICES for n in people)
    assert [one["round"] for one in found["rounds"]] == [1, 2, 3]
    installed = [one["whole"]["installed"]["people"] for one in found["rounds"]]
    assert installed == sorted(installed)
    assert found["rounds"][-1]["whole"]["units_reported"] == found["units"]
    boxes = list((program.home / "demo-campaign/boxes").rglob("*.json"))
    assert len(boxes) == found["receipts"] > 100, "every receipt is right"
    assert len(list((program.home / "demo-campaign/province/merged").iterdir())) == len(OFFICES)


def test_the_real_commands_go_on_from_it(made: tuple[Program, dict[str, Any]]) -> None:
    program, found = made
    for number, one in enumerate(found["rounds"], start=1):
        command = ("uptake", "report", "--folder", found["province"], "--round", str(number), "--deadline", "10:00")
        again = json.loads(program.run(*command, "--json").stdout)
        assert again["units"][0] == one["whole"]
    office = found["offices"][0]
    done = program.run("uptake", "record", "office-1.1", "--installed", "20", "--round", "4", "--folder", office)
    assert done.returncode == 0, done.stderr


def test_its_pages_say_what_the_table_says(made: tuple[Program, dict[str, Any]]) -> None:
    program, found = made
    last = found["rounds"][-1]
    pages = PdfReader(program.home / last["letter"]).pages
    assert pages[0].mediabox.width > pages[0].mediabox.height, "twelve columns need a page on its side"
    text = "\n".join(page.extract_text() for page in pages)
    sheet = load_workbook(program.home / last["table"]).worksheets[0]
    for row in sheet.iter_rows(min_row=2, values_only=True):
        printed = next(line for line in text.splitlines() if line.startswith(f"{row[0]} "))
        assert str(row[1]) in printed.removeprefix(str(row[0])).split(), printed
    for path in (found["slips"], *found["leaflets"]):
        assert (program.home / path).stat().st_size > 100
    assert {Path(path).name for path in found["leaflets"]} >= {"leaflet-a5.pdf", "poster-a4.pdf", "portal.html"}


def test_a_folder_that_is_there_is_left_alone(made: tuple[Program, dict[str, Any]]) -> None:
    program, _found = made
    before = sorted(path.stat().st_mtime_ns for path in (program.home / "demo-campaign").rglob("*"))
    done = program.run("demo", "--campaign")
    assert done.returncode != 0
    assert "already exists" in done.stderr
    assert before == sorted(path.stat().st_mtime_ns for path in (program.home / "demo-campaign").rglob("*"))
    both = program.run("demo", "--campaign", "x", "--page", "y.html")
    assert both.returncode == 2


def test_it_prints_what_to_look_at(program: Program) -> None:
    status, said = program.at_terminal("demo", "--campaign", "again", "--seed", "2", "-q", columns=80)
    assert status == 0
    for place in ("round-3.pdf", "slips/office-1.pdf", "leaflets", "province/merged"):
        assert place in said
    assert "uptake report --folder again/province" in said
