"""Published recordings in the form of a trial: every packet, and the distance of its second."""

from __future__ import annotations

import csv
import gzip
import json
import re
import sqlite3
import tarfile
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any, Final
from unittest.mock import ANY

import pyarrow.parquet as pq
import pytest
from frictionless import validate

from bluezone_agent.errors import AgentError, NewFileError
from bluezone_agent.trials.export import export
from bluezone_agent.trials.folder import DATASET, TrialError, TrialFolder
from bluezone_agent.trials.imports import KINDS
from bluezone_agent.trials.imports.recording import import_recording
from bluezone_agent.trials.report import Efficacy, report
from tests.shared import shared_file
from tests.test_recordings import experiment
from tests.trials import herald_recording

pytestmark = pytest.mark.slow


def test_every_packet_of_a_scene_has_the_distance_of_the_cameras(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    before = {path.name: path.stat().st_mtime_ns for path in experiment(source).rglob("*")}
    rows, _ = import_recording("dp3t", source, tmp_path / "t")
    assert (rows["adverts"], rows["truth"], rows["phases"], rows["devices"]) == (1200, 540, 1, 3)
    assert {path.name: path.stat().st_mtime_ns for path in source.rglob("*")} == before
    (file,) = (tmp_path / "t" / DATASET / "adverts").iterdir()
    packets = pq.read_table(file).to_pylist()
    of_second = {p["time_s"] - packets[0]["time_s"]: p["distance_m"] for p in packets if p["sender"] == "phone-2"}
    assert [of_second[at_s] for at_s in (0, 239, 260, 300, 599)] == [1.0, 1.0, None, 3.0, 3.0]
    assert {p["distance_m"] for p in packets if p["sender"] == "phone-3"} == {None}
    assert {p["rssi_dbm"] for p in packets if p["sender"] == "phone-2"} == {-70}
    trial = TrialFolder(tmp_path / "t")
    assert [(d.id, d.role) for d in trial.plan().devices] == [
        ("phone-1", "both"),
        ("phone-2", "broadcast"),
        ("phone-3", "broadcast"),
    ]
    made = report(trial)
    assert (made.efficacy.pairs, made.efficacy.detection, made.efficacy.continuity) == (2, 1, 1)
    with pytest.raises(NewFileError, match="already exists"):
        import_recording("dp3t", source, tmp_path / "t")


def test_what_is_not_such_a_recording_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrialError, match="has no scene of DP-3T"):
        import_recording("dp3t", tmp_path, tmp_path / "t")
    (tmp_path / "x.sqlite").write_text("no database")
    with pytest.raises(TrialError, match="can't read the recording"):
        import_recording("dp3t", tmp_path, tmp_path / "t")
    assert not (tmp_path / "t").exists()


def imported(kind: str, name: str, folder: Path) -> tuple[TrialFolder, dict[str, int], int]:
    """Return a recording of the reference data as a trial, its rows, and what was only counted."""
    rows, recording = import_recording(kind, shared_file(f"data/{name}"), folder)
    return TrialFolder(folder), rows, sum(r["bystander_packets"] + r["impossible_rssi"] for r in recording.minutes)


def packets(trial: TrialFolder) -> list[dict[str, Any]]:
    return [row for file in (trial.path / DATASET / "adverts").iterdir() for row in pq.read_table(file).to_pylist()]


def about(trial: TrialFolder) -> tuple[str, str]:
    package = json.loads((trial.path / DATASET / "datapackage.json").read_text())
    return package["licenses"][0]["name"], package["citation"]


def test_dp3t_has_every_row_of_its_tables(tmp_path: Path) -> None:
    trial, rows, _ = imported("dp3t", "dp3t-exp34", tmp_path / "t")
    counted, people = 0, set[int]()
    for path in shared_file("data/dp3t-exp34").rglob("*.sqlite"):
        with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as db:
            counted += db.execute("SELECT count(*) FROM results").fetchone()[0]
            people |= {
                row[0] for row in db.execute("SELECT receiver_id FROM results UNION SELECT transmitter_id FROM results")
            }
    assert rows["adverts"] == counted == 34_835
    assert (rows["phases"], rows["devices"]) == (6, len(people))
    assert about(trial)[0] == "CC-BY-ND-4.0"
    made = report(trial)
    assert made.efficacy.pairs == 18 * 17
    assert made.fit is not None
    assert 5 < made.fit.decade_db < 13  # "about 9 dB a decade"


