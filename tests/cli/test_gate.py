"""``gate``, as a guard and a program run it: on any terminal, with keys, and its figures."""

from __future__ import annotations

import csv
import io
import json
import re
import time
from pathlib import Path
from typing import Final

import pytest
from msgspec.structs import replace
from rich.console import Console

from bluezone_agent.cli.gate_screen import view
from bluezone_agent.core.door import (
    CalibrationStep,
    Direction,
    DoorCalibration,
    DoorCounts,
    DoorNow,
    DoorState,
    Passage,
)
from bluezone_agent.core.live_line import LiveState
from bluezone_agent.door.store import DoorStore
from bluezone_agent.i18n import use_language
from tests.cli.test_around import changed, running
from tests.program import Program

DOOR: Final = DoorNow(
    state=DoorState.WAITING,
    since_s=3.2,
    green_left_s=None,
    direction=Direction.IN,
    counts=DoorCounts(in_with=40, in_without=20, out_with=3),
    last=None,
    strongest_dbm=-70.0,
    threshold_dbm=-66,
    threshold_calibrated=True,
    radio_fast=True,
    label_purpose=None,
    calibration=None,
)
GUIDED: Final = DoorCalibration(step=CalibrationStep.HOLD_NEAR, left_s=12.0, near_dbm=None, away_dbm=None, failure=None)
SITUATIONS: Final = {
    **{str(state): (replace(DOOR, state=state), "") for state in DoorState},
    "not calibrated": (replace(DOOR, threshold_calibrated=False), "not calibrated"),
    "slow": (replace(DOOR, radio_fast=False), "11 s"),
    "guided": (replace(DOOR, calibration=GUIDED), "Hold one phone at 30 cm: 12 s"),
}


