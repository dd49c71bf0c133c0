"""The page that an owner starts by hand: it runs this program's commands, and follows what they change."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bluezone_agent.app.device import Device
from bluezone_agent.app.page_parts import PageContacts, PageNow
from bluezone_agent.app.page_view import OwnPage
from bluezone_agent.core.pauses import Mode
from bluezone_agent.errors import AgentError
from bluezone_agent.stores.store import Store
from tests.program import Program
from tests.web.site import Site, served


@pytest.fixture
def device(program: Program) -> Device:
    program.config.write_text('language = "vi"\n')
    Store(program.state_dir).close()
    return Device(program.state_dir, program.config)


@pytest.fixture
def site(device: Device) -> Iterator[Site]:
    with served(OwnPage(device)) as found:
        yield found


def test_it_shows_every_page_in_the_configured_language(site: Site) -> None:
    for path in ("/", "/contacts", "/exposures", "/doctor", "/positive", "/settings"):
        answer = site.request("GET", path, cookie=site.cookie)
        assert answer.status == 200, answer.text
        assert '<html lang="vi">' in answer.text
    assert '<html lang="en">' in site.get("/", "en").text


def test_a_pause_is_seen_on_the_next_page(site: Site) -> None:
    assert "End the pause now" not in site.get("/settings").text
    assert site.post("/pause", mode="protected", lasts="3600").status == 303
    shown = site.get("/settings").text
    assert "End the pause now" in shown
    assert "protected until" in shown
    assert site.post("/resume").status == 303
    assert "End the pause now" not in site.get("/settings").text


def test_what_a_command_says_when_it_fails_is_shown(program: Program, site: Site) -> None:
    program.config.write_text("rule = 7\n")
    answer = site.get("/")
    assert answer.status == 503
    assert f"{program.config}: rule" in answer.text
    program.config.write_text("")
    assert site.get("/").status == 200, "the next page tries again"


async def test_an_older_part_is_shown_while_a_newer_one_is_made(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = OwnPage(device)
    working = asyncio.create_task(view.work())
    try:
        first = await view.part(PageNow)
        assert await view.part(PageContacts) is not None
        monkeypatch.setattr("bluezone_agent.app.page_view.FRESH_S", -1)
        began_s = time.monotonic()
        assert await view.part(PageNow) is first, "at once"
        assert time.monotonic() - began_s < 60
        await view.pause(Mode.PAUSED, 1800)
        after = await view.part(PageNow)
        assert after is not None
        assert after.pause is not None
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


async def test_an_agent_that_does_not_run_shows_nothing_live(device: Device) -> None:
    with pytest.raises(AgentError, match="no agent runs"):
        async for _line in OwnPage(device).live():
            pass


def test_the_command_prints_the_address_and_ends_cleanly(program: Program) -> None:
    Store(program.state_dir).close()
    child = subprocess.Popen(
        program.command("web", "--port", "0"),
        env=program.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    url = child.stdout.readline()
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{32}\n", url)
    command = Path(f"/proc/{child.pid}/cmdline").read_bytes()
    assert url.partition("=")[2].strip().encode() not in command, "nobody sees the token"
    os.kill(child.pid, signal.SIGTERM)
    out, err = child.communicate(timeout=30)
    assert (child.returncode, out, err) == (0, "", "")


def test_a_port_that_is_taken_is_named(program: Program, site: Site) -> None:
    done = program.run("web", "--port", str(site.address.port), "--lang", "en")
    assert done.returncode == 1
    assert f"can't listen on 127.0.0.1:{site.address.port}: Address already in use" in done.stderr
    assert "--port N" in done.stderr


def test_without_its_packages_the_command_names_the_extra(program: Program) -> None:
    (program.home / "starlette.py").write_text("raise ModuleNotFoundError('no starlette', name='starlette')\n")
    done = program.run("web", PYTHONPATH=f"{program.home}:{os.environ.get('PYTHONPATH', '')}")
    assert done.returncode == 2
    assert "needs the package starlette" in done.stderr
    assert 'pip install "bluezone-agent[web]"' in done.stderr
