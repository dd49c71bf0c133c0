"""The door's page in a real browser: what its guard sees, hears and presses, for twelve hours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser, Page, expect

from bluezone_agent.app.device import Device
from bluezone_agent.app.page_view import OwnPage, ServicePage
from bluezone_agent.core.door import (
    CalibrationFailure,
    CalibrationStep,
    Direction,
    DoorAsked,
    DoorCalibration,
    DoorCounts,
    DoorNow,
    DoorState,
    LastPassage,
)
from bluezone_agent.core.live_line import LiveLine
from bluezone_agent.daemon import control_socket
from bluezone_agent.daemon.control_socket import AgentRequest
from bluezone_agent.door.refusals import refused
from bluezone_agent.errors import DoorRefusal
from bluezone_agent.i18n import LANGUAGES, rendered, speaking
from bluezone_agent.web.door_words import door_words
from tests.program import Program
from tests.web.browser import NARROW, WIDE, Scheme, Tab, browser, needs_chromium, small_texts, tab, violations
from tests.web.site import Site, served
from tests.web.test_nearby import line
from tests.web.test_states import STATES, written

OPEN = DoorNow(
    state=DoorState.WAITING,
    since_s=1,
    green_left_s=None,
    direction=Direction.IN,
    counts=DoorCounts(in_with=19, in_without=4, out_with=2, out_without=1),
    last=None,
    strongest_dbm=None,
    threshold_dbm=-52,
    threshold_calibrated=True,
    radio_fast=True,
    label_purpose=None,
    calibration=None,
)
LAST = LastPassage(
    number=23, at=datetime(2026, 11, 29, 2, 42, tzinfo=UTC), direction=Direction.IN, protocol="gaen", labelled=False
)
SOUNDS = """
window.rung = [];
window.AudioContext = class extends AudioContext {
  createOscillator() {
    const made = super.createOscillator(), start = made.start.bind(made);
    made.start = (at) => { window.rung.push(made.frequency.value); start(at); };
    return made;
  }
};
"""
HOURS = 12
PARTS = 4


LINE = line()


@dataclass
class Guarded:
    """The agent as the page sees it: an open door, or none."""

    door: DoorNow | None = None
    asked: list[AgentRequest] = field(default_factory=list)
    refusal: DoorRefusal | None = None
    every_s: float = 0.02
    """Between two lines."""
    left: int | None = None
    """Lines until the feed stands still."""


class DoorPage(ServicePage):
    """A view on an agent whose door a test opens and moves."""

    def __init__(self, folder: Path, agent: Guarded) -> None:
        super().__init__(folder)
        self.agent = agent

    async def door(self, request: AgentRequest) -> None:
        """Do what the guard asks, or refuse."""
        self.agent.asked.append(request)
        if self.agent.refusal is not None:
            raise refused(self.agent.refusal)
        if request.request == control_socket.DOOR_OPEN:
            self.agent.door = OPEN
        elif request.request == control_socket.DOOR_CLOSE:
            self.agent.door = None

    async def live(self) -> AsyncGenerator[LiveLine, None]:
        """Yield the present."""
        while True:
            if self.agent.left != 0:
                yield replace(line(), door=self.agent.door)
                if self.agent.left is not None:
                    self.agent.left -= 1
            await asyncio.sleep(self.agent.every_s)


@pytest.fixture
def agent() -> Guarded:
    return Guarded()


@pytest.fixture
def site(tmp_path: Path, agent: Guarded) -> Iterator[Site]:
    with written(tmp_path, STATES["checked, nothing found"]) as folder, served(DoorPage(folder, agent)) as found:
        yield found


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as started:
        yield started


def asks(agent: Guarded) -> list[tuple[str, DoorAsked | None]]:
    return [(asked.request, asked.door) for asked in agent.asked]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", DoorState)
def test_every_state_is_said_and_has_a_symbol_of_its_own(state: DoorState, language: str) -> None:
    with speaking(language):
        said = [door_words(LINE, replace(OPEN, state=one)) for one in DoorState]
        here = door_words(LINE, replace(OPEN, state=state))
    assert len({words.symbol for words in said}) == len({words.headline for words in said}) == len(DoorState)
    assert here.headline
    assert here.detail
    assert here.state == state


def test_what_limits_the_door_is_said() -> None:
    with speaking("en"):
        slow = door_words(LINE, replace(OPEN, radio_fast=False, threshold_calibrated=False))
        assert "kernel:hci0" in slow.limits[0]
        assert "not calibrated" in slow.limits[1]
        assert door_words(LINE, OPEN).limits == ()


@pytest.mark.parametrize(
    ("step", "failure", "said"),
    [
        (CalibrationStep.HOLD_NEAR, None, "30 cm: 12 s"),
        (CalibrationStep.STEP_BACK, None, "1.5 m with it, and stay there: 12 s"),
        (CalibrationStep.DONE, None, "-40 dBm at 30 cm, -61 dBm at 1.5 m; the threshold is -52 dBm"),
        (CalibrationStep.FAILED, CalibrationFailure.NOTHING_NEAR, "No device was received"),
        (CalibrationStep.FAILED, CalibrationFailure.TOO_ALIKE, "hardly stronger"),
    ],
)
def test_a_calibration_guides(step: CalibrationStep, failure: CalibrationFailure | None, said: str) -> None:
    away_dbm = -61.4 if step is CalibrationStep.DONE else None
    calibration = DoorCalibration(step=step, left_s=12.4, near_dbm=-40.2, away_dbm=away_dbm, failure=failure)
    with speaking("en"):
        words = door_words(LINE, replace(OPEN, calibration=calibration))
    assert said in words.calibration
    assert words.calibrating == (step in (CalibrationStep.HOLD_NEAR, CalibrationStep.STEP_BACK))


def test_forms_work_without_a_script(site: Site, agent: Guarded) -> None:
    assert site.post("/door", do="open", direction="out").status == 303
    assert site.post("/door", do="label", label="  B 12 ").status == 303
    assert site.post("/door", do="dance").status == 303
    assert asks(agent) == [
        (control_socket.DOOR_OPEN, DoorAsked(Direction.OUT)),
        (control_socket.DOOR_LABEL, DoorAsked(None, "B 12")),
    ]
    agent.refusal = DoorRefusal.NO_PASSAGE
    answer = site.post("/door", do="undo")
    assert answer.status == 503
    assert "nobody has been counted since the door was opened" in answer.text


def show(agent: Guarded, seen: Page, door: DoorNow) -> None:
    agent.door = door
    with speaking(seen.locator("html").get_attribute("lang") or "en"):
        expect(seen.locator("#door-headline")).to_have_text(door_words(LINE, door).headline)


def until(seen: Page, expression: str) -> None:
    """Wait until a script's expression is true; Playwright's own waiting is forbidden by the page's policy."""
    for _time in range(200):
        if seen.evaluate(expression):
            return
        seen.wait_for_timeout(50)
    raise AssertionError(expression)


