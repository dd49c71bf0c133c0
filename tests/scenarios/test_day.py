"""The demo's day: the verdicts follow from the distances, and the day from its seed."""

import json
import re

import pytest

from bluezone_agent.scenarios.cast import CASE, CAST, close_contacts, near_minutes
from bluezone_agent.scenarios.day import PUBLISHED_AT_S, Day, simulate
from tests.program import Program

pytestmark = pytest.mark.slow

AN = CAST[0]


@pytest.fixture(scope="module", params=["bluezone", "gaen"])
def day(request: pytest.FixtureRequest) -> Day:
    return simulate(1, request.param)


def test_the_truth_is_in_the_plan_not_in_the_radio() -> None:
    assert {p.name: len(near_minutes(AN, p)) for p in CAST[1:]} == {
        "Bình": 820,
        "Chi": 430,
        "Dũng": 30,
        "Giang": 0,
        "Hà": 2,
    }
    assert close_contacts(AN, CAST) == {"Bình", "Chi", "Dũng"}


def test_exactly_the_close_contacts_are_warned(day: Day) -> None:
    assert {v.person.name for v in day.verdicts if v.warned_at_s is not None} == {"Bình", "Chi", "Dũng"}
    assert day.right


def test_the_others_were_heard_so_that_not_warning_them_means_something(day: Day) -> None:
    quiet = {v.person.name: len(v.received[CASE]) for v in day.others if v.warned_at_s is None}
    assert quiet["Giang"] > 30
    assert quiet["Hà"] >= 2


def test_the_warned_learn_when_and_how_long(day: Day) -> None:
    for v in day.others:
        if v.warned_at_s is not None:
            (exposure,) = v.days
            assert v.warned_at_s >= PUBLISHED_AT_S - 100, "clocks are up to a minute wrong"
            assert exposure.near_minutes == pytest.approx(v.true_near_minutes, rel=0.1)
            first = exposure.encounters[0]
            assert first.starts_at_s // 60 - v.near[0] in {-2, -1, 0, 1}


def test_every_device_knows_only_what_it_heard(day: Day) -> None:
    received = {v.person.name: set(v.received) for v in day.verdicts}
    assert received["Chi"] == {"An"}
    assert received["Dũng"] == {"An", "Hà"}


def test_the_same_seed_is_the_same_day() -> None:
    assert simulate(7, "gaen") == simulate(7, "gaen")
    assert simulate(7, "gaen") != simulate(8, "gaen")


def test_the_command_prints_the_verdicts_and_one_page_that_loads_nothing(program: Program) -> None:
    done = program.run("demo", "--seed", "3", "--json")
    out = json.loads(done.stdout)
    assert (out["seed"], out["case"], out["all_verdicts_right"]) == (3, "An", True)
    assert [a["name"] for a in out["agents"] if a["warned"]] == ["Bình", "Chi", "Dũng"]
    page = (program.home / out["page"]).read_text("utf-8")
    assert page.count("<svg") == 2
    assert all(person.name in page for person in CAST)
    assert not re.search(r"""(src|href)=|url\(|@import|<script""", page)


def test_a_person_sees_a_timeline_in_their_language(program: Program) -> None:
    english = program.run("demo").stdout
    assert "07:50-08:20  on the bus: Dũng 0.7 m away" in english
    assert "09:00  An tests positive (F0)" in english
    vietnamese = program.run("demo", "--lang", "vi", "--page", "vi.html").stdout
    assert "07:50-08:20  trên xe buýt: Dũng" in vietnamese
    assert "tiếp xúc gần" in vietnamese
    assert '<html lang="vi">' in (program.home / "vi.html").read_text("utf-8")


def test_a_page_that_cannot_be_written_is_named(program: Program) -> None:
    done = program.run("demo", "--page", "no/such/folder.html")
    assert done.returncode == 1
    assert "can't write no/such/folder.html: No such file or directory" in done.stderr
