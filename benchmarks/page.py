"""How soon the owner's page is there: Today's first paint over a store of 14 days among 200 peers, and what it costs.

python -m benchmarks.page [STATE_DIR]      (needs Chromium; a store that is named is filled only if it is empty)
"""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Page

from bluezone_agent.app import page_files
from bluezone_agent.app.device import Device
from bluezone_agent.app.page import page_parts
from bluezone_agent.app.page_view import OwnPage, PageView, ServicePage
from bluezone_agent.core.identifiers import ObservedIdentifier
from bluezone_agent.core.intervals import DAY_S, MINUTE_S, RETENTION_DAYS
from bluezone_agent.core.sightings import ContactMinute
from bluezone_agent.stores.store import Store
from tests.web.browser import NARROW, browser, tab
from tests.web.site import served

PEERS = 200
AIM_MS = 1000.0
RUNS = 3
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


def fill(state_dir: Path) -> None:
    """Put 14 days among 200 peers into a store."""
    now_min = int(time.time()) // MINUTE_S
    first_min = now_min - RETENTION_DAYS * DAY_S // MINUTE_S
    with Store(state_dir) as store:
        with store.transaction():
            store.listening.begin(first_min * MINUTE_S, "passive")
        for start_min in range(first_min, now_min, DAY_S // MINUTE_S):
            with store.transaction():
                for minute in range(start_min, start_min + DAY_S // MINUTE_S):
                    store.contacts.add([_minute(peer, minute) for peer in range(PEERS)])
        with store.transaction():
            store.listening.extend(now_min * MINUTE_S)


def _minute(peer: int, minute: int) -> ContactMinute:
    identifier = (peer * 10**8 + minute // 10).to_bytes(16, "big")
    observed = ObservedIdentifier("gaen", identifier, b"AEM-")
    return ContactMinute(observed, minute, 6, -60.0 - peer % 40, -70, -55, {-20: 6}, trusted=True)


def first_paint_ms(view: PageView, path: str) -> float:
    """Return when a browser that was just started has painted a page, from the request on."""
    with served(view) as site, browser() as chromium, tab(chromium, site, NARROW) as seen:
        seen.page.goto("about:blank")
        seen.open(path)
        return painted_ms(seen.page)


def first_visit_ms(device: Device) -> float:
    """Return the same for the very first page of a page that its owner has just started."""
    with served(OwnPage(device)) as site, browser() as chromium:
        context = chromium.new_context(viewport={"width": NARROW, "height": 844})
        page = context.new_page()
        page.goto(f"{site.origin}/?token={site.access.token}")
        return painted_ms(page)


def painted_ms(page: Page) -> float:
    """Return when a page was painted, once it is."""
    found: float | None = None
    while found is None:
        page.wait_for_timeout(20)
        found = page.evaluate(PAINTED)
    return found


def main(arguments: list[str]) -> None:
    """Print each time beside the aim; the best of three."""
    with TemporaryDirectory() as work:
        state_dir = Path(arguments[0]) if arguments else Path(work) / "state"
        state_dir.mkdir(0o700, exist_ok=True)
        if not (state_dir / "agent.db").exists():
            fill(state_dir)
        device, folder = Device(state_dir), Path(work) / "page"
        folder.mkdir()
        _make(device, folder)
        print(f"{'first paint of Today, aim':<40} {AIM_MS:.0f} ms")
        print(f"{'started by hand, first visit':<40} {min(first_visit_ms(device) for _ in range(RUNS)):.0f} ms")
        service = ServicePage(folder)
        for path in ("/", "/contacts", "/exposures"):
            best = min(first_paint_ms(service, path) for _ in range(RUNS))
            print(f"{'as a service, ' + path:<40} {best:.0f} ms")


def _make(device: Device, folder: Path) -> None:
    """Write every part, and print what each takes."""
    began_s = time.process_time()
    for name, part in page_parts(device):
        took_s, began_s = time.process_time() - began_s, time.process_time()
        page_files.write(folder, name, part)
        print(f"{'CPU for ' + name:<40} {took_s * 1000:.0f} ms, {(folder / f'{name}.json').stat().st_size} bytes")
    print(f"{'peak memory':<40} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB")


if __name__ == "__main__":
    main(sys.argv[1:])