@needs_chromium
def test_the_guard_opens_presses_and_closes(chromium: Browser, site: Site, agent: Guarded) -> None:
    with tab(chromium, site) as found:
        found.open("/door")
        page = found.page
        page.get_by_role("button", name="People come in").click()
        expect(page.get_by_role("status").first).to_contain_text("Hold the phone near")
        expect(page.locator("#door-counts")).to_have_text("In today2319 with a deviceOut today32 with a device")
        assert page.get_by_role("button", name="Undo").is_disabled(), "nobody has passed yet"
        page.keyboard.press("u")
        agent.door = replace(OPEN, last=LAST, label_purpose="evacuation list")
        page.get_by_label("Badge or name").press_sequentially("Ngọc, nd 7")  # its letters press no button
        page.keyboard.press("Enter")
        for key in "nuD":
            page.keyboard.press(key)
        page.get_by_role("button", name="No device").click()
        page.get_by_role("button", name="Calibrate").click()
        page.keyboard.press("Control+n")
        page.once("dialog", lambda dialog: dialog.dismiss())
        page.get_by_role("button", name="Close the door").click()
        page.once("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Close the door").click()
        expect(page.get_by_role("button", name="People come in")).to_be_visible()
        assert found.complaints == []
    assert asks(agent) == [
        (control_socket.DOOR_OPEN, DoorAsked(Direction.IN)),
        (control_socket.DOOR_LABEL, DoorAsked(None, "Ngọc, nd 7")),
        (control_socket.DOOR_NO_DEVICE, DoorAsked()),
        (control_socket.DOOR_UNDO, DoorAsked()),
        (control_socket.DOOR_DIRECTION, DoorAsked()),
        (control_socket.DOOR_NO_DEVICE, DoorAsked()),
        (control_socket.DOOR_CALIBRATE, DoorAsked()),
        (control_socket.DOOR_CLOSE, DoorAsked()),
    ]


@needs_chromium
def test_a_refusal_is_said_until_something_works(chromium: Browser, site: Site, agent: Guarded) -> None:
    agent.door = replace(OPEN, last=LAST)
    with tab(chromium, site, language="vi") as found:
        found.open("/door")
        show(agent, found.page, agent.door)
        agent.refusal = DoorRefusal.NOT_WRITTEN
        found.page.keyboard.press("n")
        with speaking("vi"):
            expect(found.page.get_by_role("alert")).to_contain_text(rendered(refused(DoorRefusal.NOT_WRITTEN))[0])
        agent.refusal = None
        found.page.keyboard.press("n")
        expect(found.page.get_by_role("alert")).to_be_empty()


