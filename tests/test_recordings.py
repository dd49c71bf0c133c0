"""The benchmark's loader reads DP-3T's experiments as they are published, and folds them as the agent does."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from benchmarks.proximity import dp3t
from benchmarks.proximity.tidy import folded, thinned, windows

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


def test_a_truth_in_parts_is_one_and_the_gap_is_unknown(tmp_path: Path) -> None:
    pairs = {(p.receiver, p.transmitter): p for p in dp3t.load(experiment(tmp_path))}
    pair = pairs["1", "2"]
    assert len(pair.truth_t_s) == 540
    assert [w.is_near for w in windows(pair, 300.0)] == [True, False]
    assert ("1", "3") not in pairs  # never seen by a camera: nothing to be judged by


def test_a_pair_has_the_minutes_that_the_agent_would_keep(tmp_path: Path) -> None:
    pair = next(p for p in folded(dp3t.load(experiment(tmp_path))) if (p.receiver, p.transmitter) == ("1", "2"))
    assert [m.count for m in pair.minutes] == [60] * 10
    correction, (_, power) = dp3t.BY_PERSON["1"][0], dp3t.BY_PERSON["2"]
    assert {round(m.attenuation_db) for m in pair.minutes} == {power + 70 - correction}
    assert [m.count for m in folded([thinned(pair)])[0].minutes] == [4, 4, 4]


def test_what_a_table_states_is_believed_where_it_states_anything(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "scenario06-walls.sqlite")) as db, db:
        columns = "receiver_id, transmitter_id, timestamp, rssi, tx_power, ground_truth_distance REAL"
        db.execute(f"CREATE TABLE results ({columns})")
        rows = [(1, who, BEGAN_MS + s * 1000, -70, dbm, metres) for s in range(9) for who, dbm, metres in PHONES]
        db.executemany("INSERT INTO results VALUES (?, ?, ?, ?, ?, ?)", rows)
    pairs = {p.transmitter: p for p in dp3t.load(tmp_path)}
    assert pairs["2"].tx_power_dbm == -21
    assert pairs["3"].tx_power_dbm == dp3t.BY_PERSON["3"][1]  # 0 states nothing
    assert "4" not in pairs  # -1 m is no distance
    assert set(pairs["2"].truth_m) == {1.5}


PHONES = [(2, -21, 1.5), (3, 0, 4.0), (4, -20, -1.0)]
"""Transmitter, stated power, stated distance."""
