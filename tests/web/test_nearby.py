"""Who is near now, in a real browser, from a real agent on the virtual air."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncGenerator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from bluezone_agent.app.device import Device
from bluezone_agent.app.page_view import OwnPage, ServicePage
from bluezone_agent.core.attenuation import Closeness
from bluezone_agent.core.live_line import LiveLine, LiveRadio, LiveState, Neighbour
from bluezone_agent.errors import NoLiveFeedError
from bluezone_agent.i18n import speaking
from bluezone_agent.web import stream
from bluezone_agent.web.live_words import in_words
from tests.program import Program
from tests.web.browser import browser, needs_chromium, small_texts, tab, violations
from tests.web.site import Site, served

TABS = 20
SECONDS = 60_000


def line(*neighbours: Neighbour, state: LiveState = LiveState.SCANNING) -> LiveLine:
    """Return a line of the feed."""
    message, fields = "{adapter} is powered off", {"adapter": "hci0"}
    return LiveLine(
        number=1,
        at=datetime.now(UTC),
        up_s=1000.0,
        state=state,
        radio=LiveRadio(description="", scan_mode="", sparse=False, fault=None, message=message, fields=fields),
        protected=False,
        pause_left_s=None,
        clock_trusted=True,
        clock_reason=None,
        protocol="gaen",
        own_code="****12ab",
        close_db=55,
        middle_db=63,
        calibrated=False,
        neighbours=neighbours,
        not_shown=0,
        received={},
        discarded={},
    )


def neighbour(attenuation_db: float, closeness: Closeness) -> Neighbour:
    """Return a device of the feed."""
    return Neighbour(
        pseudonym="a1",
        protocol="gaen",
        closeness=closeness,
        attenuation_db=attenuation_db,
        rssi_dbm=-60,
        packets=3,
        appeared_s=10,
        received_s=1.2,
    )


def test_a_line_is_put_into_words() -> None:
    with speaking("vi"):
        shown = in_words(line(neighbour(48.2, Closeness.CLOSE), neighbour(90, Closeness.FAR)))
    assert shown.summary == "2 thiết bị xung quanh: ở gần 1, ở xung quanh 0, ở xa 1"
    assert [near.detail for near in shown.neighbours] == [
        "ở gần · 48 dB · 1 giây trước",
        "ở xa · 90 dB · 1 giây trước",
    ]
    assert [near.share for near in shown.neighbours] == [71, 0]
    assert "****12ab" in shown.state
    with speaking("en"):
        assert in_words(line(state=LiveState.RADIO_LOST)).troubles[0] == "not scanning: hci0 is powered off"
        assert in_words(line()).troubles == ()
        assert in_words(NoLiveFeedError("gone", "start it")).troubles == ("gone", "start it")


class Counted(ServicePage):
    """A view whose live feed says how often it is read, and fails once."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.readers = self.reads = 0

    async def live(self) -> AsyncGenerator[LiveLine, None]:
        """Yield the same line for ever."""
        self.readers += 1
        self.reads += 1
        try:
            if self.reads == 1:
                raise NoLiveFeedError("not yet")
            while True:
                yield line(neighbour(50, Closeness.CLOSE))
                await asyncio.sleep(0.02)
        finally:
            self.readers -= 1


def test_all_streams_share_one_reader_and_of_too_many_the_oldest_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "AGAIN_S", 0.05)
    view = Counted(tmp_path)
    with served(view) as site:
        opened = []
        for _ in range(stream.MOST + 1):
            opened.append(site.connect("/stream"))
            opened[-1].read_until(b": open")
        assert b"not yet" in opened[0].read_until(b"not yet")
        for one in opened[1:]:
            assert b"summary" in one.read_until(b"1 device nearby")
        assert view.readers == 1
        assert opened[0].is_over(), "one more than there may be"
        for one in opened:
            one.close()
        deadline_s = time.monotonic() + 20
        while view.readers and time.monotonic() < deadline_s:
            time.sleep(0.02)
        assert view.readers == 0, "nobody looks, so nothing is read"


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """An agent that runs among simulated neighbours."""
    program = Program(tmp_path_factory.mktemp("agent"))
    program.state_dir.mkdir(0o700)
    program.config.write_text('radio = "virtual"\nclock_trusted = true\n')
    child = program.start("run", "--quiet")
    try:
        yield program
    finally:
        child.terminate()
        child.communicate()


@pytest.fixture
def site(agent: Program) -> Iterator[Site]:
    with served(OwnPage(Device(agent.state_dir, agent.config))) as found:
        yield found


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as started:
        yield started


@needs_chromium
@pytest.mark.slow
def test_devices_appear_and_the_page_stays_accessible(chromium: Browser, site: Site) -> None:
    with tab(chromium, site, 390) as seen:
        seen.open("/nearby")
        rows = seen.page.locator("#neighbours li")
        expect(rows.first).to_be_visible(timeout=SECONDS)
        assert re.search(r"close|medium|far", rows.first.inner_text())
        assert re.match(r"\d+ devices? nearby: close \d+", seen.page.locator("#summary").inner_text())
        expect(seen.page.locator("#state")).to_have_text(re.compile(r"\*\*\*\*[0-9a-f]{4}"))
        assert violations(seen.page) == []
        assert small_texts(seen.page) == []
        assert seen.complaints == []
        assert seen.strangers() == []


@needs_chromium
@pytest.mark.slow
def test_twenty_tabs_share_one_stream_and_one_takes_over(chromium: Browser, site: Site) -> None:
    with tab(chromium, site) as first:
        first.open("/nearby")
        tabs = [first.page] + [first.page.context.new_page() for _ in range(TABS - 1)]
        for page in tabs[1:]:
            page.goto(f"{site.origin}/nearby")
        for page in tabs:
            expect(page.locator("#neighbours li").first).to_be_visible(timeout=SECONDS)
        assert sum("/stream?" in url for url in first.requested) == 1
        tabs.pop(0).close()
        tabs[-1].evaluate("document.getElementById('summary').textContent = 'old'")
        expect(tabs[-1].locator("#summary")).to_have_text(re.compile("nearby"), timeout=SECONDS)
        assert sum("/stream?" in url for url in first.requested) == 2


@needs_chromium
@pytest.mark.slow
def test_a_hidden_tab_reads_nothing(chromium: Browser, site: Site) -> None:
    with tab(chromium, site) as seen:
        seen.open("/nearby")
        expect(seen.page.locator("#neighbours li").first).to_be_visible(timeout=SECONDS)
        hide = "h => { Object.defineProperty(document, 'hidden', {value: h, configurable: true});"
        hide += " document.dispatchEvent(new Event('visibilitychange')) }"
        seen.page.evaluate(hide, True)
        seen.page.evaluate("document.getElementById('summary').textContent = 'old'")
        seen.page.wait_for_timeout(2500)
        assert seen.page.locator("#summary").inner_text() == "old"
        seen.page.evaluate(hide, False)
        expect(seen.page.locator("#summary")).to_have_text(re.compile("nearby"), timeout=SECONDS)
