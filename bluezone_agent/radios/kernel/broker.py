"""The broker's process: the only one that may use the kernel's management socket (server.py is its work).

``python -m bluezone_agent.radios.kernel.broker [--user USER] [--socket PATH]`` serves root and USER, on the sockets
that systemd passes, or on PATH. It binds the management socket, gives up every privilege, and removes what an earlier
broker left behind; then it accepts clients. One client uses an adapter at a time; when it is gone, however it ended,
nothing of it stays on the air or in the kernel.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import os
import pwd
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import structlog

from bluezone_agent.radios.kernel.listening import bound_socket
from bluezone_agent.radios.kernel.memory import Memory
from bluezone_agent.radios.kernel.privileges import drop_privileges
from bluezone_agent.radios.kernel.relay import PATH
from bluezone_agent.radios.kernel.server import Broker
from bluezone_agent.radios.kernel.socket import open_management

log: Final = structlog.get_logger()

RUNTIME: Final = Path("/run/bluezone-radio")
"""The memory of what is in the controllers, and a lock, if systemd names no other directory."""
FIRST_PASSED_FD: Final = 3
"""sd_listen_fds(3)."""


def passed_sockets() -> list[socket.socket]:
    """Return the listening sockets that systemd passes (sd_listen_fds(3))."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return []
    count = int(os.environ.get("LISTEN_FDS", "0"))
    return [socket.socket(fileno=fd) for fd in range(FIRST_PASSED_FD, FIRST_PASSED_FD + count)]


async def run(
    listening: Sequence[socket.socket],
    memory: Memory,
    uids: frozenset[int],
    management: socket.socket,
    *,
    child: bool = False,
) -> None:
    """Serve until SIGTERM or SIGINT, or as a ``child`` until standard input ends.

    Raises OSError when the management socket ends.
    """
    broker = Broker(memory, uids)
    async with broker.using(management):
        serving = asyncio.ensure_future(broker.serve(listening))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, serving.cancel)
        if child:
            loop.add_reader(sys.stdin, serving.cancel)  # nothing is written to it: it has ended
            print("ready", flush=True)
        with suppress(asyncio.CancelledError):
            await serving


def main() -> None:
    """Run the broker; the exit code is 1 if it can't work."""
    parser = argparse.ArgumentParser(prog="bluezone-radio")
    parser.add_argument("--user", default="root", help="name or number of the user that is served, besides root")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--socket", type=Path, help="where to listen, if systemd passes no socket")
    where.add_argument("--child", type=int, metavar="FD", help="the listening socket; the end of stdin ends the broker")
    options = parser.parse_args()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    try:
        uid = int(options.user) if options.user.isdecimal() else pwd.getpwnam(options.user).pw_uid
        folder = Path(os.environ.get("RUNTIME_DIRECTORY", RUNTIME))
        folder.mkdir(mode=0o700, exist_ok=True)
        lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # two brokers would remove each other's advertisements
        if options.child is not None:
            listening = [socket.socket(fileno=options.child)]
        else:
            listening = passed_sockets() or [bound_socket(options.socket or Path(PATH), uid)]
        for one in listening:
            one.setblocking(False)
        management = open_management()
        drop_privileges()
    except (OSError, KeyError) as error:
        log.error("broker_not_started", reason=str(error))
        sys.exit(1)
    child = options.child is not None
    asyncio.run(run(listening, Memory(folder), frozenset({0, uid}), management, child=child))


if __name__ == "__main__":
    main()
