"""Shared by all commands, in one place to import from, and the output of answers."""

from __future__ import annotations

from datetime import datetime
from json import dumps

import click
import msgspec

from bluezone_agent.app.result import as_json
from bluezone_agent.cli.commands import HEADING, Command, Group, Lazy
from bluezone_agent.cli.options import (
    DAY,
    PATH,
    PATH_OR_STREAM,
    VALUES,
    Argument,
    Option,
    argument,
    device,
    json_option,
    new_device,
    option,
)
from bluezone_agent.cli.streams import has_letter
from bluezone_agent.cli.talk import fail, is_person, printable, say
from bluezone_agent.core.ages import is_known
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.i18n import _

__all__ = [
    "DAY",
    "HEADING",
    "PATH",
    "PATH_OR_STREAM",
    "VALUES",
    "Argument",
    "Command",
    "Group",
    "Lazy",
    "Option",
    "age",
    "argument",
    "device",
    "escaped",
    "exit_with",
    "fail",
    "is_person",
    "json_option",
    "new_device",
    "option",
    "print_json",
    "printable",
    "say",
]


def print_json(result: msgspec.Struct) -> None:
    """Print an answer as one JSON object on stdout; characters that a terminal would obey or can't show are escaped."""
    click.echo(escaped(as_json(result)))


def escaped(json: str) -> str:
    """Return JSON with escapes for characters that control a terminal, hide or reverse text, or can't be encoded."""
    return "".join(c if c == "\n" or (c.isprintable() and has_letter(c)) else dumps(c)[1:-1] for c in json)


def age(at: datetime, now: datetime) -> str:
    """Describe how long ago something was."""
    if not is_known(now.timestamp(), at.timestamp()):
        return _("at an unknown time")
    seconds = int((now - at).total_seconds())
    if seconds < 100:
        return _("{n} s ago").format(n=seconds)
    if seconds < 100 * 60:
        return _("{n} min ago").format(n=seconds // 60)
    if seconds < 48 * 3600:
        return _("{n} h ago").format(n=seconds // 3600)
    return _("{n} days ago").format(n=seconds // DAY_S)


def exit_with(code: int) -> None:
    """End the command with ``code``."""
    click.get_current_context().exit(code)
