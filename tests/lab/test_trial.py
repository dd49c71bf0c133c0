"""A field trial on real kernels: every packet, the clocks, the marks, a killed node, and the report."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from itertools import permutations
from pathlib import Path
from typing import Any, Final

import pytest

from bluezone_agent.app.result import from_json
from bluezone_agent.trials.append import read_json_lines
from bluezone_agent.trials.folder import EVENTS, MARKS, TrialFolder
from bluezone_agent.trials.live_line import LiveTrial, NodeState
from bluezone_agent.trials.pack import pack
from bluezone_agent.trials.packets import chunks, read_chunk
from bluezone_agent.trials.records import EVENTS_DECODER, MARKS_DECODER, PhaseBegan, SessionBegan, TrialEnded
from bluezone_agent.trials.report import ComputedReport, report
from tests.lab.air import OnAir
from tests.lab.machine import Lab, Outcome
from tests.lab.scenarios.trial import AHEAD_S, DEAD_FOR_S, PHASES, RSSI_DBM

pq: Any = pytest.importorskip("pyarrow.parquet")
NODES: Final = ("pi-1", "pi-2", "pi-3")
OFFSET_ERROR_S: Final = 0.3
NAMED_S: Final = 60.0
EDGE_S: Final = 3.0
"""At the edges of a phase the range is changed, and the identifiers too."""


@pytest.fixture(scope="module", params=["extended", "legacy"])
def trial(request: pytest.FixtureRequest, lab: Lab) -> Outcome:
    return lab.play("trial", extended=request.param == "extended", controllers=3, strict_filter=False)


@pytest.fixture(scope="module")
def folder(trial: Outcome, tmp_path_factory: pytest.TempPathFactory) -> TrialFolder:
    copy = tmp_path_factory.mktemp("trial") / "t"
    shutil.copytree(trial.out / "trial", copy)
    return TrialFolder(copy)


@pytest.fixture(scope="module")
def computed(folder: TrialFolder) -> ComputedReport:
    pack(folder)
    return report(folder)


def packets_of(folder: TrialFolder, device: str) -> list[list[str]]:
    text = b"".join(piece for chunk in chunks(folder.device(device)) for piece in read_chunk(chunk)).decode()
    return [line.split(",") for line in text.splitlines() if not line.startswith("boottime")]


def sent(trial: Outcome, sender: int, begins_s: float, ends_s: float) -> float:
    """Return how many packets a controller sent in a time: whole stretches, and shares of those at its edges."""
    total = 0.0
    for stretch in trial.air:
        if stretch.sender == str(sender) and stretch.observed is not None:
            length_s = max(stretch.to_s - stretch.from_s, 1e-9)
            within_s = min(stretch.to_s, ends_s) - max(stretch.from_s, begins_s)
            total += stretch.packets * max(0.0, within_s) / length_s
    return total


def windows(trial: Outcome) -> dict[str, tuple[float, float]]:
    """Return each phase in the guest's time; the last one until the kill."""
    times = trial.result["times"]
    ends = {"near": times["apart"], "apart": times["last"], "last": times["killed"]}
    return {phase: (times[phase] + EDGE_S, ends[phase] - EDGE_S) for phase in PHASES}


def test_every_device_finished(trial: Outcome, folder: TrialFolder) -> None:
    assert trial.result["codes"] == [0, 0, 0]
    for node in NODES:
        events = list(read_json_lines(folder.device(node) / EVENTS, EVENTS_DECODER))
        assert isinstance(events[-1], TrialEnded)
        assert events[-1].complete
        assert [e.name for e in events if isinstance(e, PhaseBegan)] == [*PHASES, *(["last"] if node == "pi-2" else [])]
        assert sum(isinstance(event, SessionBegan) for event in events) == 1 + (node == "pi-2")


def test_packets_recorded_of_those_sent_per_pair_and_phase(trial: Outcome, folder: TrialFolder) -> None:
    for receiver in NODES:
        lines = packets_of(folder, receiver)
        ahead_s = AHEAD_S if receiver == "pi-3" else 0
        for number, sender in enumerate(NODES):
            if sender == receiver:
                continue
            for phase, (begins_s, ends_s) in windows(trial).items():
                within = [x for x in lines if x[2] == sender and begins_s <= int(x[1]) / 1e9 - ahead_s < ends_s]
                count = sent(trial, number, begins_s, ends_s)
                print(f"{trial.options['extended']} {receiver} of {sender}, {phase}: {len(within)} of {count:.0f}")
                assert 0.95 * count <= len(within) <= 1.02 * count + 2
                wanted = RSSI_DBM[phase][frozenset({NODES.index(receiver), number})]
                assert Counter(int(x[4]) for x in within).most_common(1)[0][0] == wanted
                assert {int(x[4]) for x in within} == {wanted}


