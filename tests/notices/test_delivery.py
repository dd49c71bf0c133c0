"""L5: a notice reaches its owner at least once, is retried until then, and is told nowhere else."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bluezone_agent.app.notices import SOCKET, deliver
from bluezone_agent.config import Config
from bluezone_agent.core.device_state import DeviceState
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.notice import Notice
from bluezone_agent.notices.channels import LocalChannels
from bluezone_agent.notices.command import CommandNotifier
from bluezone_agent.notices.socket import MOST_BYTES, SocketChannels, SocketStates, answer_one
from bluezone_agent.scenarios.scratch import scratch_folder
from bluezone_agent.stores.notices import RETRY_S
from bluezone_agent.stores.store import Store
from tests.program import Program

NOW_S = 1_800_000_000
WARNING = Notice("Close contact", "2027-01-01: chạm mặt F0\nKeep away from others")


def script(folder: Path, text: str) -> str:
    path = folder / "tell"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return str(path)


def test_the_command_gets_title_and_text_on_its_standard_input_and_no_argument(tmp_path: Path) -> None:
    out = tmp_path / "out"
    CommandNotifier([script(tmp_path, f'cat >"{out}"; echo "$#" >>"{out}"'), "x"]).notify(WARNING)
    assert out.read_text() == f"{WARNING.title}\n{WARNING.body}\n1\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [("exit 3", "ended with exit code 3"), ("sleep 60", "did not end within 0.3 s"), ("kill -9 $$", "exit code -9")],
)
def test_a_command_that_fails_says_how_and_nothing_of_the_notice(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    command = [script(tmp_path, f"tee /dev/stderr; {text}")]
    with pytest.raises(OSError, match=said) as failure:
        CommandNotifier(command, timeout_s=0.3 if "sleep" in text else 30).notify(WARNING)
    assert "F0" not in str(failure.value)
    assert capfd.readouterr() == ("", ""), "what a command prints ends in the journal"


def test_a_command_that_does_not_read_is_no_failure(tmp_path: Path) -> None:
    CommandNotifier([script(tmp_path, "exit 0")]).notify(Notice("t", "x" * 200_000))


class Calls:
    """A channel that is a function."""

    def __init__(self, function: Callable[[Notice], None]) -> None:
        self._function = function

    def notify(self, notice: Notice) -> None:
        self._function(notice)


@contextmanager
def served(path: Path, deliver_one: Callable[[Notice], None]) -> Iterator[None]:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                answer_one(connection, LocalChannels({"one": Calls(deliver_one)}))

        thread = threading.Thread(target=answer)
        thread.start()
        yield
        thread.join(10)


def test_a_notice_crosses_a_socket_and_its_failure_comes_back(tmp_path: Path) -> None:
    got: list[Notice] = []
    with served(tmp_path / "ok", got.append):
        assert SocketChannels(tmp_path / "ok").deliver(WARNING).delivered == ("one",)
    assert got == [WARNING]

    def refuse(_notice: Notice) -> None:
        raise OSError("tell ended with exit code 3")

    with served(tmp_path / "bad", refuse):
        outcome = SocketChannels(tmp_path / "bad").deliver(WARNING)
    assert outcome.failure == "tell ended with exit code 3"
    with pytest.raises(FileNotFoundError):
        SocketChannels(tmp_path / "nobody").deliver(WARNING)


@pytest.mark.parametrize("sent", [b"", b"\n", b"{}\n", b'{"title": 1}\n', b"x" * (MOST_BYTES + 10), b"\xff\n"])
def test_what_is_not_a_notice_is_refused(sent: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        thread = threading.Thread(
            target=answer_one, args=(theirs, LocalChannels({"one": Calls(lambda _: pytest.fail("delivered"))}))
        )
        thread.start()
        ours.sendall(sent)
        ours.shutdown(socket.SHUT_WR)
        assert b"not a notice" in ours.recv(1000)
        thread.join(10)


def test_a_state_crosses_the_same_socket_and_its_failure_comes_back(tmp_path: Path) -> None:
    state = DeviceState(False, True, "2026-11-24T10:00:00+00:00", None, None, 3, 1)
    got: list[DeviceState] = []

    def refuse(_state: DeviceState) -> None:
        raise ConnectionError("no connection to the MQTT broker")

    for publish, failure in ((got.append, ""), (refuse, "no connection")):
        path = tmp_path / f"socket-{len(failure)}"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen()
            thread = threading.Thread(target=_answer_state, args=(listener, publish))
            thread.start()
            if failure:
                with pytest.raises(OSError, match=failure):
                    SocketStates(path).publish(state)
            else:
                SocketStates(path).publish(state)
            thread.join(10)
    assert got == [state]


def _answer_state(listener: socket.socket, publish: Callable[[DeviceState], None]) -> None:
    connection, _ = listener.accept()
    with connection:
        answer_one(connection, LocalChannels({}), publish)


PASSING = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ |= {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
os.execv(sys.argv[2], sys.argv[2:])
"""
"""What systemd does before it starts a service of a socket: sd_listen_fds(3)."""


