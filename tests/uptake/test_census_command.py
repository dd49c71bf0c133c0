"""``uptake census`` as an organiser runs it: from the feed to the record, the report, and the level above."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
import zipfile
from pathlib import Path
from random import Random
from typing import Any, Final

import msgspec
import pytest
from openpyxl import load_workbook
from pypdf import PdfReader

from bluezone_agent.app.device import Device
from bluezone_agent.app.uptake_census import from_agent
from bluezone_agent.core.live_line import LiveLine, LiveState
from bluezone_agent.scenarios.hall import Hall, count
from tests.cli.test_around import running
from tests.program import Program

BEGINS_S: Final = 1_620_613_800
"""2021-05-10 09:30 in Vietnam."""
UNITS: Final = "unit,parent,headcount\noffice,,\na,office,40\nb,office,9\nc,office,3\nd,office,60\n"


def lines(devices: int, lasts_s: int = 120) -> list[LiveLine]:
    _true, feed = count(Hall(5.0), devices, Random(devices), begins_s=BEGINS_S, lasts_s=lasts_s)
    return list(feed)


def written(path: Path, feed: list[LiveLine]) -> str:
    path.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in feed))
    return path.name


@pytest.fixture
def office(program: Program) -> Program:
    (program.home / "units.csv").write_text(UNITS)
    for line in ("uptake new units.csv c", "uptake record a --installed 20 --folder c"):
        assert program.run(*line.split()).returncode == 0
    return program


def counted(office: Program, unit: str, people: int, devices: int, *more: str) -> dict[str, Any]:
    feed = written(office.home / f"{unit}.jsonl", lines(devices))
    command = ("uptake", "census", unit, "--people", str(people), "--by", "guard", "--feed", feed, "--folder", "c")
    done = office.run(*command, "--json", *more)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def report(office: Program, *more: str, folder: str = "c") -> dict[str, Any]:
    done = office.run("uptake", "report", "--folder", folder, "--json", *more)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_count_is_recorded_with_who_when_and_how_sure(office: Program) -> None:
    found = counted(office, "a", 30, 18)
    assert (found["people"], found["counted_by"], found["round"], found["minutes"]) == (30, "guard", 1, 2)
    assert found["counted_at"] == "2021-05-10T02:31:00Z", "the middle of the recording"
    assert found["devices_low"] <= found["devices"] <= found["devices_high"]
    assert found["share_percent"] == pytest.approx(100 * found["devices"] / 30)
    kept = list(csv.DictReader(io.StringIO((office.home / "c/counted.csv").read_text())))
    assert [(line["unit"], line["people"], line["counted_by"]) for line in kept] == [("a", "30", "guard")]
    text = (office.home / "c/counted.csv").read_text() + json.dumps(found)
    assert not any(near.pseudonym in text for near in lines(18)[-1].neighbours), "no identifier is kept"


def test_what_it_says_and_what_it_does_not_prove(office: Program) -> None:
    feed = written(office.home / "f.jsonl", lines(12))
    command = ("uptake", "census", "a", "--people", "20", "--by", "guard", "--at", "09:40", "--feed", feed)
    done = office.run(*command, "--folder", "c")
    assert re.search(r"round 1, a: \d+\.\d devices \(\d+ to \d+\) for 20 people", done.stdout), done.stdout
    assert "a 95 % interval" in done.stdout
    for limit in ("two telephones of one person", "in the next room", "iPhones with the old Bluezone", "leave whoever"):
        assert limit in " ".join(done.stderr.split())
    assert "2021-05-10T02:40:00Z" in (office.home / "c/counted.csv").read_text()
    vi = office.run(*command, "--folder", "c", "--lang", "vi")
    assert "thiết bị" in vi.stdout
    assert re.search(r"\d,\d", vi.stdout)


def test_more_devices_than_people_is_said(office: Program) -> None:
    feed = written(office.home / "f.jsonl", lines(30))
    done = office.run("uptake", "census", "a", "--people", "9", "--by", "guard", "--feed", feed, "--folder", "c")
    assert "more devices than people" in done.stdout


@pytest.mark.slow
def test_counts_stand_in_columns_of_their_own_in_every_table(office: Program) -> None:
    counted(office, "a", 30, 18)
    counted(office, "d", 50, 20)
    made = report(office, "--csv", "r.csv", "--xlsx", "r.xlsx", "--pdf", "r.pdf")
    rows = {unit["unit"]: unit for unit in made["units"]}
    whole, a, d = (rows[unit]["on_air"] for unit in ("office", "a", "d"))
    assert (whole["places"], whole["people"]) == (2, 80)
    assert whole["devices"] == pytest.approx(a["devices"] + d["devices"])
    for bound in ("devices_low", "devices_high"):
        half = sum((air[bound] - air["devices"]) ** 2 for air in (a, d)) ** 0.5
        assert abs(whole[bound] - whole["devices"]) == pytest.approx(half)
    assert rows["office"]["installed"]["people"] == 20, "unchanged"
    line = next(csv.DictReader(io.StringIO((office.home / "r.csv").read_text("utf-8-sig"))))
    assert (line["counted_people"], line["counted_places"]) == ("80", "2")
    assert float(line["counted_devices"]) == pytest.approx(whole["devices"], abs=0.05)
    sheet = load_workbook(office.home / "r.xlsx").worksheets[0]
    names = [cell.value for cell in sheet[1]]
    assert sheet.cell(2, 1 + names.index("people present")).value == 80
    assert sheet.cell(2, 1 + names.index("on the air")).value == pytest.approx(whole["devices"], abs=0.05)
    text = "\n".join(page.extract_text() for page in PdfReader(office.home / "r.pdf").pages)
    printed = next(line for line in text.splitlines() if line.startswith("office "))
    assert f" 80 {whole['devices']:.1f} " in printed, "names and figures side by side"
    status, said = office.at_terminal("uptake", "report", "--folder", "c", columns=60)
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", said)
    assert status == 0
    assert max(map(len, shown.splitlines())) <= 60
    assert "for 80 people counted" in " ".join(shown.split())


def test_a_count_of_a_small_unit_or_of_few_people_is_not_shown(office: Program) -> None:
    counted(office, "c", 3, 2)
    counted(office, "a", 4, 4)
    found = report(office)
    assert found["counted"] == []
    assert all(unit["on_air"] is None for unit in found["units"])
    assert "counted on the air at" not in office.run("uptake", "report", "--folder", "c").stdout
    counted(office, "b", 9, 5)
    found = report(office)
    whole = found["units"][0]["on_air"]
    assert (whole["places"], whole["people"]) == (2, 12), "b and c together, as everywhere"
    assert [one["unit"] for one in found["counted"]] == []


def test_a_later_count_replaces_an_earlier_one_of_its_round(office: Program) -> None:
    counted(office, "a", 30, 18)
    counted(office, "a", 25, 10)
    counted(office, "a", 31, 12, "--round", "2")
    first = report(office, "--round", "1")
    assert [(one["people"], one["unit"]) for one in first["counted"]] == [(25, "a")]
    assert first["units"][0]["on_air"]["people"] == 25
    assert report(office, "--round", "2")["units"][0]["on_air"]["people"] == 31


@pytest.mark.slow
def test_counts_go_up_in_signed_reports(office: Program) -> None:
    counted(office, "a", 30, 18)
    (office.home / "above.csv").write_text("unit,parent,headcount\nprovince,,\noffice,province,\nport,province,30\n")
    said = office.run("uptake", "submit", "o.zip", "--folder", "c").stderr
    key = re.findall(r"[0-9a-f]{64}", said)[0]
    for line in ("new above.csv p", f"trust office {key} --folder p", "merge o.zip --folder p"):
        done = office.run("uptake", *line.split())
        assert done.returncode == 0, done.stderr
    above, below = report(office, "--levels", "2", folder="p"), report(office)
    assert {unit["unit"]: unit["on_air"] for unit in below["units"]}.items() <= {
        unit["unit"]: unit["on_air"] for unit in above["units"]
    }.items()
    assert above["units"][0]["on_air"] == below["units"][0]["on_air"]
    assert above["counted"] == [], "when and by whom stays in the office"
    feed = written(office.home / "f.jsonl", lines(9))
    done = office.run("uptake", "census", "office", "--people", "9", "--by", "x", "--feed", feed, "--folder", "p")
    assert "counted twice" in done.stderr


def test_a_unit_that_was_counted_here_is_not_merged_too(office: Program) -> None:
    said = office.run("uptake", "submit", "o.zip", "--folder", "c").stderr
    key = re.findall(r"[0-9a-f]{64}", said)[0]
    (office.home / "above.csv").write_text("unit,parent,headcount\nprovince,,\noffice,province,112\n")
    feed = written(office.home / "f.jsonl", lines(9))
    for line in (
        "new above.csv p",
        f"trust office {key} --folder p",
        f"census office --people 12 --by guard --feed {feed} --folder p",
    ):
        done = office.run("uptake", *line.split())
        assert done.returncode == 0, done.stderr
    done = office.run("uptake", "merge", "o.zip", "--folder", "p")
    assert '"office" would be counted twice: it is in p/counted.csv and in o.zip' in " ".join(done.stderr.split())


def test_a_report_without_counts_is_as_earlier_versions_wrote_it(office: Program) -> None:
    assert office.run("uptake", "submit", "o.zip", "--folder", "c").returncode == 0
    head = zipfile.ZipFile(office.home / "o.zip").read("figures.csv").splitlines()[0]
    assert head == b'"unit","round","kind","installed","running","streets","leaflets","at_s"'


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: lines(5, 30), "30 s are too short for a count"),
        (
            lambda: [msgspec.structs.replace(line, state=LiveState.PAUSED) for line in lines(5)],
            "the agent scanned for 0 of 120 s",
        ),
        (
            lambda: [
                msgspec.structs.replace(line, at=line.at.replace(day=9 + n // 60)) for n, line in enumerate(lines(5))
            ],
            "are not of one stretch of time",
        ),
        (list, "0 s are too short"),
    ],
)
def test_what_is_no_count_is_refused(office: Program, made: Any, said: str) -> None:
    feed = written(office.home / "f.jsonl", made())
    done = office.run("uptake", "census", "a", "--people", "9", "--by", "guard", "--feed", feed, "--folder", "c")
    assert done.returncode == 78
    assert said in " ".join(done.stderr.split())
    assert not (office.home / "c/counted.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("office", "--people", "9", "--by", "guard"), "has sub-units"),
        (("nowhere", "--people", "9", "--by", "guard"), 'there is no unit "nowhere"'),
        (("a", "--people", "9", "--by", " "), "does not say who counted"),
        (("a", "--people", "0", "--by", "guard"), "0 is not in the range"),
        (("a", "--people", "9", "--by", "guard", "--feed", "none.jsonl"), "none.jsonl"),
        (("a", "--people", "9", "--by", "guard", "--feed", "units.csv"), "units.csv, line 1: this is not a line"),
        (("a", "--people", "9", "--by", "guard"), "no agent runs"),
        (("a", "--people", "9", "--by", "guard", "--for", "5s"), "5s is not a duration"),
    ],
)
def test_a_mistake_is_said_before_anybody_waits(office: Program, arguments: tuple[str, ...], said: str) -> None:
    done = office.run("uptake", "census", *arguments, "--folder", "c")
    assert done.returncode != 0
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_it_reads_the_running_agent(office: Program) -> None:
    """The two simulated neighbours of a device without Bluetooth, for some seconds of real time."""
    office.config.write_text('radio = "virtual"\nclock_trusted = true\n')
    seconds = list[int]()
    with running(office):
        found = asyncio.run(from_agent(Device(office.state_dir), 4, seconds.append))
    assert int(found.lasted_s) == sum(seconds) >= 4
    assert found.continuous
    assert found.scanned_s >= 3
    assert found.estimate().devices == pytest.approx(2, abs=0.6)
