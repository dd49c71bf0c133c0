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
    found = config_file.checked(device(), file)
    if as_json:
        print_json(found)
        return
    for name, value in config_file.settings(found).items():
        click.echo(f"{name} = {value!r}" if name != "source" else f"[[source]] × {len(value)}")