def test_the_service_delivers_for_ever_over_the_socket_that_systemd_passes(program: Program) -> None:
    """As systemd starts it: the listening socket is descriptor 3, and LISTEN_PID is the process's own."""
    out, path = program.home / "out", program.home / "socket"
    program.config.write_text(f'notify_command = ["{script(program.home, f"cat >>{out}")}"]\n')
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        command = [sys.executable, "-c", PASSING, str(listener.fileno()), *program.command("notify", "--serve")]
        service = subprocess.Popen(command, env=program.environment(), pass_fds=(listener.fileno(),))
        try:
            for _ in range(3):
                SocketChannels(path).deliver(WARNING)
        finally:
            service.terminate()
            service.wait(10)
    assert out.read_text() == f"{WARNING.title}\n{WARNING.body}\n" * 3


def test_without_a_socket_the_service_says_who_passes_one(program: Program) -> None:
    program.config.write_text('notify_command = ["true"]\n')
    done = program.run("notify", "--serve")
    assert done.returncode == 78
    assert "bluezone-notify.socket" in done.stderr


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 20_000)), min_size=1, max_size=25), st.integers(1, 3))
def test_what_is_queued_is_delivered_at_least_once_whatever_fails(tries: list[tuple[bool, int]], notices: int) -> None:
    """A channel that fails at random, tried at random times."""
    with scratch_folder() as folder:
        out, works = folder / "out", folder / "works"
        tell = script(folder, f"[ -e {works} ] || exit 1; cat >>{out}; [ ! -e {folder / 'dies'} ] || kill -9 $PPID")
        config = Config(notify_command=(tell,))
        with Store(folder / "state") as store, store.transaction():
            for number in range(notices):
                store.notices.add(Notice(f"notice {number}", "text"), NOW_S)
        now_s = NOW_S
        for good, later_s in tries:
            works.touch() if good else works.unlink(missing_ok=True)
            now_s += later_s
            with Store(folder / "state") as store:
                deliver(store, config, now_s)
        works.touch()
        with Store(folder / "state") as store:
            done = deliver(store, config, now_s + RETRY_S[-1] + 1)
        assert (done.undelivered, done.error) == (0, None)
        text = out.read_text()
        assert [text.count(f"notice {n}\n") for n in range(notices)] == [1] * notices
        with Store(folder / "state") as store:
            assert store._db.execute("SELECT DISTINCT title, body FROM notice").fetchall()[0][:] == ("", "")


def test_it_is_delivered_again_where_nobody_knows_whether_it_was(tmp_path: Path) -> None:
    """Killed between the delivery and the note of it: twice is better than never."""
    out = tmp_path / "out"
    tell = script(tmp_path, f"cat >>{out}; [ -e {tmp_path}/lives ] || kill -9 $PPID")
    with Store(tmp_path / "state") as store, store.transaction():
        store.notices.add(WARNING, NOW_S)
    code = (
        "import sys; from pathlib import Path; from bluezone_agent.app.notices import deliver\n"
        "from bluezone_agent.config import Config; from bluezone_agent.stores.store import Store\n"
        f"deliver(Store(Path({str(tmp_path / 'state')!r})), Config(notify_command=({tell!r},)), int(sys.argv[1]))"
    )
    assert subprocess.run([sys.executable, "-c", code, str(NOW_S)], check=False).returncode == -9
    (tmp_path / "lives").touch()
    subprocess.run([sys.executable, "-c", code, str(NOW_S + RETRY_S[0])], check=True)
    subprocess.run([sys.executable, "-c", code, str(NOW_S + DAY_S)], check=True)
    assert out.read_text().count(WARNING.title) == 2


def test_retries_are_farther_and_farther_apart_and_survive_a_clock_that_is_set(tmp_path: Path) -> None:
    config = Config(notify_command=("false",))
    with Store(tmp_path) as store:
        with store.transaction():
            store.notices.add(WARNING, NOW_S)
        tried, attempts = [], 0
        for now_s in range(NOW_S, NOW_S + DAY_S, 60):
            deliver(store, config, now_s)
            (waiting,) = store.notices.waiting(now_s)
            if waiting.attempts > attempts:
                tried.append(now_s - NOW_S)
                attempts = waiting.attempts
        assert tried[:5] == [0, 60, 360, 1260, 4860]
        assert len(tried) == 10
        deliver(store, config, NOW_S - 5 * DAY_S)
        (waiting,) = store.notices.waiting(NOW_S - 5 * DAY_S)
        assert waiting.attempts == 11, "the next attempt lies in a future that was none"


def test_what_is_older_than_14_days_is_told_no_more(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        with store.transaction():
            store.notices.add(WARNING, NOW_S)
        assert deliver(store, Config(notify_command=("true",)), NOW_S + 15 * DAY_S).undelivered == 0
        assert store._db.execute("SELECT delivered_at_s FROM notice").fetchone()[0] is None
        store.expire(NOW_S + 15 * DAY_S)
        assert store._db.execute("SELECT count(*) FROM notice").fetchone()[0] == 0


def test_without_a_command_nothing_is_tried_and_it_waits_for_one(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        with store.transaction():
            store.notices.add(WARNING, NOW_S)
        assert deliver(store, Config(), NOW_S) == (0, None)
        assert deliver(store, Config(notify_command=("true",)), NOW_S + DAY_S) == (0, None)
        assert store.notices.waiting(NOW_S + DAY_S) == []


def test_where_a_socket_is_named_the_command_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SOCKET, str(tmp_path / "nobody"))
    with Store(tmp_path / "state") as store:
        with store.transaction():
            store.notices.add(WARNING, NOW_S)
        done = deliver(store, Config(notify_command=(script(tmp_path, f"touch {tmp_path}/ran"),)), NOW_S)
    assert done.undelivered == 1
    assert not (tmp_path / "ran").exists()
