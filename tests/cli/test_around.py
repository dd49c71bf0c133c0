"""``around``, as a person and a program run it: with an agent, without one, on any terminal."""

from __future__ import annotations

import io
import json
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final

import msgspec
import pytest
from rich.console import Console

from bluezone_agent.cli.live_screen import view
from bluezone_agent.core.attenuation import closeness
from bluezone_agent.core.clock_state import DistrustReason
from bluezone_agent.core.live_line import LiveLine, LiveRadio, LiveState, Neighbour
from bluezone_agent.errors import RadioFault
from bluezone_agent.i18n import use_language
from tests.cli.test_run import stopped
from tests.program import TIMEOUT_S, Program

RADIO: Final = LiveRadio(
    description="bluez:hci0 (extended advertising, BlueZ 5.66)",
    scan_mode="kernel",
    sparse=False,
    fault=None,
    message="",
    fields={},
)


def neighbour(attenuation_db: float, received_s: float = 0.3, pseudonym: str = "K7M3P") -> Neighbour:
    return Neighbour(
        pseudonym=pseudonym,
        protocol="gaen",
        closeness=closeness(attenuation_db),
        attenuation_db=attenuation_db,
        rssi_dbm=-25 - attenuation_db,
        packets=40,
        appeared_s=12.0,
        received_s=received_s,
    )


LINE: Final = LiveLine(
    number=1,
    at=datetime(2026, 11, 24, 5, 0, 0, tzinfo=UTC),
    up_s=1000.0,
    state=LiveState.SCANNING,
    radio=RADIO,
    protected=False,
    pause_left_s=None,
    clock_trusted=True,
    clock_reason=None,
    protocol="bluezone",
    own_code="****3f2a",
    close_db=55.0,
    middle_db=63.0,
    calibrated=False,
    neighbours=(neighbour(38.0), neighbour(57.2, 11.4, "TTW2X"), neighbour(112.0, 29.6, "QQQQQ")),
    not_shown=0,
    received={"gaen": 40},
    discarded={"foreign": 0},
)


def changed(**fields: object) -> LiveLine:
    return msgspec.structs.replace(LINE, **fields)


LOST: Final = changed(
    state=LiveState.RADIO_LOST,
    own_code=None,
    radio=msgspec.structs.replace(
        RADIO, fault=RadioFault.POWERED_OFF, message="{adapter} is powered off", fields={"adapter": "hci0\x1b[2J"}
    ),
)
SITUATIONS: Final = {
    "scanning": (LINE, "bluez:hci0"),
    "sparse": (changed(radio=msgspec.structs.replace(RADIO, sparse=True)), "11 s"),
    "paused": (changed(state=LiveState.PAUSED, own_code=None, pause_left_s=3600.0, neighbours=()), "06:00"),
    "protected": (changed(protected=True, pause_left_s=3600.0), "06:00"),
    "lost": (LOST, "hci0\\x1b[2J"),
    "starting": (changed(state=LiveState.STARTING, own_code=None, neighbours=()), "start"),
    "silent": (changed(own_code=None), "others don't see you"),
    "clock": (changed(clock_trusted=False, clock_reason=DistrustReason.WENT_BACK), "NTP"),
    "flood": (changed(neighbours=tuple(neighbour(50.0 + n / 10) for n in range(300)), not_shown=12), "flooding"),
}


def shown(line: LiveLine, columns: int, rows: int = 24) -> list[str]:
    """Return what a terminal of this size shows."""
    out = io.StringIO()
    console = Console(file=out, width=columns, height=rows, highlight=False)
    console.print(view(line, console))
    return out.getvalue().splitlines()


