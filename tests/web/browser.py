"""A real browser, for what only a browser can tell: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.web.site import TOKEN, Site

CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser")
needs_chromium: Final = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (apt: chromium)")
NARROW, WIDE = 390, 1280
LEAST_PX: Final = 11

Scheme = Literal["light", "dark"]


@contextmanager
def browser() -> Iterator[Browser]:
    """Start the browser."""
    with sync_playwright() as driver:
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        started = driver.chromium.launch(executable_path=CHROMIUM, args=options)
        try:
            yield started
        finally:
            started.close()


@dataclass
class Tab:
    """A tab of a browser of its own, and what went wrong in it."""

    page: Page
    site: Site
    complaints: list[str] = field(default_factory=list)
    """What the console says: a script's error, or something that the policy forbids."""
    requested: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        """Load a page of the site."""
        self.page.goto(self.site.origin + path)

    def strangers(self) -> list[str]:
        """Return every address that was asked for and is not the site's."""
        return [url for url in self.requested if not url.startswith((self.site.origin + "/", "data:,"))]


@contextmanager
def tab(
    chromium: Browser, site: Site, width: int = WIDE, scheme: Scheme = "light", language: str = "en"
) -> Iterator[Tab]:
    """Open a browser that knows the token, in a language."""
    context = chromium.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    found = Tab(context.new_page(), site)
    found.page.on("console", lambda message: found.complaints.append(message.text))
    found.page.on("pageerror", lambda error: found.complaints.append(str(error)))
    context.on("request", lambda request: found.requested.append(request.url))
    found.open(f"/?token={TOKEN}")
    context.add_cookies([{"name": "bluezone-language", "value": language, "url": site.origin}])
    try:
        yield found
    finally:
        context.close()


@cache
def axe() -> str:
    """Return axe-core's script."""
    return (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")


def violations(page: Page) -> list[str]:
    """Return what axe finds against WCAG 2.2 A and AA and its best practices."""
    page.evaluate(axe())  # by the driver, not by the page: its policy stays in force
    found: dict[str, Any] = page.evaluate("axe.run()")
    return [
        f"{fault['id']}: {node['html']}: {node['failureSummary']}"
        for fault in found["violations"]
        for node in fault["nodes"]
    ]


def small_texts(page: Page) -> list[str]:
    """Return the texts that are shown smaller than anybody can read, as the display has them."""
    found: list[str] = page.evaluate(
        """least => [...document.querySelectorAll("body *")]
            .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()))
            .filter(e => e.checkVisibility())
            .filter(e => parseFloat(getComputedStyle(e).fontSize) * (e.getScreenCTM ? e.getScreenCTM().a : 1) < least)
            .map(e => e.outerHTML)""",
        LEAST_PX,
    )
    return found
