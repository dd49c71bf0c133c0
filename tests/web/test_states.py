"""States × pages: in every state each page opens, and says the verdict that the commands say."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from msgspec.structs import replace

from bluezone_agent.app import page, page_files
from bluezone_agent.app.device import Device
from bluezone_agent.app.page_folder import PAGE
from bluezone_agent.app.page_parts import PageNow
from bluezone_agent.app.page_view import SILENT_AFTER_S, present
from bluezone_agent.clocks.system import SystemClock
from bluezone_agent.core.attenuation import ReceivedMinute
from bluezone_agent.core.identifiers import ReportType
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.journal import Checked, RadioState, Started, Used
from bluezone_agent.core.pauses import Mode, Pause
from bluezone_agent.errors import RadioFault
from bluezone_agent.health.health import AgentVerdict, Problem
from bluezone_agent.health.knowledge import Answer
from bluezone_agent.i18n import speaking
from bluezone_agent.stores.store import StateLock, Store
from bluezone_agent.web.pages import PAGES
from tests.exposed import received_key
from tests.present import now_s, today_s
from tests.web.site import served_folder

SOURCE: Final = '[[source]]\nlocation = "/nosuch/cases"\nallow_unsigned = true\n'
F1: Final = "You had close contact with a confirmed case (F0): you are F1."
F2: Final = "You had close contact with a contact of a case (F1): you are F2."
NONE: Final = "No exposure detected from"
COST: Final = "1.00% of a core, 2.4 wakeups a second, 120.0 MB written a day"
UNKNOWN: Final = "It is not known whether you were exposed:"


@dataclass(frozen=True)
class State:
    """What a store holds, and what the page says of it."""

    prepare: Callable[[Store], None]
    verdict: str
    says: tuple[str, ...] = ()
    """On Today, besides the verdict."""
    config: str = f"clock_trusted = true\n{SOURCE}"
    running: bool = True
    trusted: bool = True
    pages: dict[str, str] = field(default_factory=dict)
    """Path → what another page says in this state."""


def nothing(_store: Store) -> None:
    """Leave the store as it is."""


def checked(store: Store) -> None:
    """A day of scanning and a check that was complete."""
    store.listening.begin(now_s() - 2 * DAY_S, "passive")
    store.listening.extend(now_s())
    store.journal.put(Checked(now_s() - 3600, True, 1, complete_at_s=now_s() - 3600))
    store.journal.put(Started(now_s() - DAY_S, "gaen", 1, 0, ()))
    store.journal.put(Used(now_s(), 3600.0, 36.0, 8640, 5_000_000))


def checked_long_ago(store: Store) -> None:
    checked(store)
    store.journal.put(Checked(now_s() - 40 * 3600, True, 1, complete_at_s=now_s() - 40 * 3600))


def exposed(*types: ReportType) -> Callable[[Store], None]:
    def prepare(store: Store) -> None:
        checked(store)
        noon_min = (today_s() - DAY_S // 2) // 60
        minutes = [ReceivedMinute(noon_min + i, 45.0, 6, {15: 6}) for i in range(40)]
        for report_type in types:
            store.exposures.add(received_key("a" * 64, report_type, 0, now_s() - 3600, minutes))

    return prepare


def paused(store: Store) -> None:
    checked(store)
    clock = SystemClock()
    up_s = clock.uptime_s()
    store.pauses.set(Pause(Mode.PAUSED, 7200, clock.boot_id, up_s + 7200, now_s() + 7200, clock_trusted=True))


def radio_lost(store: Store) -> None:
    checked(store)
    message, fields = "{adapter} is powered off", {"adapter": "hci0 <b>"}
    store.journal.put(RadioState(now_s(), "hci0", False, now_s(), RadioFault.POWERED_OFF, message, fields))


STATES: Final = {
    "never checked": State(nothing, UNKNOWN, ("no check has succeeded so far: run bluezone-agent check",)),
    "no source": State(
        nothing, UNKNOWN, ("no source of diagnosis keys is configured: add a [[source]]",), "clock_trusted = true\n"
    ),
    "checked, nothing found": State(checked, NONE, ("The device scanned 100% of that time", f"costs {COST}")),
    "checked long ago": State(checked_long_ago, UNKNOWN, ("the last successful check was more than 30 hours ago",)),
    "paused": State(paused, NONE, ("paused until", "paused by you", "End the pause now")),
    "clock not trusted": State(
        checked,
        UNKNOWN,
        ("the clock is not synchronised, so the times of contacts are unknown",),
        SOURCE,
        trusted=False,
    ),
    "radio lost": State(
        radio_lost,
        NONE,
        ("does not work:", "the radio is not available; the agent waits for it", "hci0 <b> is powered off"),
    ),
    "not running": State(checked, NONE, ("the agent is not running: start it with bluezone-agent run",), running=False),
    "exposed as F1": State(
        exposed(ReportType.CONFIRMED_TEST),
        F1,
        ("Avoid contact with others", "40 min within 2 m", "CDC <Hà Nội>: 1900 9095", "Call CDC <Hà Nội>"),
        f'clock_trusted = true\n{SOURCE}[authority]\nname = "CDC <Hà Nội>"\ntelephone = "1900 9095"\n',
        pages={"/exposures": "How the result was calculated"},
    ),
    "exposed as F2": State(exposed(ReportType.RECURSIVE), F2, ("Keep your distance from others",)),
    "revoked": State(exposed(ReportType.CONFIRMED_TEST, ReportType.REVOKED), NONE),
}
VERDICTS: Final = (F1, F2, NONE, UNKNOWN)


@contextmanager
def written(home: Path, state: State) -> Iterator[Path]:
    """Make a device in a state, and what its agent writes for the page."""
    with ExitStack() as opened:
        state_dir, folder, config = home / "state", home / "page", home / "agent.toml"
        for path in (state_dir, folder):
            path.mkdir(0o700)
        config.write_text(state.config)
        with Store(state_dir) as store, store.transaction():
            state.prepare(store)
        if state.running:
            opened.enter_context(StateLock(state_dir))
        patched = opened.enter_context(pytest.MonkeyPatch.context())
        patched.setenv(PAGE, str(folder))
        patched.setattr(SystemClock, "synchronised", lambda _clock: state.trusted)
        with ThreadPoolExecutor(1) as other:  # a driver of a browser may have an event loop in this thread
            other.submit(page.write_page, Device(state_dir, config)).result()
        yield folder


def text_of(page_text: str) -> str:
    """Return what a person reads."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", page_text)))


