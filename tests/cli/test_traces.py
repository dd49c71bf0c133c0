"""What the commands leave beside the store: strace sees every write and every argument."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from bluezone_agent.stores.store import Store
from tests.cli.test_check import Town
from tests.program import Program

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace (apt: strace)"),
]

CALL: Final = re.compile(r"^\d+ +(\w+)\((.*)$")
TARGET: Final = re.compile(r"^(\d+)<((?:[^>\\]|\\.)*)>")
BYTES: Final = re.compile(rb'"((?:\\x[0-9a-f]{2})*)"')
TRACED: Final = "execve,write,pwrite64,writev,pwritev,pwritev2,sendto,sendmsg"

AS_A_PERSON: Final = (
    "status",
    "status --prometheus",
    "doctor",
    "contacts --page page.html",
    "exposures",
    "exposures explain {day} --page day.html",
    "compare --rule learned --rule swisscovid",
    "keys list",
    "keys sources",
    "keys export mine.json --yes",
    "backup all.age --passphrase-file word",
    "check",
    "pause --for 1h",
    "resume",
)
"""Their standard output is the answer to a person, and a file that they name is that person's."""
BY_ITSELF: Final = ("check --scheduled", "notify")
"""What a timer starts: standard output and error go to the journal, which other users may read."""


@dataclass(frozen=True)
class Trace:
    """A write, or the arguments of a program that was started."""

    command: str
    where: str
    data: bytes


def traced(program: Program, words: Sequence[str]) -> Iterator[Trace]:
    """Run a command; yield what it and its children wrote outside of the store, and every program they started."""
    log = program.home / "strace"
    options = ["-f", "-yy", "-xx", "-s", "4000000", "-e", f"trace={TRACED}", "-e", "signal=none"]
    command = ["strace", *options, "-o", str(log), *program.command(*words)]
    done = subprocess.run(
        command, env=program.environment(), cwd=program.home, capture_output=True, text=True, timeout=300, check=False
    )
    assert "Traceback" not in done.stderr
    assert done.returncode in (0, 1), done.stderr
    for line in log.read_text("ascii").splitlines():
        found = CALL.match(line)
        if not found:
            continue
        data = b"\n".join(_bytes(text) for text in BYTES.findall(found[2].encode()))
        if found[1] == "execve":
            yield Trace(" ".join(words), "arguments", data)
        elif target := TARGET.match(found[2]):
            named = target[2].partition("<")[0]  # a device has its numbers after it: /dev/null<char 1:3>
            where = _bytes(named.encode()).decode() if named.startswith("\\x") else named
            if not where.startswith(f"{program.state_dir}/"):
                yield Trace(" ".join(words), f"{target[1]} {where}", data)


def _bytes(text: bytes) -> bytes:
    return bytes.fromhex(text.replace(rb"\x", b"").decode())


@pytest.fixture
def warned(tmp_path: Path) -> tuple[Town, list[bytes]]:
    """A town in which the next check of the neighbour warns; and what must be nowhere."""
    town = Town(tmp_path)
    town.publish()
    (town.neighbour.home / "word").write_text("correct horse battery staple\n")
    notice = town.neighbour.home / "notice"
    notice.write_text("#!/bin/sh\ncat >/dev/null\n")
    notice.chmod(0o700)
    text = town.neighbour.config.read_text()
    town.neighbour.config.write_text(f'notify_command = ["{notice}"]\nradio = "virtual"\n{text}')
    days = [datetime.fromtimestamp(town.met_s, UTC) + timedelta(days=n) for n in (-1, 0)]
    with Store(town.neighbour.state_dir) as store:
        received = [row[0] for row in store._db.execute("SELECT identifier FROM observed_identifier")]
    assert received
    secrets = [form for i in received for form in (i, i.hex().encode(), i.hex().upper().encode())]
    return town, [b"F0", b"F1", b"F2", *(f"{day:%Y-%m-%d}".encode() for day in days), *secrets]


def leaks(traces: Iterator[Trace], secrets: list[bytes], *, person: bool) -> list[str]:
    """Return where a secret was told that must not be."""
    faults = []
    for trace in traces:
        of_the_person = person and (trace.where.startswith("1 ") or trace.where.endswith(NAMED))
        to_the_notice = "pipe:" in trace.where and not trace.where.startswith(("1 ", "2 "))
        if of_the_person or to_the_notice or trace.where.endswith("/dev/null"):
            continue
        faults += [f"{trace.command}: {trace.where}: {s!r}" for s in secrets if _holds(s, trace.data)]
    return faults


NAMED: Final = (".html", ".json", ".age", ".new")
"""How the files end that the commands here name, and what they are called until they are whole."""


def _holds(secret: bytes, data: bytes) -> bool:
    if len(secret) == 2:  # F0, F1 and F2 as words, not as bytes of something else
        return re.search(rb"\b" + secret + rb"\b", data) is not None and data.isascii()
    return secret in data


def test_a_persons_commands_tell_that_person_alone(warned: tuple[Town, list[bytes]]) -> None:
    town, secrets = warned
    town.check()
    day = datetime.fromtimestamp(town.met_s, UTC).astimezone().strftime("%Y-%m-%d")
    secrets = [s for s in secrets if s != day.encode()] + [b"no such day"]  # who asks for it, names it
    for command in AS_A_PERSON:
        words = command.format(day=day).split()
        assert leaks(traced(town.neighbour, words), secrets, person=True) == []


@pytest.mark.parametrize("command", BY_ITSELF)
def test_what_runs_by_itself_tells_nobody_but_the_notice(warned: tuple[Town, list[bytes]], command: str) -> None:
    town, secrets = warned
    assert leaks(traced(town.neighbour, command.split()), secrets, person=False) == []


def test_the_trace_sees_what_is_written(warned: tuple[Town, list[bytes]]) -> None:
    """Or the tests above could not fail."""
    town, secrets = warned
    town.check()
    seen = list(traced(town.neighbour, ["exposures"]))
    assert leaks(iter(seen), secrets, person=False) != []
    assert any(trace.where == "arguments" for trace in seen)
