"""Questions at a terminal; without a terminal an error names the option that answers."""

from __future__ import annotations

import os
import sys

import click

from bluezone_agent.cli.progress import paused
from bluezone_agent.cli.talk import insist
from bluezone_agent.errors import EXIT_USAGE, N_, AgentError


class NoTerminalError(AgentError):
    """A question can't be asked: nobody is at a terminal."""

    exit_code = EXIT_USAGE


def require_yes(explanation: str, question: str) -> None:
    """Ask ``question`` below its explanation; any answer but yes ends the command. Raises NoTerminalError."""
    _require_terminal(question, "--yes")
    insist(explanation)
    with paused():
        click.confirm(question, abort=True, err=True)


def read_line(question: str) -> str:
    """Return the first line of stdin; at a terminal, ask for it."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().strip()
    found: str = click.prompt(question, err=True)
    return found.strip()


def wait_for_enter(question: str) -> None:
    """Return when a person has pressed Enter. Raises NoTerminalError."""
    _require_terminal(question, "--yes")
    with paused():
        click.prompt(question, default="", show_default=False, prompt_suffix=" ", err=True)


def ask_passphrase(question: str, option: str, *, twice: bool) -> str:
    """Return a typed passphrase; ``option`` is the one that names a file instead. Raises NoTerminalError."""
    if not _has_terminal():  # the terminal is read even if stdin is a file
        _require_terminal(question, f"{option} FILE")
    with paused():
        found: str = click.prompt(question, hide_input=True, confirmation_prompt=twice, err=True)
    return found


def _require_terminal(question: str, option: str) -> None:
    if not sys.stdin.isatty():
        raise NoTerminalError(
            N_('stdin is not a terminal, so nobody can answer "{question}"'),
            N_("use {option}"),
            question=question,
            option=option,
        )


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