@pytest.fixture(params=["en", "vi"])
def language(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("LANGUAGE", "en")
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    use_language(request.param)
    return str(request.param)


def shown(door: DoorNow, columns: int, rows: int, prompt: str = "", state: LiveState = LiveState.SCANNING) -> str:
    out = io.StringIO()
    console = Console(file=out, width=columns, height=rows, highlight=False)
    console.print(view(changed(door=door, state=state), door, console, prompt=prompt))
    return out.getvalue()


@pytest.mark.parametrize(("columns", "rows"), [(40, 24), (40, 12), (80, 24), (200, 60)])
@pytest.mark.parametrize("situation", SITUATIONS)
def test_the_screen_fits_and_says_the_state_and_the_counts(
    language: str, situation: str, columns: int, rows: int
) -> None:
    door, said = SITUATIONS[situation]
    text = shown(door, columns, rows)
    lines = text.splitlines()
    assert max(map(len, map(str.rstrip, lines))) <= columns, text
    assert len(lines) <= rows, text
    assert "…\n" not in text
    if language == "en":
        assert said in " ".join(re.sub("[│╭╮╰╯─]", " ", text).split()), text
        assert "in: 40 with a device, 20 without" in " ".join(text.split())


def test_each_state_has_a_picture_and_the_larger_the_screen_the_larger() -> None:
    use_language("en")
    pictures = {state: shown(replace(DOOR, state=state), 80, 24).count("█") for state in DoorState}
    assert min(pictures.values()) > 20
    assert shown(DOOR, 200, 60).count("█") > 4 * pictures[DoorState.WAITING]
    words = [shown(replace(DOOR, state=state), 80, 24) for state in DoorState]
    assert len(set(words)) == len(DoorState)


def test_the_radio_that_is_lost_is_said() -> None:
    use_language("en")
    assert "!" in shown(DOOR, 80, 24, state=LiveState.RADIO_LOST)
    assert "label: badge_" in shown(DOOR, 80, 24, prompt="label: badge_")


@pytest.fixture
def virtual(program: Program) -> Program:
    program.config.write_text('radio = "virtual"\nclock_trusted = true\n')
    return program


def test_without_an_agent_it_says_how_to_start_one(program: Program) -> None:
    for words in (["gate"], ["gate", "--json"], ["gate", "calibrate"]):
        done = program.run(*words)
        assert (done.returncode, done.stdout) == (75, "")
        assert 'hint: start it with "bluezone-agent run"' in done.stderr


def test_a_program_gets_json_lines_and_the_door_is_closed_again(virtual: Program) -> None:
    with running(virtual):
        done = virtual.run("gate", "--for", "2s", "--json", "--direction", "out")
        around = virtual.run("around", "--for", "1s", "--json")
        text = virtual.run("gate", "--for", "1s").stdout
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert {line["door"]["direction"] for line in lines} == {"out"}
    assert {line["radio"] for line in lines} == {"scanning"}
    assert json.loads(around.stdout.splitlines()[-1])["door"] is None
    assert "in: 0 with a device, 0 without" in text


def test_keys_count_take_back_turn_and_end(virtual: Program) -> None:
    with running(virtual):
        code, said = virtual.at_terminal("gate", stop_after="q: end", stop_with=b"nnudnlbadge\rq", LANGUAGE="en")
    assert code == 0, said
    with DoorStore(virtual.state_dir) as store:
        found = store.passages()
    assert [stored.passage.direction for stored in found] == [Direction.IN, Direction.OUT]
    assert [(stored.passage.protocol, stored.label) for stored in found] == [(None, None)] * 2, "no purpose is stated"


def passed(program: Program) -> None:
    with DoorStore(program.state_dir) as store:
        for minute, protocol in ((29_000_000, "gaen"), (29_000_001, None), (29_000_062, "bluezone")):
            store.add(
                Passage(
                    minute=minute,
                    utc_offset_min=420,
                    direction=Direction.IN,
                    protocol=protocol,
                    clock_trusted=minute != 29_000_062,
                )
            )
        store.label(1, "=badge")


DAY: Final = "2025-02-20"


def test_the_report_by_hour_as_text_json_csv_and_page(program: Program) -> None:
    passed(program)
    text = program.run("gate", "report", "--day", DAY).stdout
    assert "3 people, 67 % with a device" in text
    assert "1 person passed while the clock was not trusted" in text
    (day,) = json.loads(program.run("gate", "report", "--day", DAY, "--json", "--passages").stdout)["days"]
    assert [hour["people"]["in_with"] for hour in day["hours"]] == [1, 1]
    assert [passage["label"] for passage in day["passages"]] == ["=badge", None, None]
    written = program.run("gate", "report", "--day", DAY, "--to", "csv").stdout
    assert written.startswith("\ufeffday,hour"), "else Excel can't read Vietnamese"
    table = list(csv.DictReader(io.StringIO(written)))
    assert [(row["in_with"], row["in_without"], row["share_with_percent"]) for row in table] == [
        ("1", "1", "50.0"),
        ("1", "0", "100.0"),
    ]
    people = program.run("gate", "report", "--day", DAY, "--to", "csv", "--passages").stdout
    assert "'=badge" in people, "a spreadsheet must not compute it"
    done = program.run("gate", "report", "--day", DAY, "--to", "html", "--file", str(program.home / "door.html"))
    assert done.returncode == 0, done.stderr
    page = Path(program.home / "door.html").read_text()
    assert "What this does not prove" in page
    assert "whole day" in page
    assert "http" not in page


def test_a_day_without_people_is_said(program: Program) -> None:
    assert program.run("gate", "report").stdout == "nobody was counted\n"
    assert not (program.state_dir / "door.db").exists()


def test_forgetting_asks_and_deletes(program: Program) -> None:
    passed(program)
    refused = program.run("gate", "forget")
    assert refused.returncode == 2
    assert "use --yes" in refused.stderr
    assert "1 label deleted" in program.run("gate", "forget", "--labels", "--yes").stderr
    assert "3 passages deleted" in program.run("gate", "forget", "--yes").stderr
    assert program.run("gate", "report", "--day", DAY).stdout == "nobody was counted\n"


def test_the_morning_at_a_door_is_shown_and_its_page_written(program: Program) -> None:
    page = program.home / "door.html"
    done = program.run("demo", "--door", "--page", str(page), "--json")
    found = json.loads(done.stdout)
    assert (found["people"], found["people_with_device"]) == (60, 40)
    assert found["seen_with_device"] >= 36
    assert found["counted_twice"] == 0
    assert found["rotated_counted"] == [1]
    assert (found["replay_counted"], found["replay_recognised"]) == (False, True)
    assert "07:00-07:59" in page.read_text()
