"""L6: nothing older than 14 days is told, matched or warned of, whether or not an agent ran that deletes it.

And L5 beside it: what of an exposure `status` says, and to whom.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from bluezone_agent.core.attenuation import ReceivedMinute
from bluezone_agent.core.exposure import day_exposures
from bluezone_agent.core.identifiers import DailyKey, DiagnosisKey, ReportType
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.journal import Started
from bluezone_agent.core.risk import MODELS
from bluezone_agent.stores.store import Store
from tests.diagnosis_keys import AUTHORITY
from tests.exposed import received_key
from tests.present import now_s, today_s
from tests.program import Program
from tests.receiving import receive

PUBLIC_KEY = AUTHORITY.verification_key.to_pem()
AUTHORITY_TABLE = '[authority]\nname = "CDC Đà Nẵng"\ntelephone = "1900 9095"\ntext = "Ở nhà và gọi cho chúng tôi."\n'


def long_ago_s() -> int:
    return today_s() - 20 * DAY_S


@pytest.fixture
def idle(program: Program) -> Program:
    """Return a device whose agent was last on 20 days ago, with an exposure and a warning of that time."""
    program.config.write_text(f'clock_trusted = true\nrule = "swisscovid"\n{AUTHORITY_TABLE}')
    expose(program, long_ago_s())
    return program


def expose(program: Program, day_s: int) -> None:
    minutes = [ReceivedMinute(day_s // 60 + 600 + i, 50.0, 4, {16: 4}) for i in range(20)]
    with Store(program.state_dir) as store, store.transaction():
        store.exposures.add(received_key(f"{day_s}", ReportType.CONFIRMED_TEST, 2, day_s + DAY_S, minutes))
        store.exposures.add_warnings(day_exposures(store.exposures.matched(), MODELS["swisscovid"]), day_s + DAY_S)


def shown(program: Program, *command: str) -> str:
    done = program.run(*command)
    return done.stdout + done.stderr


def test_no_command_tells_of_what_is_older_than_14_days(idle: Program) -> None:
    day = datetime.fromtimestamp(long_ago_s(), UTC).strftime("%Y-%m-%d")
    assert json.loads(idle.run("exposures", "--json").stdout)["days"] == []
    assert day not in shown(idle, "exposures")
    assert json.loads(idle.run("exposures", "explain", day, "--json").stdout)["exposures"] == []
    assert json.loads(idle.run("exposures", "explain", day, "--json").stdout)["warned"] == []
    assert json.loads(idle.run("compare", "--rule", "swisscovid", "--rule", "bluezone", "--json").stdout)["days"] == []
    assert json.loads(idle.run("status", "--json", "--private").stdout)["exposures"]["days"] == []


def test_a_check_matches_and_warns_of_nothing_older(idle: Program) -> None:
    """The agent has not run for a week; the contacts and the file are there."""
    folder = idle.home / "published"
    folder.mkdir()
    for days_ago in (13, 16):
        key = DailyKey(
            "gaen", bytes([days_ago]) * 16, today_s() - days_ago * DAY_S, today_s() - (days_ago - 1) * DAY_S, 144
        )
        with Store(idle.state_dir) as store:
            receive(store, key)
        data = write_export([DiagnosisKey(key)], key.ends_at_s + DAY_S)
        (folder / f"{days_ago}.zip").write_bytes(data)
    source = f'[[source]]\nlocation = "{folder}"\n[[source.key]]\nid = "452"\nversion = "v1"\n'
    idle.config.write_text(f'{idle.config.read_text()}{source}public_key = """{PUBLIC_KEY}"""\n')
    found = json.loads(idle.run("check", "--json").stdout)
    expected = datetime.fromtimestamp(today_s(), UTC).date() - timedelta(days=13)
    assert [day["day"] for day in found["days"]] == [expected.isoformat()]
    assert [day["day"] for day in found["new_warnings"]] == [expected.isoformat()]
    assert {f["name"]: f["matched_keys"] for f in found["sources"][0]["files"]} == {"13.zip": 1, "16.zip": 0}


def write_export(keys: list[DiagnosisKey], at_s: int) -> bytes:
    from bluezone_agent.core.diagnosis_keys.key_export import write_key_export  # noqa: PLC0415

    return write_key_export(keys, AUTHORITY, start_s=at_s - DAY_S, end_s=at_s, region="VN")


def test_status_tells_an_exposure_to_its_owner_alone(idle: Program) -> None:
    expose(idle, today_s() - DAY_S)
    with Store(idle.state_dir) as store, store.transaction():
        store.journal.put(Started(now_s(), "gaen"))
    quiet = idle.run("status")
    assert not {"F0", "F1", "1900 9095"} & set(quiet.stdout.replace(":", " ").replace(")", " ").split())
    assert json.loads(idle.run("status", "--json").stdout)["exposures"] is None
    private = idle.run("status", "--private")
    assert private.stdout.startswith("You had close contact with a confirmed case (F0): you are F1.\nAvoid contact")
    assert "CDC Đà Nẵng: 1900 9095\nỞ nhà và gọi cho chúng tôi.\n" in private.stdout
    assert private.returncode == quiet.returncode
    assert "F1" not in idle.run("status", "--prometheus").stdout


def test_every_view_of_an_exposure_has_the_advice_and_whom_to_ask(idle: Program) -> None:
    expose(idle, today_s() - DAY_S)
    said = idle.run("exposures").stdout.splitlines()
    assert said[0] == "You had close contact with a confirmed case (F0): you are F1."
    assert said[1].startswith("Avoid contact with others")
    assert said[2:4] == ["CDC Đà Nẵng: 1900 9095", "Ở nhà và gọi cho chúng tôi."]
    assert json.loads(idle.run("exposures", "--json").stdout)["authority"]["telephone"] == "1900 9095"
    assert "Bạn đã tiếp xúc gần với ca nhiễm (F0): bạn là F1." in idle.run("exposures", "--lang", "vi").stdout


def test_explain_and_compare_tell_of_a_midnight_that_is_not_the_owners(program: Program) -> None:
    """Two keys of one person, 14 minutes before and after 07:00 in Vietnam."""
    program.config.write_text('clock_trusted = true\nrule = "swisscovid"\n')
    midnight = (today_s() - DAY_S) // 60
    with Store(program.state_dir) as store, store.transaction():
        for name, first in (("a", midnight - 14), ("b", midnight)):
            minutes = [ReceivedMinute(first + i, 50.0, 4, {16: 4}) for i in range(14)]
            store.exposures.add(received_key(name, ReportType.CONFIRMED_TEST, 2, now_s(), minutes))
    environment = {"TZ": "ICT-7"}
    days = json.loads(program.run("exposures", "--json", **environment).stdout)["days"]
    assert [day["unbroken_minutes"] for day in days] == [28.0, 14.0]
    said = program.run("exposures", **environment).stdout
    assert "this rule uses UTC days, and the contact continued past midnight UTC: 28 min in 24 hours" in said
    own_day = datetime.fromtimestamp(today_s() - DAY_S, UTC).strftime("%Y-%m-%d")
    assert f"{own_day} 06:45 to 07:00" in said, "under its own local date, whatever day the rule counts it to"
    explained = program.run("exposures", "explain", days[0]["day"], **environment).stdout
    assert "past midnight UTC: 28.00 in 24 hours" in explained
    compared = json.loads(
        program.run("compare", "--rule", "swisscovid", "--rule", "bluezone", "--json", **environment).stdout
    )
    (day,) = compared["days"]
    assert day["day"] == own_day
    assert [(r["rule"], r["warning"], r["unbroken_minutes"]) for r in day["rules"]] == [
        ("swisscovid", False, 28.0),
        ("bluezone", True, None),
    ]
    program.config.write_text('clock_trusted = true\nrule = "bluezone"\n')
    (day,) = json.loads(program.run("exposures", "--json", **environment).stdout)["days"]
    assert (day["day"], day["warning"], day["minutes_within_2m"]) == (own_day, True, 28.0)
