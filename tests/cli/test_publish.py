"""``keys publish`` as a person runs it; the servers are those of the client's own tests."""

import json
import time

from bluezone_agent.core.identifiers import DailyKey
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.stores.store import Store
from tests.key_servers.google import CODE, Servers
from tests.program import Program


def prepared(program: Program, servers: Servers) -> None:
    """Configure the servers and keep one key of yesterday."""
    program.config.write_text(
        f"""
        [publish]
        verification_server = "{servers.url}"
        key_server = "{servers.url}"
        api_key = "API-KEY"
        health_authority_id = "vn.example"
        """
    )
    start = int(time.time()) // DAY_S * DAY_S - DAY_S
    with Store(program.state_dir) as store, store.transaction():
        store.keys.add(DailyKey("gaen", b"k" * 16, start, start + DAY_S, 144), last_slot_s=start + 600, exportable=True)


def test_with_a_code_and_a_yes_the_keys_are_published(program: Program, servers: Servers) -> None:
    prepared(program, servers)
    done = program.run("keys", "publish", "--code", CODE, "--yes", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "sent": 1,
        "left_out": 0,
        "inserted": 1,
        "refused": None,
        "warnings": [],
    }
    assert len(servers.published) == 1
    assert "API-KEY" not in done.stdout + done.stderr


def test_a_code_can_be_read_so_that_no_list_of_processes_shows_it(program: Program, servers: Servers) -> None:
    prepared(program, servers)
    done = program.run("keys", "publish", "--code", "-", "--yes", stdin=f"{CODE}\n")
    assert done.returncode == 0, done.stderr
    assert len(servers.published) == 1


def test_a_code_is_asked_for_at_a_terminal(program: Program, servers: Servers) -> None:
    prepared(program, servers)
    code, said = program.at_terminal("keys", "publish", "--code", "-", lines=[CODE, "y"])
    assert code == 0, said
    assert "Code: " in said
    assert len(servers.published) == 1


def test_without_a_yes_nothing_leaves(program: Program, servers: Servers) -> None:
    prepared(program, servers)
    code, said = program.at_terminal("keys", "publish", "--code", CODE, lines=["n"], columns=300)
    assert code == 130
    assert "This can't be undone" in said
    assert servers.calls == []


def test_a_wrong_code_is_said_with_the_way_out(program: Program, servers: Servers) -> None:
    prepared(program, servers)
    done = program.run("keys", "publish", "--code", "0", "--yes")
    assert done.returncode == 75
    assert "code_invalid: verification code is unknown" in done.stderr
    assert "hint: check the code; each code can be used only once" in done.stderr


def test_the_key_of_the_interface_is_not_shown(program: Program, servers: Servers) -> None:
    prepared(program, servers)
    shown = program.run("config", "check").stdout + program.run("config", "check", "--json").stdout
    assert "vn.example" in shown
    assert "API-KEY" not in shown


def test_without_a_server_it_says_so(program: Program) -> None:
    done = program.run("keys", "publish", "--code", CODE, "--yes")
    assert done.returncode == 78
    assert "no key server is configured" in done.stderr


def test_chaff_is_sent_and_never_a_key(program: Program, servers: Servers) -> None:
    prepared(program, servers)
    done = program.run("keys", "chaff")
    assert done.returncode == 0, done.stderr
    assert [path for path, *_ in servers.calls] == ["/api/verify", "/api/certificate", "/v1/publish"]
    assert all(headers["X-Chaff"] == "1" for _, headers, *_ in servers.calls)
    assert servers.published == []


def test_what_was_not_sent_and_what_the_server_warns_of_is_said(program: Program, servers: Servers) -> None:
    prepared(program, servers)
    start = int(time.time()) // DAY_S * DAY_S - 2 * DAY_S
    with Store(program.state_dir) as store, store.transaction():
        for number in range(40):
            key = DailyKey("gaen", bytes([number]) * 16, start, start + 600 * (1 + number), 144)
            store.keys.add(key, last_slot_s=key.ends_at_s - 600, exportable=True, closed=True)
    servers.answers["/v1/publish"] = (200, {"insertedExposures": 4, "warnings": ["key 0 is\u009b odd"]})
    done = program.run("keys", "publish", "--code", CODE, "--yes")
    assert done.returncode == 0, done.stderr
    assert "4 keys sent, 4 published" in done.stderr
    assert "37 keys not sent" in done.stderr
    assert r"the key server warns: key 0 is\x9b odd" in done.stderr
    assert "\u009b" not in done.stderr


def test_a_key_of_a_day_that_is_over_is_exported_until_its_end(program: Program) -> None:
    start = int(time.time()) // DAY_S * DAY_S - DAY_S
    with Store(program.state_dir) as store, store.transaction():
        key = DailyKey("gaen", b"k" * 16, start, start + 7_200, 144)
        store.keys.add(key, last_slot_s=start + 6_600, exportable=True, closed=True)
    assert program.run("keys", "export", "out.json", "--yes").returncode == 0
    (written,) = json.loads((program.home / "out.json").read_text())["keys"]
    assert (written["starts_at"], written["ends_at"]) == (start, start + DAY_S)
