"""What 20 open tabs of Around you cost the agent and the page: memory and CPU before and while they are open.

    python -m benchmarks.page_tabs [MINUTES | --long]      (needs Chromium; --long: an hour, otherwise 3 minutes)

It measures 3 minutes without a tab first. The agent and the page are two processes, as the services are. The agent is
among simulated neighbours.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from playwright.sync_api import BrowserContext, Page

from bluezone_agent.app.page_folder import PAGE
from bluezone_agent.cli.web import WEB_STATE
from tests.program import Program
from tests.web.browser import WIDE, browser

TABS: Final = 20
MINUTES, LONG_MINUTES = 3, 60
WARM_S: Final = 60
"""Importing and the first minute's work are over."""
TICKS: Final = os.sysconf("SC_CLK_TCK")


class Usage(NamedTuple):
    """What a process has used, and what it holds."""

    at_s: float
    cpu_s: float
    resident_kib: int


def usage(pid: int) -> Usage:
    """Return what a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    resident = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
    return Usage(time.monotonic(), (int(fields[11]) + int(fields[12])) / TICKS, resident)


@contextmanager
def process(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Run a command until the block ends."""
    child = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        yield child
    finally:
        child.terminate()
        child.communicate()


def measured(children: dict[str, subprocess.Popen[str]], what: str, wait: Page | None, minutes: float) -> None:
    """Print what each process uses within some minutes, and holds at both ends."""
    before = {name: usage(child.pid) for name, child in children.items()}
    if wait is None:
        time.sleep(60 * minutes)
    else:
        wait.wait_for_timeout(60_000 * minutes)  # the driver's events are handled meanwhile
    for name, child in children.items():
        first, last = before[name], usage(child.pid)
        share = (last.cpu_s - first.cpu_s) / (last.at_s - first.at_s)
        memory = f"{first.resident_kib / 1024:.1f} to {last.resident_kib / 1024:.1f} MiB"
        print(f"{what:<8} {name:<6} {100 * share:.2f}% of a core, {memory}", flush=True)


def open_tabs(context: BrowserContext, origin: str) -> list[Page]:
    """Open the tabs, and return them when each shows who is near."""
    tabs = [context.new_page() for _ in range(TABS)]
    for tab in tabs:
        tab.goto(f"{origin}/nearby", wait_until="commit")
    for tab in tabs:
        tab.locator("#summary:not(:empty)").wait_for()
    return tabs


def main(arguments: list[str]) -> None:
    """Print both processes without tabs, with them, and how many streams they needed."""
    minutes = LONG_MINUTES if "--long" in arguments else float(arguments[0]) if arguments else MINUTES
    with TemporaryDirectory() as work, ExitStack() as opened:
        program, folder = Program(Path(work)), Path(work) / "page"
        folder.mkdir()
        program.config.write_text('radio = "virtual"\nclock_trusted = true\nlanguage = "en"\n')
        environment = program.environment() | {PAGE: str(folder), WEB_STATE: work}
        agent = opened.enter_context(process(program.command("run", "--quiet", "--no-check"), environment))
        page = opened.enter_context(process(program.command("web", "--service", "--port", "0"), environment))
        assert page.stdout is not None
        address, children = page.stdout.readline().strip(), {"agent": agent, "page": page}
        time.sleep(WARM_S)
        measured(children, "no tab", None, MINUTES)
        context = opened.enter_context(browser()).new_context(viewport={"width": WIDE, "height": 844})
        streams: list[str] = []
        context.on("request", lambda request: streams.append(request.url) if "/stream" in request.url else None)
        first = context.new_page()
        first.goto(address)
        tabs = open_tabs(context, address.partition("/?")[0])
        measured(children, f"{TABS} tabs", first, minutes)
        fresh = sum(bool(tab.evaluate("document.getElementById('neighbours').children.length")) for tab in tabs)
        print(f"{fresh} of {TABS} tabs show neighbours, over {len(streams)} stream(s)")


if __name__ == "__main__":
    main(sys.argv[1:])
