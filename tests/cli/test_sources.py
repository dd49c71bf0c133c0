"""``keys sources`` and what ``status`` and ``check`` say of sources."""

import json
from typing import Any

import pytest

from bluezone_agent.app.agent_state import read_status
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.journal import Checked, Started
from bluezone_agent.core.source_records import KeyFileRecord, SourceRecord
from bluezone_agent.errors import BadSignatureError, KeySourceError
from bluezone_agent.health.health import CHECK_LATE_S, Problem
from bluezone_agent.stores.store import Store
from tests.present import now_s
from tests.program import Program

UNSIGNED = "unsigned files are accepted (allow_unsigned)"


@pytest.fixture
def checked(program: Program) -> Program:
    """Return a device whose last check found one source well and one not."""
    refusal = BadSignatureError("{name} is not signed", "ask {who}", name="b\x1b.json", who="them")
    at_s = now_s()
    with Store(program.state_dir) as store, store.transaction():
        store.sources.record(
            SourceRecord("/good", at_s - 60, at_s - 60, issued_at_s=at_s - DAY_S, expires_at_s=at_s + DAY_S)
        )
        store.sources.record(
            SourceRecord("/bad", at_s - 60, None, KeySourceError("can't read /bad"), accepts_unsigned=True)
        )
        store.sources.record_file(
            KeyFileRecord("/good", "a.zip", at_s, "d", at_s, at_s, 9, 1, {"malformed": 2}, final=True)
        )
        store.sources.record_file(KeyFileRecord("/bad", "b\x1b.json", at_s, fault=refusal))
    return program


def test_as_json(checked: Program) -> None:
    bad, good = json.loads(checked.run("keys", "sources", "--json").stdout)["sources"]
    assert (good["error"], good["accepts_unsigned"], good["freshness"]["provable"]) == (None, False, True)
    assert good["newest_published_at"] == good["files"][0]["published_at"] is not None
    (file,) = good["files"]
    assert (file["verdict"], file["keys"], file["matched_keys"], file["dropped"]) == ("matched", 9, 1, {"malformed": 2})
    assert (bad["complete_at"], bad["error"], bad["accepts_unsigned"]) == (None, "can't read /bad", True)
    assert bad["freshness"] == {"provable": False, "issued_at": None, "expires_at": None}
    assert [(f["verdict"], f["reason"]) for f in bad["files"]] == [("refused", "b\x1b.json is not signed")]


def test_for_a_person(checked: Program) -> None:
    text = checked.run("keys", "sources").stdout
    assert "/good\n  last complete " in text
    assert "signed index of " in text
    assert "newest file published " in text
    assert "a.zip: 9 keys, 1 received here; compared\n      2 keys skipped: malformed" in text
    assert "/bad\n  never complete so far\n  can't read /bad\n  freshness can't be verified" in text
    assert UNSIGNED in text
    assert "refused: b\\x1b.json is not signed" in text
    assert "\x1b" not in text
    assert "bị từ chối: " in checked.run("keys", "sources", "--lang", "vi").stdout


def test_before_the_first_check_it_says_how_to_make_one(program: Program) -> None:
    assert "run bluezone-agent check" in program.run("keys", "sources").stdout
    assert json.loads(program.run("keys", "sources", "--json").stdout) == {"sources": []}


def test_status_says_what_a_source_cannot_prove(checked: Program) -> None:
    text = checked.run("status").stdout
    assert "/bad: never complete so far; can't read /bad; freshness can't be verified" in text
    assert UNSIGNED in text
    source_records = json.loads(checked.run("status", "--json").stdout)["sources"]
    assert [(f["name"], f["accepts_unsigned"], f["freshness"]["provable"]) for f in source_records] == [
        ("/bad", True, False),
        ("/good", False, True),
    ]


@pytest.mark.parametrize(
    ("started_ago_s", "checked_ago_s", "complete_ago_s", "late"),
    [
        (5, 10, 10, False),
        (5, 10, CHECK_LATE_S + 10, True),
        (CHECK_LATE_S + 1, 10, None, True),
        (5, CHECK_LATE_S + 10, 10, False),
    ],
)
def test_checks_that_are_never_complete_are_a_fault_whatever_else_goes_well(
    program: Program, started_ago_s: int, checked_ago_s: int, complete_ago_s: int | None, late: bool
) -> None:
    at_s = now_s()
    complete_at_s = None if complete_ago_s is None else at_s - complete_ago_s
    with Store(program.state_dir) as store:
        with store.transaction():
            store.journal.put(Started(at_s - started_ago_s, sources=2))
            store.journal.put(Checked(at_s - checked_ago_s, complete=False, sources=2, complete_at_s=complete_at_s))
        assert (Problem.NOT_CHECKING in read_status(store, at_s).problems) is late


def configured(program: Program, source: dict[str, Any]) -> str:
    lines = [f"{name} = {json.dumps(value)}" for name, value in source.items()]
    program.config.write_text("\n".join(["[[source]]", *lines]))
    return program.run("check").stderr


def test_check_says_aloud_what_is_believed_without_a_signature(program: Program) -> None:
    (program.home / "keys").mkdir()
    (program.home / "keys" / "1.json").write_text('{"data": []}')
    said = configured(program, {"location": str(program.home / "keys"), "allow_unsigned": True})
    assert f"{program.home}/keys: 1 new file, 0 keys\n  {UNSIGNED}\n  freshness can't be verified" in said


def test_check_as_json_says_whether_freshness_can_be_proved(program: Program) -> None:
    configured(program, {"location": str(program.home / "gone"), "allow_unsigned": True})
    (source,) = json.loads(program.run("check", "--json").stdout)["sources"]
    assert (source["complete"], source["freshness"]) == (False, None)
    (program.home / "gone").mkdir()
    (source,) = json.loads(program.run("check", "--json").stdout)["sources"]
    assert (source["complete"], source["freshness"]["provable"], source["accepts_unsigned"]) == (True, False, True)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"ca_file": "/no/ca.pem"}, "can't read the certificates in /no/ca.pem"),
        ({"location": "http://keys.example.org/"}, "is not https"),
        ({"location": "http://keys.example.org/", "allow_http": True, "layout": "folder"}, "needs a path"),
        ({"regions": ["VN"]}, 'layout = "index" takes no regions'),
        ({"layout": "tree"}, 'layout = "tree" is unknown'),
    ],
)
def test_every_setting_of_a_source_reaches_it(program: Program, settings: dict[str, Any], says: str) -> None:
    said = configured(program, {"location": "https://keys.example.org/", "allow_unsigned": True} | settings)
    assert says in said
    assert "hint: " in said


def test_key_exports_are_never_to_be_believed_unsigned(program: Program) -> None:
    said = configured(program, {"location": "https://x/", "layout": "dp3t", "allow_unsigned": True})
    assert '[[source]] https://x/: files of layout = "dp3t" are always signed' in said
