"""Recordings of Herald: the figures of its own script, by hand, and by running that script where R is installed.

The script is TestAnalysis.R of theheraldproject/herald-analysis at ad779cd, unchanged below its settings. It is not
part of this project: the tests that run it need its path in HERALD_TEST_ANALYSIS, Rscript, and R's packages.
"""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from frictionless import validate

from bluezone_agent.app import trial_dataset
from bluezone_agent.errors import AgentError
from bluezone_agent.trials.export import export
from bluezone_agent.trials.folder import DATASET, TrialFolder
from bluezone_agent.trials.herald_figures import figures
from bluezone_agent.trials.pack import pack
from bluezone_agent.trials.report import report
from bluezone_agent.trials.simulate import simulate
from tests.program import Program
from tests.trials import herald_recording
from tests.trials.plans import made

pytestmark = pytest.mark.slow
SETTINGS_END = "# DO NOT EDIT BELOW THIS LINE"
NOT_IN_DEBIAN = "parsedate"
"""A package that the script loads, and of which it uses nothing."""
FOUR = (
    '[trial]\nname = "four"\nprotocol = "gaen"\n[radio]\nscan = {on_s = 4, every_s = 50}\n'
    + "".join(f'[[device]]\nid = "phone-{n}"\nmodel = "Model {n}"\n' for n in range(1, 5))
    + '[[phase]]\nname = "near"\nminutes = 3\npositions = {phone-1 = [0, 0], phone-2 = [2, 0], phone-3 = [0, 3]}\n'
    + '[[phase]]\nname = "all"\nminutes = 1.5\npositions = {phone-1 = [0, 0], phone-2 = [2, 0], phone-4 = [25, 3]}\n'
)


def as_r(folder: Path, settings: tuple[str, ...]) -> dict[str, float]:
    """Return the summary that the script writes for recordings in a folder, with our settings."""
    script = os.environ.get("HERALD_TEST_ANALYSIS", "")
    rscript = shutil.which("Rscript")
    if rscript is None or not script:
        pytest.skip("needs Rscript, and Herald's TestAnalysis.R in HERALD_TEST_ANALYSIS")
    library = folder.parent / "r-library"
    if not library.exists():
        empty = folder.parent / NOT_IN_DEBIAN
        empty.mkdir()
        about = f"Package: {NOT_IN_DEBIAN}\nVersion: 1.0\nTitle: Empty\nDescription: Empty.\nLicense: MIT\nAuthor: a\n"
        (empty / "DESCRIPTION").write_text(about + "Maintainer: a <a@example.org>\n")
        (empty / "NAMESPACE").write_text("")
        library.mkdir()
        subprocess.run(["R", "CMD", "INSTALL", "-l", library, empty], check=True, capture_output=True)
    head, below = Path(script).read_text().split(SETTINGS_END)
    changed = folder.parent / f"{folder.name}.R"
    changed.write_text(head + "\n".join(settings) + f"\n{SETTINGS_END}" + below)
    done = subprocess.run(
        [rscript, changed],
        check=False,
        capture_output=True,
        text=True,
        cwd=folder.parent,
        env={**os.environ, "R_LIBS": str(library), "TZ": "UTC"},
    )
    assert done.returncode == 0, done.stderr
    (summary,) = csv.DictReader((folder / "formal-summary.csv").read_text().splitlines())
    return {name: float(value) for name, value in summary.items() if name}


def test_figures_by_hand_of_a_recording_of_three_phones(tmp_path: Path) -> None:
    """The formulas are the script's: cetotal, finalmu$windows, pairings, firstdurations and seconddurations."""
    source = herald_recording.write(tmp_path / "source")
    done = trial_dataset.import_recording("herald", source, tmp_path / "t")
    assert (done.rows["adverts"], done.counted_packets) == (6 + 1 + 6, 0)
    assert [line for line in done.settings if line.startswith("ce")] == [
        'cestart <- as.POSIXct(paste("2022-11-29", "22:18:32"), format="%Y-%m-%d %H:%M:%S")',
        'ceend <- as.POSIXct(paste("2022-11-29", "23:55:33"), format="%Y-%m-%d %H:%M:%S")',
    ]
    found = report(TrialFolder(tmp_path / "t"))
    # the A40 received the iPhone, the A70 the A40, the iPhone both
    assert found.efficacy.detection == 4 / 6
    # 97 min 1 s are 195 windows. A40: the iPhone 0, 587 and 1248 s after the first contact; A70: once;
    # iPhone: the A70 in its first window, the A40 after 200, 202 and 5820 s
    assert found.efficacy.continuity == pytest.approx((3 + 1 + (1 + 2)) / (6 * 195))
    # first hour: the iPhone in 3 windows, the A40 in 2 (one received by the A70), the A70 in 1; last hour: the A40 in 1
    assert found.efficacy.longevity == pytest.approx((6 - 1) / (120 * 6))
    continuity = {(row["receiver"], row["sender"]): row["continuity"] for row in found.tables["pairs"]}
    assert continuity["AndroidA40", "iPhoneX"] == pytest.approx(3 / 195)
    assert continuity["AndroidA70", "iPhoneX"] == 0  # read, and never measured


