"""Options that every command has: languages, paths, standard streams, colours."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import pty
import shutil
import subprocess
import sys
import unicodedata
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluezone_agent.actions.calibrate import read_table
from bluezone_agent.app import daemon
from bluezone_agent.app.device import Device
from bluezone_agent.app.gap_text import gap_text
from bluezone_agent.app.listening import NOT_RUNNING, Gap
from bluezone_agent.app.passphrase import Passphrase
from bluezone_agent.cli.base import age, escaped, printable
from bluezone_agent.config import load
from bluezone_agent.core.diagnosis_keys.submission import read_submission, write_submission
from bluezone_agent.core.identifiers import DailyKey
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.key_sources.index import parse_index
from bluezone_agent.radios.recorded.recording import COLUMNS, read_recording
from bluezone_agent.stores.store import Store
from tests.program import Program

KEY = DailyKey("gaen", b"k" * 16, 20_000 * DAY_S, 20_001 * DAY_S, 144)
TWO_WORDS = {"en": "Usage: bluezone-agent", "vi": "Cách dùng: bluezone-agent"}
CONTROLS = "\x1b\x9b\u202e\u2066\ufeff\u200b\x00"


def test_the_command_line_beats_the_configuration_which_beats_the_locale(program: Program) -> None:
    cases = [
        (locale, configured, asked)
        for locale in ("en_US.UTF-8", "vi_VN.UTF-8")
        for configured in ("", "en", "vi")
        for asked in ("", "en", "vi")
    ]
    for locale, configured, asked in cases:
        program.config.write_text(f'language = "{configured}"\n' if configured else "")
        language = asked or configured or locale[:2]
        options = ["--lang", asked] if asked else []
        for words, code in ((["--help"], 0), (["keys", "-h"], 0), (["nosuch"], 2), (["status", "--nosuch"], 2)):
            done = program.run(*options, *words, LANG=locale)
            assert done.returncode == code
            assert TWO_WORDS[language] in done.stdout + done.stderr, (locale, configured, asked, words)
        done = program.run("exposures", *options, LANG=locale)
        assert ("It is not known" in done.stdout) == (language == "en"), (locale, configured, asked)


@pytest.mark.parametrize("setting", ["record", "metrics_file", "rule", "radio"])
def test_a_home_is_a_home_in_every_setting(program: Program, setting: str) -> None:
    """Another one's answer to ~ would be a folder of this name in the current directory."""
    (program.home / "rule.toml").write_text("")
    value = {"rule": "~/rule.toml", "radio": "replay:~/air.csv"}.get(setting, f"~/{setting}")
    program.config.write_text(
        f'{setting} = "{value}"\nclock_trusted = true\n' + ('radio = "virtual"\n' * (setting != "radio"))
    )
    done = program.run("run" if setting == "radio" else "config", *([] if setting == "radio" else ["check"]))
    assert not (program.home / "~").exists()
    if setting == "radio":
        assert f"can't read the recording {program.home}/air.csv" in done.stderr
    if setting == "rule":
        assert "No such file" not in done.stderr


def test_a_home_is_a_home_in_options(program: Program) -> None:
    with Store(program.state_dir) as store, store.transaction():
        store.keys.add(KEY, last_slot_s=KEY.starts_at_s, exportable=True)
    (program.home / "agent.toml").write_text("")
    done = program.run(
        "backup", "~/a.age", "--passphrase-file", "~/word", "--state-dir", "~/state", "--config", "~/agent.toml"
    )
    assert f"can't read the passphrase from {program.home}/word" in done.stderr
    (program.home / "word").write_bytes(b"\xef\xbb\xbfcorrect horse battery\r\n")
    done = program.run(
        "backup", "~/a.age", "--passphrase-file", "~/word", "--state-dir", "~/state", "--config", "~/agent.toml"
    )
    assert done.returncode == 0, done.stderr
    done = program.run(
        "restore", "~/a.age", "--passphrase-file", "-", "--state-dir", "~/b", stdin="correct horse battery\n"
    )
    assert done.returncode == 0, done.stderr
    assert {path.name for path in program.home.iterdir()} == {"agent.toml", "state", "word", "a.age", "b"}


def test_what_is_named_and_is_not_there_is_an_error_and_makes_nothing(program: Program) -> None:
    for command in (["status"], ["exposures"], ["keys", "list"], ["contacts"], ["check"]):
        done = program.run(*command, "--state-dir", "typo")
        assert (done.returncode, "state directory typo does not exist" in done.stderr) == (1, True), command
        done = program.run(*command, "--config", "nosuch")
        assert (done.returncode, "configuration file nosuch does not exist" in done.stderr) == (78, True), command
    assert [path.name for path in program.home.iterdir()] == ["state"]


