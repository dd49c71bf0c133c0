"""What comes out of a trial: tables on one clock with the true distances, a report, and nothing of who was removed."""

from __future__ import annotations

import gzip
import json
import shutil
from datetime import UTC, datetime
from html.parser import HTMLParser
from itertools import combinations
from pathlib import Path
from random import Random
from typing import Any

import ibis
import msgspec
import numpy as np
import pyarrow.parquet as pq
import pytest
from frictionless import validate
from hypothesis import given
from hypothesis import strategies as st

from bluezone_agent import extra_packages
from bluezone_agent.app import trial_dataset
from bluezone_agent.app.trial_score import DEFAULT_RULES
from bluezone_agent.errors import AgentError
from bluezone_agent.plans.mistakes import PlanError
from bluezone_agent.trials import analysis
from bluezone_agent.trials.append import JsonLines
from bluezone_agent.trials.clock_offsets import device_offsets, least_delays, pair_offsets
from bluezone_agent.trials.dataset import Dataset
from bluezone_agent.trials.dataset_tables import TABLES
from bluezone_agent.trials.folder import DATASET, MARKS, TrialError, TrialFolder
from bluezone_agent.trials.forget import RECEIPTS, forget
from bluezone_agent.trials.pack import pack
from bluezone_agent.trials.path_loss import fitted
from bluezone_agent.trials.records import NS, TrialMark
from bluezone_agent.trials.report import HOUR, Efficacy, efficacy, report
from bluezone_agent.trials.simulate import SimulatedNode, simulate
from tests.program import Program
from tests.trials.plans import HEAD, PLAN, made

pytestmark = pytest.mark.slow

PEOPLE = PLAN.replace('id = "b"', 'id = "b"\nperson = "P02"').replace('id = "a"', 'id = "a"\nperson = "P01"')
FREE = HEAD + '[[phase]]\nname = "free"\nminutes = 1\nfree = true\nconfidence = 1\n'


def simulated(folder: Path, text: str = PEOPLE) -> tuple[TrialFolder, dict[str, SimulatedNode]]:
    trial = made(folder, text)
    return trial, {node.device: node for node in simulate(trial, trial.plan())}


def table(trial: TrialFolder, name: str) -> list[dict[str, Any]]:
    files = sorted((trial.path / DATASET / name).glob("*.parquet"))
    rows: list[dict[str, Any]] = [row for file in files for row in pq.read_table(file).to_pylist()]
    return rows


def test_a_dataset_is_a_valid_data_package_with_every_packet(tmp_path: Path) -> None:
    trial, nodes = simulated(tmp_path / "t")
    rows = pack(trial)
    assert rows["adverts"] == sum(sum(node.received.values()) for node in nodes.values()) > 1000
    checked = validate(str(trial.path / DATASET / "datapackage.json"))
    assert checked.valid, checked.flatten(["rowNumber", "fieldName", "note"])
    package = json.loads((trial.path / DATASET / "datapackage.json").read_text())
    counted = {task.name: task.stats.get("rows") or 0 for task in checked.tasks}
    assert counted == {r["name"]: r["rows"] for r in package["resources"]}
    assert len({r["path"] for r in package["resources"]}) == len(package["resources"]) == len(TABLES) + 2
    for resource in package["resources"]:
        stored = pq.read_schema(trial.path / DATASET / resource["path"])
        assert stored.names == [field["name"] for field in resource["schema"]["fields"]]
    readme = (trial.path / DATASET / "README.md").read_text()
    assert all(f"`{column.name}`" in readme for columns in TABLES.values() for column in columns)