def test_windows_begin_with_a_phone_s_own_first_contact_and_longevity_is_anybody_s(tmp_path: Path) -> None:
    """b receives its own first packet at 10 s, and one 25 s later: one window; from 0 s on it would be two."""
    rows = [("a", "b", 0.9), ("a", "c", 5.0), ("b", "c", 10.0), ("b", "c", 35.9), ("a", "b", 7000.0)]
    columns = dict(zip(("receiver", "sender", "time_s"), map(list, zip(*rows, strict=True)), strict=True))
    adverts = ibis.memtable(pa.table(columns | {"adapter": [""] * len(rows)}))
    found = figures(adverts, 3, 0.0, 7200.0)
    assert found.detection == 3 / 6
    assert found.continuity == pytest.approx((2 + 1 + 1) / (6 * 240))
    # first hour: b once; c 5 and 10 s after the first contact in one window, 35 s in the next; last hour: b once
    assert found.longevity == pytest.approx((3 - 1) / (120 * 6))


def test_what_is_not_of_the_phones_is_counted(tmp_path: Path) -> None:
    """A stranger, a written payload that was read before, one that was not, and an RSSI that can't be."""
    more = (
        "2022-11-29 22:30:00.000+0000,BLE,00:11:22:33:44:55,,,3,,,,,RSSI:-50.0\n"
        "2022-11-29 22:30:40.000+0000,BLE,00:11:22:33:44:55,,,,4,,,,ZqFdag\n"
        "2022-11-29 22:30:41.000+0000,BLE,00:11:22:33:44:55,,,,4,,,,unread\n"
        "2022-11-29 22:31:42.000+0000,BLE,5E:62:CB:F9:93:8D,,,3,,,,,RSSI:127.0\n"
        "2022-11-29 22:31:43.000+0000,BLE,5E:62:CB:F9:93:8D,,,3,,,,,RSSI:-60.0[BLETransmitPower:8.0]\n"
    )
    source = herald_recording.write(tmp_path / "source", {"AndroidA70": more})
    done = trial_dataset.import_recording("herald", source, tmp_path / "t")
    assert (done.rows["adverts"], done.counted_packets) == (13 + 3, 2 + 1)
    (file,) = (tmp_path / "t" / DATASET / "adverts").glob("AndroidA70-*")
    rows = pq.read_table(file).to_pylist()
    assert [(row["rssi_dbm"], row["stated_dbm"], row["adapter"]) for row in rows] == [
        (-66, None, ""),
        (None, None, "share"),
        (None, None, ""),
        (-60, 8.0, ""),
    ]
    checked = validate(str(tmp_path / "t" / DATASET / "datapackage.json"))
    assert checked.valid, checked.flatten(["rowNumber", "fieldName", "note"])
    minutes = pq.read_table(tmp_path / "t" / DATASET / "minutes" / "minutes.parquet").to_pylist()
    assert [(m["bystander_packets"], m["bystanders"], m["impossible_rssi"]) for m in minutes] == [(2, 1, 0), (0, 0, 1)]
    assert export(TrialFolder(tmp_path / "t"), "herald", tmp_path / "again").files == 6
    again = trial_dataset.import_recording("herald", tmp_path / "again", tmp_path / "t2")
    assert again.rows["adverts"] == 13 + 3 - 1  # an RSSI that can't be is not written


