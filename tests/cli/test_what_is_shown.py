"""What people and scripts see of a store: contacts, exposures, status, configuration."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from bluezone_agent.core.attenuation import HeardMinute
from bluezone_agent.core.calibration import Calibration
from bluezone_agent.core.exposure import day_exposures
from bluezone_agent.core.identifiers import Beacon, ReportType
from bluezone_agent.core.risk.attenuation_buckets import SWISSCOVID
from bluezone_agent.core.sightings import ContactMinute
from bluezone_agent.stores.calibrations import MEASURED, StoredCalibration
from bluezone_agent.stores.exposures import Matched
from bluezone_agent.stores.store import Store
from tests.program import Program

NOW_MIN = int(time.time() // 60)
YESTERDAY_NOON_MIN = NOW_MIN // 1440 * 1440 - 720


@pytest.fixture
def store(program: Program) -> Iterator[Store]:
    with Store(program.state_dir) as opened:
        yield opened


def heard(minute: int, identifier: bytes, max_dbm: int = -50) -> ContactMinute:
    return ContactMinute(Beacon("gaen", identifier, b"AEM-"), minute, 3, -61.25, -70, max_dbm, {-24: 3}, trusted=True)


def expose(store: Store, report_type: ReportType, minutes: int, first: int = YESTERDAY_NOON_MIN) -> None:
    found = tuple(HeardMinute(first + i, 50.0, 4) for i in range(minutes))
    with store.transaction():
        store.exposures.add(Matched(f"{report_type}{first}", "gaen", report_type, None, NOW_MIN * 60, found))
        days = day_exposures([(m.report_type, m.minutes) for m in store.exposures.matched()], SWISSCOVID)
        store.exposures.add_warnings(days, NOW_MIN * 60)


def test_contacts_by_the_hour(program: Program, store: Store) -> None:
    with store.transaction():
        store.contacts.add([heard(NOW_MIN - 90, b"a" * 16), heard(NOW_MIN - 89, b"b" * 16, -43)])
    out = json.loads(program.run("contacts", "--json").stdout)
    assert sum(hour["close_minutes"] for hour in out["hours"]) == 2
    assert max(hour["strongest_dbm"] for hour in out["hours"]) == -43
    text = program.run("contacts").stdout
    assert "-43 dBm" in text
    assert "one person is several identifiers" in text
    assert "aaaa" not in text
    assert b"aaaa".hex() not in text
    assert program.run("contacts", "--days", "15").returncode == 2


def test_close_contacts_are_counted_by_attenuation(program: Program, store: Store) -> None:
    # 25 dBm below zero is assumed for frames that state no power: 55 and 63 dB are reached at -80 and -88 dBm
    means_dbm = {b"a": (-50, -80), b"b": (-80.1, -88), b"c": (-88.1, -99)}
    start = NOW_MIN // 60 * 60 - 60
    with store.transaction():
        for name, levels in means_dbm.items():
            minutes = enumerate(levels, start)
            store.contacts.add([replace(heard(minute, name * 16), mean_dbm=dbm) for minute, dbm in minutes])
    (hour,) = json.loads(program.run("contacts", "--json").stdout)["hours"]
    bands = ("close_minutes", "middle_minutes", "far_minutes", "close_contacts", "identifiers", "minutes")
    assert [hour[name] for name in bands] == [2, 2, 2, 1, 3, 2]
    page = program.home / "mixing.html"
    text = program.run("contacts", "--page", page).stdout
    assert ": 1 close contact " in text
    assert "not calibrated" in text
    drawn = page.read_text()
    assert "close 2 min, not far 2 min, far 2 min, 1 close contacts" in drawn
    assert "http" not in drawn
    assert page.stat().st_mode & 0o777 == 0o600
    with store.transaction():
        store.mark("radio", NOW_MIN * 60, description="hci0")
        made = StoredCalibration("hci0", "", MEASURED, Calibration(-10), NOW_MIN * 60, (NOW_MIN + 60) * 60)
        store.calibrations.add(made)
    (hour,) = json.loads(program.run("contacts", "--json").stdout)["hours"]
    assert [hour[name] for name in bands[:3]] == [1, 0, 5]
    assert "not calibrated" not in program.run("contacts").stdout


@pytest.mark.parametrize(
    ("report_type", "degree", "sentence"),
    [
        (ReportType.CONFIRMED_TEST, "F1", "you were near a confirmed case (F0); this makes you F1"),
        (ReportType.RECURSIVE, "F2", "you were near a contact of a case (F1); this makes you F2"),
    ],
)
def test_an_exposure_says_when_how_long_how_close_and_by_which_rule(
    program: Program, store: Store, report_type: ReportType, degree: str, sentence: str
) -> None:
    expose(store, report_type, 20)
    out = json.loads(program.run("exposures", "--json").stdout)
    (day,) = out["days"]
    assert (day["degree"], day["warning"], day["heard_minutes"], day["minutes_within_2m"]) == (degree, True, 20, 20)
    assert day["encounters"][0]["closest_attenuation_db"] == 50
    assert day["encounters"][0]["from"].endswith("T12:00:00Z")
    text = program.run("exposures", TZ="UTC").stdout
    assert sentence in text
    assert "12:00 to 12:20: 20 min within 2 m; attenuation 50 dB at best" in text
    assert "you were warned on" in text
    assert "rule: a minute below 55 dB counts whole" in text
    assert program.run("exposures", "--lang", "vi").stdout != text


def test_too_short_an_exposure_is_shown_and_does_not_warn(program: Program, store: Store) -> None:
    expose(store, ReportType.CONFIRMED_TEST, 5)
    done = program.run("exposures")
    assert done.returncode == 0
    assert "not near or long enough to warn" in done.stdout
    assert json.loads(program.run("exposures", "--json").stdout)["days"][0]["warning"] is False


def test_no_exposure_reads_none_detected(program: Program) -> None:
    assert program.run("exposures").stdout == "no exposure detected in the last 14 days\n"


def test_status_answers_without_the_heavy_packages(program: Program) -> None:
    command = program.command("status", "--json")
    command[1:1] = ["-X", "importtime"]
    out = subprocess.run(command, env=program.environment(), capture_output=True, text=True, check=False)
    assert json.loads(out.stdout)["problems"] == ["not_running"]
    imported = {line.rpartition("|")[2].strip() for line in out.stderr.splitlines() if line.startswith("import time:")}
    assert "sqlite3" in imported
    assert not imported & {"bleak", "numpy", "rich", "apscheduler", "httpx2", "cryptography.hazmat.bindings._rust"}


def test_control_characters_of_strangers_never_reach_a_terminal(program: Program, store: Store) -> None:
    with store.transaction():
        store.mark("start", time.time(), radio="\x1b]0;owned\x07\nall well", protocol="gaen")
    text = program.run("status").stdout
    assert "\x1b" not in text
    assert "\\x1b" in text or "not running" in text


def test_config_init_writes_once_and_what_it_writes_is_valid(program: Program) -> None:
    path = program.home / "new.toml"
    assert program.run("config", "init", path).returncode == 0
    assert path.stat().st_mode & 0o777 == 0o600
    again = program.run("config", "init", path)
    assert again.returncode == 78
    assert "File exists" in again.stderr
    assert json.loads(program.run("config", "check", path, "--json").stdout)["protocol"] == "bluezone"
    assert 'protocol = "bluezone"' in program.run("config", "init", "-").stdout


def test_a_usage_error_ends_with_2_and_says_how_to_get_help(program: Program) -> None:
    done = program.run("contacts", "--dais", "3")
    assert done.returncode == 2
    assert "--days" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_state_directory_that_may_not_be_written_is_named(program: Program) -> None:
    program.state_dir.mkdir(mode=0o500)
    done = program.run("status")
    assert done.returncode == 1
    assert f"the state directory {program.state_dir} can't be written" in done.stderr
