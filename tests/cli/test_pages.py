"""What comes from outside is text on a page, and never part of it."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

import pytest
from jinja2 import UndefinedError

import bluezone_agent.html.page as pages
from bluezone_agent.app.contacts import HourOfContacts
from bluezone_agent.app.day_picture import DayPicture
from bluezone_agent.app.demo import Day, PersonVerdict
from bluezone_agent.core.attenuation import ReceivedMinute
from bluezone_agent.core.calendars import UTC_CALENDAR
from bluezone_agent.core.identifiers import ReportType
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.risk import MODELS
from bluezone_agent.exposure_check.explain import Explained
from bluezone_agent.html import contacts, demo, explain
from bluezone_agent.scenarios.cast import CASE, CAST, DAY_START_S
from bluezone_agent.stores.store import Store
from tests.exposed import received_key
from tests.program import Program

HOSTILE: Final = """</pre></title></style><script>alert("x")</script>" onload='y' &amp; {{ 7 * 7 }} <!--"""
TAGS: Final = {
    "html",
    "head",
    "meta",
    "title",
    "style",
    "body",
    "h1",
    "h2",
    "h3",
    "p",
    "span",
    "i",
    "b",
    "pre",
    "div",
} | {*("svg", "line", "rect", "text")}
ATTRIBUTES: Final = {"lang", "charset", "name", "content", "class", "role", "aria-label"} | {
    *("dx", "x", "x1", "x2", "y", "y1", "y2", "rx", "width", "height", "opacity", "text-anchor")
}
"""What the templates use; the second line is SVG."""
WITHOUT_END: Final = {"meta"}
FOLDER: Final = Path(pages.__file__).parent


class Reader(HTMLParser):
    """What a browser makes of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.values: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS
        assert {name for name, _value in attrs} <= ATTRIBUTES
        self.values += [value or "" for _name, value in attrs]
        if tag not in WITHOUT_END:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    def says(self, text: str) -> bool:
        return any(text in said for said in self.texts)


def lives() -> Iterator[PersonVerdict]:
    """Yield people who heard each other, with names that nobody has."""
    people = [
        replace(
            person,
            name=person.name if person.name == CASE else f"{person.name}{HOSTILE}",
            role=HOSTILE,
            protocol=HOSTILE,
            stays=tuple(replace(stay, where=HOSTILE) for stay in person.stays),
        )
        for person in CAST
    ]
    minutes = tuple(range(DAY_START_S // 60, DAY_START_S // 60 + 30))
    for number, person in enumerate(people):
        received = {other.name: minutes for other in people if other is not person}
        yield PersonVerdict(person, minutes, number % 2 == 0, DAY_START_S if number % 3 else None, (), received)


def test_names_places_and_roles_are_text_on_the_demos_page() -> None:
    read = Reader(demo.render(Day(1, HOSTILE, 1, tuple(lives()))))
    for person in CAST[1:]:
        assert f"{person.name}{HOSTILE}" in read.texts
        assert f"{CASE} – {person.name}{HOSTILE}" in read.texts
    assert read.texts.count(HOSTILE) > len(CAST), "places too"


def hour_at(starts_at: datetime) -> HourOfContacts:
    return HourOfContacts(
        starts_at=starts_at,
        identifiers=2,
        person_minutes=12,
        person_equivalents=0.2,
        persons_at_least=2,
        minutes=9,
        minutes_with_close=3,
        close_contacts=1,
        close_minutes=3,
        middle_minutes=4,
        far_minutes=5,
        strongest_dbm=-50,
    )


def test_notes_are_text_on_the_contacts_page() -> None:
    read = Reader(contacts.render([hour_at(datetime(2020, 9, 24, 12, tzinfo=UTC))], [HOSTILE]))
    assert HOSTILE in read.texts
    assert any("about 1 at a time" in value for value in read.values)


@pytest.mark.parametrize(("day", "hours"), [("2026-10-25", 25), ("2026-03-29", 23), ("2026-07-01", 24)])
def test_every_hour_has_a_place_of_its_own_when_clocks_are_set(
    monkeypatch: pytest.MonkeyPatch, day: str, hours: int
) -> None:
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    try:
        midnight = datetime.fromisoformat(day).astimezone()
        starts = [midnight.astimezone(UTC) + timedelta(hours=n) for n in range(hours)]
        page = contacts.render([hour_at(at) for at in starts], [])
    finally:
        monkeypatch.undo()
        time.tzset()
    assert page.count("<svg") == 1
    places = re.findall(r'<rect class="near".*? x="([0-9.]+)%"', page)
    assert len(places) == len(set(places)) == hours


def test_words_are_text_on_the_page_of_a_day() -> None:
    nothing = Explained(date(1970, 1, 1), 0, UTC_CALENDAR, MODELS["swisscovid"], [], [], 0, DAY_S, [], None)
    assert HOSTILE in Reader(explain.render(DayPicture.of(nothing, 300), [HOSTILE])).texts


def test_a_rules_file_is_text_on_the_page_of_a_day(program: Program) -> None:
    day_min = int(time.time() // 86_400) * 1440 - 1440
    rule = program.home / "<script>alert('x')<!--.toml"
    rule.write_text(
        "buckets = [[63, 1.0]]\nwarning_minutes = 15\nbeyond = 0.1\n"
        "[infectiousness]\nhigh = [0]\nstandard = [2]\nhigh_weight = 1.5\n"
    )
    program.config.write_text(f'rule = "{rule}"\n')
    minutes = tuple(ReceivedMinute(day_min + 600 + i, 50.0, 4, {16: 4}) for i in range(20))
    with Store(program.state_dir) as store, store.transaction():
        store.exposures.add(received_key("a", ReportType.CONFIRMED_TEST, 2, day_min * 60, minutes))
    day = datetime.fromtimestamp(day_min * 60, UTC).strftime("%Y-%m-%d")
    done = program.run("exposures", "explain", day, "--page", "day.html")
    assert done.returncode == 0, done.stderr
    assert rule.name in done.stdout
    assert Reader((program.home / "day.html").read_text()).says(rule.name)


def test_no_template_and_no_module_escapes_or_leaves_out_escaping_by_hand() -> None:
    for path in (*FOLDER.glob("*.py"), *FOLDER.glob("templates/*")):
        assert not re.search(r"\b(?:safe|Markup|escape|autoescape (?:false|true))\b|\bf['\"]+<", path.read_text()), path


def test_what_a_template_lacks_is_an_error_and_no_empty_place() -> None:
    with pytest.raises(UndefinedError, match="days"):
        pages.page("contacts", notes=[])


@pytest.mark.parametrize("arguments", [["--help"], ["status"], ["run", "--help"], ["exposures"], ["check", "--help"]])
def test_what_draws_nothing_loads_no_templates_and_no_metrics(program: Program, arguments: list[str]) -> None:
    command = program.command(*arguments)
    command[1:1] = ["-X", "importtime"]
    done = subprocess.run(command, env=program.environment(), capture_output=True, text=True, check=False)
    assert done.stdout
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "click" in loaded
    assert not loaded & {"jinja2", "prometheus_client"}
