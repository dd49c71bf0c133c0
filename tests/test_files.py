"""Files are written whole or not at all, for those who may read them, and never through a link."""

from __future__ import annotations

import os
import re
import resource
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from bluezone_agent.cli.page_file import write_page
from bluezone_agent.errors import NewFileError, RecordingError
from bluezone_agent.files import PUBLIC, create, left_over, open_to_append, replace, write_new, write_over
from bluezone_agent.health.metrics_file import write
from bluezone_agent.radios.recorded.recording import _open_to_append

OLD: Final = b"what was there"
NEW: Final = b"what is written " * 1000

WRITERS: Final[dict[str, Callable[[Path], object]]] = {
    "create": lambda path: create(path, NEW),
    "write_new": lambda path: write_new(path, NEW),
    "replace": lambda path: replace(path, NEW),
    "write_over": lambda path: write_over(path, NEW),
    "page": lambda path: write_page(path, NEW.decode()),
    "prometheus": lambda path: write(path, NEW.decode()),
    "append": lambda path: open_to_append(path).close(),
    "recording": lambda path: _open_to_append(path).close(),
}
REFUSALS: Final = (OSError, NewFileError, RecordingError)
writers = pytest.mark.parametrize("name", WRITERS)
replacers = pytest.mark.parametrize("name", ["replace", "write_over", "page", "prometheus"])


OPENED: Final = re.compile(
    r"os\.open\(|\bmkstemp|\bopen\([^)\n]*[\"'][wax]b?\+?[\"']|(?<!formatter)\.write_(?:text|bytes)\(|\.touch\("
)
OPENED_ELSEWHERE: Final = {
    "files.py",
    "cli/man.py",  # pages for everybody, where it is told to
    "cli/questions.py",  # the terminal
    "cli/streams.py",  # the standard streams, by their numbers
    "authority/key_folder.py",  # a lock
    "door/store.py",
    "stores/file/erase.py",
    "stores/file/open.py",
    "radios/kernel/broker.py",  # a lock
    "key_sources/spool.py",  # opens for reading alone
    "stores/store.py",
}


@contextmanager
def full_disk(takes: int = 100) -> Iterator[None]:
    """Let no file of this process grow beyond some bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (takes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def test_nothing_else_writes_files() -> None:
    package = Path(__file__).resolve().parents[1] / "bluezone_agent"
    opened = {str(p.relative_to(package)) for p in package.rglob("*.py") if OPENED.search(p.read_text())}
    assert opened == OPENED_ELSEWHERE


@writers
@pytest.mark.parametrize("mask", [0o000, 0o077])
def test_a_new_file_is_its_owners_alone_unless_others_have_to_read_it(tmp_path: Path, name: str, mask: int) -> None:
    with umask(mask):
        WRITERS[name](tmp_path / "f")
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == (PUBLIC if name == "prometheus" else 0o600)


@writers
@pytest.mark.parametrize("target", ["old", "nowhere", "old/f"])
def test_no_link_is_followed(tmp_path: Path, name: str, target: str) -> None:
    (tmp_path / "old").write_bytes(OLD)
    (tmp_path / "f").symlink_to(tmp_path / target)
    with pytest.raises(REFUSALS):
        WRITERS[name](tmp_path / "f")
    assert (tmp_path / "old").read_bytes() == OLD
    assert (tmp_path / "f").is_symlink()
    assert {path.name for path in tmp_path.iterdir()} == {"old", "f"}, "nothing is left"


@writers
def test_what_is_no_regular_file_stays(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "socket"))
    for path in (tmp_path / "folder", tmp_path / "socket"):
        before = path.lstat()
        with pytest.raises(REFUSALS):
            WRITERS[name](path)
        assert path.lstat() == before
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("name", ["create", "write_new"])
def test_a_new_file_takes_no_other_ones_place(tmp_path: Path, name: str) -> None:
    (tmp_path / "f").write_bytes(OLD)
    with pytest.raises(REFUSALS):
        WRITERS[name](tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == OLD
    (tmp_path / "f").unlink()
    with full_disk(), pytest.raises(REFUSALS):
        WRITERS[name](tmp_path / "f")
    assert list(tmp_path.iterdir()) == [], "half a file is none"


@replacers
def test_a_full_disk_leaves_the_older_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "f").write_bytes(OLD)
    with full_disk(), pytest.raises(REFUSALS, match="File too large"):
        WRITERS[name](tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == OLD
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


@replacers
def test_a_reader_keeps_the_file_that_it_opened(tmp_path: Path, name: str) -> None:
    (tmp_path / "f").write_bytes(OLD)
    (tmp_path / "f").chmod(0o666)
    with (tmp_path / "f").open("rb") as reader:
        WRITERS[name](tmp_path / "f")
        assert reader.read() == OLD
    assert (tmp_path / "f").read_bytes() == NEW
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) in {0o600, PUBLIC}
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


def test_what_a_kill_leaves_is_found_and_in_nobodys_way(tmp_path: Path) -> None:
    path = tmp_path / "page [1].html"
    kill = "import os, sys; from pathlib import Path; from bluezone_agent import files; Path.replace = os._exit"
    for _ in range(2):
        program = f"{kill}; files.replace(Path(sys.argv[1]), b'half a page')"
        subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert not path.exists()
    assert len(list(left_over(path))) == 2
    replace(path, NEW)
    assert {*tmp_path.iterdir()} == {path, *left_over(path)}


def test_a_file_that_is_appended_to_keeps_what_it_has(tmp_path: Path) -> None:
    for line in ("one\n", "two\n"):
        with open_to_append(tmp_path / "f") as file:
            file.write(line)
    assert (tmp_path / "f").read_text() == "one\ntwo\n"


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace, to see what reaches the disk")
def test_the_contents_reach_the_disk_before_the_name_and_the_name_before_it_is_said(tmp_path: Path) -> None:
    program = "import sys; from pathlib import Path; from bluezone_agent.files import replace"
    program += "; replace(Path(sys.argv[1]) / 'f', b'new', durable=sys.argv[2] == 'durable')"
    strace = ["strace", "-f", "-qq", "-y", "-e", "trace=fsync,rename", "-e", "signal=none", "-o", str(tmp_path / "log")]
    calls = {}
    (tmp_path / "d").mkdir()
    for kind in ("durable", "fleeting"):
        subprocess.run([*strace, sys.executable, "-c", program, str(tmp_path / "d"), kind], check=True)
        calls[kind] = [
            re.sub(r"^\d+ +", "", line).partition("(")[0] + (" file" if "/d/" in line else " folder")
            for line in (tmp_path / "log").read_text().splitlines()
            if str(tmp_path / "d") in line
        ]
    assert calls["durable"] == ["fsync file", "rename file", "fsync folder"]
    assert calls["fleeting"] == ["rename file"]
