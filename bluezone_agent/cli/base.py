"""Shared by all commands, in one place to import from, and the output of answers."""

from __future__ import annotations

from json import dumps

import click
import msgspec

from bluezone_agent.app.age_text import age
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
    "print_json_line",
    "printable",
    "say",
]


def print_json(result: msgspec.Struct) -> None:
    """Print an answer as one JSON object on stdout; characters that a terminal would obey or can't show are escaped."""
    click.echo(escaped(as_json(result)))


def print_json_line(result: msgspec.Struct) -> None:
    """Print one of many answers as one line."""
    click.echo(escaped(as_json(result, indent=0)))


def escaped(json: str) -> str:
    """Return JSON with escapes for characters that control a terminal, hide or reverse text, or can't be encoded."""
    return "".join(c if c == "\n" or (c.isprintable() and has_letter(c)) else dumps(c)[1:-1] for c in json)


def exit_with(code: int) -> None:
    """End the command with ``code``."""
    click.get_current_context().exit(code)