@pytest.mark.parametrize("name", STATES)
def test_each_state_has_its_verdict_on_each_page(tmp_path: Path, name: str) -> None:
    state = STATES[name]
    with written(tmp_path, state) as folder, served_folder(folder) as site:
        for shown in PAGES:
            answer = site.get(shown.path)
            assert answer.status == 200, shown.path
            text = text_of(answer.text)
            if shown.path in {"/", "/exposures"}:
                assert [verdict for verdict in VERDICTS if verdict in text] == [state.verdict], shown.path
            if shown.path == "/settings":
                assert ("End the pause now" in text) == (name == "paused")
            assert state.pages.get(shown.path, "") in text
        today = text_of(site.get("/").text)
        assert [part for part in state.says if part not in today] == []
        vietnamese = site.get("/", "vi").text
        assert '<html lang="vi">' in vietnamese
        assert state.verdict not in text_of(vietnamese)


def test_a_state_that_nobody_wrote_is_said(tmp_path: Path) -> None:
    with served_folder(tmp_path) as site:
        for shown in PAGES:
            answer = site.get(shown.path)
            assert answer.status == 503
            assert "sudo systemctl start bluezone-agent" in answer.text


def test_a_part_that_is_missing_or_of_another_version_is_said(tmp_path: Path) -> None:
    with written(tmp_path, STATES["exposed as F1"]) as folder:
        for name in ("exposures", "contacts", "findings"):
            (folder / f"{name}.json").unlink()
        with served_folder(folder) as site:
            assert {site.get(shown.path).status for shown in PAGES} == {200}
            assert "load the page again in a minute" in site.get("/doctor").text
            (folder / "now.json").write_text("{}")
            assert site.get("/").status == 503