@pytest.fixture(params=["en", "vi"])
def language(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("LANGUAGE", "en")
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    use_language(request.param)
    return str(request.param)


@pytest.mark.parametrize("columns", [40, 50, 80])
@pytest.mark.parametrize("situation", SITUATIONS)
def test_the_screen_fits_and_says_what_limits_it(language: str, situation: str, columns: int) -> None:
    line, said = SITUATIONS[situation]
    lines = shown(line, columns)
    text = "\n".join(lines)
    assert max(map(len, map(str.rstrip, lines))) <= columns, text
    assert len(lines) <= 24, text
    assert "…" not in text
    assert "\x1b" not in text
    if language == "en":
        assert said in " ".join(text.split()), text


@pytest.mark.parametrize("columns", [40, 50, 80])
def test_each_device_has_its_name_band_bar_attenuation_and_age(language: str, columns: int) -> None:
    rows = {
        words[0]: words for line in shown(LINE, columns) if (words := line.split()) and words[0] in "K7M3PTTW2XQQQQQ"
    }
    near, medium, far = (" ".join(rows[name]) for name in ("K7M3P", "TTW2X", "QQQQQ"))
    bands = {"en": ("close", "medium", "far"), "vi": ("ở gần", "ở xung quanh", "ở xa")}[language]
    assert [word in row for word, row in zip(bands, (near, medium, far), strict=True)] == [True] * 3
    assert "38 dB" in near
    assert "57 dB" in medium
    assert ({"en": "11 s ago", "vi": "11 giây trước"}[language] if columns == 80 else "11 s") in medium
    assert near.count("█") > medium.count("█") > far.count("█") == 0


@pytest.mark.parametrize("columns", [40, 80])
def test_who_does_not_fit_is_counted_and_no_room_is_left(language: str, columns: int) -> None:
    lines = shown(SITUATIONS["flood"][0], columns, rows=20)
    rows = "\n".join(lines).count("K7M3P")
    assert len(lines) == 19, "one is the cursor's"
    assert f" {300 - rows} " in "\n".join(lines)


@pytest.fixture
def virtual(program: Program) -> Program:
    program.config.write_text('radio = "virtual"\nclock_trusted = true\n')
    return program


@contextmanager
def running(program: Program) -> Iterator[subprocess.Popen[str]]:
    """Run an agent; it already serves its feed."""
    agent = program.start("run", "--no-check")
    deadline_s = time.monotonic() + TIMEOUT_S
    while not (program.state_dir / "live.sock").exists():
        assert agent.poll() is None, agent.communicate()[1]
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
    try:
        yield agent
    finally:
        if agent.poll() is None:
            stopped(agent)


def test_without_an_agent_it_says_how_to_start_one(program: Program) -> None:
    for words in (["around"], ["around", "--json"]):
        done = program.run(*words)
        assert (done.returncode, done.stdout) == (75, "")
        assert f"error: no agent runs on {program.state_dir}, so nothing is received now" in done.stderr
        assert 'hint: start it with "bluezone-agent run"' in done.stderr


def test_a_program_gets_a_line_each_second_and_a_person_without_a_terminal_a_text(virtual: Program) -> None:
    with running(virtual):
        done = virtual.run("around", "--for", "3s", "--json")
        text = virtual.run("around", "--for", "1s").stdout.splitlines()
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["number"] for line in lines] == list(range(lines[0]["number"], lines[0]["number"] + len(lines)))
    assert len(lines) >= 2
    assert lines[-1]["state"] == "scanning"
    assert {n["protocol"] for n in lines[-1]["neighbours"]} == {"bluezone", "gaen"}
    assert "2 devices nearby: close" in text[-1]


def test_ctrl_c_and_q_end_the_screen_and_the_last_view_stays(virtual: Program) -> None:
    with running(virtual):
        code, said = virtual.at_terminal("around", stop_after="nearby", NO_COLOR="1", LANGUAGE="en")
        assert code == 0, said
        assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", said), "no colour"
        code, said = virtual.at_terminal("around", stop_after="ends it", stop_with=b"q")
        assert code == 0, said
        assert "q or Ctrl-C ends it" in said


def test_a_terminal_without_movements_gets_lines(virtual: Program) -> None:
    with running(virtual):
        code, said = virtual.at_terminal("around", "--for", "1s", TERM="dumb")
    assert code == 0
    assert "\x1b" not in said
    assert re.search(r"\d devices? nearby: close", said)


def test_an_agent_that_stops_ends_it_with_a_reason(virtual: Program) -> None:
    with running(virtual) as agent:
        looking = virtual.start("around", "--json")
        time.sleep(2)
        assert looking.poll() is None
        stopped(agent)
        _out, said = looking.communicate(timeout=TIMEOUT_S)
    assert looking.returncode == 75
    assert f"the agent on {virtual.state_dir} has stopped" in said


@pytest.mark.parametrize("lasts", ["0s", "3x", "2d", "10"])
def test_a_time_that_is_none_is_refused(program: Program, lasts: str) -> None:
    done = program.run("around", "--for", lasts)
    assert done.returncode == 2
    assert "write for example 10s, 5m or 1h" in done.stderr
