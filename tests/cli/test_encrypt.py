"""Sealed keys as their owner meets them: what needs the passphrase, what does not, and what is said without it."""

from __future__ import annotations

import json
import subprocess

import pytest

from bluezone_agent.errors import EXIT_CONFIG, EXIT_USAGE
from bluezone_agent.stores.file.open import FILE_NAME
from bluezone_agent.stores.store import Store
from tests.cli.test_privacy import started
from tests.diagnosis_keys import daily_key
from tests.program import TIMEOUT_S, Program

PASSPHRASE = "sáu từ không ai đoán được"
KEYS = [daily_key(days_ago=days_ago, number=0xA0 + days_ago) for days_ago in range(1, 4)]


@pytest.fixture
def owner(program: Program) -> Program:
    """A device with keys, and files with passphrases beside it."""
    program.config.write_text('radio = "virtual"\nclock_trusted = true\n')
    with Store(program.state_dir) as store, store.transaction():
        for key in KEYS:
            store.keys.add(key, last_slot_s=key.ends_at_s - 600, exportable=True, closed=True)
    (program.home / "right").write_text(f"{PASSPHRASE}\n")
    (program.home / "wrong").write_text("six words that somebody guessed\n")
    (program.home / "short").write_text("words\n")
    credentials = program.home / "credentials"
    credentials.mkdir()
    (credentials / "bluezone-store-key").write_text(PASSPHRASE)
    return program


def encrypted(owner: Program) -> Program:
    done = owner.run("keys", "encrypt", "--passphrase-file", "right")
    assert done.returncode == 0, done.stderr
    assert "your keys are encrypted" in done.stderr
    return owner


