"""``bluezone-agent config``: write or check a configuration."""

from __future__ import annotations

from pathlib import Path

import click

from bluezone_agent.app import config_file
from bluezone_agent.cli.base import (
    PATH_OR_STREAM,
    Command,
    Group,
    argument,
    device,
    json_option,
    new_device,
    print_json,
    printable,
    say,
)
from bluezone_agent.config import Config
from bluezone_agent.errors import N_
from bluezone_agent.i18n import _


@click.group(cls=Group, help=N_("Write a configuration that explains every setting, or check one."))
def config() -> None:
    """Group of the configuration commands."""


@config.command(cls=Command, help=N_('Write an example configuration to FILE ("-": print it).'))
@argument("file", type=PATH_OR_STREAM, required=False)
def init(*, file: Path | None) -> None:
    """Write the example; an existing file is never overwritten."""
    if str(file) == "-":
        click.echo(config_file.example(), nl=False)
        return
    say(_("written: {path}").format(path=config_file.write_example(new_device(), file)))


@config.command(cls=Command, answers=Config, help=N_("Check the configuration and show the settings in force."))
@argument("file", type=PATH_OR_STREAM, required=False)
@json_option
def check(*, file: Path | None, as_json: bool) -> None:
    """Print the settings in force; exit 78 with the first mistake."""
    here = device()
    found = config_file.checked(here, file)
    if as_json:
        print_json(found)
        return
    path = config_file.used(here, file)
    said = _("# {path} is correct; the settings in force:") if path else _("# no configuration file; the defaults:")
    click.echo(said.format(path=printable(str(path))))
    click.echo(config_file.settings(found))
