"""The letters' own case: an office with 12 departments reports by ten, the sums go up, a second round comes.

Run as people run it: each step is a command, each table is read back by another program.
"""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from dataclasses import dataclass
from typing import Any, Final

import pypdfium2
import pytest
from openpyxl import load_workbook
from pypdf import PdfReader

from tests.program import Program

DEPARTMENTS: Final = {
    "Văn phòng Sở": 24,
    "Phòng Tổ chức cán bộ": 14,
    "Phòng Kế hoạch - Tài chính": 11,
    "Thanh tra Sở": 9,
    "Phòng Nghiệp vụ Y": 16,
    "Phòng Nghiệp vụ Dược": 12,
    "Phòng Quản lý hành nghề": 8,
    "Chi cục Dân số": 31,
    "Chi cục An toàn thực phẩm": 27,
    "Ban Bảo vệ sức khỏe": 3,
    "Trung tâm Kiểm nghiệm": 40,
    "Tổ Công nghệ thông tin": 5,
}
FIRST: Final = dict(zip(DEPARTMENTS, (17, 9, 8, 4, 10, 12, 3, 20, 22, 2, 18, 4), strict=True))
SECOND: Final = dict(zip(DEPARTMENTS, (22, 14, 10, 7, 15, 12, 8, 29, 25, 3, 36, 5), strict=True))
LATE: Final = "Trung tâm Kiểm nghiệm"
SMALL: Final = "Ban Bảo vệ sức khỏe"
NEXT: Final = "Tổ Công nghệ thông tin"
"""The smallest of the others, hidden so that the small one is not a difference."""


pytestmark = pytest.mark.slow


@dataclass
class Level:
    """A folder of somebody's."""

    program: Program
    folder: str

    def must(self, *arguments: str) -> str:
        done = self.program.run("uptake", *arguments, "--folder", self.folder)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    def report(self, *arguments: str) -> dict[str, Any]:
        done = self.program.run("uptake", "report", *arguments, "--json", "--folder", self.folder)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found


def made(program: Program, folder: str, lines: list[str], *options: str) -> Level:
    (program.home / f"{folder}.csv").write_text("unit,parent,headcount,name\n" + "\n".join(lines) + "\n")
    done = program.run("uptake", "new", f"{folder}.csv", folder, *options)
    assert done.returncode == 0, done.stderr
    return Level(program, folder)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Program:
    program = Program(tmp_path_factory.mktemp("letters"))
    program.state_dir.mkdir(0o700)
    office = made(
        program,
        "office",
        ["H57.09,,,Sở Y tế", *(f'"H57.09.{n:02}",H57.09,{p},{d}' for n, (d, p) in enumerate(DEPARTMENTS.items(), 1))],
        *("--target", "60"),
    )
    for number, day, figures in ((1, "2021-05-10", FIRST), (2, "2021-05-17", SECOND)):
        for place, (name, installed) in enumerate(figures.items(), start=1):
            at = f"{day}T10:25" if name == LATE else f"{day}T09:{place:02}"
            office.must(
                "record", f"H57.09.{place:02}", "--installed", str(installed), "--round", str(number), "--at", at
            )
    return program


@pytest.fixture
def office(home: Program) -> Level:
    return Level(home, "office")