def test_mit_matrix_has_every_row_and_each_run_is_a_phase(tmp_path: Path) -> None:
    trial, rows, _ = imported("mit-matrix", "mit_matrix.csv.gz", tmp_path / "t")
    with gzip.open(shared_file("data/mit_matrix.csv.gz"), "rt") as file:
        lines = file.read().splitlines()[1:]
    assert rows["adverts"] == len(lines)
    assert rows["phases"] == len({(line.split(",")[0], line.split(",")[3]) for line in lines}) == 108  # one is two
    assert sum(row["rssi_dbm"] for row in packets(trial)) == sum(int(line.split(",")[2]) for line in lines)
    assert about(trial) == ("CC-BY-4.0", "mitll/MIT-Matrix-Data, MIT Lincoln Laboratory, CC BY 4.0")
    made = report(trial)
    assert (made.efficacy.pairs, made.efficacy.detection) == (1, 1)
    assert {round(row["distance_m"], 2) for row in made.tables["phases"]} == {
        float(line.split(",")[3]) for line in lines
    }


def test_the_danis_room_has_every_row_and_the_distances_of_its_walks(tmp_path: Path) -> None:
    trial, rows, _ = imported("danis", "danis_room.csv.gz", tmp_path / "t")
    with gzip.open(shared_file("data/danis_room.csv.gz"), "rt", newline="") as file:
        source = list(csv.DictReader(file))
    assert rows["adverts"] == len(source)
    assert (rows["phases"], rows["devices"]) == (9, 13)
    found = Counter((p["phase"], p["receiver"], p["rssi_dbm"], p["distance_m"]) for p in packets(trial))
    assert found == Counter((r["session"], r["receiver"], int(r["rssi_dbm"]), float(r["distance_m"])) for r in source)
    truth = pq.read_table(trial.path / DATASET / "truth" / "truth.parquet").to_pylist()
    assert sum(row["phase"].startswith("set_") for row in truth) == 7 * 12  # those stood still
    assert sum(row["phase"] == "straight_05" for row in truth) > 12 * 100
    assert about(trial)[0] == "CC0-1.0"
    assert report(trial).efficacy == Efficacy(12, 1.0, ANY, None, ANY)


def test_multi_channel_has_every_row_and_no_times(tmp_path: Path) -> None:
    """One of its files has a second heading in the middle, with other columns."""
    trial, rows, _ = imported("multi-channel", "multi-channel", tmp_path / "t")
    lines = [
        line
        for path in shared_file("data/multi-channel").rglob("*.csv")
        for line in path.read_text().splitlines()
        if "distance" not in line
    ]
    assert rows["adverts"] == len(lines) == 17_390
    found = packets(trial)
    assert {p["time_s"] for p in found} == {None}
    assert {p["receiver"] for p in found} == {"pi-receiver"}
    oneplus = [p for p in found if p["sender"] == "OnePlus" and p["phase"].startswith("office-scenarios")]
    assert len(oneplus) == 682 + 1021  # before and after the second heading
    assert {p["distance_m"] for p in oneplus} == {0.9, 1.2, 1.3, 1.6, 1.7, 2.3, 3.2}
    assert all(-100 < p["rssi_dbm"] < -40 for p in oneplus)
    made = report(trial)
    assert made.efficacy == Efficacy(3, 1.0, None, None, None)
    assert set(made.figures) == {"rssi-over-distance"}
    assert made.fit is not None
    assert about(trial)[0] == "CC-BY-SA-4.0"
    checked = validate(str(trial.path / DATASET / "datapackage.json"))
    assert checked.valid, checked.flatten(["rowNumber", "fieldName", "note"])
    assert [(row["packets"] > 3000, row["packets_per_s"], row["continuity"]) for row in made.tables["pairs"]] == [
        (True, None, None)
    ] * 3
    with pytest.raises(TrialError, match="has no times"):
        export(trial, "herald", tmp_path / "herald")


