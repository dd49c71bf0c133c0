"""What other programs read: CSV tables, and the folders of Herald's TestAnalysis.R (herald-analysis, ad779cd)."""

from __future__ import annotations

import csv
import sqlite3
from datetime import datetime
from math import ceil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from bluezone_agent.errors import NewFileError
from bluezone_agent.trials.dataset_tables import TABLES
from bluezone_agent.trials.export import export
from bluezone_agent.trials.folder import DATASET
from bluezone_agent.trials.pack import pack
from bluezone_agent.trials.report import report
from bluezone_agent.trials.simulate import simulate
from tests.trials.plans import PLAN, made

pytestmark = pytest.mark.slow
EVERYBODY = PLAN.replace('role = "listen"\n', "").replace("rotation_s = 10", "scan = {on_s = 4, every_s = 40}")


def as_the_script_reads(
    folder: Path, settings: dict[str, str]
) -> tuple[float, float, dict[tuple[str, str], list[int]]]:
    """Return detection and continuity in percent by the script's rules, and the RSSI that it takes of each pair."""
    begins, ends = (
        when(settings[name].split('"')[1] + " " + settings[name].split('"')[3]) for name in ("cestart", "ceend")
    )
    total = ceil((ends - begins).total_seconds() / 30)
    phones = {}
    for path in sorted(folder.iterdir()):
        ((_model, _os, _version, payload, *_more),) = csv.reader((path / "detection.csv").read_text().splitlines())
        phones[payload] = path.name
    windows, rssi = set(), dict[tuple[str, str], list[int]]()
    for path in sorted(folder.iterdir()):
        rows = list(csv.DictReader((path / "contacts.csv").read_text().splitlines()))
        names = {row["id"]: phones[row["data"][:6]] for row in rows if row["read"] == "2"}
        measured = [row for row in rows if row["measure"] == "3"]
        times = [when(row["time"][:19]) for row in measured]
        within = [(at, row) for at, row in zip(times, measured, strict=True) if begins <= at <= ends]
        first = min(at for at, _row in within)
        for at, row in within:
            pair = (path.name, names[row["id"]])
            windows.add((*pair, int((at - first).total_seconds() // 30)))
            rssi.setdefault(pair, []).append(int(float(row["data"][6:9])))
    pairs = len(phones) * (len(phones) - 1)
    return 100 * len(rssi) / pairs, 100 * len(windows) / (pairs * total), rssi


def when(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_sqlite_has_every_row_of_every_table(tmp_path: Path) -> None:
    """Read by the standard library, against the Parquet files read by pyarrow."""
    packed = made(tmp_path / "t")
    simulate(packed, packed.plan())
    pack(packed)
    assert export(packed, "sqlite", tmp_path / "out").files == 1
    assert (tmp_path / "out" / "trial.sqlite").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["trial.sqlite"]
    db = sqlite3.connect(tmp_path / "out" / "trial.sqlite")
    db.row_factory = sqlite3.Row
    for table, columns in TABLES.items():
        files = sorted((packed.path / "dataset" / table).glob("*.parquet"))
        wanted = [row for file in files for row in pq.read_table(file).to_pylist()]
        for row in wanted:  # SQLite stores a number as one, even where all of a column are whole
            row |= {c.name: float(row[c.name]) for c in columns if c.type == "number" and row[c.name] is not None}
        found = [dict(row) for row in db.execute(f'SELECT * FROM "{table}"')]
        for row in found:
            for column in columns:
                if column.type == "boolean" and row[column.name] is not None:
                    row[column.name] = bool(row[column.name])
        assert sorted(map(repr, found)) == sorted(map(repr, wanted)), table
    assert sum(map(len, TABLES.values())) == db.execute("SELECT count(*) FROM columns").fetchone()[0]
    assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    strict = {name for name, is_strict in db.execute("SELECT name, strict FROM pragma_table_list") if is_strict}
    assert strict >= set(TABLES)
    db.close()


def test_heralds_script_finds_the_same_figures(tmp_path: Path) -> None:
    trial = made(tmp_path / "t", EVERYBODY)
    simulate(trial, trial.plan())
    pack(trial)
    done = export(trial, "herald", tmp_path / "herald")
    assert done.files == 6
    settings = dict(line.split(" <- ", 1) for line in done.settings)
    assert settings["basedir"] == f'"{tmp_path}/herald"'
    assert set(settings) == {"basedir", "appversion", "filtertimemin", "filtertimemax", "cestart", "ceend"}
    detection, continuity, rssi = as_the_script_reads(tmp_path / "herald", settings)
    ours = report(trial)
    assert detection == 100 * ours.efficacy.detection
    assert ours.efficacy.continuity is not None
    assert continuity == pytest.approx(100 * ours.efficacy.continuity, abs=1)
    assert done.expected is not None
    assert (detection, continuity) == pytest.approx((100 * done.expected.detection, 100 * done.expected.continuity))
    for row in ours.tables["pairs"]:
        taken = rssi[row["receiver"], row["sender"]]
        assert -sum(taken) / len(taken) == pytest.approx(row["mean_dbm"], abs=0.5)
        assert abs(len(taken) - row["packets"]) <= 4  # its times are whole seconds


def test_every_table_is_written_as_csv_into_a_new_folder(tmp_path: Path) -> None:
    trial = made(tmp_path / "t")
    simulate(trial, trial.plan())
    rows = pack(trial)
    export(trial, "csv", tmp_path / "tables")
    for table, count in rows.items():
        assert len(list(csv.DictReader((tmp_path / "tables" / f"{table}.csv").read_text().splitlines()))) == count
    with pytest.raises(NewFileError, match="already exists"):
        export(trial, "csv", tmp_path / "tables")
    assert (trial.path / DATASET).exists()