def rows_of(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {unit["name"]: unit for unit in report["units"]}


def test_the_table_of_the_letter(office: Level) -> None:
    report = office.report("--round", "1", "--deadline", "10:00")
    rows = rows_of(report)
    assert report["deadline_at"] == "2021-05-10T03:00:00Z", "ten o'clock in Vietnam"
    assert rows["Sở Y tế"]["headcount"] == sum(DEPARTMENTS.values()) == 200
    assert rows["Sở Y tế"]["installed"] == {"people": sum(FIRST.values()), "share_percent": 64.5, "change": None}
    assert rows["Văn phòng Sở"]["installed"]["people"] == 17
    assert [name for name, row in rows.items() if row["hidden"]] == [SMALL, NEXT]
    assert all(rows[name]["installed"] is None and rows[name]["headcount"] is None for name in (SMALL, NEXT))
    assert [(one["name"], one["reported_at"]) for one in report["missed"]] == [(LATE, "2021-05-10T03:25:00Z")]
    assert {name for name, row in rows.items() if row["target_reached"] is False} == {
        "Thanh tra Sở",
        "Phòng Quản lý hành nghề",
        LATE,
    }
    assert report["meetings_percent"] == pytest.approx(64.5**2 / 100)


def test_the_second_round_and_what_changed(office: Level) -> None:
    rows = rows_of(office.report("--round", "2"))
    assert rows["Văn phòng Sở"]["installed"] == {
        "people": 22,
        "share_percent": pytest.approx(91.7, abs=0.1),
        "change": 5,
    }
    assert rows["Sở Y tế"]["installed"]["people"] == sum(SECOND.values()) - 1, "all 8 of the hidden two: counted as 7"
    assert office.report()["round"] == 2, "the latest"


def test_at_six_percent_four_in_a_thousand_meetings(home: Program) -> None:
    province = made(home, "six", ["p,,,Tỉnh", "x,p,1000,X", "y,p,2000,Y"], "--denominator", "residents")
    for unit, people in (("x", "60"), ("y", "120")):
        province.must("record", unit, "--installed", people)
    assert "at 6.0 %, both people take part in 0.4 % of the meetings" in province.must("report")
    vi = home.run("uptake", "report", "--folder", "six", "--lang", "vi").stdout
    assert "6,0 %" in vi
    assert "0,4 %" in vi


def test_csv_xlsx_and_letter_say_the_same(office: Level) -> None:
    office.must(
        "report", "--round", "2", "--deadline", "10:00", *("--csv", "r.csv", "--xlsx", "r.xlsx", "--pdf", "r.pdf")
    )
    home = office.program.home
    table = list(csv.DictReader(io.StringIO((home / "r.csv").read_text("utf-8-sig"))))
    sheet, about, missed = load_workbook(home / "r.xlsx").worksheets
    reader = PdfReader(home / "r.pdf")
    text = "\n".join(page.extract_text() for page in reader.pages)
    assert sheet.max_row == len(table) + 1 == 14
    for line, row in zip(table, sheet.iter_rows(min_row=2, values_only=True), strict=True):
        assert row[0] == line["name"]
        shown = line["reported_installed"]
        assert row[3] == (int(shown) if shown else None)
        assert (line["hidden"] == "true") is (row[1] == "*")
        printed = next(printed for printed in text.splitlines() if printed.startswith(f"{line['name']} "))
        assert not shown or re.search(rf"\b{shown}\b", printed), printed
        if line["hidden"] == "true":
            assert re.fullmatch(r"\* 1/1(?: -)+", printed.removeprefix(line["name"]).strip()), printed
            assert set(row[3:]) == {None}
            assert not any(
                value for name, value in line.items() if name.startswith(("reported_", "confirmed_", "counted_"))
            )
    assert [[cell.value for cell in row] for row in missed.iter_rows(min_row=2)] == [
        ["H57.09.11", LATE, "2021-05-17 10:25"]
    ]
    notes = " ".join(str(cell.value) for row in about.iter_rows() for cell in row)
    flat = " ".join(text.split())
    for note in ("11 of 12 units reported by then", f"late: {LATE} (2021-05-17 10:25)", "2 units are not shown"):
        assert note in notes
        assert note in flat
    fonts = {str(font["/BaseFont"]) for page in reader.pages for font in page_fonts(page)}
    assert fonts
    assert all("NotoSans" in font for font in fonts), fonts
    picture = pypdfium2.PdfDocument(home / "r.pdf")[0].render(scale=1).to_pil()
    assert picture.size == (596, 842)
    assert len(picture.convert("L").getcolors()) > 20, "there is something on the page"


def page_fonts(page: Any) -> list[Any]:
    return [font.get_object() for font in page["/Resources"]["/Font"].values()]


def test_a_name_in_a_spreadsheet_is_never_a_formula(home: Program) -> None:
    (home.home / "formula.csv").write_text('unit,parent,headcount,name\na,,9,"=HYPERLINK(1)"\n')
    done = home.run("uptake", "new", "formula.csv", "formula")
    assert done.returncode == 78
    assert "line 2" in done.stderr


def test_sums_go_up_signed_and_nothing_is_counted_twice(office: Level) -> None:
    """Office → department of the province → ministry: three folders, two signed reports, one total."""
    home = office.program
    other = made(
        home, "hospital", ["H57.10,,,Bệnh viện", "H57.10.1,H57.10,300,Khoa Khám", "H57.10.2,H57.10,200,Khoa Sản"]
    )
    for unit, people in (("H57.10.1", "120"), ("H57.10.2", "50")):
        other.must("record", unit, "--installed", people, "--round", "2", "--at", "2021-05-17T09:00")
    province = made(home, "province", ["H57,,,Tỉnh", "H57.09,H57,0,", "H57.10,H57,500,"])
    keys = {}
    for level in (office, other):
        said = level.must("submit", f"{level.folder}.zip")
        unit, key = re.findall(r'trust "([^"]+)" ([0-9a-f]{64})', said.replace("\n", " "))[0]
        keys[unit] = key
    refused = home.run("uptake", "merge", "office.zip", "hospital.zip", "--folder", "province")
    assert refused.returncode != 0
    assert "not trusted here" in refused.stderr
    for unit, key in keys.items():
        province.must("trust", unit, key)
    refused = home.run("uptake", "merge", "office.zip", "hospital.zip", "--folder", "province")
    assert '"H57.09" has 200 people in its report, 0 in units.csv' in refused.stderr
    assert not (home.home / "province/merged").exists(), "all or none"
    units = home.home / "province/units.csv"
    units.write_text(units.read_text().replace("H57,0,", "H57,,"))
    province.must("merge", "office.zip", "hospital.zip")
    rows = rows_of(province.report("--round", "2", "--deadline", "10:00", "--levels", "2"))
    assert rows["Tỉnh"]["headcount"] == 700
    assert rows["Tỉnh"]["installed"]["people"] == sum(SECOND.values()) - 1 + 170
    assert rows["Tỉnh"]["units_on_time"] == 13
    assert rows["Sở Y tế"]["installed"]["people"] == sum(SECOND.values()) - 1
    assert rows["Khoa Khám"]["installed"]["people"] == 120
    assert rows[SMALL]["hidden"]
    province.must("merge", "office.zip")
    assert rows_of(province.report("--round", "2"))["Tỉnh"]["headcount"] == 700, "again is not twice"

    said = province.must("submit", "province.zip")
    ministry = made(home, "ministry", ["BYT,,,Bộ Y tế", "H57,BYT,,", "H58,BYT,800,Tỉnh khác"])
    ministry.must("trust", *re.findall(r'trust "([^"]+)" ([0-9a-f]{64})', said.replace("\n", " "))[0])
    ministry.must("merge", "province.zip")
    ministry.must("record", "H58", "--installed", "48", "--round", "2")
    assert rows_of(ministry.report("--round", "2"))["Bộ Y tế"]["installed"]["people"] == sum(SECOND.values()) + 169 + 48


def test_the_same_unit_by_two_ways_is_found_with_both_places(office: Level) -> None:
    home = office.program
    other = made(home, "other", ["H99,,,Huyện", "H57.09.03,H99,11,Phòng Kế hoạch"])
    other.must("record", "H57.09.03", "--installed", "5")
    upper = made(home, "upper", ["ALL,,,", "H57.09,ALL,,", "H99,ALL,,"])
    for level in (office, other):
        said = level.must("submit", f"{level.folder}-2.zip")
        upper_key = re.findall(r'trust "([^"]+)" ([0-9a-f]{64})', said.replace("\n", " "))[0]
        upper.must("trust", *upper_key)
    done = home.run("uptake", "merge", "office-2.zip", "other-2.zip", "--folder", "upper")
    assert done.returncode != 0
    assert '"H57.09.03" would be counted twice: it is in office-2.zip and in other-2.zip' in done.stderr
    upper.must("merge", "office-2.zip")
    done = home.run("uptake", "merge", "other-2.zip", "--folder", "upper")
    assert "counted twice: it is in upper/merged/H57_09" in done.stderr
    done = home.run("uptake", "record", "H57.09", "--installed", "5", "--folder", "upper")
    assert done.returncode != 0


def test_a_merged_unit_is_not_recorded_by_hand_too(office: Level) -> None:
    home = office.program
    room = made(home, "room", ["R1,,9,Phòng 1"])
    room.must("record", "R1", "--installed", "7")
    floor = made(home, "floor", ["F,,,", "R1,F,,", "R2,F,8,"])
    said = room.must("submit", "room.zip")
    floor.must("trust", *re.findall(r'trust "([^"]+)" ([0-9a-f]{64})', said.replace("\n", " "))[0])
    floor.must("merge", "room.zip")
    units = home.home / "floor/units.csv"
    units.write_text(units.read_text().replace("R1,F,,", "R1,F,9,"))
    done = home.run("uptake", "record", "R1", "--installed", "7", "--folder", "floor")
    assert "counted twice" in done.stderr
    shutil.rmtree(home.home / "floor")


@pytest.mark.parametrize("columns", [80, 50])
@pytest.mark.parametrize("language", ["en", "vi"])
def test_it_fits_the_terminal(office: Level, columns: int, language: str) -> None:
    status, said = office.program.at_terminal(
        *("uptake", "report", "--folder", "office", "--round", "2", "--deadline", "10:00", "--lang", language, "-q"),
        columns=columns,
    )
    assert status == 0
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", said)
    assert max(len(line) for line in shown.splitlines()) <= columns
    assert "91.7" in said or "91,7" in said


def test_teams_that_go_from_house_to_house(home: Program) -> None:
    teams = made(home, "teams", ["W,,,Phường 5", "T1,W,900,Tổ 1", "T2,W,700,Tổ 2"], "--denominator", "households")
    teams.must("record", "T1", "--streets", "6", "--leaflets", "240")
    teams.must("record", "T1", "--streets", "9")
    teams.must("record", "T2", "--installed", "35", "--streets", "2", "--leaflets", "90")
    rows = rows_of(teams.report())
    assert (rows["Phường 5"]["streets"], rows["Phường 5"]["leaflets"]) == (11, 330)
    assert rows["Tổ 1"]["installed"] is None, "leaflets are no installations"
    assert [one["name"] for one in teams.report()["missed"]] == ["Tổ 1"]
    assert "11" in teams.must("report")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["record", "H57.09.01", "--installed", "25"], '25 installed, but "H57.09.01" has 24 people'),
        (["record", "H57.09", "--installed", "5"], "has sub-units"),
        (["record", "H57.99", "--installed", "5"], 'there is no unit "H57.99"'),
        (["record", "H57.09.01"], "nothing to record"),
        (["record", "H57.09.01", "--installed", "5", "--at", "25:00"], '"25:00" is not a time'),
        (["report", "--round", "9"], "nothing was recorded in round 9"),
        (["collect", "."], "no codes yet"),
        (["trust", "H57.09", "abc"], "not a public key"),
        (["merge", "office.csv"], "is not a report of a campaign"),
    ],
)
def test_a_mistake_is_said_with_the_way_out(office: Level, arguments: list[str], said: str) -> None:
    done = office.program.run("uptake", *arguments, "--folder", "office")
    assert done.returncode != 0
    assert said in done.stderr
    assert "Traceback" not in done.stderr
