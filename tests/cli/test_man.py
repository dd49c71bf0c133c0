"""Manual pages and shell completions: made from the commands, installed and removed by the scripts' own functions."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from bluezone_agent.cli.man import EXIT_CODES
from tests.cli.test_help import CONTEXTS
from tests.cli.test_situations import DOCUMENTED

ROOT: Final = Path(__file__).resolve().parents[2]
HIDDEN: Final = {"fetch", "page"}
PAGES: Final = {
    f"{path.replace(' ', '-')}.1" for path in CONTEXTS if path.removeprefix("bluezone-agent ") not in HIDDEN
}
HELPS: Final = """
. scripts/lib/service.sh
action=$1 PREFIX=$2/prefix SHARE=$2/share
"""


def scripted(folder: Path, *functions: str) -> str:
    """Run functions of scripts/lib/service.sh with everything below ``folder``; return what they said."""
    command = HELPS + "\n".join(functions)
    done = subprocess.run(
        ["sh", "-euc", command, "sh", "install", str(folder)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What is below /usr/local/share after scripts/install."""
    folder = tmp_path_factory.mktemp("machine")
    (folder / "prefix/venv/bin").mkdir(parents=True)
    python = folder / "prefix/venv/bin/python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    assert "wrote manual pages and shell completions" in scripted(folder, "service_helps")
    yield folder / "share"
    assert "removed manual pages" in scripted(folder, "service_remove_helps")
    assert [path for path in (folder / "share").rglob("*") if path.is_file()] == []


def test_what_is_there_already_is_left_alone_and_an_old_page_goes(installed: Path) -> None:
    assert scripted(installed.parent, "service_helps") == ""
    old = installed / "man/man1/bluezone-agent-keys-seal.1"
    old.write_text("")
    assert f"removed {old}" in scripted(installed.parent, "service_helps")
    assert not old.exists()


def test_every_command_has_a_page_in_both_languages(installed: Path) -> None:
    for folder in ("man/man1", "man/vi/man1"):
        assert {path.name for path in (installed / folder).iterdir()} == PAGES
    page = (installed / "man/vi/man1/bluezone-agent-keys-list.1").read_text()
    assert "Tôi có những khóa ngày nào?" in page
    assert "Hiện trợ giúp này rồi thoát" in page


def test_the_pages_name_every_exit_code() -> None:
    assert set(EXIT_CODES) == DOCUMENTED


@pytest.mark.skipif(shutil.which("groff") is None, reason="needs groff (apt: groff)")
def test_groff_warns_of_nothing(installed: Path) -> None:
    for path in sorted(installed.rglob("*.1")):
        done = subprocess.run(
            ["groff", "-k", "-man", "-Tutf8", "-ww", str(path)], capture_output=True, text=True, check=True
        )
        assert done.stderr == "", path
        assert path.stem in done.stdout.lower() or " " in done.stdout


@pytest.mark.skipif(shutil.which("man") is None, reason="needs man (apt: man-db)")
def test_man_shows_a_page_as_its_reader_would_type_it(installed: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "MANWIDTH": "80", "LANG": "C.UTF-8"}
    shown = [
        subprocess.run(
            ["man", "-l", "--warnings", str(installed / folder / "bluezone-agent-calibrate-measure.1")],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        for folder in ("man/man1", "man/vi/man1")
    ]
    for page in shown:
        assert page.stderr == ""
        assert "bluezone-agent calibrate measure --distance 1 --distance 2 \\\n" in page.stdout
        assert '--antenna "in the case"' in page.stdout
        assert max(map(len, page.stdout.splitlines())) <= 80
    assert "TÙY CHỌN CHUNG" in shown[1].stdout


@pytest.fixture
def environment(tmp_path: Path, installed: Path) -> dict[str, str]:
    command = tmp_path / "bin/bluezone-agent"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m bluezone_agent "$@"\n')
    command.chmod(0o755)
    return {
        "PATH": f"{command.parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "TERM": "xterm",
        "XDG_DATA_DIRS": f"{installed}:/usr/local/share:/usr/share",
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
    }


BASH: Final = """
source {share}/bash-completion/completions/bluezone-agent
COMP_WORDS=({words}) COMP_CWORD={last}
_bluezone_agent_completion bluezone-agent
echo "${{COMPREPLY[@]}}"
"""
ZSH: Final = """
zmodload zsh/zpty
zpty shell zsh -f
zpty -w shell "PS1= fpath=({share}/zsh/site-functions \\$fpath); autoload -Uz compinit; compinit -u -d $HOME/dump"
zpty -w shell "bindkey '^I' complete-word; zstyle ':completion:*' verbose no; print READ''Y"
zpty -r shell said "*READY*"
zpty -n -w shell "{words}"$'\\t'
sleep 3
zpty -n -w shell $'\\C-a: \\C-e\\n'
while zpty -r -t shell part; do print -r -- "$part"; done
"""
FISH: Final = "complete -C '{words}'"
COMPLETED: Final = [("bluezone-agent exp", "exposures"), ("bluezone-agent keys exp", "export")]


@pytest.mark.parametrize(("words", "offered"), COMPLETED)
@pytest.mark.parametrize(("shell", "script"), [("bash", BASH), ("zsh", ZSH), ("fish", FISH)])
def test_a_shell_completes(
    environment: dict[str, str], installed: Path, shell: str, script: str, words: str, offered: str
) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell} (apt: {shell})")
    text = script.format(share=installed, words=words, last=len(words.split()) - 1)
    done = subprocess.run([shell, "-c", text], env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert offered in done.stdout.split() or f" {offered}" in done.stdout, done
