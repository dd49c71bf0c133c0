"""``backup`` and ``restore``, as a person runs them."""

import json
import stat

import pytest

from bluezone_agent.stores.store import Store
from tests.diagnosis_keys import TODAY_S, daily_key
from tests.program import TIMEOUT_S, Program
from tests.receiving import receive

PASSPHRASE = "hai ba bốn năm sáu"


@pytest.fixture
def owner(program: Program) -> Program:
    """Return a device with a contact and a key in use, and its owner's passphrase in a file."""
    with Store(program.state_dir) as store:
        receive(store, daily_key("gaen"))
        with store.transaction():
            store.keys.add(daily_key("gaen", days_ago=0, number=2), last_slot_s=TODAY_S, exportable=True)
    (program.home / "phrase").write_text(PASSPHRASE + "\n")
    return program


def another(program: Program, name: str) -> Program:
    """Return another device with the same files at hand."""
    home = program.home / name
    home.mkdir()
    for file in ("phrase", "a.backup"):
        (home / file).symlink_to(program.home / file)
    (home / "state").mkdir(0o700)
    return Program(home)


def test_a_backup_is_private_and_restores_into_an_empty_device(owner: Program) -> None:
    done = owner.run("backup", "a.backup", "--passphrase-file", "phrase", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    path = owner.home / "a.backup"
    assert json.loads(done.stdout) == {"file": "a.backup", "bytes": path.stat().st_size}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    other = another(owner, "other")
    done = other.run("restore", "a.backup", "--passphrase-file", "-", "--json", stdin=PASSPHRASE + "\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {"file": "a.backup", "restored": True}
    keys = json.loads(other.run("keys", "list", "--json").stdout)["keys"]
    assert [key["on_air"] for key in keys] == [False]
    again = other.run("restore", "a.backup", "--passphrase-file", "phrase")
    assert again.returncode == 1
    assert "already contains keys, contacts or exposures" in again.stderr
    assert '"bluezone-agent wipe"' in again.stderr


def test_a_passphrase_is_asked_for_twice_and_never_shown(owner: Program) -> None:
    code, said = owner.at_terminal("backup", "a.backup", lines=[PASSPHRASE, PASSPHRASE])
    assert code == 0, said
    assert PASSPHRASE not in said
    code, said = another(owner, "other").at_terminal("restore", "a.backup", lines=[PASSPHRASE])
    assert code == 0, said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["diary.txt", "--passphrase-file", "phrase"], "diary.txt already exists and is never overwritten"),
        (["link", "--passphrase-file", "phrase"], "link already exists and is never overwritten"),
        (["no/a", "--passphrase-file", "phrase"], "can't write no/a: No such file or directory"),
        (["a", "--passphrase-file", "short"], "the passphrase is too short: 5 of at least 12 characters"),
        (["a", "--passphrase-file", "none"], "can't read the passphrase from none: No such file or directory"),
        (["a", "--passphrase-file", "image"], "can't read the passphrase from image: not UTF-8"),
    ],
)
def test_a_refused_backup_says_why_and_writes_nothing(owner: Program, arguments: list[str], says: str) -> None:
    (owner.home / "diary.txt").write_text("my diary")
    (owner.home / "link").symlink_to("nowhere")
    (owner.home / "short").write_text("12345\n")
    (owner.home / "image").write_bytes(b"\xff\xd8\xff")
    before = sorted(owner.home.rglob("*"))
    done = owner.run("backup", *arguments)
    assert done.returncode == 1
    assert f"bluezone-agent: error: {says}\nbluezone-agent: hint: " in done.stderr
    assert (owner.home / "diary.txt").read_text() == "my diary"
    assert sorted(owner.home.rglob("*")) == before


@pytest.mark.parametrize("merge", [[], ["--merge"]])
def test_what_can_not_be_opened_changes_nothing(owner: Program, merge: list[str]) -> None:
    owner.run("backup", "a.backup", "--passphrase-file", "phrase")
    data = (owner.home / "a.backup").read_bytes()
    (owner.home / "cut").write_bytes(data[:-1])
    (owner.home / "flipped").write_bytes(data[:-100] + bytes([data[-100] ^ 1]) + data[-99:])
    other = Program(owner.home / "other")
    other.state_dir.mkdir(0o700, parents=True)
    damaged = "can't be opened: the file is damaged or cut short\nbluezone-agent: hint: use another copy of the file\n"
    wrong = "can't be opened: the passphrase is wrong, or the first lines of the file are damaged\n"
    for file, phrase, says in (
        ("../cut", PASSPHRASE, damaged),
        ("../flipped", PASSPHRASE, damaged),
        ("../a.backup", "else", wrong),
    ):
        done = other.run("restore", file, *merge, "--passphrase-file", "-", stdin=phrase + "\n")
        assert done.returncode == 1
        assert f"bluezone-agent: error: {file} {says}" in done.stderr
        assert "Traceback" not in done.stderr
    assert json.loads(other.run("keys", "list", "--json").stdout)["keys"] == []
    done = other.run("restore", "../phrase", *merge, "--passphrase-file", "-", stdin="x\n")
    assert "../phrase is not a backup" in done.stderr


def test_contacts_of_another_device_are_added_once(owner: Program) -> None:
    owner.run("backup", "a.backup", "--passphrase-file", "phrase")
    other = another(owner, "other")
    for minutes in (20, 0):
        done = other.run("restore", "a.backup", "--merge", "--passphrase-file", "phrase", "--json")
        assert (done.returncode, done.stderr) == (0, "")
        assert json.loads(done.stdout) == {"file": "a.backup", "minutes": minutes}
    assert json.loads(other.run("keys", "list", "--json").stdout)["keys"] == []


def test_backup_and_merge_go_on_while_the_agent_runs_and_a_restore_waits_for_its_end(owner: Program) -> None:
    owner.run("backup", "a.backup", "--passphrase-file", "phrase")
    other = another(owner, "other")
    other.config.write_text('radio = "virtual"\nclock_trusted = true\n')
    agent = other.start("run")
    try:
        assert agent.stderr is not None
        assert any("started" in line for line in agent.stderr)
        taken = other.run("backup", "b.backup", "--passphrase-file", "phrase")
        merged = other.run("restore", "a.backup", "--merge", "--passphrase-file", "phrase")
        refused = other.run("restore", "a.backup", "--passphrase-file", "phrase")
    finally:
        agent.terminate()
        agent.communicate(timeout=TIMEOUT_S)
    assert taken.returncode == 0
    assert "20 new contact minutes" in merged.stderr
    assert refused.returncode == 75
    assert "stop it first" in refused.stderr