def test_a_heading_holds_for_the_rows_after_it(tmp_path: Path) -> None:
    """As in office/scenarios/OnePlus.csv of multi-channel: the columns change their order and name in the middle."""
    folder = tmp_path / "source" / "data" / "office" / "scenarios"
    folder.mkdir(parents=True)
    (folder / "OnePlus.csv").write_text(
        "distance,rssiBLE,rssi24,freq24,rssi5,freq5,y\n320,-88,-44,2472,-54,5620,safe\n"
        "y,rssi,freq24,rssi5,freq5,distance,\nvery_close,-72,2427,-40,5220,90,\n"
    )
    import_recording("multi-channel", tmp_path / "source", tmp_path / "t")
    assert [(p["phase"], p["rssi_dbm"], p["distance_m"]) for p in packets(TrialFolder(tmp_path / "t"))] == [
        ("office-scenarios-3.2m", -88, 3.2),
        ("office-scenarios-0.9m", -72, 0.9),
    ]


def test_range_angle_has_or_counts_every_row_of_its_logs(tmp_path: Path) -> None:
    trial, rows, counted = imported("range-angle", "range_angle.tar.gz", tmp_path / "t")
    with tarfile.open(shared_file("data/range_angle.tar.gz")) as archive:
        logs = [archive.extractfile(m) for m in archive.getmembers() if m.name.endswith(".txt")]
        text = "\n".join(log.read().decode() for log in logs if log is not None)
    received = re.findall(r"^(?:BT,|[^,\n]*,Bluetooth,).*$", text, re.MULTILINE)
    assert rows["adverts"] + counted == len(received) == 109_167
    theirs = [line for line in received if ",BlueProxTx," in line]
    assert rows["adverts"] == sum(int(line.split(",")[3]) < 0 for line in theirs)
    assert rows["phases"] == len(re.findall(r"(?:^|,)Range,", text, re.MULTILINE))
    assert {round(p["distance_m"] / 0.3048) for p in packets(trial) if p["distance_m"]} <= set(range(2, 16))
    assert report(trial).efficacy.detection == 1
    assert about(trial)[0] == "CC-BY-4.0"


RECORDINGS: Final = {
    "dp3t": "dp3t-exp34",
    "mit-matrix": "mit_matrix.csv.gz",
    "danis": "danis_room.csv.gz",
    "multi-channel": "multi-channel",
    "range-angle": "range_angle.tar.gz",
    "herald": "",
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_import_is_a_valid_data_package(kind: str, tmp_path: Path, long: bool) -> None:
    """Frictionless reads a hundred thousand rows in ten seconds, so all of them only in the long form."""
    source = (
        herald_recording.write(tmp_path / "source") if kind == "herald" else shared_file(f"data/{RECORDINGS[kind]}")
    )
    import_recording(kind, source, tmp_path / "t")
    path, most = tmp_path / "t" / DATASET / "datapackage.json", 100_000 if long else 1_000
    checked = validate(str(path), limit_rows=most)
    assert checked.valid, checked.flatten(["rowNumber", "fieldName", "note"])
    counted = {task.name: task.stats.get("rows") or 0 for task in checked.tasks}
    assert counted == {r["name"]: min(r["rows"], most) for r in json.loads(path.read_text())["resources"]}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "dp3t"])
def test_a_folder_without_such_a_recording_is_refused(kind: str, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    (tmp_path / "x.txt").write_text("nothing\n")
    source = tmp_path / "x.csv" if kind in ("mit-matrix", "danis") else tmp_path
    with pytest.raises(AgentError) as refused:
        import_recording(kind, source, tmp_path / "t")
    assert str(tmp_path) in str(refused.value)
    assert not (tmp_path / "t").exists()