def test_a_dash_is_standard_output_and_input(program: Program) -> None:
    (program.home / "word").write_text("correct horse battery\n")
    command = program.command("backup", "-", "--passphrase-file", "word")
    done = subprocess.run(command, env=program.environment(), cwd=program.home, capture_output=True, check=True)
    assert done.stdout.startswith(b"age-encryption.org/v1")
    for words in (
        ["restore", "-", "--passphrase-file", "word"],
        ["restore", "-", "--merge", "--passphrase-file", "word"],
    ):
        taken = subprocess.run(
            program.command(*words), input=done.stdout, env=program.environment(), cwd=program.home, check=False
        )
        assert taken.returncode == 0
    assert program.run("contacts", "--page", "-").stdout.startswith("<!doctype html>")
    refused = program.run("replay", "-")
    assert (refused.returncode, '"-" can\'t be used here' in refused.stderr) == (2, True)
    assert sorted(path.name for path in program.home.iterdir()) == ["state", "word"]


def test_what_can_not_be_written_ends_no_key(program: Program) -> None:
    with Store(program.state_dir) as store, store.transaction():
        store.keys.add(KEY, last_slot_s=KEY.starts_at_s, exportable=True)
    for path in ("nosuch/mine.json", "x" * 300, "state"):
        done = program.run("keys", "export", path, "--yes")
        assert done.returncode == 1
        assert "hint: " in done.stderr
    with Store(program.state_dir) as store:
        assert [own.closed for own in store.keys.all()] == [False]


@given(st.text(st.characters(codec=None, exclude_categories=())), st.sampled_from(["utf-8", "iso-8859-1", "ascii"]))
def test_json_and_texts_hold_nothing_that_a_terminal_obeys(text: str, encoding: str) -> None:
    value = json.dumps({"name": text}, ensure_ascii=False)
    shown = escaped(value)
    assert json.loads(shown) == {"name": text}
    for c in shown + printable(text):
        assert c == "\n" or unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def shown_at(program: Program, *words: str, **environment: str) -> bytes:
    """Return what a command writes to a terminal."""
    try:
        ours, theirs = pty.openpty()
    except OSError:
        pytest.skip("there are no terminals here: /dev/pts is not mounted")
    process = subprocess.Popen(
        program.command(*words), env=program.environment() | environment, stdout=theirs, stderr=theirs, cwd=program.home
    )
    os.close(theirs)
    shown = b""
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        while True:
            try:
                part = terminal.read(4096)
            except OSError:  # as Linux ends a terminal
                break
            if not part:
                break
            shown += part
    process.wait()
    return shown


@pytest.mark.parametrize("words", [("status",), ("doctor",)], ids=" ".join)
def test_colours_are_left_out_where_nobody_wants_them(program: Program, words: tuple[str, ...]) -> None:
    assert b"\x1b[" in shown_at(program, *words, TERM="xterm")
    assert b"\x1b" not in shown_at(program, *words, TERM="xterm", NO_COLOR="1")
    assert b"\x1b" not in shown_at(program, *words, TERM="dumb")


BOM = b"\xef\xbb\xbf"


def from_windows(path: Path, text: str) -> Path:
    data = BOM + text.replace("\n", "\r\n").encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def test_texts_that_were_edited_on_windows_are_read(tmp_path: Path) -> None:
    config = from_windows(
        tmp_path / "a.toml", 'radio = "virtual"\n[[source]]\nlocation = """\nx"""\nallow_unsigned = true\n'
    )
    assert (load(config).radio, load(config).sources[0].location) == ("virtual", "x")
    for name in ("a.csv", "a.csv.gz"):
        recording = from_windows(tmp_path / name, f"{','.join(COLUMNS)}\n1.5,-60,020106\n")
        assert [advert.rssi_dbm for advert in read_recording(recording)] == [-60]
    table = from_windows(tmp_path / "table.csv", "device,rssi_correction_db\nPi,-3\n")
    assert read_table(table, "Pi").rssi_correction_db == -3
    word = from_windows(tmp_path / "word", "correct horse battery\n")
    assert Passphrase(word, lambda _path, _new: "").of(tmp_path, new=True) == "correct horse battery"
    submission = BOM + write_submission([KEY], None).replace(b"\n", b"\r\n")
    assert [found.key for found in read_submission("x", submission)] == [KEY]
    assert parse_index(BOM + b"a.zip\r\nb.zip\r\n", "x") == ["a.zip", "b.zip"]