def test_the_clock_that_is_7_s_ahead_is_found_over_the_air(folder: TrialFolder, computed: ComputedReport) -> None:
    rows = pq.read_table(folder.path / "dataset" / "devices" / "devices.parquet").to_pylist()
    offsets = {row["device"]: row["offset_s"] for row in rows}
    errors = {row["device"]: row["offset_error_s"] for row in rows}
    print(f"offsets: {offsets}, within {errors}")
    assert offsets["pi-3"] - offsets["pi-1"] == pytest.approx(AHEAD_S, abs=OFFSET_ERROR_S)
    assert offsets["pi-2"] - offsets["pi-1"] == pytest.approx(0, abs=OFFSET_ERROR_S)
    assert all(error is not None and 0 <= error <= OFFSET_ERROR_S for error in errors.values())


def test_marks_by_the_command_and_by_a_socket(trial: Outcome, folder: TrialFolder) -> None:
    assert json.loads(trial.result["marks"]["command"]["stdout"]) == {"devices": list(NODES)}
    assert trial.result["marks"]["button"] == "ok\n"
    marks = {
        node: [mark.text for mark in read_json_lines(folder.device(node) / MARKS, MARKS_DECODER)] for node in NODES
    }
    assert marks == {"pi-1": ["door open", "button"], "pi-2": ["door open"], "pi-3": ["door open"]}


def test_a_killed_node_is_named_within_60_s_by_its_socket_and_over_the_air(trial: Outcome) -> None:
    times = trial.result["times"]
    lines = [from_json(text, LiveTrial) for text in (trial.out / "live.jsonl").read_text().splitlines()]
    dead = [line.at.timestamp() for line in lines for node in line.nodes if node.dead]
    assert {node.state.device for line in lines for node in line.nodes if node.dead} == {"pi-2"}
    assert times["killed"] < dead[0] <= times["killed"] + NAMED_S
    silent = [
        (line.at.timestamp(), node.state.device, sender.device)
        for line in lines
        for node in line.nodes
        for sender in node.state.senders
        if sender.silent and not node.dead
    ]
    assert {sender for _at, _node, sender in silent} == {"pi-2"}
    for receiver in ("pi-1", "pi-3"):
        first = min(at for at, node, _sender in silent if node == receiver)
        named_s, missed_s = dead[0] - times["killed"], first - times["killed"]
        print(f"{trial.options['extended']}: named after {named_s:.0f} s, by {receiver} over the air {missed_s:.0f} s")
        assert first <= times["killed"] + NAMED_S
    assert max(dead) <= times["restarted"] + 20, "it is well again"
    assert [node.state.state for node in lines[-1].nodes] == [NodeState.OVER] * 3
    assert trial.result["live"] == 0


def test_expected_and_received_agree(trial: Outcome) -> None:
    lines = [from_json(text, LiveTrial) for text in (trial.out / "live.jsonl").read_text().splitlines()]
    middle = [line for line in lines if line.nodes and all(node.state.phase == "apart" for node in line.nodes)][-10]
    for node in middle.nodes:
        for sender in node.state.senders:
            assert sender.phase_expected is not None
            assert sender.phase_packets == pytest.approx(sender.phase_expected, rel=0.15)


def test_the_report_is_right(trial: Outcome, computed: ComputedReport) -> None:
    assert computed.efficacy.pairs == 6
    assert computed.efficacy.detection == 1.0
    rows = {(row["receiver"], row["sender"]): row for row in computed.tables["pairs"]}
    assert set(rows) == set(permutations(NODES, 2))
    for (receiver, sender), row in rows.items():
        if "pi-2" in (receiver, sender):
            assert DEAD_FOR_S - 2 <= row["longest_gap_s"] <= DEAD_FOR_S + 30
        else:
            assert row["longest_gap_s"] < 5
    windows_of_30_s = sum(lasts_s for lasts_s, _places in PHASES.values()) // 30
    lost = 4 * (DEAD_FOR_S // 30) / (6 * windows_of_30_s)
    assert computed.efficacy.continuity == pytest.approx(1 - lost, abs=0.03)
    by_phase = {(r["phase"], r["receiver"], r["sender"]): r for r in computed.tables["phases"]}
    for phase in PHASES:
        for receiver, sender in permutations(NODES, 2):
            wanted = RSSI_DBM[phase][frozenset({NODES.index(receiver), NODES.index(sender)})]
            assert by_phase[phase, receiver, sender]["median_dbm"] == wanted


def test_what_is_on_the_air_is_the_trials(trial: Outcome) -> None:
    stretches: list[OnAir] = [s for s in trial.air if s.observed is not None]
    assert {s.sender for s in stretches} == {"0", "1", "2"}
    identifiers = Counter(s.observed.identifier for s in stretches if s.observed)
    assert len(identifiers) >= 3 * sum(lasts_s for lasts_s, _places in PHASES.values()) / 20 - 10
    assert Path(trial.out / "trial" / "devices").is_dir()
