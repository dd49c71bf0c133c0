"""The passphrase option, and the prompt if it is missing."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from bluezone_agent.app.passphrase import Passphrase
from bluezone_agent.cli.base import PATH_OR_STREAM, option, printable
from bluezone_agent.cli.questions import ask_passphrase
from bluezone_agent.errors import N_
from bluezone_agent.i18n import _


def _typed(option_name: str, path: Path, new: bool) -> str:
    question = _("Passphrase of {path}").format(path=printable(str(path)))
    return ask_passphrase(question, option_name, twice=new)


def from_option(_ctx: click.Context, parameter: click.Parameter, file: Path | None) -> Passphrase:
    """Return the passphrase from the option's file or from a prompt."""
    return Passphrase(file, partial(_typed, parameter.opts[0]))


passphrase_option = option(
    "--passphrase-file",
    "passphrase",
    type=PATH_OR_STREAM,
    metavar="FILE",
    callback=from_option,
    help=N_('Read the passphrase from the first line of FILE instead of asking ("-": standard input).'),
)
