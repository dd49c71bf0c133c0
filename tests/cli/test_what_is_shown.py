"""What people and scripts see of a store: contacts, exposures, status, configuration."""

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from bluezone_agent.core.attenuation import ReceivedMinute
from bluezone_agent.core.calibration import Calibration
from bluezone_agent.core.exposure import day_exposures
from bluezone_agent.core.identifiers import ObservedIdentifier, ReportType
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.journal import RadioState, Started
from bluezone_agent.core.risk import MODELS
from bluezone_agent.core.sightings import ContactMinute
from bluezone_agent.stores.calibrations import MEASURED, StoredCalibration
from bluezone_agent.stores.store import Store
from tests.exposed import received_key
from tests.present import now_min, today_s
from tests.program import Program


@pytest.fixture
def store(program: Program) -> Iterator[Store]:
    with Store(program.state_dir) as opened:
        yield opened


def received(minute: int, identifier: bytes, max_dbm: int = -50) -> ContactMinute:
    return ContactMinute(
        ObservedIdentifier("gaen", identifier, b"AEM-"), minute, 3, -61.25, -70, max_dbm, {-24: 3}, trusted=True
    )


def yesterday_noon_min() -> int:
    return (today_s() - DAY_S // 2) // 60


def expose(store: Store, report_type: ReportType, minutes: int, first: int | None = None) -> None:
    first = yesterday_noon_min() if first is None else first
    found = tuple(ReceivedMinute(first + i, 50.0, 4) for i in range(minutes))
    with store.transaction():
        store.exposures.add(received_key(f"{report_type}{first}", report_type, None, now_min() * 60, found))
        days = day_exposures(store.exposures.matched(), MODELS["swisscovid"])
        store.exposures.add_warnings(days, now_min() * 60)


def test_a_table_that_a_terminal_is_too_narrow_for_becomes_sentences(program: Program, store: Store) -> None:
    with store.transaction():
        store.contacts.add([received(now_min() - 90, b"a" * 16, -43)])
    assert " hour   identifiers  people  minutes" in program.run("contacts", COLUMNS="80").stdout
    narrow = program.run("contacts", COLUMNS="40").stdout
    assert re.search(
        r"^  \d\d:\d\d: 0.0 people; close 1 min, medium 0 min, far 0 min; close at once: 1$", narrow, re.MULTILINE
    )
    assert "…" not in narrow


def test_contacts_by_the_hour(program: Program, store: Store) -> None:
    with store.transaction():
        first = now_min() - 90
        store.contacts.add([received(first, b"a" * 16), received(first + 1, b"b" * 16, -43)])
    out = json.loads(program.run("contacts", "--json").stdout)
    assert sum(hour["close_minutes"] for hour in out["hours"]) == 2
    assert max(hour["strongest_dbm"] for hour in out["hours"]) == -43
    text = program.run("contacts").stdout
    assert "-43 dBm" in text
    assert "one person appears as several identifiers" in text
    assert "aaaa" not in text
    assert b"aaaa".hex() not in text
    assert program.run("contacts", "--days", "15").returncode == 2


def test_close_contacts_are_counted_by_attenuation(program: Program, store: Store) -> None:
    # 25 dBm below zero is assumed for frames that state no power: 55 and 63 dB are reached at -80 and -88 dBm
    means_dbm = {b"a": (-50, -80), b"b": (-80.1, -88), b"c": (-88.1, -99)}
    start = now_min() // 60 * 60 - 60
    with store.transaction():
        for name, levels in means_dbm.items():
            minutes = enumerate(levels, start)
            store.contacts.add([replace(received(minute, name * 16), mean_dbm=dbm) for minute, dbm in minutes])
    (hour,) = json.loads(program.run("contacts", "--json").stdout)["hours"]
    bands = ("close_minutes", "middle_minutes", "far_minutes", "close_contacts", "identifiers", "minutes")
    assert [hour[name] for name in bands] == [2, 2, 2, 1, 3, 2]
    page = program.home / "mixing.html"
    text = program.run("contacts", "--page", page).stdout
    assert "; close devices for 2 min, about 1 at a time (identifiers: 1)" in text
    assert "not calibrated" in text
    drawn = page.read_text()
    assert "close 2 min, medium 2 min, far 2 min; close at once: 1" in drawn
    assert "http" not in drawn
    assert page.stat().st_mode & 0o777 == 0o600
    with store.transaction():
        store.journal.put(RadioState(now_min() * 60, "hci0"))
        made = StoredCalibration("hci0", "", MEASURED, Calibration(-10), now_min() * 60, (now_min() + 60) * 60)
        store.calibrations.add(made)
    (hour,) = json.loads(program.run("contacts", "--json").stdout)["hours"]
    assert [hour[name] for name in bands[:3]] == [1, 0, 5]
    assert "not calibrated" not in program.run("contacts").stdout


def test_a_flatmate_is_one_person_whatever_number_of_identifiers(program: Program, store: Store) -> None:
    start = now_min() // 60 * 60 - 20 * 60
    flatmate = [received(start + i, (i // 15).to_bytes(2, "big") * 8) for i in range(20 * 60)]
    # at each change the old identifier and the new one are received in the same minute
    both = [received(start + i, (i // 15 - 1).to_bytes(2, "big") * 8) for i in range(15, 20 * 60, 15)]
    with store.transaction():
        store.contacts.add(sorted(flatmate + both, key=lambda m: m.minute))
    hours = json.loads(program.run("contacts", "--json").stdout)["hours"]
    assert sum(hour["close_contacts"] for hour in hours) >= 80
    assert all(hour["minutes_with_close"] == 60 for hour in hours)
    said = re.findall(r"; close devices for \d+ min, about (\d+) at a time", program.run("contacts").stdout)
    assert said
    assert set(said) == {"1"}


def test_one_of_anything_is_no_plural(program: Program, store: Store) -> None:
    minute = now_min()
    with store.transaction():
        store.contacts.add([received(minute - 2, b"a" * 16)])
        store.listening.begin((minute - 2) * 60, "active")
        store.listening.extend((minute - 1) * 60)
        store.journal.put(RadioState(minute * 60, "hci0", scan_mode="active"))
    text = program.run("status").stdout + program.run("contacts").stdout
    assert "1 min with devices nearby (1 device-minutes)" in text
    assert "scanned for 1 minute\n" in text
    assert "1 minutes" not in text


def test_no_more_minutes_are_told_than_received_without_a_reason(program: Program, store: Store) -> None:
    every_other = tuple(
        ReceivedMinute(yesterday_noon_min() + 2 * i, 40.0, 30, {13: 30}) for i in range(16)
    )  # the rule counts the gaps
    with store.transaction():
        store.exposures.add(received_key("a", ReportType.CONFIRMED_TEST, 2, now_min() * 60, every_other))
    text = program.run("exposures", TZ="UTC").stdout
    assert "short gaps in reception included (received for 16 min)" in text


@pytest.mark.parametrize(
    ("report_type", "degree", "sentence"),
    [
        (ReportType.CONFIRMED_TEST, "F1", "You had close contact with a confirmed case (F0): you are F1."),
        (ReportType.RECURSIVE, "F2", "You had close contact with a contact of a case (F1): you are F2."),
    ],
)
def test_an_exposure_says_when_how_long_how_close_and_by_which_rule(
    program: Program, store: Store, report_type: ReportType, degree: str, sentence: str
) -> None:
    program.config.write_text('rule = "swisscovid"\n')
    expose(store, report_type, 20)
    out = json.loads(program.run("exposures", "--json").stdout)
    (day,) = out["days"]
    assert (day["degree"], day["warning"], day["received_minutes"], day["minutes_within_2m"]) == (degree, True, 20, 20)
    assert day["encounters"][0]["closest_attenuation_db"] == 50
    assert day["encounters"][0]["from"].endswith("T12:00:00Z")
    text = program.run("exposures", TZ="UTC").stdout
    assert sentence in text
    assert "12:00 to 12:20: 20 min within 2 m; attenuation: minimum 50 dB" in text
    assert "you were warned on" in text
    assert "rule: swisscovid, Exposure Notification's weighted minutes" in text
    assert program.run("exposures", "--lang", "vi").stdout != text


def test_too_short_an_exposure_is_shown_and_does_not_warn(program: Program, store: Store) -> None:
    expose(store, ReportType.CONFIRMED_TEST, 5)
    done = program.run("exposures")
    assert done.returncode == 0
    assert "too far or too briefly for a warning" in done.stdout
    assert json.loads(program.run("exposures", "--json").stdout)["days"][0]["warning"] is False


def test_a_day_is_explained_so_that_its_sum_can_be_worked_out_again(program: Program, store: Store) -> None:
    day_min = yesterday_noon_min() // 1440 * 1440
    levels = [50.0] * 12 + [58.0] * 9 + [70.0] * 2
    minutes = tuple(ReceivedMinute(day_min + 603 + i, db, 4, {int(db // 3): 4}) for i, db in enumerate(levels))
    with store.transaction():
        store.exposures.add(received_key("a", ReportType.CONFIRMED_TEST, 2, now_min() * 60, minutes))
        store.exposures.add_warnings(day_exposures(store.exposures.matched(), MODELS["swisscovid"]), now_min() * 60)
        store.listening.begin(day_min * 60, "active")
        store.listening.begin(day_min * 60 + 12 * 3600, "", "powered off")
        store.listening.begin(day_min * 60 + 13 * 3600, "active")
        store.listening.extend((day_min + 1440) * 60)
    day = datetime.fromtimestamp(day_min * 60, UTC).strftime("%Y-%m-%d")
    program.config.write_text('rule = "swisscovid"\n')
    text = program.run("exposures", "explain", day, TZ="UTC").stdout
    assert f"{day}: scanned 96% of the day" in text
    assert "10:00-10:30  confirmed by a test; 2 days after symptom onset" in text
    assert "12 min at 50.0-50.0 dB x 1.00 = 12.00" in text
    assert "9 min at 58.0-58.0 dB x 0.50 = 4.50" in text
    assert "2 min at 70.0-70.0 dB x 0.00 = 0.00" in text
    assert "16.50 x 1 for report type and infectiousness = 16.50" in text
    assert "total: 16.50 weighted minutes; 15 needed for a warning: reached" in text
    assert f"not scanning from {day} 12:00 to 13:00: the adapter was powered off" in text
    assert "not calibrated" in text
    assert "16.5 weighted minutes by swisscovid, version 1" in text
    assert "10:03-10:26" in program.run("exposures", "explain", day, "--exact", TZ="UTC").stdout
    out = json.loads(program.run("exposures", "explain", day, "--json").stdout)
    (window,) = out["exposures"][0]["windows"]
    assert window["score"] == sum(t["minutes"] * t["weight"] for t in window["terms"]) * window["factor"] == 16.5
    assert (window["from"][11:16], window["to"][11:16], window["sightings"]) == ("10:00", "10:30", 92)
    page = program.home / "day.html"
    program.run("exposures", "explain", day, "--page", page)
    assert "16.50 weighted minutes" in page.read_text()
    assert starts_drawn(page) == {600, 605, 610, 615, 620, 625}, "as coarse as they are told"
    page.chmod(0o644)
    program.run("exposures", "explain", day, "--exact", "--page", page)
    assert page.stat().st_mode & 0o777 == 0o600
    assert starts_drawn(page) == set(range(603, 626))
    assert "2 min at 70.0-70.0 dB" in page.read_text()


def test_a_page_takes_the_place_of_nothing_but_a_page(program: Program, store: Store) -> None:
    with store.transaction():
        store.contacts.add([received(now_min() - 90, b"a" * 16)])
    letter, link = program.home / "letter.html", program.home / "page.html"
    letter.write_text("mine")
    link.symlink_to(letter)
    refused = program.run("contacts", "--page", link)
    assert refused.returncode == 1
    assert f"can't write {link}" in refused.stderr
    assert letter.read_text() == "mine"
    link.unlink()
    assert program.run("contacts", "--page", link).returncode == 0


def starts_drawn(page: Path) -> set[int]:
    """Return at which minutes of the day the page draws something that was heard."""
    drawn = re.findall(r'<rect class="(?:near|far)" [^>]* x="([0-9.]+)%"', page.read_text())
    return {round(float(x) / 100 * 1440) for x in drawn}


def test_unheard_minutes_that_count_are_explained_too(program: Program, store: Store) -> None:
    day_min = yesterday_noon_min() // 1440 * 1440
    minutes = tuple(ReceivedMinute(day_min + 603 + i, 48.0, 4, {16: 4}) for i in (*range(12), *range(15, 24)))
    with store.transaction():
        store.exposures.add(received_key("a", ReportType.CONFIRMED_TEST, 2, now_min() * 60, minutes))
    day = datetime.fromtimestamp(day_min * 60, UTC).strftime("%Y-%m-%d")
    (learned,) = json.loads(program.run("exposures", "explain", day, "--json").stdout)["exposures"]
    (window,) = learned["windows"]
    received = sum(t["minutes"] * t["weight"] for t in window["terms"])
    assert window["unheard"]["minutes"] == 3
    assert 0 < window["unheard"]["weight"] <= 3
    assert window["score"] == pytest.approx(received + window["unheard"]["weight"], abs=0.05)
    assert 0 < learned["sd_minutes"] < learned["weighted_minutes"]
    text = program.run("exposures", "explain", day).stdout
    assert f"3 min between them without reception: {window['unheard']['weight']:.2f}" in text
    assert f"± {learned['sd_minutes']:.1f} weighted minutes" in text
    compared = program.run("compare", "--rule", "swisscovid", "--rule", "learned").stdout
    assert f"minutes between them without reception count 0.00 / {window['unheard']['weight']:.2f}" in compared


def test_a_day_without_exposure_is_explained_too(program: Program, store: Store) -> None:
    day_s = (now_min() // 1440 - 2) * 86_400
    with store.transaction():
        store.listening.begin(day_s, "active")
        store.listening.extend(day_s + 43_200)
    day = datetime.fromtimestamp(day_s, UTC).strftime("%Y-%m-%d")
    text = program.run("exposures", "explain", day, TZ="UTC").stdout
    assert f"{day}: no exposure detected, scanned 50% of the day" in text
    assert f"not scanning from {day} 12:00 to " in text
    assert program.run("exposures", "explain", "yesterday").returncode == 2


def test_a_name_with_a_line_break_makes_no_second_line(program: Program) -> None:
    text = program.run("replay", "no such\nbluezone-agent: hint: run something").stderr
    assert [line.split(":")[1] for line in text.splitlines()] == [" error", " hint"]
    assert r"no such\x0abluezone-agent" in text


@pytest.mark.parametrize("day", ["2016-02-29", "2096-02-29"])
def test_a_day_on_which_the_device_did_not_scan_is_not_known(program: Program, day: str) -> None:
    text = program.run("exposures", "explain", day).stdout
    assert text.startswith(f"{day}: not known: this device did not scan on this day")
    assert "no exposure" not in text


def test_nothing_known_is_not_none_detected(program: Program) -> None:
    program.config.write_text("clock_trusted = true\n")
    assert program.run("exposures").stdout == (
        "It is not known whether you were exposed:\n"
        '- no source of diagnosis keys is configured: add a [[source]]; "bluezone-agent config init -" shows how\n'
    )


def test_status_answers_without_the_heavy_packages(program: Program) -> None:
    heavy = {"bleak", "rich", "httpx2", "jinja2", "prometheus_client", "cryptography.hazmat.bindings._rust"}
    never = {"numpy", "pandas"}  # sqlite-utils takes them if they are there, as they are beside these tests
    assert imported_by_status(program) & (heavy | never | {"sqlite_utils"}) == {"sqlite_utils"}, "a new store"
    assert not imported_by_status(program) & (heavy | never | {"sqlite_utils"})


def imported_by_status(program: Program) -> set[str]:
    command = program.command("status", "--json")
    command[1:1] = ["-X", "importtime"]
    out = subprocess.run(command, env=program.environment(), capture_output=True, text=True, check=False)
    assert json.loads(out.stdout)["problems"] == ["not_running"]
    imported = {line.rpartition("|")[2].strip() for line in out.stderr.splitlines() if line.startswith("import time:")}
    assert "sqlite3" in imported
    return imported


def test_control_characters_of_strangers_never_reach_a_terminal(program: Program, store: Store) -> None:
    with store.transaction():
        store.journal.put(Started(int(time.time()), "gaen"))
        store.journal.put(RadioState(int(time.time()), "\x1b]0;owned\x07\nall well"))
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
    program.state_dir.chmod(0o500)
    done = program.run("status")
    assert done.returncode == 1
    assert f"can't write to the state directory {program.state_dir}" in done.stderr
