"""Questions off a terminal, how much a command says, and what only a terminal is shown."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Final

import pytest

from bluezone_agent.errors import EXIT_USAGE
from tests.cli.test_help import CONTEXTS
from tests.cli.test_publish import prepared
from tests.cli.test_run import stopped, until
from tests.key_servers.google import Servers
from tests.program import Program
from tests.terminal import at_terminal

PASSPHRASE: Final = "correct horse battery staple"
ASKING: Final = {
    "keys export": ("keys export out.json", "--yes"),
    "keys publish": ("keys publish --code 12345678", "--yes"),
    "keys encrypt": ("keys encrypt", "--passphrase-file FILE"),
    "keys decrypt": ("keys decrypt", "--passphrase-file FILE"),
    "wipe": ("wipe", "--yes"),
    "gate forget": ("gate forget", "--yes"),
    "export": ("export --to csv my-data", "--yes"),
    "take-part": ("take-part J7K2-9QF4-MX3T-8WHB-5DN4", "--yes"),
    "trial forget": ("trial forget meeting --person P01", "--yes"),
    "backup": ("backup a.age", "--passphrase-file FILE"),
    "restore": ("restore b.age --state-dir empty", "--passphrase-file FILE"),
    "calibrate measure": ("calibrate measure", "--yes"),
    "selftest": ("selftest --peer report.json", "--passphrase-file FILE"),
    "web": ("web --listen 192.168.1.2", "--passphrase-file FILE"),
}
"""The commands that ask something, and the option that answers."""
ASKS_NOT: Final = {"run"}
"""It has --passphrase-file and asks nothing: it is a service."""
QUESTION_OPTIONS: Final = {"--yes", "--passphrase-file"}


@pytest.fixture
def owner(program: Program, servers: Servers) -> Program:
    """A device with a key, servers, and a backup at hand."""
    prepared(program, servers)
    program.config.write_text('radio = "virtual"\nclock_trusted = true\n' + program.config.read_text())
    (program.home / "word").write_text(PASSPHRASE + "\n")
    (program.home / "empty").mkdir(0o700)
    assert program.run("backup", "b.age", "--passphrase-file", "word").returncode == 0
    return program


def test_every_command_that_may_ask_is_tried() -> None:
    asking = {
        path.partition(" ")[2]
        for path, ctx in CONTEXTS.items()
        if QUESTION_OPTIONS & {name for parameter in ctx.command.params for name in parameter.opts}
    }
    assert asking == {*ASKING, *ASKS_NOT}


@pytest.mark.parametrize("name", ASKING)
def test_off_a_terminal_a_question_names_the_option_that_answers_it(owner: Program, name: str) -> None:
    line, option = ASKING[name]
    if name in {"keys decrypt", "selftest"}:
        assert owner.run("keys", "encrypt", "--passphrase-file", "word").returncode == 0
    if name == "selftest":
        assert owner.run("selftest", "--listen", "5", "--report", "report.json").returncode == 0
    before = {path.name for path in owner.home.iterdir()}
    done = owner.run(*line.split(), stdin="y\n")
    said = [text for text in done.stderr.splitlines() if text.startswith("bluezone-agent: ")]
    assert done.returncode == EXIT_USAGE, done.stderr
    assert re.fullmatch('bluezone-agent: error: stdin is not a terminal, so nobody can answer ".+"', said[0])
    assert said[1:] == [f"bluezone-agent: hint: use {option}"]
    assert {path.name for path in owner.home.iterdir()} == before
    assert list((owner.home / "empty").iterdir()) == []


def test_a_passphrase_is_typed_although_the_file_is_piped(owner: Program) -> None:
    restore = shlex.join(owner.command("restore", "-", "--state-dir", "empty"))
    code, said = at_terminal(
        ["sh", "-c", f"cat b.age | {restore}"], PASSPHRASE, environment=owner.environment(), folder=owner.home
    )
    assert code == 0, said


@pytest.mark.parametrize("position", ["before", "after"])
def test_quiet_prints_the_answer_and_errors_only(owner: Program, position: str) -> None:
    def run(*words: str) -> tuple[str, str]:
        done = owner.run("-q", *words) if position == "before" else owner.run(*words, "--quiet")
        return done.stdout, done.stderr

    assert run("backup", "c.age", "--passphrase-file", "word") == ("", "")
    assert run("pause", "--for", "1h") == ("", "")
    assert "no source has been checked yet" in run("keys", "sources")[0]
    assert "already exists" in run("backup", "c.age", "--passphrase-file", "word")[1]


def test_verbose_says_on_stderr_what_is_done(owner: Program) -> None:
    usual = owner.run("keys", "list", "--json")
    done = owner.run("keys", "list", "--json", "--verbose")
    assert done.stdout == usual.stdout
    assert usual.stderr == ""
    said = done.stderr.splitlines()
    assert said[:2] == [f"configuration: {owner.config}", f"state directory: {owner.state_dir}"]
    assert re.fullmatch(r"took \d+\.\d s", said[2])
    assert len(said) == 3


def test_progress_is_shown_on_a_terminal_only(owner: Program) -> None:
    arguments = ["backup", "c.age", "--passphrase-file", "word"]
    code, said = owner.at_terminal(*arguments)
    assert (code, "writing the backup" in said) == (0, True)
    assert "\x1b" in said
    assert "\x1b" not in owner.at_terminal(*arguments[:1], "b2.age", *arguments[2:], TERM="dumb")[1]
    assert "writing the backup" not in owner.at_terminal("-q", *arguments[:1], "d.age", *arguments[2:])[1]
    assert "writing the backup" not in owner.run(*arguments[:1], "e.age", *arguments[2:]).stderr


def test_a_wait_is_counted_down_on_a_terminal(owner: Program) -> None:
    code, said = owner.at_terminal("selftest", "--listen", "5", "--report", "report.json")
    assert code == 0, said
    assert {int(n) for n in re.findall(r" (\d) s", said)} >= {1, 2, 3, 4, 5}


def test_a_question_hides_what_is_shown_meanwhile(owner: Program) -> None:
    code, said = owner.at_terminal("backup", "c.age", lines=[PASSPHRASE, PASSPHRASE])
    assert code == 0, said
    asked = said.partition("Passphrase of c.age: ")[2].partition("Repeat for confirmation: ")[0]
    assert "writing the backup" not in asked


@pytest.mark.parametrize("language", ["en", "vi"])
def test_run_tells_a_person_what_it_does_and_how_it_ends(owner: Program, language: str) -> None:
    text = {"en": "a second terminal: bluezone-agent status", "vi": "thứ hai: bluezone-agent status"}[language]
    code, said = owner.at_terminal("--lang", language, "run", "--no-check", stop_after=text, columns=120)
    assert code == 0, said
    assert text in said
    assert said.count("Ctrl-C") == 1


def test_run_says_so_neither_to_a_service_manager_nor_off_a_terminal(owner: Program, tmp_path: Path) -> None:
    address = f"{tmp_path}/notify"
    _code, said = owner.at_terminal("run", "--no-check", stop_after="started", NOTIFY_SOCKET=address)
    assert "Ctrl-C" not in said
    agent = owner.start("run", "--no-check")
    until(agent, owner, lambda seen: seen["running"] and seen["rotations"] > 0)
    assert "Ctrl-C" not in stopped(agent)[1]