def run_for_a_moment(owner: Program, *options: str, **environment: str) -> tuple[int, str]:
    agent = subprocess.Popen(
        owner.command("run", "--no-check", *options),
        env=owner.environment() | environment,
        cwd=owner.home,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        started(agent)
    except AssertionError:
        return agent.wait(TIMEOUT_S), ""
    finally:
        agent.terminate()
        said = agent.communicate(timeout=TIMEOUT_S)[1]
    return agent.returncode, said


def is_encrypted(owner: Program) -> bool:
    out = json.loads(owner.run("keys", "list", "--json").stdout)
    assert len(out["keys"]) >= len(KEYS)
    return bool(out["encrypted"])


def test_without_the_passphrase_the_agent_does_not_start_and_says_why(owner: Program) -> None:
    encrypted(owner)
    assert not any(key.data in (owner.state_dir / FILE_NAME).read_bytes() for key in KEYS)
    done = owner.run("run")
    assert done.returncode == 78, "trying again mends nothing"
    assert f"the keys in {owner.state_dir}/agent.db are encrypted, and no passphrase was given" in done.stderr
    assert "--passphrase-file" in done.stderr
    done = owner.run("run", "--passphrase-file", "wrong")
    assert done.returncode == 78
    assert "this passphrase does not decrypt the keys" in done.stderr
    assert "somebody guessed" not in done.stderr
    assert owner.run("run", "--passphrase-file", "missing").returncode == 1


def test_with_it_the_agent_runs_and_new_keys_are_sealed_too(owner: Program) -> None:
    encrypted(owner)
    assert run_for_a_moment(owner, "--passphrase-file", "right")[0] == 0
    assert run_for_a_moment(owner, CREDENTIALS_DIRECTORY=str(owner.home / "credentials"))[0] == 0
    with Store(owner.state_dir) as store:
        store.keys.unlock(PASSPHRASE)
        keys = [own.key.data for own in store.keys.all()]
    assert len(keys) > len(KEYS)
    assert not any(key in (owner.state_dir / FILE_NAME).read_bytes() for key in keys)


def test_what_tells_no_secret_needs_no_passphrase(owner: Program) -> None:
    before = owner.run("keys", "list").stdout
    encrypted(owner)
    assert owner.run("keys", "list").stdout == before + "encrypted with a passphrase\n"
    for command in ("status", "contacts", "exposures", "doctor", "keys sources", "backup b --passphrase-file right"):
        done = owner.run(*command.split())
        assert done.returncode in (0, 1)
        assert "Traceback" not in done.stderr
        assert "are encrypted" not in done.stderr, command
    assert f"your daily keys  {len(KEYS)}, encrypted\n" in owner.run("status").stdout
    assert json.loads(owner.run("status", "--json").stdout)["own_keys_encrypted"] is True


def test_an_export_needs_it(owner: Program) -> None:
    encrypted(owner)
    for options, code in (([], EXIT_USAGE), (["--passphrase-file", "wrong"], EXIT_CONFIG)):
        done = owner.run("keys", "export", "out.json", "--yes", *options)
        assert done.returncode == code
        assert not (owner.home / "out.json").exists()
    done = owner.run("keys", "export", "out.json", "--yes", "--passphrase-file", "-", stdin=PASSPHRASE)
    assert "there are no keys to export for these days" in done.stderr, "they open; they are of 2020"


def test_seal_and_unseal_can_be_said_twice(owner: Program) -> None:
    assert owner.run("keys", "decrypt").stderr == "your keys are not encrypted\n"
    encrypted(owner)
    assert "already" in owner.run("keys", "encrypt", "--passphrase-file", "right").stderr
    assert owner.run("keys", "encrypt", "--passphrase-file", "wrong").returncode == 78
    assert owner.run("keys", "decrypt").returncode == EXIT_USAGE
    assert is_encrypted(owner)
    assert "your keys are no longer encrypted" in owner.run("keys", "decrypt", "--passphrase-file", "right").stderr
    assert not is_encrypted(owner)
    assert all(key.data in (owner.state_dir / FILE_NAME).read_bytes() for key in KEYS)


def test_a_short_passphrase_seals_nothing(owner: Program) -> None:
    done = owner.run("keys", "encrypt", "--passphrase-file", "short")
    assert done.returncode == 1
    assert "the passphrase is too short: 5 of at least 12 characters" in done.stderr
    assert not is_encrypted(owner)


def test_nothing_is_sealed_under_a_running_agent(owner: Program) -> None:
    agent = started(owner.start("run", "--no-check"))
    try:
        assert owner.run("keys", "encrypt", "--passphrase-file", "right").returncode == 75
    finally:
        agent.terminate()
        agent.communicate(timeout=TIMEOUT_S)
    assert not is_encrypted(owner)


def test_a_credential_seals_the_keys_at_the_next_start(owner: Program) -> None:
    """Also those of a new store: where a passphrase is set up, no key lies plain from then on."""
    assert run_for_a_moment(owner, CREDENTIALS_DIRECTORY=str(owner.home / "credentials"))[0] == 0
    assert is_encrypted(owner)


def test_a_sealed_store_stays_sealed_in_its_backup(owner: Program) -> None:
    encrypted(owner)
    assert owner.run("backup", "b", "--passphrase-file", "wrong").returncode == 0
    other = Program(owner.home / "other")
    other.home.mkdir()
    done = other.run("restore", owner.home / "b", "--passphrase-file", owner.home / "wrong")
    assert done.returncode == 0, done.stderr
    assert not any(key.data in (other.state_dir / FILE_NAME).read_bytes() for key in KEYS)
    with Store(other.state_dir) as store:
        store.keys.unlock(PASSPHRASE)
        assert [own.key for own in store.keys.all()] == KEYS[::-1]


@pytest.mark.parametrize("secret", ["file", "credential"])
def test_a_merge_into_a_sealed_store_needs_its_passphrase_beside_the_backups(owner: Program, secret: str) -> None:
    """Own identifiers that the other device heard are to stay out."""
    assert owner.run("backup", "b", "--passphrase-file", "wrong").returncode == 0
    encrypted(owner)
    merge = ["restore", "b", "--merge", "--passphrase-file", "wrong"]
    done = owner.run(*merge)
    assert done.returncode == EXIT_USAGE
    assert "--keys-passphrase-file" in done.stderr
    assert owner.run(*merge, "--keys-passphrase-file", "wrong").returncode == 78
    if secret == "file":
        done = owner.run(*merge, "--keys-passphrase-file", "right")
    else:
        done = owner.run(*merge, CREDENTIALS_DIRECTORY=str(owner.home / "credentials"))
    assert done.returncode == 0, done.stderr


def test_each_passphrase_is_asked_for_by_what_it_opens(owner: Program) -> None:
    assert owner.run("backup", "b", "--passphrase-file", "wrong").returncode == 0
    encrypted(owner)
    code, said = owner.at_terminal(
        "restore", "b", "--merge", lines=["six words that somebody guessed", PASSPHRASE], columns=200
    )
    assert code == 0, said
    assert "Passphrase of b: " in said
    assert f"Passphrase of {owner.state_dir}/agent.db: " in said
    assert "0 new contact minutes" in said
    assert PASSPHRASE not in said


def test_a_damaged_store_that_was_set_aside_is_pointed_at(owner: Program) -> None:
    quarantined = owner.state_dir / "agent.damaged-20261125T000000Z.db"
    quarantined.write_bytes(b"x")
    done = owner.run("keys", "encrypt", "--passphrase-file", "right")
    assert f"{quarantined} may contain unencrypted keys: delete it" in done.stderr
