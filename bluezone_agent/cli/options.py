"""Options: those of every command, the types of values, and how the help shows them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import click

from bluezone_agent import paths
from bluezone_agent.app.device import Device
from bluezone_agent.cli.talk import Volume, explain, set_volume
from bluezone_agent.errors import N_, ConfigError, StoreError
from bluezone_agent.files import STANDARD, is_standard
from bluezone_agent.i18n import LANGUAGES, _

if TYPE_CHECKING:
    from click.types import OptionHelpExtra

F = TypeVar("F", bound=Callable[..., Any])
EXPLAINED: Final = "bluezone_agent.explained"


def device() -> Device:
    """Return the device that the options of the current command name.

    Its files must exist, so that a mistyped name does not create a new device. Raises ConfigError, StoreError.
    """
    found = new_device()
    if found.config_file is not None and not found.config_file.exists():
        raise ConfigError(
            N_("configuration file {path} does not exist"),
            N_('correct --config, or create one with "bluezone-agent config init FILE"'),
            path=found.config_file,
        )
    if _named(click.get_current_context()).state_dir and not found.state_dir.exists():
        raise StoreError(
            N_("state directory {path} does not exist"),
            N_('correct --state-dir; "bluezone-agent run" creates a new one'),
            path=found.state_dir,
        )
    return found


def new_device() -> Device:
    """Return the device for a command that creates missing files."""
    ctx = click.get_current_context()
    found = device_of(ctx)
    if not ctx.meta.get(EXPLAINED):
        ctx.meta[EXPLAINED] = True
        explain(_("configuration: {path}").format(path=found.config_file or paths.config_path()))
        explain(_("state directory: {path}").format(path=found.state_dir))
    return found


class _Named(NamedTuple):
    """The values of the common options so far."""

    state_dir: Path | None = None
    config_file: Path | None = None


VALUES: Final = (
    N_("ADDRESS"),
    N_("ARGS"),
    N_("CODE"),
    N_("COMMAND"),
    N_("DAY"),
    N_("DAYS"),
    N_("DB"),
    N_("DBM"),
    N_("DEVICE"),
    N_("DIR"),
    N_("FILE"),
    N_("FOLDER"),
    N_("ID"),
    N_("KEY"),
    N_("KEYS"),
    N_("KIND"),
    N_("LOCATION"),
    N_("METRES"),
    N_("NAME"),
    N_("NOTE"),
    N_("NUMBER"),
    N_("OPTIONS"),
    N_("PAIR"),
    N_("REGION"),
    N_("RULE"),
    N_("SECONDS"),
    N_("SCHEDULE"),
    N_("SEED"),
    N_("SOURCE"),
    N_("SUBMISSIONS"),
    N_("TABLE"),
    N_("TEMPLATE"),
    N_("TEXT"),
    N_("TIME"),
    N_("UNIT"),
    N_("VERSION"),
    N_("WHEN"),
    N_("YYYY-MM-DD"),
)
"""What usage lines and help call the values of arguments and options."""


def translated_values(usage: str) -> str:
    """Return a usage text with its values in the person's language."""
    return re.sub(r"[A-Z][A-Z-]+", lambda word: _(word[0]) if word[0] in VALUES else word[0], usage)


class Option(click.Option):
    """An option whose help is in the person's language."""

    def make_metavar(self, ctx: click.Context) -> str:
        return translated_values(super().make_metavar(ctx))

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        record = super().get_help_record(ctx)
        return record and (record[0], record[1].replace(self.help or " ", _(self.help)))

    def get_help_extra(self, ctx: click.Context) -> OptionHelpExtra:
        """Return the text in brackets, with a range in words."""
        extra = super().get_help_extra(ctx)
        if "range" in extra and isinstance(self.type, click.IntRange | click.FloatRange):
            extra["range"] = _("{least} to {most}").format(least=self.type.min, most=self.type.max)
        return extra


class Argument(click.Argument):
    """An argument whose name is in the person's language."""

    def make_metavar(self, ctx: click.Context) -> str:
        return translated_values(super().make_metavar(ctx))


class CommonOption(Option):
    """An option of every command, which the help lists apart from the command's own."""


def _set_state_dir(ctx: click.Context, _parameter: click.Parameter, value: Path | None) -> None:
    if value is not None:
        ctx.obj = _named(ctx)._replace(state_dir=value)


def _set_config(ctx: click.Context, _parameter: click.Parameter, value: Path | None) -> None:
    if value is not None:
        ctx.obj = _named(ctx)._replace(config_file=value)


def _named(ctx: click.Context) -> _Named:
    return ctx.find_object(_Named) or _Named()


def device_of(ctx: click.Context) -> Device:
    """Return the device that the options in ``ctx`` name."""
    named = _named(ctx)
    return Device(named.state_dir or paths.state_path(), named.config_file)


class _PersonsPath(click.Path):
    """A path as users write it: ``~`` is a home, ``-`` a standard stream, which not every command can use."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        if str(value) == STANDARD and not self.allow_dash:
            self.fail(_('"-" can\'t be used here: give a file name, or ./- if that is its name'), param, ctx)
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        return path if is_standard(path) else paths.expanded(path)


class _Day(click.DateTime):
    """A day of the calendar."""

    name = "day"

    def __init__(self) -> None:
        super().__init__(["%Y-%m-%d"])

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002 - click's
        return "YYYY-MM-DD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(_("{value} is not a date: write YYYY-MM-DD").format(value=value), param, ctx)


DAY: Final = _Day()
PATH: Final = _PersonsPath(path_type=Path)
PATH_OR_STREAM: Final = _PersonsPath(path_type=Path, allow_dash=True)
"""Where ``-`` is standard input or output."""


def _set_quiet(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        set_volume(ctx, Volume.QUIET)


def _set_verbose(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        set_volume(ctx, Volume.VERBOSE)


def common_options() -> list[click.Parameter]:
    """Return the options of every command, new ones for each."""
    shared: dict[str, Any] = {"expose_value": False, "is_eager": True}
    return [
        CommonOption(
            ["--state-dir"],
            type=PATH,
            callback=_set_state_dir,
            metavar="DIR",
            help=N_("Folder with the agent's data."),
            **shared,
        ),
        CommonOption(
            ["--config"], type=PATH, callback=_set_config, metavar="FILE", help=N_("Configuration file."), **shared
        ),
        CommonOption(["--lang"], type=click.Choice(LANGUAGES), help=N_("Language of all texts."), **shared),
        CommonOption(
            ["-q", "--quiet"],
            is_flag=True,
            callback=_set_quiet,
            help=N_("Print only the answer and errors."),
            **shared,
        ),
        CommonOption(
            ["-v", "--verbose"],
            is_flag=True,
            callback=_set_verbose,
            help=N_("Also print on stderr what the command is doing."),
            **shared,
        ),
    ]


def argument(name: str, **attributes: Any) -> Callable[[F], F]:
    """Declare an argument with a translated name."""
    return click.argument(name, cls=Argument, **attributes)


def option(*names: str, **attributes: Any) -> Callable[[F], F]:
    """Declare an option with translated help."""
    return click.option(*names, cls=Option, **attributes)


json_option = option("--json", "as_json", is_flag=True, help=N_("Print one JSON object instead of text."))
