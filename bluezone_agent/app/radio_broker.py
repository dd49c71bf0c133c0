"""The kernel radio's broker where no service manager runs one: a child of an agent that root started."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import structlog

from bluezone_agent.errors import N_, RadioFault, RadioUnavailableError
from bluezone_agent.radios.kernel.connection import broker_path, connected
from bluezone_agent.radios.kernel.listening import bound_socket
from bluezone_agent.radios.kernel.privileges import drop_privileges
from bluezone_agent.radios.options import THROUGH_BROKER, kind

log: Final = structlog.get_logger()


def require_broker(radios: Sequence[str], state_dir: Path) -> None:
    """If root uses the kernel's radio, see to it that a broker runs; then give up every privilege.

    This process becomes the user to whom the state belongs; without state it stays root, without root's rights. Call it
    before files in the state are opened. The broker ends with this process. Nothing happens with another radio, or
    without root's rights, or if ``auto`` can use BlueZ because no broker can be started; for ``kernel`` that raises
    RadioUnavailableError.
    """
    if os.geteuid() != 0 or not all(kind(radio) in THROUGH_BROKER for radio in radios):
        return
    try:
        owner = _owner(state_dir)
        if not _answers():
            try:
                _start(owner.st_uid if owner else 0)
            except RadioUnavailableError as error:
                if any(kind(radio) == "kernel" for radio in radios):
                    raise
                log.info("broker_not_used", message=str(error))
                return
        if owner and owner.st_uid:
            _become(owner.st_uid, owner.st_gid)
        drop_privileges()
    except OSError as error:
        raise RadioUnavailableError(
            RadioFault.NOT_PERMITTED,
            N_("can't start the radio broker: {reason}"),
            N_('use BlueZ: radio = "bluez:hci0"'),
            reason=error.strerror or error,
        ) from error


def _owner(state_dir: Path) -> os.stat_result | None:
    try:
        return state_dir.stat()
    except OSError:
        return None


def _become(uid: int, gid: int) -> None:
    try:
        os.initgroups(pwd.getpwuid(uid).pw_name, gid)
    except KeyError:  # a user without a name
        os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)


def _answers() -> bool:
    try:
        connected().close()
    except OSError:
        return False
    return True


def _start(uid: int) -> None:
    isolated = "-I" if sys.flags.isolated else "-P"  # as daemon.py starts its commands
    with bound_socket(Path(broker_path()), uid) as listening:
        command = [sys.executable, isolated, "-m", "bluezone_agent.radios.kernel.broker"]
        child = subprocess.Popen(  # noqa: S603 - our own program
            [*command, "--user", str(uid), "--child", str(listening.fileno())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=(listening.fileno(),),
            start_new_session=True,  # Ctrl-C is for the agent, which leaves first
        )
    _children.append(child)
    if child.stdout is None or not child.stdout.readline():  # it says when it accepts clients
        raise RadioUnavailableError(
            RadioFault.NO_BLUETOOTH,
            N_("the radio broker did not start"),
            N_('its message above says why; or use BlueZ: radio = "bluez:hci0"'),
        )
    log.info("broker_started", pid=child.pid)


_children: Final[list[subprocess.Popen[bytes]]] = []
"""Keeps the pipe to the broker open, whose end ends it."""
