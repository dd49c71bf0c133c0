"""The page in a real browser: every page at two widths, light and dark, in both languages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser

from bluezone_agent.i18n import LANGUAGES
from bluezone_agent.web.pages import PAGES
from tests.web.browser import NARROW, WIDE, Scheme, browser, needs_chromium, small_texts, tab, violations
from tests.web.site import Site, served_folder
from tests.web.test_states import STATES, written

pytestmark = [needs_chromium, pytest.mark.slow]

PATHS: Final = [page.path for page in PAGES] + ["/positive?way=code&days=7", "/positive?way=file&onset=x", "/nosuch"]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as started:
        yield started


@pytest.fixture(scope="module", params=["exposed as F1", "never checked"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    home: Path = tmp_path_factory.mktemp("device")
    with written(home, STATES[request.param]) as folder, served_folder(folder) as found:
        yield found


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_every_page_can_be_read_by_everybody(
    chromium: Browser, site: Site, width: int, scheme: Scheme, language: str
) -> None:
    with tab(chromium, site, width, scheme, language) as seen:
        for path in PATHS:
            seen.open(path)
            for details in seen.page.locator("details").all():
                details.locator("summary").click()
            assert seen.page.locator("html").get_attribute("lang") == language
            assert violations(seen.page) == [], path
            assert small_texts(seen.page) == [], path
            assert seen.page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert seen.strangers() == []
        assert [text for text in seen.complaints if "404" not in text] == [], "nor does the policy forbid anything"


def test_a_page_whose_policy_is_broken_is_seen(chromium: Browser, site: Site) -> None:
    with tab(chromium, site) as seen:
        seen.page.evaluate("document.body.setAttribute('style', 'color: red')")
        seen.page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=http://192.0.2.1/><p><i>x</i>')")
        seen.page.wait_for_timeout(100)
        assert len([text for text in seen.complaints if "Content Security Policy" in text]) >= 2
        assert any("image-alt" in fault for fault in violations(seen.page))


def test_everything_can_be_reached_and_used_with_the_keyboard(chromium: Browser, site: Site) -> None:
    with tab(chromium, site, NARROW) as seen:
        for path in PATHS:
            seen.open(path)
            wanted = seen.page.locator("a[href], button, select, summary, input:not([type=hidden])")
            reached = set()
            for _ in range(wanted.count() + 20):
                seen.page.keyboard.press("Tab")
                reached.add(
                    seen.page.evaluate(
                        """() => { const e = document.activeElement; e.dataset.reached = "yes";
                            const s = getComputedStyle(e), b = e.getBoundingClientRect();
                            return e.tagName + (s.outlineStyle !== "none" && b.width > 0 ? "" : " unseen") }"""
                    )
                )
            assert [name for name in reached if "unseen" in name and "BODY" not in name] == [], path
            left = seen.page.evaluate(
                """() => [...document.querySelectorAll("a[href], button, select, summary, input:not([type=hidden])")]
                    .filter(e => !e.dataset.reached && e.checkVisibility() && !(e.type === "radio"
                        && document.querySelector(`input[name=${e.name}][data-reached]`))).map(e => e.outerHTML)"""
            )
            assert left == [], path


def test_the_first_key_leads_to_the_content(chromium: Browser, site: Site) -> None:
    with tab(chromium, site) as seen:
        seen.page.keyboard.press("Tab")
        seen.page.keyboard.press("Enter")
        assert seen.page.evaluate("document.activeElement.id") == "main"


def test_the_language_is_changed_where_one_is(chromium: Browser, site: Site) -> None:
    with tab(chromium, site) as seen:
        seen.open("/doctor")
        seen.page.get_by_role("button", name="Tiếng Việt").click()
        assert seen.page.url.endswith("/doctor")
        assert seen.page.locator("html").get_attribute("lang") == "vi"
        seen.open("/")
        assert seen.page.get_by_role("heading", name="Hôm nay").count() == 1


def test_whether_when_how_long_how_close_and_what_now_are_on_the_first_screen(
    chromium: Browser, tmp_path: Path
) -> None:
    with written(tmp_path, STATES["exposed as F1"]) as folder, served_folder(folder) as site:
        for width in (NARROW, WIDE):
            with tab(chromium, site, width) as seen:
                wanted = ("you are F1", "Avoid contact with others", "Call CDC", "close contact with a confirmed case")
                for text in (*wanted, "40 min within 2 m; attenuation"):
                    box = seen.page.get_by_text(text).first.bounding_box()
                    assert box is not None
                    assert box["y"] + box["height"] <= 844, f"{text} at {width}"


def test_a_printed_page_has_the_content_and_no_buttons(chromium: Browser, site: Site) -> None:
    with tab(chromium, site) as seen:
        for path in ("/", "/exposures", "/contacts"):
            seen.open(path)
            seen.page.emulate_media(media="print")
            assert not seen.page.locator("nav").is_visible()
            assert not seen.page.locator("footer").is_visible()
            assert seen.page.locator("main").is_visible()
            seen.page.emulate_media(media="screen")