def test_the_formal_test_has_the_times_that_are_given(tmp_path: Path) -> None:
    source = herald_recording.write(tmp_path / "source")
    times = [datetime(2022, 11, 29, 22, minute, tzinfo=UTC) for minute in (20, 45)]
    done = trial_dataset.import_recording("herald", source, tmp_path / "t", *times)
    assert 'filtertimemin <- as.POSIXct(paste("2022-11-29", "22:18:00")' in done.settings[2]
    found = report(TrialFolder(tmp_path / "t")).efficacy
    assert found.detection == 4 / 6  # the A70 was received at 22:18:32, within the outer times
    assert found.continuity == pytest.approx((3 + 1 + 1) / (6 * 50))
    with pytest.raises(AgentError, match="ends before it begins"):
        trial_dataset.import_recording("herald", source, tmp_path / "t3", *reversed(times))
    with pytest.raises(AgentError, match="for recordings of Herald"):
        trial_dataset.import_recording("danis", source, tmp_path / "t3", *times)


@pytest.mark.parametrize(
    ("detection", "expected"),
    [("Model,Android,29", "payload is not known"), (herald_recording.PHONES["iPhoneX"][0], "two phones have")],
)
def test_a_phone_without_a_payload_of_its_own_is_refused(detection: str, expected: str, tmp_path: Path) -> None:
    source = herald_recording.write(tmp_path / "source")
    (source / "AndroidA40" / "detection.csv").write_text(detection)
    with pytest.raises(AgentError, match=expected):
        trial_dataset.import_recording("herald", source, tmp_path / "t")


def test_import_prints_the_settings_of_the_script(tmp_path: Path, program: Program) -> None:
    source = herald_recording.write(tmp_path / "source")
    done = program.run("trial", "import", "herald", str(source), str(tmp_path / "t"))
    assert f'basedir <- "{source}"' in done.stdout
    assert "adverts: 13 rows" in done.stdout


def test_herald_s_own_script_finds_our_figures_of_its_recording(tmp_path: Path) -> None:
    random, more = Random(5), dict[str, str]()
    for name, sender in (("AndroidA40", "50:AA:A8:4D:F3:B4"), ("AndroidA70", "5E:62:CB:F9:93:8D")):
        times = sorted(random.randrange(5600) for _ in range(150))
        more[name] = "".join(
            f"2022-11-29 {22 + (1200 + t) // 3600}:{(1200 + t) // 60 % 60:02}:{t % 60:02}"
            f".{random.randrange(1000):03}+0000,BLE,{sender},,,3,,,,,RSSI:-{random.randrange(40, 99)}.0\n"
            for t in times
        )
    discovered = "2022-11-29 22:22:50.000+0000,BLE,44:E2:F3:B2:3B:F8,1,,,,,,,\n"  # without one the script stops
    more["AndroidA70"] += discovered
    more["AndroidA40"] += "2022-11-29 22:40:00.000+0000,BLE,50:AA:A8:4D:F3:B4,,,,4,,,,lGxWLg\n"
    for number, rows in enumerate(({"AndroidA70": discovered}, more)):
        source = herald_recording.write(tmp_path / f"source{number}", rows)
        done = trial_dataset.import_recording("herald", source, tmp_path / f"t{number}")
        theirs, ours = as_r(source, done.settings), report(TrialFolder(tmp_path / f"t{number}")).efficacy
        assert ours.continuity is not None
        assert ours.longevity is not None
        assert theirs["detectionpct"] == pytest.approx(100 * ours.detection)
        assert theirs["deltacewindowspct"] == pytest.approx(100 - 100 * ours.continuity)
        assert theirs["longevity"] == pytest.approx(100 * ours.longevity)


def test_herald_s_own_script_finds_what_we_expect_of_an_exported_trial(tmp_path: Path) -> None:
    trial = made(tmp_path / "t", FOUR)
    simulate(trial, trial.plan())
    pack(trial)
    done = export(trial, "herald", tmp_path / "herald")
    theirs = as_r(tmp_path / "herald", done.settings)
    assert done.expected is not None
    assert theirs["phonescount"] == 4
    assert theirs["detectionpct"] == pytest.approx(100 * done.expected.detection)
    assert theirs["deltacewindowspct"] == pytest.approx(100 - 100 * done.expected.continuity)
    assert theirs["longevity"] == pytest.approx(100 * done.expected.longevity)
    imported = trial_dataset.import_recording("herald", tmp_path / "herald", tmp_path / "again")
    assert imported.rows["adverts"] > 100
