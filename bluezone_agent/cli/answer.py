"""Prints whether the owner was exposed, before all other output of a command."""

from __future__ import annotations

from collections.abc import Sequence

import click

from bluezone_agent.app.exposure_answer import Answer, AuthorityContact, ExposureAnswer
from bluezone_agent.app.exposure_day import ExposureDay
from bluezone_agent.app.sentences import answer_lines
from bluezone_agent.cli.base import printable
from bluezone_agent.cli.wrapping import wrapped

COLOURS = {Answer.EXPOSED: "red", Answer.NOT_KNOWN: "yellow", Answer.NONE_DETECTED: None}


def print_answer(result: ExposureAnswer, days: Sequence[ExposureDay], contact: AuthorityContact | None) -> None:
    """Print the answer; an exposure in red, with advice and the contact of the health authority."""
    for line in answer_lines(result, days, contact):
        click.secho(
            wrapped(printable(line), hanging=0), fg=COLOURS[result.answer], bold=result.answer is Answer.EXPOSED
        )
