"""DP-3T's experiments are read as they are published, and folded as the agent does."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bluezone_agent.trials.folder import TrialFolder
from bluezone_agent.trials.imports import dp3t_tracks
from bluezone_agent.trials.imports.recording import import_recording
from bluezone_agent.trials.plan import Schedule
from bluezone_agent.trials.scoring.load import load
from bluezone_agent.trials.scoring.pairs import Pair, folded, windows

pytestmark = pytest.mark.slow
BEGAN_MS = 1_587_100_000_000
"""17 April 2020, 07:06:40 in Zurich."""


def experiment(folder: Path) -> Path:
    """Write a scene of three people: its truth in two parts with a gap, and one phone's own database beside it."""
    with closing(sqlite3.connect(folder / "scenario01-lunch.sqlite")) as db, db:
        db.execute("CREATE TABLE results (receiver_id, transmitter_id, timestamp, rssi, ground_truth_distance REAL)")
        db.executemany(
            "INSERT INTO results VALUES (?, ?, ?, ?, -1.0)",
            [(1, who, BEGAN_MS + s * 1000, dbm) for s in range(600) for who, dbm in ((2, -70), (3, -90))],
        )
    (folder / "scenario01-lunch").mkdir()
    with closing(sqlite3.connect(folder / "scenario01-lunch" / "01.sqlite")) as db, db:
        db.execute("CREATE TABLE handshakes (timestamp, star, tx_power_level, rssi)")
    for number, seconds, apart in ((1, range(240), 1.0), (2, range(300, 600), 3.0)):
        part = {
            "datetime": [f"2020-04-17 07:{(400 + s) // 60:02}:{(400 + s) % 60:02}.500000" for s in seconds],
            "1": [[0.0, 0.0] for _ in seconds],
            "2": [[apart, 0.0] for _ in seconds],
            "3": [None for _ in seconds],
        }
        (folder / f"1_lunch_part{number}.json").write_text(json.dumps(part))
    return folder


def imported(source: Path, folder: Path, schedule: Schedule | None = None) -> dict[tuple[str, str], Pair]:
    """Return the pairs of a recording by receiver and sender, with calibrated powers."""
    import_recording("dp3t", source, folder)
    pairs = load(TrialFolder(folder), schedule).with_calibration()
    return {(pair.receiver.removeprefix("phone-"), pair.sender.removeprefix("phone-")): pair for pair in pairs}


def test_a_truth_in_parts_is_one_and_the_gap_is_unknown(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    pairs = imported(experiment(source), tmp_path / "t")
    pair = pairs["1", "2"]
    assert len(pair.known.seconds()[0]) == 540
    assert [w.is_near for w in windows(pair, 300.0)] == [True, False]
    assert ("1", "3") not in pairs  # never seen by a camera: nothing to be judged by


def test_a_pair_has_the_minutes_that_the_agent_would_keep(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (pair,) = folded([imported(experiment(source), tmp_path / "t")["1", "2"]])
    assert [m.count for m in pair.minutes] == [60] * 10
    correction, (_, power) = dp3t_tracks.BY_PERSON["1"][0], dp3t_tracks.BY_PERSON["2"]
    assert {round(m.attenuation_db) for m in pair.minutes} == {power + 70 - correction}
    thinned = imported(source, tmp_path / "t2", Schedule(4, 240))["1", "2"]
    assert [m.count for m in folded([thinned])[0].minutes] == [4, 4, 4]


def test_what_a_table_states_is_accepted_where_it_states_anything(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    with closing(sqlite3.connect(source / "scenario06-walls.sqlite")) as db, db:
        columns = "receiver_id, transmitter_id, timestamp, rssi, tx_power, ground_truth_distance REAL"
        db.execute(f"CREATE TABLE results ({columns})")
        rows = [(1, who, BEGAN_MS + s * 1000, -70, dbm, metres) for s in range(9) for who, dbm, metres in PHONES]
        db.executemany("INSERT INTO results VALUES (?, ?, ?, ?, ?, ?)", rows)
    import_recording("dp3t", source, tmp_path / "t")
    pairs = {pair.sender: pair for pair in load(TrialFolder(tmp_path / "t")).pairs}
    assert pairs["phone-2"].tx_power_dbm == -21
    assert pairs["phone-3"].tx_power_dbm == TrialFolder(tmp_path / "t").plan().radio.tx_power_dbm  # 0 states nothing
    assert "phone-4" not in pairs  # -1 m is no distance
    assert pairs["phone-2"].known.near.all()  # 1.5 m


PHONES = [(2, -21, 1.5), (3, 0, 4.0), (4, -20, -1.0)]
"""Sender, stated power, stated distance."""
