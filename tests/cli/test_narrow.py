"""Tables and lists on a narrow terminal: nothing is cut, nothing is wider."""

from __future__ import annotations

import time
from itertools import takewhile

import pytest

from bluezone_agent.cli.table import print_table
from bluezone_agent.cli.wrapping import wrapped
from bluezone_agent.core.identifiers import DailyKey
from bluezone_agent.core.intervals import DAY_S, day_start_s
from bluezone_agent.stores.store import Store
from tests.program import Program
from tests.receiving import receive

NAMES = ("receiver", "true distance", "", "told")
ROWS = (("pi-living-room", "1.00 m", "in the next room", "warned"), ("[b]", "3.00 m", "", ""))


@pytest.fixture
def room(program: Program) -> Program:
    lines = ["session,receiver,t_s,rssi_dbm,distance_m"]
    lines += [f"office,{r},{t},-50,{n + 1}" for n, r in enumerate(("living room", "kitchen")) for t in range(0, 600, 5)]
    (program.home / "room.csv").write_text("\n".join(lines))
    start_s = day_start_s(time.time()) - DAY_S
    with Store(program.state_dir) as store:
        receive(store, DailyKey("gaen", b"k" * 16, start_s, start_s + DAY_S, 144))
    return program


def widest(text: str) -> int:
    return max(len(line.rstrip()) for line in text.splitlines())


@pytest.mark.parametrize("language", ["en", "vi"])
@pytest.mark.parametrize("columns", [40, 50, 80])
def test_tables_fit(room: Program, columns: int, language: str) -> None:
    for words in (["replay", "room.csv"], ["contacts", "--days", "14"]):
        shown = room.at_terminal("-q", "--lang", language, *words, columns=columns, NO_COLOR="1")[1]
        table = list(takewhile(lambda line: line and len(line) <= 100, shown.splitlines()))  # then come sentences
        assert len(table) >= 3, shown
        assert max(len(line.rstrip()) for line in table) <= columns, shown
        assert "…" not in shown


def test_a_table_that_does_not_fit_is_a_list(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    print_table(NAMES, ROWS, title="office", right=[1])
    assert [line.split() for line in capsys.readouterr().out.splitlines()][:3] == [
        ["office"],
        ["receiver", "true", "distance", "told"],
        ["pi-living-room", "1.00", "m", "in", "the", "next", "room", "warned"],
    ]
    monkeypatch.setenv("COLUMNS", "30")
    print_table(NAMES, ROWS, title="office", right=[1])
    assert capsys.readouterr().out.splitlines() == [
        *("office", "receiver: pi-living-room", "  true distance: 1.00 m", "  in the next room", "  told: warned"),
        *("receiver: [b]", "  true distance: 3.00 m"),
    ]


def test_a_list_hangs_on_a_terminal_and_is_one_line_elsewhere(room: Program) -> None:
    for columns in (40, 50):
        code, shown = room.at_terminal("status", columns=columns, NO_COLOR="1")
        assert code == 1
        assert widest(shown) <= columns
        code, shown = room.at_terminal("doctor", columns=columns, NO_COLOR="1")
        assert max(map(len, (line for line in shown.splitlines() if "/" not in line))) <= columns
    assert wrapped("a " * 100) == "a " * 100, "here stdout is no terminal"


@pytest.mark.slow
@pytest.mark.parametrize("columns", [40, 50, 80])
def test_the_demo_fits(program: Program, columns: int) -> None:
    shown = program.run("demo", COLUMNS=str(columns)).stdout
    head, _morning, last = shown.partition("tests positive")
    strip = [line for line in head.splitlines() if "█" in line or "░" in line]
    assert len(strip) >= 5
    assert max(map(len, strip)) <= columns or columns == 80
    people = last.splitlines()[-24:-1]
    assert "…" not in shown
    assert [line for line in people if line.startswith("who: ") and len(line) > columns] == []
