"""The command alone, its help, and the shell's completion of it."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from bluezone_agent.cli import COMMANDS
from tests.program import Program

COMPLETE = "import sys; from bluezone_agent.cli import main\ntry: main()\nfinally: print(*sys.modules, file=sys.stderr)"
HEAVY = {"asyncio", "bleak", "cryptography", "dbus_fast", "httpx2", "numpy", "rich", "sqlite3"}


def test_the_command_alone_prints_its_help(program: Program) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bluezone_agent"],
        env=program.environment(),
        cwd=program.home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    listed = done.stdout.split("For you:\n")[1].split("Examples:\n")[0]
    shown = dict(re.findall(r"^  ([a-z][\w-]*) +(\S.*)$", listed, re.MULTILINE))
    assert shown == {name: lazy.summary for name, lazy in COMMANDS.items() if not lazy.hidden}
    assert [*shown] == [name for name, lazy in COMMANDS.items() if not lazy.hidden]
    for heading in ("For you", "Cases and keys", "For a health authority", "Trials and measurements", "This device"):
        assert f"\n{heading}:\n" in done.stdout


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("bluezone-agent ke", {"keys"}),
        ("bluezone-agent keys e", {"encrypt", "export"}),
        ("bluezone-agent exposures e", {"explain"}),
        ("bluezone-agent nosuch", set()),
    ],
)
def test_the_shell_completes_commands(program: Program, words: str, offered: set[str]) -> None:
    done = completed(program, words)
    assert {line.partition(",")[2] for line in done.stdout.splitlines() if line} == offered


def test_a_list_of_commands_loads_none_of_them(program: Program) -> None:
    imported = set(completed(program, "bluezone-agent s").stderr.split())
    assert "bluezone_agent.cli.base" in imported
    assert imported & HEAVY == set()


def completed(program: Program, words: str) -> subprocess.CompletedProcess[str]:
    """Ask for what may follow the last of ``words``, as bash does."""
    asked = {
        "_BLUEZONE_AGENT_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    done = subprocess.run(
        [sys.executable, "-c", COMPLETE],
        env=program.environment() | asked,
        cwd=program.home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done