def test_a_command_that_the_agent_starts_runs_nothing_of_the_current_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bluezone_agent").mkdir()
    (tmp_path / "bluezone_agent/__init__.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    (tmp_path / "state").mkdir(0o700)
    monkeypatch.chdir(tmp_path)
    asyncio.run(daemon._in_child(Device(tmp_path / "state"), "keys", "list"))
    assert not (tmp_path / "ran").exists()
    subprocess.run([sys.executable, "-m", "bluezone_agent"], cwd=tmp_path, check=False, capture_output=True)
    assert (tmp_path / "ran").exists(), "as Python does it by itself"


@pytest.mark.parametrize(("typed", "meant"), [("stauts", "status"), ("backp", "backup"), ("chek", "check")])
def test_a_mistyped_command_is_guessed(program: Program, typed: str, meant: str) -> None:
    done = program.run(typed)
    assert (done.returncode, f"Did you mean '{meant}'?" in done.stderr) == (2, True)
    done = program.run("keys", "exprt")
    assert "Did you mean 'export'?" in done.stderr


@pytest.mark.parametrize("columns", ["60", "80"])
def test_help_is_wrapped_and_not_cut(program: Program, columns: str) -> None:
    for words in ([], ["keys"], ["calibrate"], ["authority"], ["config"]):
        shown = program.run(*words, "-h", COLUMNS=columns).stdout
        assert "…" not in shown
        assert max(map(len, shown.splitlines())) <= int(columns)


BASH = shutil.which("bash")
COMPLETES = """
source <(_BLUEZONE_AGENT_COMPLETE=bash_source bluezone-agent)
COMP_WORDS=({words}) COMP_CWORD={at}
_bluezone_agent_completion bluezone-agent
echo "${{COMPREPLY[@]}}"
"""


@pytest.mark.skipif(BASH is None, reason="needs bash")
@pytest.mark.parametrize(
    ("words", "offered"), [("bluezone-agent expos", "exposures"), ("bluezone-agent keys ex", "export")]
)
def test_bash_completes_a_command(program: Program, words: str, offered: str) -> None:
    command = program.home / "bin/bluezone-agent"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m bluezone_agent "$@"\n')
    command.chmod(0o700)
    environment = program.environment() | {"PATH": f"{command.parent}:{os.environ['PATH']}"}
    script = COMPLETES.format(words=words, at=len(words.split()) - 1)
    done = subprocess.run([str(BASH), "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [offered], done.stderr
    for shell in ("zsh", "fish"):
        asked = environment | {"_BLUEZONE_AGENT_COMPLETE": f"{shell}_source"}
        source = subprocess.run([command], env=asked, capture_output=True, text=True, check=True).stdout
        assert "bluezone-agent" in source


def test_times_are_told_as_people_say_them() -> None:
    now = datetime(2026, 11, 28, 12, tzinfo=UTC)
    for ago, said in (
        (timedelta(seconds=99), "99 s ago"),
        (timedelta(hours=47), "47 h ago"),
        (timedelta(hours=49), "2 days ago"),
    ):
        assert age(now - ago, now).startswith(said)
    gap = Gap(starts_at=now, ends_at=now + timedelta(seconds=40), reason=NOT_RUNNING)
    assert "less than a minute: the agent was not running" in gap_text(gap)


LOCALES = {
    "C": {"LC_ALL": "C"},
    "C, in ASCII": {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    "Latin-1": {"LC_ALL": "vi_VN.ISO-8859-1"},
}


@pytest.mark.slow
@pytest.mark.parametrize("locale", LOCALES)
def test_letters_that_a_locale_lacks_end_no_command(program: Program, locale: str) -> None:
    """The situations change the terminal alone; here names of files too are in the locale's letters."""
    environment = dict(LOCALES[locale])
    if locale == "Latin-1":
        if shutil.which("localedef") is None:
            pytest.skip("needs localedef (apt: locales)")
        made = ["localedef", "-c", "-i", "vi_VN", "-f", "ISO-8859-1", str(program.home / "vi_VN.ISO-8859-1")]
        subprocess.run(made, capture_output=True, check=False)
        environment["LOCPATH"] = str(program.home)
    for words in (
        ["-h"],
        ["status"],
        ["config", "init", "cấu.toml"],
        ["contacts", "--page", "ủ.html"],
        ["replay", "ự.csv"],
    ):
        done = subprocess.run(
            program.command(*words, "--lang", "vi"),
            env=program.environment() | environment,
            cwd=program.home,
            capture_output=True,
            check=False,
        )
        assert b"Traceback" not in done.stderr
        assert done.returncode in (0, 1), done.stderr
    assert {"cấu.toml", "ủ.html"} <= {path.name for path in program.home.iterdir()}


def test_an_error_fits_the_terminal_and_is_one_line_elsewhere(program: Program) -> None:
    program.config.write_text("protocol = [")
    _code, shown = program.at_terminal("config", "check", columns=40)
    assert all(len(line) <= 40 or " " not in line.strip() for line in shown.splitlines()), shown
    assert len(program.run("config", "check").stderr.splitlines()) == 2