def test_any_damaged_file_is_refused(tmp_path: Path) -> None:
    trial, _nodes = simulated(tmp_path / "t")
    pack(trial)
    folder = trial.path / DATASET
    for path in sorted(folder.rglob("*.parquet")):
        whole = path.read_bytes()
        for damaged in (whole[:-1], whole[: len(whole) // 2], b"", bytes([whole[0] ^ 1]) + whole[1:]):
            path.write_bytes(damaged)
            with pytest.raises(TrialError, match="is not the file that was packed"):
                Dataset(folder)
        path.unlink()
        with pytest.raises(TrialError, match="is not the file that was packed"):
            Dataset(folder)
        path.write_bytes(whole)
    Dataset(folder)


def test_frictionless_refuses_any_file_that_is_cut_off_and_packets_that_changed(tmp_path: Path) -> None:
    """It looks at what it reads; a changed byte that no reader needs is found by the digest alone."""
    trial, _nodes = simulated(tmp_path / "t")
    pack(trial)
    folder = trial.path / DATASET
    files = sorted(folder.rglob("*.parquet"))
    for path in files:
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        assert not validate(str(folder / "datapackage.json"), limit_rows=10).valid, path
        path.write_bytes(whole)
    largest = max(files, key=lambda path: path.stat().st_size)
    data = bytearray(largest.read_bytes())
    data[len(data) // 3] ^= 1
    largest.write_bytes(data)
    assert not validate(str(folder / "datapackage.json")).valid


def test_packing_again_replaces_the_dataset_and_needs_recordings(tmp_path: Path) -> None:
    trial = made(tmp_path / "t")
    with pytest.raises(TrialError, match="has no recordings"):
        pack(trial)
    with pytest.raises(TrialError, match="has no dataset"):
        Dataset(trial.path / DATASET)
    simulate(trial, trial.plan())
    assert pack(trial) == pack(trial)
    (trial.path / "devices" / "stranger").mkdir()
    with pytest.raises(TrialError, match="belongs to no device of the plan"):
        pack(trial)


def test_the_offsets_of_the_clocks_are_found(tmp_path: Path) -> None:
    trial, nodes = simulated(tmp_path / "t", PEOPLE.replace('role = "listen"\n', ""))
    pack(trial)
    for row in table(trial, "devices"):
        true_s = nodes[row["device"]].clock_offset_s - nodes["a"].clock_offset_s
        assert row["offset_s"] == pytest.approx(true_s, abs=0.3)
        assert abs(row["offset_s"] - true_s) <= row["offset_error_s"] + 1e-6
    began = {row["phase"]: row["begins_s"] for row in table(trial, "phases")}
    assert began["two"] - began["one"] == pytest.approx(60)


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=5), st.integers(0, 2**32))
def test_true_offsets_are_within_their_bounds(offsets: list[float], seed: int) -> None:
    random, names = Random(seed), [f"d{n}" for n in range(len(offsets))]
    sent = {(name, n): random.uniform(10 * n, 10 * n + 1) for name in names for n in range(5)}
    on_air = {(name, n): round((at_s + offsets[names.index(name)]) * NS) for (name, n), at_s in sent.items()}
    first = {
        (to, of, n): round((sent[of, n] + random.uniform(0, 0.5) + offsets[names.index(to)]) * NS)
        for to in names
        for of in names
        for n in range(5)
        if to != of
    }
    least: dict[tuple[str, str], float] = {}
    for receiver in names:
        received = [(of, n, at_ns) for (to, of, n), at_ns in first.items() if to == receiver]
        least |= least_delays(receiver, on_air, received)
    pairs = pair_offsets(names, least)
    assert len(pairs) == len(list(combinations(names, 2)))
    for pair in pairs:
        true_s = offsets[names.index(pair.one)] - offsets[names.index(pair.other)]
        assert pair.least_s is not None
        assert pair.most_s is not None
        assert pair.least_s - 1e-6 <= true_s <= pair.most_s + 1e-6
    for found in device_offsets(names, [], pairs):
        assert found.error_s is not None
        true_s = offsets[names.index(found.device)] - offsets[0]
        assert abs(found.offset_s - true_s) <= found.error_s + 1e-6


def test_a_trial_in_which_nothing_was_received_has_a_report(tmp_path: Path) -> None:
    trial = made(tmp_path / "t", PEOPLE)
    plan = trial.plan()
    for device in plan.devices:
        trial.participant(device.id).make_folder()
    assert pack(trial)["adverts"] == 0
    found = report(trial)
    assert (found.efficacy.detection, found.efficacy.continuity, found.fit) == (0, 0, None)
    assert [row["packets"] for row in found.tables["pairs"]] == [0, 0, 0, 0]


def test_an_unmeasured_clock_is_used_as_it_is() -> None:
    (one, other) = device_offsets(["a", "b"], ["b"], pair_offsets(["a", "b"], {("b", "a"): 1.0}))
    assert (one.offset_s, one.error_s) == (0.0, None)
    assert (other.offset_s, other.error_s) == (0.0, 0.0)


def test_marks_say_how_far_apart_people_were_in_a_free_phase(tmp_path: Path) -> None:
    trial, nodes = simulated(tmp_path / "t", FREE)
    at_ns = round((1_796_094_000 + 20 + nodes["a"].clock_offset_s) * NS)
    with JsonLines(trial.device("a") / MARKS) as marks:
        for number, metres in enumerate((1.5, 4.0)):
            mark = TrialMark(boottime_ns=0, wall_ns=at_ns + number * 20 * NS, text="", distances=(("b", "a", metres),))
            marks.put(mark)
    pack(trial)
    truth = table(trial, "truth")
    assert [(row["one"], row["other"], row["distance_m"], row["source"]) for row in truth] == [
        ("a", "b", 1.5, "mark"),
        ("a", "b", 4.0, "mark"),
    ]
    assert [row["ends_s"] - row["begins_s"] for row in truth] == pytest.approx([20, 20], abs=1)
    known = {row["distance_m"] for row in table(trial, "adverts") if row["receiver"] == "a"}
    assert known == {None, 1.5, 4.0}


def test_packets_have_the_true_distance_of_their_moment(tmp_path: Path) -> None:
    paths = "positions = {a = [0, 0]}\npaths = {b = [[0, 8, 0], [30, 2, 0]]}"
    trial, _nodes = simulated(tmp_path / "t", PEOPLE.replace('distances = [["a", "b", 1.0], ["a", "door", 4]]', paths))
    pack(trial)
    begins_s = {row["phase"]: row["begins_s"] for row in table(trial, "phases")}
    for row in table(trial, "adverts"):
        if {row["receiver"], row["sender"]} == {"a", "b"} and row["phase"] == "two":
            expected = 8 - 0.2 * (row["time_s"] - begins_s["two"])
            assert row["distance_m"] == pytest.approx(expected, abs=0.21)
        elif row["phase"] == "two":
            assert row["distance_m"] is None
        elif row["phase"] == "one" and row["receiver"] == "door":
            assert row["distance_m"] == pytest.approx(10**0.5)


def of_windows(hit: list[tuple[str, str, int]], pairs: list[tuple[str, str]], count: int) -> Efficacy:
    """Return the efficacy if pairs have a packet in these windows: receiver, sender, window."""
    windows = ibis.memtable([{"receiver": r, "sender": s, "window": w} for r, s, w in hit])
    counted, mutual = analysis.counted(windows, count, HOUR), analysis.mutual(windows, sorted({a for a, _ in pairs}))
    return efficacy(counted.to_pyarrow().to_pylist(), mutual.to_pyarrow().to_pylist(), pairs, count)


def test_efficacy_of_a_case_that_is_worked_out_by_hand() -> None:
    """Three devices, 4 windows: 6 pairs, 24 windows."""
    pairs = [(a, b) for a in "abc" for b in "abc" if a != b]
    hit = [("a", "b", 0), ("b", "a", 0), ("a", "b", 1), ("c", "a", 3), ("a", "c", 3), ("c", "c", 1)]
    found = of_windows(hit, pairs, 4)
    assert found.pairs == 6
    assert found.detection == pytest.approx(4 / 6)
    assert found.continuity == pytest.approx(5 / 24)
    assert found.completeness == pytest.approx(2 / 3)
    assert found.longevity is None
    long = of_windows([("a", "b", window) for window in range(180)], [("a", "b")], 240)
    assert long.longevity == pytest.approx(0.5)  # 120 windows in the first hour, 60 in the last


@given(st.floats(-90, -40), st.floats(5, 40), st.integers(2, 6))
def test_a_path_loss_without_noise_is_found_exactly(at_1m: float, decade: float, pairs: int) -> None:
    sums = []
    for pair in range(pairs):
        x = np.log10(np.array([0.5, 1, 2, 4 + pair]))
        y = at_1m - decade * x
        sums.append([len(x), x.sum(), y.sum(), (x * x).sum(), (x * y).sum(), (y * y).sum()])
    found = fitted(np.array(sums))
    assert found is not None
    assert found.at_1m_dbm == pytest.approx(at_1m)
    assert found.decade_db == pytest.approx(decade)
    assert found.deviation_db == pytest.approx(0, abs=1e-3)
    assert found.decade_interval == pytest.approx((decade, decade))
    assert fitted(np.array([[3, 0.0, -150, 0.0, 0.0, 7500]])) is None
    assert fitted(np.zeros((0, 6))) is None


class Page(HTMLParser):
    """What a page loads and shows."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.alternatives: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.loaded += [found[name] or "" for name in ("src", "href") if name in found]
        if tag == "img":
            self.alternatives.append(found.get("alt") or "")


@pytest.mark.parametrize("language", ["en", "vi"])
def test_a_report_is_one_page_with_its_figures_as_files(program: Program, language: str) -> None:
    program.state_dir.mkdir(mode=0o700, exist_ok=True)
    hostile = PEOPLE.replace("[radio]", "title = '<script>alert(1)</script> & so'\nconsent = '<b>yes</b>'\n\n[radio]")
    trial, _nodes = simulated(program.home / "t", hostile)
    with JsonLines(trial.device("a") / MARKS) as marks:
        marks.put(TrialMark(boottime_ns=0, wall_ns=1_796_094_010 * NS, text="<i>window</i>"))
    assert program.run("trial", "pack", "t", "--json").returncode == 0
    done = program.run("--lang", language, "trial", "report", "t")
    assert done.returncode == 0, done.stderr
    page = (trial.path / "report/report.html").read_text()
    assert "<script" not in page
    assert "&lt;i&gt;window" in page
    assert "&lt;b&gt;yes" in page
    read = Page()
    read.feed(page)
    assert len(read.loaded) == 3
    assert all(address.startswith("data:image/svg+xml;base64,") for address in read.loaded)
    assert all(read.alternatives)
    names = {path.name for path in (trial.path / "report").iterdir()}
    figures = ("rssi-over-distance", "rssi-over-time", "received-windows")
    assert names >= {f"{figure}.{kind}" for figure in figures for kind in ("svg", "png", "pdf")}
    assert names >= {"pairs.csv", "phases.csv", "devices.csv", "scores.csv"}
    found = msgspec.json.decode(program.run("trial", "report", "t", "--json").stdout)
    assert found["detection"] == 1
    assert found["pairs"] == 4
    assert sum(pair["packets"] for pair in found["receptions"]) > 1000
    assert {pair["expected_per_s"] for pair in found["receptions"]} == {4}
    assert {(one["rule"], one["schedule"]) for one in found["scores"]} == {
        (rule, schedule) for rule in DEFAULT_RULES for schedule in ("", "4/240")
    }
    assert page.count("swisscovid") == sum(one["rule"] == "swisscovid" for one in found["scores"]) > 0


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def without(name: str) -> Any:
        raise ModuleNotFoundError(name=name)

    monkeypatch.setattr(extra_packages, "import_module", without)
    with pytest.raises(AgentError, match="needs the package") as caught:
        trial_dataset.pack(tmp_path)
    assert caught.value.fields["extra"] == "trials"
    assert "[{extra}]" in caught.value.hint


def test_nothing_of_a_person_who_is_removed_is_left(tmp_path: Path) -> None:
    text = PEOPLE.replace('title = ""', "").replace('id = "b"', 'id = "pi-b"').replace("b = [2", "pi-b = [2")
    trial, nodes = simulated(tmp_path / "t", text.replace('["a", "b", 1.0]', '["a", "pi-b", 1.0]'))
    with JsonLines(trial.device("a") / MARKS) as marks:
        for words, distances in (("P02 left", ()), ("pi-b fell", ()), ("tea", (("a", "pi-b", 1.0),)), ("P021", ())):
            marks.put(TrialMark(boottime_ns=0, wall_ns=0, text=words, distances=distances))
    pack(trial)
    assert traces(trial) > {"trial.toml", "dataset/README.md"} - {"dataset/README.md"}
    received = sum(node.received.get("pi-b", 0) for node in nodes.values())
    receipt = forget(trial, "P02", datetime(2026, 12, 2, tzinfo=UTC).timestamp())
    assert (receipt.devices, receipt.packets, receipt.marks, receipt.derived) == (1, received, 3, (DATASET,))
    assert traces(trial) == set()
    assert trial.plan().device("removed-1") is not None
    assert (trial.path / RECEIPTS).exists()
    rows = pack(trial)
    assert rows["adverts"] == sum(n for node in nodes.values() for s, n in node.received.items() if s != "pi-b") - sum(
        n for s, n in nodes["pi-b"].received.items()
    )
    assert traces(trial) == set()
    with pytest.raises(TrialError, match='nobody in the plan is "P02"'):
        forget(trial, "P02", 0.0)


def traces(trial: TrialFolder) -> set[str]:
    """Return the files that name person or device, compressed or not."""
    found = set()
    for path in trial.path.rglob("*"):
        if path.is_file():
            data = path.read_bytes() + str(path.relative_to(trial.path)).encode()
            if path.suffix == ".gz":
                data += gzip.decompress(path.read_bytes())
            elif path.suffix == ".parquet":
                data += str(pq.read_table(path).to_pylist()).encode()
            for name in (b"P02", b"pi-b"):
                if name in data.replace(b"P021", b""):
                    found.add(str(path.relative_to(trial.path)))
    return found


def test_a_plan_that_cant_be_read_removes_nothing(tmp_path: Path) -> None:
    trial, _nodes = simulated(tmp_path / "t")
    shutil.copytree(trial.path / "devices", tmp_path / "before")
    trial.plan_path.write_text(PEOPLE.replace("minutes = 1", "minutes = -1"))
    with pytest.raises(PlanError):
        forget(trial, "P02", 0.0)
    assert sorted(p.name for p in (trial.path / "devices").iterdir()) == ["a", "b", "door"]
