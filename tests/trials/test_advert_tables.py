"""Tables of advertisements that apps and receivers export, under their own names of columns."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluezone_agent.errors import RecordingError
from bluezone_agent.radios.recorded.advert_tables import read_columns, read_table
from bluezone_agent.trials.simulate import STARTS_AT_S
from tests.program import Program
from tests.trials.plans import PLAN, made
from tests.trials.test_node_log import STRANGER, sent

AT_S = 1_682_327_807.376
TASKIT = """\
Time,Anchor,MAC,RSSI,Connectable,Advertising payload,Name
1682327807376,line1-01,ed:96:ca:78:2c:f5,-81,C,0201061aff4c000215e2c56db5dffb48d2b060d0f5a71096e000000000c5,blinky
"""
"""The example of the taskit Beacon Line's manual, chapter 5: beacon-line.com/dokumentation/5.-observer-daten."""


@pytest.fixture
def vietnam(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Asia/Ho_Chi_Minh")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def read(folder: Path, text: str, columns: str = "") -> list[tuple[float, int, bytes]]:
    (folder / "log.csv").write_text(text, encoding="utf-8")
    found = read_table(folder / "log.csv", read_columns(columns))
    return [(round(a.received_at_s, 3), a.rssi_dbm, a.advertising_data.to_bytes()) for a in found]


def test_a_table_of_another_project(tmp_path: Path) -> None:
    ((at_s, rssi_dbm, data),) = read(tmp_path, TASKIT, "data=Advertising payload")
    assert (at_s, rssi_dbm) == (AT_S, -81)
    assert data.hex() == "0201061aff4c000215e2c56db5dffb48d2b060d0f5a71096e000000000c5"


@pytest.mark.parametrize(
    "text",
    [
        "1682327807.376",
        "1682327807376",
        "1682327807376000",
        "1682327807376000000",
        "2023-04-24T09:16:47.376Z",
        "2023-04-24 16:16:47.376+07:00",
        "2023-04-24 16:16:47.376",
    ],
)
@pytest.mark.usefixtures("vietnam")
def test_every_form_of_a_time(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, f"time,rssi,data\n{text},-61,{STRANGER.hex()}\n") == [(AT_S, -61, STRANGER)]


@pytest.mark.parametrize("between", [",", ";", "\t", "|"])
@pytest.mark.parametrize("data", [STRANGER.hex().upper(), "0x" + STRANGER.hex(), STRANGER.hex(":"), STRANGER.hex("-")])
@pytest.mark.parametrize("rssi", ["-61", "-61 dBm", "-61.0"])
def test_every_form_of_a_line(tmp_path: Path, between: str, data: str, rssi: str) -> None:
    lines = [("RSSI", "When", "Scan record"), (rssi, str(AT_S), data), ("-1", "", "")]
    text = "\ufeff" + "\r\n".join(between.join(line) for line in lines)
    assert read(tmp_path, text, "time=when,rssi=RSSI,data=scan record") == [(AT_S, -61, STRANGER)]


@pytest.mark.parametrize(
    ("text", "columns", "said"),
    [
        ("a,b\n1,2\n", "", 'has no column "time"; it has: a, b'),
        ("", "", 'has no column "time"; it has: -'),
        ("time,rssi,data\nyesterday,-60,00\n", "", "line 2: Invalid isoformat string: 'yesterday'"),
        ("time,rssi,data\n1,loud,00\n", "", "line 2: 'loud' is no RSSI"),
        ("time,rssi,data\n1,-900,00\n", "", "line 2: '-900' is no RSSI"),
        ("time,rssi,data\ninf,-60,00\n", "", "line 2: 'inf' is no time"),
        ("time,rssi,data\nnan,-60,00\n", "", "line 2: 'nan' is no time"),
        (f"time,rssi,data\n1,-60,{'0' * 200_000}\n", "", "line 2: field larger"),
        ("time,rssi,data\n1,-60,00\n1,-60,xy\n", "", "line 3: non-hexadecimal number"),
        ("time,rssi,data\n", "power=RSSI", '"power=RSSI" says of no column'),
        ("time,rssi,data\n", "time=", '"time=" says of no column'),
    ],
)
def test_a_mistake_names_the_line_and_the_way_out(tmp_path: Path, text: str, columns: str, said: str) -> None:
    with pytest.raises(RecordingError) as refused:
        read(tmp_path, text, columns)
    assert said in str(refused.value)
    assert refused.value.hint


@given(st.text(max_size=200))
def test_any_text_is_adverts_or_an_error_that_says_why(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.mktemp("any")
    for content in (text, f"time,rssi,data\n{text}"):
        (folder / "log.csv").write_text(content, encoding="utf-8", errors="replace")
        with suppress(RecordingError):
            list(read_table(folder / "log.csv", read_columns("")))


@pytest.mark.slow
def test_it_is_the_recording_of_a_device(tmp_path: Path, program: Program) -> None:
    trial = made(tmp_path / "t", PLAN.replace("[trial]\n", "[trial]\nstart = 2026-12-01T03:00:00Z\n"))
    times_s = [STARTS_AT_S + at / 2 for at in reversed(range(160))]  # newest first, as an app shows them
    lines = [
        f"{datetime.fromtimestamp(at_s, UTC).isoformat()};-60;{sent(trial, sender, at_s).hex()}"
        for at_s in times_s
        for sender in ("a", "b")
    ]
    log = tmp_path / "scan.csv"
    log.write_text("\n".join(["When;RSSI;Payload", *lines]))
    command = ("trial", "import", "csv", str(log), str(trial.path), "--node", "door")
    assert "time=" in program.run(*command).stderr
    done = program.run(*command, "--columns", "time=When,rssi=RSSI,data=Payload", "--json")
    assert json.loads(done.stdout)["packets"] == {"a": 160, "b": 160}
    done = program.run("trial", "import", "pcap", str(log), str(trial.path), "--node", "a", "--columns", "time=x")
    assert done.returncode == 2
