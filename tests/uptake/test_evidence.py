"""Three kinds of evidence, never mixed in one figure; and the way of a receipt from the slip to the report."""

from __future__ import annotations

import csv
import io
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bluezone_agent.app.uptake_report import UptakeReport, UptakeUnit, evaluate
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.stores.store import Store
from bluezone_agent.uptake.figures import SCHEMA
from bluezone_agent.uptake.folder import UptakeFolder, make_folder
from tests.program import Program
from tests.uptake.trees import tree_of

TREE: Final = tree_of(
    ("office", "", None), ("a", "office", 20), ("b", "office", 9), ("c", "office", 3), ("d", "office", 6)
)
LEAVES: Final = ("a", "b", "c", "d")
people = st.lists(st.integers(0, 3), min_size=4, max_size=4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> UptakeFolder:
    units = b"unit,parent,headcount\noffice,,\na,office,20\nb,office,9\nc,office,3\nd,office,6\n"
    return make_folder(tmp_path_factory.mktemp("evidence") / "c", units, "staff", "Asia/Ho_Chi_Minh", None)


def report(
    folder: UptakeFolder,
    reported: list[int],
    receipts: list[int],
    running: list[int],
    devices: tuple[int, ...] = (9, 9, 9, 9),
) -> UptakeReport:
    rows: list[dict[str, object]] = [
        {"unit": unit, "round": 1, "kind": kind, "installed": n, "running": r, "at_s": 1}
        for kind, installed, ran in (("reported", reported, [None] * 4), ("confirmed", receipts, running))
        for unit, n, r in zip(LEAVES, installed, ran, strict=True)
    ]
    rows += [
        {"unit": unit, "round": 1, "kind": "counted"}
        | {"people": 30, "devices": n, "devices_low": n - 1, "devices_high": n + 2, "at_s": 0}
        for unit, n in zip(LEAVES, devices, strict=True)
    ]
    return evaluate(folder, TREE, pa.Table.from_pylist(rows, SCHEMA), [])


def without(unit: UptakeUnit, *names: str) -> UptakeUnit:
    return msgspec.structs.replace(unit, **dict.fromkeys(names))


@settings(max_examples=8)
@given(people, people, people, people)
def test_no_kind_of_evidence_changes_a_figure_of_another(
    folder: UptakeFolder, reported: list[int], receipts: list[int], other: list[int], running: list[int]
) -> None:
    ran = [min(pair) for pair in zip(receipts, running, strict=True)]
    before = report(folder, reported, receipts, ran)
    more_reports = report(folder, other, receipts, ran)
    more_receipts = report(folder, reported, other, [min(pair) for pair in zip(other, running, strict=True)])
    more_devices = report(folder, reported, receipts, ran, (20, 2, 9, 30))
    for unit, same in zip(before.units, more_devices.units, strict=True):
        assert without(unit, "on_air") == without(same, "on_air")
    assert before.units[0].on_air != more_devices.units[0].on_air
    for unit, same in zip(before.units, more_reports.units, strict=True):
        assert without(unit, "installed") == without(same, "installed")
    for unit, same in zip(before.units, more_receipts.units, strict=True):
        assert without(unit, "receipts", "running") == without(same, "receipts", "running")
    assert before.meetings_percent == more_receipts.meetings_percent
    assert before.units[1].installed is not None
    assert before.units[1].running is not None
    assert (before.units[1].installed.people, before.units[1].running.people) == (reported[0], ran[0])


@pytest.fixture
def campaign(program: Program) -> Program:
    program.config.write_text('radio = "virtual"\nclock_trusted = true\n')
    (program.home / "units.csv").write_text("unit,parent,headcount\noffice,,\na,office,6\nb,office,7\n")
    for line in ("uptake new units.csv c", "uptake record a --installed 2 --folder c"):
        assert program.run(*line.split()).returncode == 0
    return program


@pytest.mark.slow
def test_from_the_slip_to_the_report(campaign: Program) -> None:
    done = campaign.run("uptake", "codes", "--csv", "slips.csv", "--pdf", "slips.pdf", "--folder", "c", "--json")
    assert json.loads(done.stdout)["codes"] == 13
    slips = list(csv.DictReader(io.StringIO((campaign.home / "slips.csv").read_text())))
    assert [slip["unit"] for slip in slips] == ["a"] * 6 + ["b"] * 7
    box = campaign.home / "box"
    box.mkdir()
    now_s = int(time.time())
    for number, slip in enumerate([slips[0], slips[1], slips[7]]):
        member = replace(campaign, home=campaign.home / f"member{number}")
        member.state_dir.mkdir(0o700, parents=True)
        member.config.write_text('radio = "virtual"\nclock_trusted = true\n')
        with Store(member.state_dir) as store, store.transaction():
            store.listening.begin(now_s - 3 * DAY_S, "active" if number else "", utc_offset_s=0)
            store.listening.extend(now_s)
        done = member.run("take-part", slip["code"], "--to", str(box / f"r{number}.json"), "--yes", "--json")
        assert done.returncode == 0, done.stderr
    forged = json.loads((box / "r1.json").read_text())
    (box / "forged.json").write_text(json.dumps(forged | {"days_run": 14}))
    (box / "again.json").write_bytes((box / "r1.json").read_bytes())
    (box / "note.txt").write_text("hello")
    (box / "link.json").symlink_to(box / "r1.json")
    done = campaign.run("uptake", "collect", "box", "--folder", "c", "--json")
    assert json.loads(done.stdout) == {
        "round": 1,
        "accepted": 3,
        "running": 2,
        "refused": {"no receipt": 1, "forged or edited": 1, "repeated": 1},
    }
    found = json.loads(campaign.run("uptake", "report", "--folder", "c", "--json").stdout)
    a, b = found["units"][1:]
    assert (a["receipts"]["people"], a["running"]["people"], a["installed"]["people"]) == (2, 1, 2)
    assert (b["receipts"]["people"], b["running"]["people"], b["installed"]) == (1, 1, None)
    said = campaign.run("uptake", "report", "--folder", "c")
    assert "could forge receipts" in said.stdout
    assert "nothing but your word" in campaign.run("uptake", "collect", "box", "--folder", "c").stderr
    names = b"".join(path.read_bytes() for path in (campaign.home / "c").rglob("*") if path.is_file())
    assert b"r0.json" not in names, "no name of a file is kept"


def test_what_is_counted_on_the_air_stands_apart(campaign: Program) -> None:
    """A line without who counted, as earlier versions had them: people counted by a person, devices, their interval."""
    (campaign.home / "c/counted.csv").write_text(
        "round,unit,at,minutes,people,devices,devices_low,devices_high\n1,b,2021-05-10T03:00:00Z,30,60,41.5,35,47\n"
    )
    found = json.loads(campaign.run("uptake", "report", "--folder", "c", "--json").stdout)
    assert found["counted"] == [
        {
            "unit": "b",
            "counted_at": "2021-05-10T03:00:00Z",
            "counted_by": "",
            "minutes": 30,
            "people": 60,
            "devices": 41.5,
            "devices_low": 35.0,
            "devices_high": 47.0,
        }
    ]
    assert found["units"][0]["installed"]["people"] == 2
    assert all(unit["receipts"] is None for unit in found["units"])
    assert "35 to 47" in campaign.run("uptake", "report", "--folder", "c").stdout


@pytest.mark.parametrize(
    ("package", "line", "extra"),
    [
        ("ibis", "uptake report --folder c", "uptake"),
        ("openpyxl", "uptake report --folder c --xlsx r.xlsx", "uptake"),
        ("pyarrow", "uptake submit r.zip --folder c", "uptake"),
        ("typst", "uptake codes --folder c --pdf slips.pdf", "uptake"),
        ("segno", "campaign make campaign.toml products", "campaign"),
        ("typst", "campaign make campaign.toml products", "campaign"),
    ],
)
def test_without_its_packages_a_command_says_how_to_get_them(
    campaign: Program, package: str, line: str, extra: str
) -> None:
    assert campaign.run("campaign", "new", "campaign.toml").returncode == 0
    (campaign.home / "hidden").mkdir()
    (campaign.home / f"hidden/{package}.py").write_text(f"raise ModuleNotFoundError('none here', name={package!r})\n")
    path = f"{campaign.home / 'hidden'}:{campaign.environment()['PYTHONPATH']}"
    before = {file: file.read_bytes() for file in (campaign.home / "c").iterdir()}
    done = campaign.run(*line.split(), PYTHONPATH=path)
    assert done.returncode != 0
    assert f"this needs the package {package}, which is not installed" in done.stderr
    assert f'pip install "bluezone-agent[{extra}]"' in done.stderr
    assert before == {file: file.read_bytes() for file in (campaign.home / "c").iterdir()}, "nothing was half done"


def test_a_record_needs_no_extra(campaign: Program) -> None:
    (campaign.home / "hidden").mkdir()
    for package in ("ibis", "pyarrow", "duckdb", "openpyxl", "typst", "segno"):
        (campaign.home / f"hidden/{package}.py").write_text("raise ModuleNotFoundError('none', name='x')\n")
    path = f"{campaign.home / 'hidden'}:{campaign.environment()['PYTHONPATH']}"
    done = campaign.run("uptake", "record", "b", "--installed", "3", "--folder", "c", PYTHONPATH=path)
    assert done.returncode == 0, done.stderr
    assert Path(campaign.home / "c/reported.csv").read_text().count("\n") == 3


def test_a_torn_line_is_named_and_the_next_one_is_whole(campaign: Program) -> None:
    """A power cut in the middle of a line."""
    path = campaign.home / "c/reported.csv"
    path.write_bytes(path.read_bytes()[:-5] + b"")
    assert campaign.run("uptake", "record", "b", "--installed", "3", "--folder", "c").returncode != 0
    text = path.read_text().splitlines()
    path.write_text(f"{text[0]}\n1,b,3,,")
    done = campaign.run("uptake", "report", "--folder", "c")
    assert "reported.csv, line 2: this is not a record" in done.stderr
