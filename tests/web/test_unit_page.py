"""The page of a campaign: the report of a real folder, and figures that a head of unit types."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, expect

from bluezone_agent.app.device import Device
from bluezone_agent.app.page_view import OwnPage
from bluezone_agent.app.uptake import new
from bluezone_agent.i18n import LANGUAGES
from bluezone_agent.uptake.units import UptakeError
from bluezone_agent.web.trial import TrialPage
from bluezone_agent.web.unit import UnitPage
from tests.program import Program
from tests.trials.plans import made
from tests.web.browser import NARROW, WIDE, browser, needs_chromium, small_texts, tab, violations
from tests.web.site import Site, served

HOSTILE: Final = "Phòng <b>7</b>"
UNITS: Final = f"""\
unit,parent,headcount
Sở Nội vụ,,
Văn thư,Sở Nội vụ,20
Kế toán,Sở Nội vụ,12
{HOSTILE},Sở Nội vụ,30
Tổ bảo vệ,Sở Nội vụ,3
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "units.csv").write_text(UNITS, encoding="utf-8")
    return new(tmp_path / "units.csv", tmp_path / "c", "staff", "Asia/Ho_Chi_Minh", 80.0).folder


@pytest.fixture
def owner(program: Program) -> OwnPage:
    program.config.write_text("clock_trusted = true\n")
    return OwnPage(Device(program.state_dir, program.config))


@pytest.fixture
def site(folder: Path, owner: OwnPage) -> Iterator[Site]:
    with served(owner, UnitPage(folder)) as found:
        yield found


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as started:
        yield started


def recorded(folder: Path) -> list[tuple[str, str]]:
    path = folder / "reported.csv"
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [(row["unit"], row["installed"]) for row in csv.DictReader(file)]


def test_a_head_of_unit_reports_and_everybody_sees_it(site: Site, folder: Path) -> None:
    before = site.get("/unit")
    assert before.status == 200, "a form, though nobody has reported yet"
    assert "<table>" not in before.text
    assert site.post("/unit", unit="Văn thư", installed=" 15 ").status == 303
    assert site.post("/unit", unit=HOSTILE, installed="10").status == 303
    assert site.post("/unit", unit="Kế toán", installed="6").status == 303
    assert recorded(folder) == [("Văn thư", "15"), (HOSTILE, "10"), ("Kế toán", "6")]
    text = site.get("/unit").text
    assert "Sở Nội vụ, round 1: who takes part, of staff" in text
    assert "Phòng &lt;b&gt;7&lt;/b&gt;" in text
    assert "<b>7" not in text
    assert ">75.0</td>" in text
    assert "Sở Nội vụ, đợt 1" in site.get("/unit", "vi").text


def test_a_unit_of_three_people_is_not_told_apart_on_the_page(site: Site) -> None:
    for unit, installed in (("Văn thư", "15"), (HOSTILE, "10"), ("Kế toán", "6"), ("Tổ bảo vệ", "2")):
        assert site.post("/unit", unit=unit, installed=installed).status == 303
    rows = [row.split("</tr>")[0] for row in site.get("/unit").text.split("<tr>")[2:]]
    (guards,) = (row for row in rows if "Tổ bảo vệ" in row)
    assert ">2<" not in guards
    hidden = [row for row in rows if ">*</td>" in row]
    assert len(hidden) >= 2, "nor by the difference of a sum"


@pytest.mark.parametrize(
    ("unit", "installed", "said"),
    [
        ("Văn thư", "21", "21 installed, but"),
        ("Văn thư", "-1", "is not a number of people"),
        ("Văn thư", "", "is not a number of people"),
        ("Văn thư", "١٢", "is not a number of people"),
        ("Văn thư", "9" * 5000, "the form is too long"),
        ("Nobody", "1", "Nobody"),
        ("Sở Nội vụ", "1", "has sub-units"),
    ],
)
def test_a_mistake_is_named_and_nothing_written(site: Site, folder: Path, unit: str, installed: str, said: str) -> None:
    answer = site.post("/unit", unit=unit, installed=installed)
    assert answer.status in (413, 503)
    assert said in answer.text
    assert recorded(folder) == []


def test_another_site_can_report_nothing(site: Site, folder: Path) -> None:
    answer = site.request("POST", "/unit", "unit=x&installed=1", cookie=site.cookie, origin="http://evil.example")
    assert answer.status == 403
    assert recorded(folder) == []


def test_a_folder_without_a_campaign_is_named(tmp_path: Path) -> None:
    with pytest.raises(UptakeError):
        UnitPage(tmp_path)


def test_a_trial_and_a_campaign_have_a_page_each(folder: Path, tmp_path: Path, owner: OwnPage) -> None:
    with served(owner, TrialPage(made(tmp_path / "t").path), UnitPage(folder)) as site:
        assert [site.get(path).status for path in ("/trial", "/unit", "/door")] == [200, 200, 200]
    with served(owner) as site:
        assert site.get("/unit").status == 404


@needs_chromium
@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_it_can_be_read_and_filled_in_by_everybody(
    chromium: Browser, site: Site, folder: Path, width: int, language: str
) -> None:
    with tab(chromium, site, width, language=language) as found:
        found.open("/unit")
        found.page.locator("[name=unit]").fill("Văn thư")
        found.page.locator("[name=installed]").fill("17")
        found.page.keyboard.press("Enter")
        expect(found.page.locator("tbody")).to_contain_text("17")
        assert violations(found.page) == []
        assert small_texts(found.page) == []
        assert found.page.evaluate("document.documentElement.scrollWidth") <= width
        assert found.complaints == []
    assert recorded(folder) == [("Văn thư", "17")]
