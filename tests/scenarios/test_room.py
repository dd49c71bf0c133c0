"""Replaying measured rooms."""

import json
from pathlib import Path

import pytest

from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.core.risk import MODELS
from bluezone_agent.errors import RecordingError
from bluezone_agent.radios.recorded.measurements import Sample, Track, read_measurements
from bluezone_agent.scenarios.room import Score, replay_room
from tests.program import Program
from tests.shared import shared_file

pytestmark = pytest.mark.slow


def track(receiver: str, rssi_dbm: int, distance_m: float, minutes: int = 30) -> Track:
    return Track("s", receiver, tuple(Sample(t, rssi_dbm, distance_m) for t in range(0, minutes * 60, 5)))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_near_and_long_is_warned_far_or_short_is_not(protocol: str) -> None:
    tracks = [track("near", -60, 1.0), track("far", -80, 6.0), track("short", -60, 1.0, minutes=10)]
    received = list(replay_room(tracks, PROTOCOLS[protocol], MODELS["swisscovid"], tx_power_dbm=-10))
    assert [h.warned for h in received] == [True, False, False]
    assert [h.attenuation_db for h in received] == pytest.approx([50, 70, 50])
    assert [h.near_minutes for h in received] == [30, 0, 10]
    assert [h.received_minutes for h in received] == [30, 30, 10]


def test_a_receiver_that_heard_nothing_is_kept_and_not_warned() -> None:
    near, silent = track("a", -60, 1.0), track("b", 127, 1.0)
    received = list(replay_room([near, silent], PROTOCOLS["gaen"], MODELS["swisscovid"], tx_power_dbm=-10))
    assert [(h.warned, h.attenuation_db) for h in received] == [(True, 50), (False, None)]
    assert (Score.of(received).precision, Score.of(received).recall) == (1.0, 0.5)


def test_a_moving_beacon_is_shown_and_not_scored() -> None:
    moving = Track("s", "r", (Sample(0, -60, 1.0), Sample(1, -60, 2.0)))
    score = Score.of(list(replay_room([moving], PROTOCOLS["gaen"], MODELS["swisscovid"], tx_power_dbm=-10)))
    assert score == Score(0, 0, 0, 0)
    assert (score.precision, score.recall) == (None, None)


def test_a_bad_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "room.csv"
    path.write_text("session,t_s,receiver,rssi_dbm,distance_m\na,0,r,-60,1\na,1,r,loud,1\n")
    with pytest.raises(RecordingError, match=r"room\.csv, line 3: .*loud.*\(found: a,1,r,loud,1\)"):
        read_measurements(path)
    path.write_text("a,b\n1,2\n")
    with pytest.raises(RecordingError, match="not a measurement"):
        read_measurements(path)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_danis_room_scores_what_the_documentation_says(program: Program, protocol: str) -> None:
    room = shared_file("data/danis_room.csv.gz")
    done = program.run("replay", room, "--protocol", protocol, "--tx-power", "-8", "--json")
    out = json.loads(done.stdout)
    stationary = [r for r in out["receivers"] if r["stationary"]]
    assert len(stationary) == 7 * 12
    assert all(29 <= r["received_minutes"] <= 31 for r in stationary if r["packets"] > 3000)
    assert out["stationary_sessions"] == {
        "warned_near": 5,
        "warned_far": 3,
        "missed_near": 1,
        "quiet_far": 75,
        "precision": pytest.approx(5 / 8),
        "recall": pytest.approx(5 / 6),
    }


def test_a_person_sees_a_table_and_the_score(program: Program) -> None:
    room = program.home / "room.csv"
    rows = [f"one,{t},{who},{rssi},{d}" for t in range(0, 1800, 5) for who, rssi, d in (("A", -60, 1.2), ("B", -90, 8))]
    room.write_text("\n".join(["session,t_s,receiver,rssi_dbm,distance_m", *rows]))
    done = program.run("replay", room)
    assert "1 of 1 receivers within 2 m warned, 0 of 1 farther away" in done.stdout
    assert "precision 1.00, recall 1.00" in done.stdout
    missing = program.run("replay", room, "--session", "two")
    assert missing.returncode == 78
    assert 'has no session "two"' in missing.stderr
    assert "the file has: one" in missing.stderr