@needs_chromium
def test_green_rings_once_for_each_person_and_silence_is_kept(chromium: Browser, site: Site, agent: Guarded) -> None:
    agent.door = OPEN
    green = replace(OPEN, state=DoorState.GREEN, last=LAST)
    with tab(chromium, site) as found:
        page = found.page
        page.add_init_script(SOUNDS)
        found.open("/door")
        show(agent, page, OPEN)
        page.get_by_role("button", name="Sound").click()  # off
        page.get_by_role("button", name="Sound").click()  # on again: it lets one hear it
        assert page.evaluate("window.rung") == [880, 1320]
        show(agent, page, green)
        page.wait_for_timeout(200)  # ten more lines
        assert page.evaluate("window.rung.slice(2)") == [880, 1320]
        agent.door = replace(green, last=replace(LAST, number=24))
        until(page, "window.rung.length === 6")
        show(agent, page, replace(OPEN, state=DoorState.ONE_AT_A_TIME))
        until(page, "window.rung.length === 8")
        page.keyboard.press("s")
        show(agent, page, replace(green, last=replace(LAST, number=25)))
        page.wait_for_timeout(100)
        assert page.evaluate("window.rung.length") == 8
        found.open("/door")
        expect(page.get_by_role("button", name="Sound is off")).to_be_visible()
        assert found.complaints == []


@needs_chromium
def test_it_fills_the_screen(chromium: Browser, site: Site, agent: Guarded) -> None:
    agent.door = OPEN
    with tab(chromium, site) as found:
        found.open("/door")
        show(agent, found.page, OPEN)
        found.page.keyboard.press("f")
        until(found.page, "document.fullscreenElement?.id === 'door-open'")
        expect(found.page.get_by_role("button", name="No device")).to_be_visible()
        found.page.keyboard.press("f")
        until(found.page, "document.fullscreenElement === null")


@needs_chromium
@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_every_state_can_be_read_by_everybody(
    chromium: Browser, site: Site, agent: Guarded, width: int, scheme: Scheme, language: str
) -> None:
    limited = replace(OPEN, last=LAST, label_purpose="evacuation list", radio_fast=False, threshold_calibrated=False)
    agent.door = limited
    with tab(chromium, site, width, scheme, language) as found:
        found.open("/door")
        for state in DoorState:
            show(agent, found.page, replace(limited, state=state))
            assert violations(found.page) == [], state
            assert small_texts(found.page) == [], state
            assert found.page.evaluate("document.documentElement.scrollWidth") <= width, state
            for name in ("headline", "detail", "counts"):
                box = found.page.locator(f"#door-{name}").bounding_box()
                assert box is not None
                assert box["y"] + box["height"] <= 844, f"{name} of {state} is on the first screen"


@needs_chromium
def test_a_real_agent_counts_and_has_the_count_after_a_kill(chromium: Browser, tmp_path: Path) -> None:
    program = Program(tmp_path)
    program.state_dir.mkdir(0o700)
    program.config.write_text('radio = "virtual"\nclock_trusted = true\n')
    child = program.start("run", "--quiet")
    try:
        with served(OwnPage(Device(program.state_dir, program.config))) as own, tab(chromium, own) as found:
            page = found.page
            found.open("/door")
            page.get_by_role("button", name="People go out").click(timeout=60_000)
            expect(page.locator("#door-counts")).to_contain_text("Out today0", timeout=60_000)
            for _person in range(3):
                page.get_by_role("button", name="No device").click()
            expect(page.locator("#door-counts")).to_contain_text("Out today3")
            page.keyboard.press("u")
            expect(page.locator("#door-counts")).to_contain_text("Out today20 with a device")
            child.kill()
            child.communicate()
            expect(page.locator("#door-troubles")).not_to_be_empty(timeout=60_000)
            child = program.start("run", "--quiet")
            page.get_by_role("button", name="People come in").click(timeout=60_000)
            expect(page.locator("#door-counts")).to_contain_text("Out today20 with a device", timeout=60_000)
    finally:
        child.terminate()
        child.communicate()


def grown(found: Tab) -> tuple[int, float]:
    """Return how many nodes the page has and how much memory its script has, bytes, after a collection."""
    session = found.page.context.new_cdp_session(found.page)
    session.send("HeapProfiler.enable")
    for _time in range(2):  # what the first one finds unused is freed by the next
        session.send("HeapProfiler.collectGarbage")
    session.send("Performance.enable")
    metrics: dict[str, Any] = session.send("Performance.getMetrics")
    values = {metric["name"]: metric["value"] for metric in metrics["metrics"]}
    session.detach()
    return int(values["Nodes"]), float(values["JSHeapUsedSize"])


@needs_chromium
@pytest.mark.slow
def test_twelve_hours_of_lines_leave_nothing_behind(chromium: Browser, site: Site, agent: Guarded, long: bool) -> None:
    seconds = HOURS * 3600 if long else 3000
    agent.door = OPEN
    with tab(chromium, site) as found:
        found.open("/door")
        sizes = []
        for _part in range(PARTS):
            agent.left, agent.every_s = seconds // PARTS, 0.0
            while agent.left:
                state = list(DoorState)[agent.left % len(DoorState)]
                agent.door = replace(OPEN, state=state, last=replace(LAST, number=agent.left))
                found.page.wait_for_timeout(10)
            agent.left, agent.every_s = None, 0.1
            show(agent, found.page, OPEN)
            sizes.append(grown(found))
    print(f"{seconds} lines: nodes and bytes of the script {sizes}")
    (nodes, used), *_, (last_nodes, last_used) = sizes
    assert last_nodes <= nodes + 50
    assert last_used <= used + 2**20
