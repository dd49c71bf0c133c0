"""``compare``: the same stored minutes under several rules; nothing is changed."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from bluezone_agent.core.attenuation import ReceivedMinute
from bluezone_agent.core.identifiers import ReportType
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.stores.store import Store
from tests.exposed import received_key
from tests.present import today_s
from tests.program import Program


@pytest.fixture
def store(program: Program) -> Iterator[Store]:
    with Store(program.state_dir) as opened:
        yield opened


def test_it_says_which_days_would_warn_under_which_rule_and_why(program: Program, store: Store) -> None:
    levels = [50.0] * 10 + [58.0] * 6
    yesterday_s = today_s() - DAY_S
    minutes = tuple(ReceivedMinute(yesterday_s // 60 + 600 + i, db, 4) for i, db in enumerate(levels))
    with store.transaction():
        store.exposures.add(received_key("a", ReportType.CONFIRMED_TEST, 0, yesterday_s, minutes))
    own = program.home / "own.toml"
    own.write_text("buckets = [[40, 1.0]]\nwarning_minutes = 5\n")
    given: list[str | Path] = ["compare", "--rule", "swisscovid", "--rule", "bluezone", "--rule", own]
    (day,) = json.loads(program.run(*given, "--json").stdout)["days"]
    assert [(r["rule"], r["weighted_minutes"], r["warning"]) for r in day["rules"]] == [
        ("swisscovid", 13.0, False),
        ("bluezone", 16.0, True),
        (str(own), 0.0, False),
    ]
    assert day["differs"]
    assert [(t["minutes"], t["weights"]) for t in day["terms"]] == [(10, [1, 1, 0]), (6, [0.5, 1, 0])]
    text = program.run(*given).stdout
    assert "swisscovid: 13.00 of 15 weighted minutes, would not warn" in text
    assert "bluezone: 16.00 of 15 weighted minutes, would warn" in text
    assert "6 min at 58.0-58.0 dB count 0.50 / 1.00 / 0.00" in text
    assert "the rules differ on 1 day" in text
    assert store.exposures.warned() == []


def test_bad_rules_are_named(program: Program) -> None:
    once = program.run("compare", "--rule", "swisscovid")
    assert once.returncode == 2
    assert "at least two rules" in once.stderr
    unknown = program.run("compare", "--rule", "swisscovid", "--rule", "swiss")
    assert unknown.returncode == 78
    assert '--rule: rule = "swiss" is not known' in unknown.stderr
    assert "lfph-wide" in unknown.stderr
    broken = program.home / "own.toml"
    broken.write_text("buckets = 3")
    refused = program.run("compare", "--rule", "swisscovid", "--rule", broken)
    assert refused.returncode == 78
    assert f"can't read the rule {broken}: " in refused.stderr
    assert "docs/exposure.md" in refused.stderr


def test_nothing_stored_is_nothing_to_compare(program: Program) -> None:
    done = program.run("compare", "--rule", "swisscovid", "--rule", "bluezone")
    assert (done.returncode, "nothing to compare" in done.stdout) == (0, True)


def test_a_measured_room_is_scored_by_each(program: Program) -> None:
    head = "session,receiver,t_s,rssi_dbm,distance_m\n"
    near = "".join(f"one,a,{t},-60,1.5\n" for t in range(0, 1200, 20))
    far = "".join(f"one,b,{t},-75,8\n" for t in range(0, 1200, 20))
    room = program.home / "room.csv"
    room.write_text(head + near + far)
    program.config.write_text("tx_power_dbm = -12\n")
    given: list[str | Path] = ["compare", "--rule", "swisscovid", "--rule", "lfph-wide", "--recording", room]
    done = program.run(*given)
    assert done.stdout.splitlines() == [
        "swisscovid: warned 1 of 1 receivers within 2 m, 0 of 1 farther away",
        "lfph-wide: warned 1 of 1 receivers within 2 m, 1 of 1 farther away",
    ], done.stderr
