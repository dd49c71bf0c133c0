"""Messages on stderr, and how many of them."""

from __future__ import annotations

import sys
from enum import IntEnum
from typing import Final

import click

from bluezone_agent.cli.wrapping import wrapped
from bluezone_agent.errors import AgentError
from bluezone_agent.i18n import _, rendered

VOLUME: Final = "bluezone_agent.volume"


class Volume(IntEnum):
    """How much the user wants to read besides the answer."""

    QUIET = -1
    """Errors only."""
    NORMAL = 0
    VERBOSE = 1
    """Also what the command is doing."""


def set_volume(ctx: click.Context, volume: Volume) -> None:
    """Set how much this command and its parents print."""
    ctx.meta[VOLUME] = volume


def volume() -> Volume:
    """Return how much the current command prints."""
    ctx = click.get_current_context(silent=True)
    return Volume.NORMAL if ctx is None else ctx.meta.get(VOLUME, Volume.NORMAL)


def log_level(usual: int) -> int:
    """Return the level of events to print; ``usual`` is the level without --quiet and --verbose."""
    return usual - 10 * volume()  # the levels of logging are ten apart


def say(text: str) -> None:
    """Print a message, which is not data, on stderr, except with --quiet; quoted text in it can't move the cursor."""
    if volume() > Volume.QUIET:
        insist(text)


def explain(text: str) -> None:
    """Print a detail of what the command is doing on stderr, with --verbose only."""
    if volume() is Volume.VERBOSE:
        insist(text)


def insist(text: str) -> None:
    """Print on stderr what --quiet does not hide: errors, and what the user needs to answer a question."""
    lines = "\n".join(map(printable, text.split("\n")))
    click.echo(wrapped(lines, stream=sys.stderr), err=True)


def fail(error: AgentError) -> int:
    """Print an error and its hint on stderr; return the exit code."""
    message, hint = rendered(error)
    insist(_("bluezone-agent: error: {message}").format(message=printable(message)))
    if hint:
        insist(_("bluezone-agent: hint: {hint}").format(hint=printable(hint)))
    return error.exit_code


def printable(text: str) -> str:
    """Return text in which untrusted characters can't move the cursor or fake another line."""
    return "".join(c if c.isprintable() else _shown(ord(c)) for c in text)


def _shown(number: int) -> str:
    byte = number - 0xDC00 if 0xDC80 <= number <= 0xDCFF else number  # a byte of a name that is not valid text
    return f"\\x{byte:02x}"


def is_person() -> bool:
    """Return whether stderr is a terminal."""
    return sys.stderr.isatty()
