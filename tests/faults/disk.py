"""What a disk holds after a power cut, enumerated from the system calls of a real process.

A write reaches the disk for certain when its file is synced afterwards. Until then any part of it may have reached it:
every sector of 512 bytes for itself, in any order (B. Pillai and others, All File Systems Are Not Created Equal,
OSDI 2014, for the method).
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

SECTOR: Final = 512
FOLDER: Final = "."
"""The name under which the folder itself is synced."""
CALLS: Final = "openat,pwrite64,write,ftruncate,fsync,fdatasync,unlink,rename"
CALL: Final = re.compile(r"^(?:\d+ +)?(\w+)\((.*)\) += (\d+)(?:<.*>)?$")
HEX: Final = re.compile(r"\\x([0-9a-f]{2})")


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes at an offset; a truncation has a length in place of bytes."""

    name: str
    offset: int
    data: bytes
    length: int | None = None


@dataclass(frozen=True, slots=True)
class Sync:
    name: str


@dataclass(frozen=True, slots=True)
class Remove:
    name: str


@dataclass(frozen=True, slots=True)
class Said:
    """What the process told the world, which it may be held to."""

    text: str


Event = Write | Sync | Remove | Said


def record(command: Sequence[str], folder: Path, log: Path) -> list[Event]:
    """Run a command to its end under strace; return what it did to the files in ``folder`` and said on its stdout."""
    strace = shutil.which("strace")
    assert strace is not None
    watched = [strace, "-f", "-qq", "-y", "-xx", "-s", "1000000", "-e", f"trace={CALLS}", "-e", "signal=none"]
    subprocess.run([*watched, "-o", str(log), *command], check=True, stdout=subprocess.DEVNULL)
    with log.open() as lines:
        return [event for line in lines for event in _event(line.rstrip("\n"), folder)]


def _event(line: str, folder: Path) -> Iterator[Event]:
    call = CALL.match(line)
    if call is None:
        return
    name, arguments = call[1], call[2]
    path = Path(_text(found[1]) if (found := re.match(r"\d+<(.*?)>", arguments)) else "/")
    if name == "write" and arguments.startswith("1<"):
        yield Said(_text(re.findall(r'"(.*)"', arguments)[0]).strip())
    elif name == "unlink" or name == "rename":
        old, *new = (Path(_text(text)) for text in re.findall(r'"(.*?)"', arguments))
        if old.parent == folder:
            assert not new, "renames are not in the model"
            yield Remove(old.name)
    elif path == folder and name in ("fsync", "fdatasync"):
        yield Sync(FOLDER)
    elif path.parent == folder and not path.name.endswith("-shm"):
        if name in ("fsync", "fdatasync"):
            yield Sync(path.name)
        elif name == "pwrite64":
            data, offset = re.findall(r'"(.*)"', arguments)[0], arguments.rsplit(", ", 1)[1]
            yield Write(path.name, int(offset), bytes.fromhex(data.replace("\\x", "")))
        elif name == "ftruncate":
            yield Write(path.name, 0, b"", int(arguments.rsplit(", ", 1)[1]))
        elif name == "write":
            raise AssertionError(f"a write without an offset to {path}")


def _text(text: str) -> str:
    return HEX.sub(lambda found: chr(int(found[1], 16)), text)


@dataclass
class Disk:
    """Files as they are for certain, and what was done to them since they were synced.

    A file that is removed and made again is another file under the same name; which of them the folder has is for
    certain once the folder is synced.
    """

    contents: dict[int, bytearray] = field(default_factory=dict)
    """By the file's number."""
    names: dict[str, int] = field(default_factory=dict)
    pending: list[tuple[int, Write]] = field(default_factory=list)
    pending_names: list[tuple[str, int | None]] = field(default_factory=list)
    """Name → number, None where it was removed; a file system makes these durable in their order."""
    now: dict[str, int] = field(default_factory=dict)
    """What the names mean to the process that runs."""

    def apply(self, event: Event) -> None:
        """Let one event happen."""
        match event:
            case Write(name):
                self.pending.append((self._number(name), event))
            case Remove(name):
                if self.now.pop(name, None) is not None:
                    self.pending_names.append((name, None))
            case Sync(name) if name == FOLDER:
                _rename(self.names, self.pending_names)
                self.pending_names = []
            case Sync(name):
                number = self._number(name)
                for of, write in self.pending:
                    if of == number:
                        _do(self.contents[of], write)
                self.pending = [one for one in self.pending if one[0] != number]

    def _number(self, name: str) -> int:
        if name not in self.now:
            self.now[name] = len(self.contents)
            self.contents[self.now[name]] = bytearray()
            self.pending_names.append((name, self.now[name]))
        return self.now[name]

    def after_an_early_end(self, random: Random, torn: int) -> Iterator[dict[str, bytearray]]:
        """Yield what may be on the disk: nothing pending, all of it, and ``torn`` random parts of it."""
        yield self._with([], 0)
        if not self.pending and not self.pending_names:
            return
        yield self._with(self.pending, len(self.pending_names))
        for _ in range(torn):
            share = random.choice([0.1, 0.5, 0.9])
            parts = [(of, part) for of, write in self.pending for part in _parts(write) if random.random() < share]
            yield self._with(parts, random.randint(0, len(self.pending_names)))

    def _with(self, done: Sequence[tuple[int, Write]], renamed: int) -> dict[str, bytearray]:
        contents = {number: bytearray(data) for number, data in self.contents.items()}
        for number, write in done:
            _do(contents[number], write)
        names = dict(self.names)
        _rename(names, self.pending_names[:renamed])
        return {name: contents[number] for name, number in names.items()}


def _rename(names: dict[str, int], changes: Sequence[tuple[str, int | None]]) -> None:
    for name, number in changes:
        if number is None:
            names.pop(name, None)
        else:
            names[name] = number


def _parts(write: Write) -> Iterator[Write]:
    """Yield a write sector by sector, as they lie on the disk."""
    if write.length is not None:
        yield write
        return
    at = write.offset
    while at < write.offset + len(write.data):
        end = min((at // SECTOR + 1) * SECTOR, write.offset + len(write.data))
        yield Write(write.name, at, write.data[at - write.offset : end - write.offset])
        at = end


def _do(data: bytearray, write: Write) -> None:
    if write.length is not None:
        del data[write.length :]
        data += bytes(write.length - len(data))
        return
    data += bytes(max(0, write.offset + len(write.data) - len(data)))
    data[write.offset : write.offset + len(write.data)] = write.data
