"""``bluezone-agent config``: write one, check one."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import click

from bluezone_agent.cli.base import PATH, Command, Group, json_option, print_json, say, settings
from bluezone_agent.errors import N_, ConfigError
from bluezone_agent.files import create
from bluezone_agent.i18n import _
from bluezone_agent.paths import config_path


@click.group(cls=Group, help=N_("Write a configuration with every setting explained, or check one."))
def config() -> None:
    """Group of the configuration commands."""


@config.command(cls=Command, help=N_('Write an example configuration to FILE; "-" prints it.'))
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True), required=False)
def init(*, file: Path | None) -> None:
    """Write the example; an existing file is never overwritten."""
    example = files("bluezone_agent.cli").joinpath("example.toml").read_text("utf-8")
    path = file or settings().config_file or config_path()
    if str(path) == "-":
        click.echo(example, nl=False)
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        create(path, example.encode())
    except OSError as error:
        raise ConfigError(
            N_("can't write {path}: {reason}"),
            N_('name another file, or "-" to print it'),
            path=path,
            reason=error.strerror,
        ) from error
    say(_("written: {path}").format(path=path))


@config.command(cls=Command, help=N_("Check the configuration and show what is in force."))
@click.argument("file", type=PATH, required=False)
@json_option
def check(*, file: Path | None, as_json: bool) -> None:
    """Print the settings in force; exit 78 with the first mistake."""
    import msgspec  # noqa: PLC0415

    from bluezone_agent.cli.check import pinned_sources  # noqa: PLC0415
    from bluezone_agent.config import load  # noqa: PLC0415

    loaded = load(file or settings().config_file)
    if loaded.sources:
        pinned_sources(loaded, None)  # reads the keys
    values = msgspec.to_builtins(loaded)
    if loaded.publish:
        values["publish"]["api_key"] = "<set>"
    if as_json:
        print_json(values)
        return
    for name, value in values.items():
        click.echo(f"{name} = {value!r}" if name != "source" else f"[[source]] × {len(value)}")
