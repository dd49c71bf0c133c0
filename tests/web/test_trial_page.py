"""The page of a trial: two real recorders on the virtual air, a real browser, and marks that end up on the disk."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, expect

from bluezone_agent.app.device import Device
from bluezone_agent.app.page_view import OwnPage
from bluezone_agent.i18n import LANGUAGES, speaking
from bluezone_agent.plans.mistakes import PlanError
from bluezone_agent.trials.append import read_json_lines
from bluezone_agent.trials.control import SOCKET_NAME
from bluezone_agent.trials.folder import MARKS, TrialError, TrialFolder
from bluezone_agent.trials.records import MARKS_DECODER
from bluezone_agent.web.trial import TrialPage
from bluezone_agent.web.trial_words import trial_words
from tests.program import Program
from tests.trials.plans import PLAN, made
from tests.web.browser import NARROW, WIDE, browser, needs_chromium, small_texts, tab, violations
from tests.web.site import Site, served

LONG: Final = PLAN.replace("minutes = 1\n", "minutes = 30\n")


@pytest.fixture(scope="module")
def program() -> Iterator[Program]:
    """A researcher who has no agent: neither a store nor anything that runs. A socket's path has 107 bytes at most."""
    with tempfile.TemporaryDirectory(prefix="bluezone-") as folder:
        program = Program(Path(folder))
        program.state_dir.mkdir(mode=0o700)
        program.config.write_text("clock_trusted = true\n")
        yield program


@pytest.fixture(scope="module")
def trial(program: Program) -> Iterator[TrialFolder]:
    """Two devices that record."""
    folder = made(program.home / "t", LONG)
    running = []
    for node in ("a", "door"):
        running.append(child := program.start("trial", "run", folder.path, "--node", node, "--radio", "virtual"))
        while not (folder.device(node) / SOCKET_NAME).exists():
            assert child.poll() is None, child.communicate()
            time.sleep(0.05)
    try:
        yield folder
    finally:
        for child in running:
            child.terminate()
            child.communicate()


@pytest.fixture
def site(program: Program, trial: TrialFolder) -> Iterator[Site]:
    with served(OwnPage(Device(program.state_dir, program.config)), TrialPage(trial.path)) as found:
        yield found


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as started:
        yield started


def marks(trial: TrialFolder, device: str) -> list[str]:
    return [mark.text for mark in read_json_lines(trial.device(device) / MARKS, MARKS_DECODER)]


def until_recorded(site: Site) -> None:
    stream = site.connect("/stream/trial")
    stream.read_until(b'"device":"door"')
    stream.close()


@needs_chromium
def test_who_receives_whom_is_shown_and_a_mark_is_taken_by_every_recorder(
    chromium: Browser, site: Site, trial: TrialFolder
) -> None:
    with tab(chromium, site, NARROW) as found:
        page = found.page
        found.open("/trial")
        expect(page.get_by_role("link", name="Trial")).to_have_attribute("aria-current", "page")
        expect(page.get_by_role("heading", name="door")).to_be_visible(timeout=30_000)
        expect(page.locator("#summary")).to_contain_text("short: phase 1 of 2, one")
        card = page.locator("section.card", has=page.get_by_role("heading", name="door"))
        expect(card.locator("tbody tr")).to_have_count(2)
        expect(card.locator("tbody tr").first).to_contain_text("dBm", timeout=30_000)
        page.get_by_label("Mark").fill("a,b=1.0 đối mặt <b>")
        page.keyboard.press("Enter")
        expect(page.locator("#said")).to_have_text("noted by a, door")
        expect(page.locator("#marks")).to_contain_text("a,b=1 đối mặt <b> (a, door)", timeout=10_000)
        page.get_by_label("Mark").fill("a,nobody=1")
        page.get_by_role("button", name="Mark now").click()
        expect(page.locator("#said")).to_contain_text("nobody")
        expect(page.get_by_label("Mark")).to_have_value("a,nobody=1")
        assert [text for text in found.complaints if "409" not in text] == []
    assert marks(trial, "a") == marks(trial, "door") == ["đối mặt <b>"]


@needs_chromium
@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_it_can_be_read_by_everybody(chromium: Browser, site: Site, width: int, language: str) -> None:
    with tab(chromium, site, width, language=language) as found:
        found.open("/trial")
        expect(found.page.get_by_role("heading", name="door")).to_be_visible(timeout=30_000)
        assert violations(found.page) == []
        assert small_texts(found.page) == []
        assert found.page.evaluate("document.documentElement.scrollWidth") <= width


def test_without_a_script_a_mark_is_a_form(site: Site, trial: TrialFolder) -> None:
    until_recorded(site)
    before = len(marks(trial, "a"))
    assert site.post("/trial", text="by hand").status == 303
    deadline_s = time.monotonic() + 10
    while len(marks(trial, "a")) == before and time.monotonic() < deadline_s:
        time.sleep(0.1)
    assert marks(trial, "a")[-1] == "by hand"


def test_a_mark_by_another_site_is_refused(site: Site, trial: TrialFolder) -> None:
    answer = site.request(
        "POST", "/trial", "text=x", cookie=site.cookie, origin="http://evil.example", content_type="text/plain"
    )
    assert answer.status == 403
    assert "x" not in marks(trial, "a")


def test_a_page_without_a_trial_has_none(program: Program) -> None:
    with served(OwnPage(Device(program.state_dir, program.config))) as site:
        assert site.get("/trial").status == 404
        assert site.get("/stream/trial").status == 404


def test_a_folder_that_has_no_trial_is_named(tmp_path: Path, program: Program) -> None:
    with pytest.raises(PlanError):
        TrialPage(tmp_path)
    done = program.run("web", "--trial", tmp_path / "none", "--port", "0")
    assert done.returncode == 78
    assert "none" in done.stderr


def test_why_nothing_is_shown_is_said(tmp_path: Path) -> None:
    error: Any = TrialError("no device records the trial in {path}", "start one", path=tmp_path)
    with speaking("en"):
        assert trial_words(error).troubles == (f"no device records the trial in {tmp_path}", "start one")
