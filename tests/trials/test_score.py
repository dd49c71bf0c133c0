"""Rules on a dataset: counts by hand, the published table of docs/evaluation.md, and what people are shown."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from math import isnan
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluezone_agent.app import trial_score
from bluezone_agent.core.identifiers import ObservedIdentifier
from bluezone_agent.core.risk import MODELS
from bluezone_agent.core.sightings import MinuteFold, power_summary
from bluezone_agent.errors import AgentError
from bluezone_agent.trials.folder import TrialError, TrialFolder
from bluezone_agent.trials.imports.recording import (
    ImportedDevice,
    ImportedPhase,
    Recording,
    adverts_table,
    fixed_truth,
    import_recording,
    rows_table,
    write_recording,
)
from bluezone_agent.trials.plan import Schedule
from bluezone_agent.trials.scoring.judged import Judged
from bluezone_agent.trials.scoring.known_time import FIRST_MINUTE
from bluezone_agent.trials.scoring.load import load
from bluezone_agent.trials.scoring.pairs import folded, windows
from bluezone_agent.trials.scoring.score import score
from tests.program import Program
from tests.shared import shared_file

pytestmark = pytest.mark.slow
EVALUATION = Path(__file__).resolve().parents[2] / "docs" / "evaluation.md"
BEGAN = 1_790_000_000.0


def recording() -> Recording:
    """Two phases of 15 minutes without a break, and one an hour later: near, far, near; a packet every 2 s."""
    phases = [
        ImportedPhase("near", BEGAN, BEGAN + 900),
        ImportedPhase("far", BEGAN + 900, BEGAN + 1800),
        ImportedPhase("later", BEGAN + 5400, BEGAN + 6300),
    ]
    metres, dbm = {"near": 1.0, "far": 6.0, "later": 1.5}, {"near": -60, "far": -85, "later": -66}
    rows = [(phase.name, (phase.begins_s or 0.0) + t) for phase in phases for t in range(0, 900, 2)]
    columns = {
        "receiver": ["a"] * len(rows),
        "sender": ["b"] * len(rows),
        "time_s": [at_s for _, at_s in rows],
        "phase": [phase for phase, _ in rows],
        "distance_m": [metres[phase] for phase, _ in rows],
        "rssi_dbm": [dbm[phase] for phase, _ in rows],
        "stated_dbm": [-10.0] * len(rows),
    }
    return Recording(
        {"title": "Made"},
        [ImportedDevice("a", "listen", rssi_correction_db=2.0), ImportedDevice("b", "broadcast", power_dbm=-14.0)],
        phases,
        adverts_table(columns),
        rows_table("truth", [fixed_truth(phase, "a", "b", metres[phase.name]) for phase in phases]),
    )


@pytest.fixture
def trial(tmp_path: Path) -> TrialFolder:
    write_recording(recording(), tmp_path / "made", {})
    return TrialFolder(tmp_path / "made")


def test_phases_without_a_break_are_one_scene(trial: TrialFolder) -> None:
    loaded = load(trial)
    assert [(pair.scene, len(pair.packets), len(pair.known.seconds()[0])) for pair in loaded.pairs] == [
        ("later", 15, 900),
        ("near", 30, 1800),
    ]
    assert {pair.tx_power_dbm for pair in loaded.pairs} == {-10.0}
    near = loaded.pairs[1]
    assert near.packets[FIRST_MINUTE] == {-60: 30}
    assert near.packets[FIRST_MINUTE + 15] == {-85: 30}
    assert [(w.is_near, w.minutes[0] - FIRST_MINUTE) for w in windows(near, 300)] == [(k < 3, 5 * k) for k in range(6)]
    assert [pair.scene for pair in load(trial, by_phase=True).pairs] == ["far", "later", "near"]
    (calibrated, _) = loaded.with_calibration()
    assert (calibrated.tx_power_dbm, calibrated.correction_db) == (-14.0, 2.0)


def test_a_schedule_keeps_what_it_would_have_received(trial: TrialFolder) -> None:
    (later, near) = load(trial, Schedule(4, 240)).pairs
    assert {t - FIRST_MINUTE: sum(n.values()) for t, n in later.packets.items()} == {0: 2, 4: 2, 8: 2, 12: 2}
    assert sum(sum(n.values()) for n in near.packets.values()) == 2 * 8


def test_scores_by_hand(trial: TrialFolder) -> None:
    """Stated -10 dBm: 50 dB near, 75 dB far, 56 dB later: swisscovid counts them 1, 0 and a half."""
    found = {(s.power, s.window_min): s for s in score(trial, [MODELS["swisscovid"]])}
    five = found["stated", 5]
    assert (five.windows, five.near) == (9, 6)
    assert five.precision is not None
    assert five.recall is not None
    assert five.ndcf is not None
    assert (five.precision.value, five.recall.value, five.ndcf.value, five.auc) == (1, 1, 0, 1)
    assert five.minutes_off == pytest.approx((3 * 0 + 3 * 0 + 3 * 2.5) / 9)
    scenes = found["stated", None]
    assert (scenes.windows, scenes.near) == (2, 2)
    assert scenes.recall is not None
    assert scenes.recall.value == 0.5  # 15 minutes warn, 7.5 do not
    assert scenes.ndcf is None  # nobody was far
    calibrated = found["calibrated", 15]  # -14 dBm and 2 dB: 44, 69 and 50 dB
    assert calibrated.minutes_off == 0


def test_an_offset_moves_every_packet(trial: TrialFolder) -> None:
    found = score(trial, [MODELS["swisscovid"]], offsets_db=(-6.0, 0.0, 6.0))
    off = {s.offset_db: s.minutes_off for s in found if s.power == "stated" and s.window_min == 15}
    # 56 dB: 62 counts half, 50 full; 50 dB: 56 half; 75 dB: 69 nothing
    assert off == {-6.0: pytest.approx((7.5 + 0 + 7.5) / 3), 0.0: pytest.approx(7.5 / 3), 6.0: 0}


def test_what_is_not_defined_is_not_a_number() -> None:
    nobody = Judged(np.zeros(3, bool), np.array([True, False, False]), np.arange(3.0), np.zeros(3), np.arange(3))
    rates = nobody.rates()
    assert isnan(rates["recall"])
    assert isnan(rates["ndcf"])
    assert isnan(nobody.auc())
    assert rates["precision"] == 0


@given(st.dictionaries(st.integers(-110, -20), st.integers(1, 40), min_size=1))
def test_packets_counted_by_rssi_are_folded_as_the_agent_folds_each(by_rssi: dict[int, int]) -> None:
    fold, observed = MinuteFold(), ObservedIdentifier("gaen", b"x" * 16, b"")
    for rssi_dbm, n in by_rssi.items():
        for _ in range(n):
            fold.add(observed, rssi_dbm, 0, trusted=True)
    (minute,) = fold.drain()
    count, mean_dbm, histogram = power_summary(by_rssi)
    assert (count, histogram) == (minute.count, minute.histogram)
    assert mean_dbm == pytest.approx(minute.mean_dbm)


def test_company_is_received_in_the_same_minute(trial: TrialFolder) -> None:
    (_, near) = load(trial).pairs
    other = replace(near, sender="c", packets={FIRST_MINUTE: {-50: 3}})
    (of_b, _) = folded([near, other])
    assert [(m.co_presence.received, m.co_presence.stronger) for m in of_b.minutes[:2]] == [(1, 1), (0, 0)]


def published(name: str, thinned: bool) -> dict[tuple[int, str], list[str]]:
    """Return the rows of a set in docs/evaluation.md: window and rule → the other cells."""
    parts = EVALUATION.read_text().split("thinned to a phone's schedule (exp34 is that already)")
    rows = re.findall(rf"^\| {name} \| (\d+) min \| ([^|]+) \|(.*)\|$", parts[thinned], re.MULTILINE)
    return {(int(minutes), rule): [cell.strip() for cell in cells.split("|")] for minutes, rule, cells in rows}


@pytest.mark.parametrize(
    ("kind", "file", "name", "schedule"),
    [
        ("danis", "danis_room.csv.gz", "danis room", None),
        ("danis", "danis_room.csv.gz", "danis room", Schedule(4, 240)),
        ("mit-matrix", "mit_matrix.csv.gz", "mit matrix", None),
        ("mit-matrix", "mit_matrix.csv.gz", "mit matrix", Schedule(4, 240)),
        ("dp3t", "dp3t-exp34", "dp3t-exp34", None),
    ],
)
def test_the_table_of_the_evaluation(
    kind: str, file: str, name: str, schedule: Schedule | None, tmp_path: Path
) -> None:
    """The numbers of the published rules, digit for digit; ``learned`` on exp34 was judged without each scene."""
    import_recording(kind, shared_file(f"data/{file}"), tmp_path / "t")
    rules = ["swisscovid", "lfph-narrow-v2", "lfph-wide"] + ["learned"] * (kind != "dp3t")
    table, compared = published(name, schedule is not None), 0
    for s in score(TrialFolder(tmp_path / "t"), [MODELS[rule] for rule in rules], [schedule]):
        if s.window_min is None or s.power != ("stated" if kind == "mit-matrix" else "calibrated"):
            continue
        assert s.ndcf is not None
        assert s.f1 is not None
        assert s.auc is not None
        assert table[s.window_min, s.rule] == [
            str(s.windows),
            str(s.near),
            f"{s.ndcf.value:.2f} ({s.ndcf.low:.2f}-{s.ndcf.high:.2f})",
            f"{s.auc:.2f}",
            f"{s.f1.value:.2f}",
            f"{s.minutes_off:.1f}",
        ]
        compared += 1
    assert compared == len(rules) * (1 if kind == "mit-matrix" else 2)  # MIT's runs are shorter than 5 minutes


def test_what_can_t_be_scored_is_refused(tmp_path: Path) -> None:
    import_recording("multi-channel", shared_file("data/multi-channel"), tmp_path / "untimed")
    with pytest.raises(TrialError, match="has no times"):
        score(TrialFolder(tmp_path / "untimed"), [MODELS["learned"]])
    write_recording(replace(recording(), truth=rows_table("truth", [])), tmp_path / "unknown", {})
    with pytest.raises(TrialError, match="no distance is known"):
        score(TrialFolder(tmp_path / "unknown"), [MODELS["learned"]])


@pytest.mark.parametrize("columns", [80, 50])
def test_a_person_sees_a_table_that_fits(columns: int, trial: TrialFolder, program: Program) -> None:
    _code, shown = program.at_terminal("trial", "score", trial.path, "--sweep", "--schedule", "4/240", columns=columns)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    lines = [line.rpartition("\r")[2] for line in text.replace("\r\n", "\n").splitlines()]
    assert max(len(line) for line in lines if "scores.csv" not in line) <= columns
    assert sum("calibrated power" in line for line in lines) == 2 * 5
    assert any("4 s" in line for line in lines)
    written = list(csv.DictReader((trial.path / "report" / "scores.csv").read_text().splitlines()))
    found = msgspec.json.decode(program.run("trial", "score", str(trial.path), "--json").stdout)
    assert len(written) == 2 * 2 * 5 * 5 * 3
    assert len(found["scores"]) == 2 * 5 * 3
    assert {row["schedule"] for row in written} == {"", "4/240"}


@pytest.mark.parametrize("schedule", ["4", "0/240", "5/4", "a/b", "4/240/3"])
def test_a_wrong_schedule_is_refused(schedule: str, trial: TrialFolder, program: Program) -> None:
    done = program.run("trial", "score", str(trial.path), "--schedule", schedule)
    assert done.returncode == 1
    assert "is not a schedule" in done.stderr


def test_a_rule_that_there_is_not_is_refused(trial: TrialFolder) -> None:
    with pytest.raises(AgentError, match="is not known"):
        trial_score.score(trial.path, ["best"], [], [])