def now_of(tmp_path: Path, name: str) -> PageNow:
    with written(tmp_path, STATES[name]) as folder:
        now = page_files.read(folder, PageNow)
    assert now is not None
    return now


def test_an_agent_that_writes_nothing_any_more_does_not_run(tmp_path: Path) -> None:
    now = now_of(tmp_path, "checked, nothing found")
    assert Problem.NOT_RUNNING not in now.problems
    soon = present(now, now.made_at + timedelta(seconds=SILENT_AFTER_S))
    assert soon == now
    later = present(now, now.made_at + timedelta(seconds=SILENT_AFTER_S + 1))
    assert later.problems[0] is Problem.NOT_RUNNING
    assert later.verdict is AgentVerdict.DOES_NOT_WORK
    assert now.cost is not None
    assert later.cost is None, "what does not run costs nothing"
    assert present(later, now.made_at + timedelta(hours=1)).problems.count(Problem.NOT_RUNNING) == 1


def test_what_does_not_run_has_no_cost(tmp_path: Path) -> None:
    assert now_of(tmp_path, "not running").cost is None


def test_a_result_gets_old_though_nobody_writes_it(tmp_path: Path) -> None:
    now = now_of(tmp_path, "checked, nothing found")
    assert now.answer.complete_check_at is not None
    checked_at = now.answer.complete_check_at
    assert present(now, checked_at + timedelta(hours=30)).answer == now.answer
    old = present(now, checked_at + timedelta(hours=30, seconds=1)).answer
    assert (old.answer, old.reasons) == ("not_known", ("check_too_old",))
    exposed_now = replace(now, answer=replace(now.answer, answer=Answer.EXPOSED))
    assert present(exposed_now, checked_at + timedelta(days=5)).answer.answer is Answer.EXPOSED, "this stays true"


def test_a_pause_that_is_over_is_not_shown(tmp_path: Path) -> None:
    now = now_of(tmp_path, "paused")
    assert now.pause is not None
    assert present(now, now.pause.until + timedelta(seconds=1)).pause is None
    assert present(now, datetime.now(UTC)).pause == now.pause


def test_a_pause_without_an_agent_fails_in_words(tmp_path: Path) -> None:
    with written(tmp_path, STATES["not running"]) as folder, served_folder(folder) as site:
        answer = site.post("/pause", mode="paused", lasts="1800")
        assert answer.status == 503
        assert "does not answer" in answer.text
        assert site.post("/pause", mode="paused", lasts="1").status == 303, "no such choice: nothing is asked"
        assert site.post("/pause", mode="off", lasts="1800").status == 303


def test_what_to_type_follows_from_the_answers(tmp_path: Path) -> None:
    with written(tmp_path, STATES["checked, nothing found"]) as folder, served_folder(folder) as site, speaking("en"):
        code = text_of(site.get("/positive?way=code&onset=2020-01-02&days=7&traveler=on").text)
        assert "sudo bluezone-agent keys publish --code - --days 7 --onset 2020-01-02 --traveler" in code
        file = text_of(site.get("/positive?way=file&days=14&onset=").text)
        assert "sudo bluezone-agent keys export - > my-keys.json" in file
        assert "which is in the future" in text_of(site.get("/positive?way=file&onset=2999-01-01").text)
        assert "is not a date" in text_of(site.get("/positive?way=file&onset=x").text)
        assert "What to type" not in text_of(site.get("/positive?way=other").text)
        assert "--days 1 " in text_of(site.get("/positive?way=file&days=-5").text) + " "
