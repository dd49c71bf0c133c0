"""Prints whether the owner was exposed, before all other output of a command."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Sequence

import click

from bluezone_agent.app.exposure_answer import Answer, AuthorityContact, ExposureAnswer
from bluezone_agent.app.exposure_day import ExposureDay
from bluezone_agent.app.sentences import answer_lines
from bluezone_agent.cli.base import printable

COLOURS = {Answer.EXPOSED: "red", Answer.NOT_KNOWN: "yellow", Answer.NONE_DETECTED: None}


def print_answer(result: ExposureAnswer, days: Sequence[ExposureDay], contact: AuthorityContact | None) -> None:
    """Print the answer; an exposure in red, with advice and the contact of the health authority."""
    for line in answer_lines(result, days, contact):
        click.secho(_wrapped(printable(line)), fg=COLOURS[result.answer], bold=result.answer is Answer.EXPOSED)


def _wrapped(line: str) -> str:
    """Return the line wrapped at word boundaries for a terminal."""
    return textwrap.fill(line, shutil.get_terminal_size().columns) if sys.stdout.isatty() else line
