"""Shared by all commands: options, languages, errors, output."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from datetime import datetime
from importlib import import_module
from json import dumps
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar, cast

import click
import msgspec
from click.shell_completion import CompletionItem

from bluezone_agent import paths
from bluezone_agent.app.device import Device
from bluezone_agent.app.result import as_json
from bluezone_agent.cli.streams import has_letter
from bluezone_agent.core.ages import is_known
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.errors import N_, AgentError, ConfigError, StoreError
from bluezone_agent.files import STANDARD, is_standard
from bluezone_agent.i18n import LANGUAGES, _, rendered

F = TypeVar("F", bound=Callable[..., Any])
HEADING: Final = N_("Commands")


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
    return _device(click.get_current_context())


class _Named(NamedTuple):
    """The values of the common options so far."""

    state_dir: Path | None = None
    config_file: Path | None = None


VALUES: Final = (
    N_("ARGS"),
    N_("CODE"),
    N_("COMMAND"),
    N_("DAY"),
    N_("DAYS"),
    N_("DBM"),
    N_("DEVICE"),
    N_("DIR"),
    N_("FILE"),
    N_("FOLDER"),
    N_("LOCATION"),
    N_("METRES"),
    N_("NAME"),
    N_("OPTIONS"),
    N_("REGION"),
    N_("RULE"),
    N_("SECONDS"),
    N_("SUBMISSIONS"),
    N_("TABLE"),
    N_("TEXT"),
    N_("TIME"),
    N_("VERSION"),
    N_("YYYY-MM-DD"),
)
"""What usage lines and help call the values of arguments and options."""


def _translated_values(usage: str) -> str:
    return re.sub(r"[A-Z][A-Z-]+", lambda word: _(word[0]) if word[0] in VALUES else word[0], usage)


class Option(click.Option):
    """An option whose help is in the person's language."""

    def make_metavar(self, ctx: click.Context) -> str:
        return _translated_values(super().make_metavar(ctx))

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        record = super().get_help_record(ctx)
        return record and (record[0], record[1].replace(self.help or " ", _(self.help)))


class Argument(click.Argument):
    """An argument whose name is in the person's language."""

    def make_metavar(self, ctx: click.Context) -> str:
        return _translated_values(super().make_metavar(ctx))


def _set_state_dir(ctx: click.Context, _parameter: click.Parameter, value: Path | None) -> None:
    if value is not None:
        ctx.obj = _named(ctx)._replace(state_dir=value)


def _set_config(ctx: click.Context, _parameter: click.Parameter, value: Path | None) -> None:
    if value is not None:
        ctx.obj = _named(ctx)._replace(config_file=value)


def _named(ctx: click.Context) -> _Named:
    return ctx.find_object(_Named) or _Named()


def _device(ctx: click.Context) -> Device:
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


def _common_options() -> list[click.Parameter]:
    shared: dict[str, Any] = {"expose_value": False, "is_eager": True}
    return [
        Option(
            ["--state-dir"],
            type=PATH,
            callback=_set_state_dir,
            metavar="DIR",
            help=N_("Folder with the agent's data."),
            **shared,
        ),
        Option(["--config"], type=PATH, callback=_set_config, metavar="FILE", help=N_("Configuration file."), **shared),
        Option(
            ["--lang"],
            type=click.Choice(LANGUAGES),
            help=N_("Language of all texts."),
            **shared,
        ),
    ]


class _Translated(click.Command):
    """A command that takes the common options and describes itself in the person's language."""

    def __init__(self, *args: Any, answers: Any = None, **kwargs: Any) -> None:
        """``answers`` is the type of what ``--json`` prints, a union where it depends on the options."""
        super().__init__(*args, **kwargs)
        self.answers = answers
        self.params += _common_options()

    def invoke(self, ctx: click.Context) -> Any:
        """Run it; if it fails on a damaged store, report the damage: a damaged row may cause any error."""
        try:
            return super().invoke(ctx)
        except (AgentError, click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError):
            raise
        except Exception:
            from bluezone_agent.app.damage import require_sound  # noqa: PLC0415 - a command that works needs it never

            require_sound(_device(ctx))
            raise

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [_translated_values(piece) for piece in super().collect_usage_pieces(ctx)]

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(_(self.help))

    def get_short_help_str(self, limit: int = 0) -> str:  # noqa: ARG002 - click's; a list of commands wraps its lines
        return _(self.help).rstrip(".")


class Command(_Translated):
    """One command."""


class Lazy(NamedTuple):
    """A command that is imported when it is called."""

    target: str
    """``module:attribute`` below bluezone_agent.cli."""
    summary: str
    """A short description for lists of commands."""
    section: str = HEADING
    """Heading of its group in the list."""
    hidden: bool = False


class Group(_Translated, click.Group):
    """A group of commands; those of ``lazy`` are imported only when called, not for lists."""

    command_class = Command

    def __init__(self, *args: Any, lazy: dict[str, Lazy] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lazy = lazy or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*(name for name, lazy in self._lazy.items() if not lazy.hidden), *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._lazy:
            return super().get_command(ctx, cmd_name)
        module, _colon, attribute = self._lazy[cmd_name].target.partition(":")
        return cast("click.Command", getattr(import_module(f"bluezone_agent.cli.{module}"), attribute))

    def every_name(self) -> list[str]:
        """Return the name of each command, hidden ones too."""
        return [*self._lazy, *self.commands]

    def summary(self, ctx: click.Context, name: str) -> str:
        """Return a short description of the command ``name``."""
        if name in self._lazy:
            return _(self._lazy[name].summary)
        command = self.get_command(ctx, name)
        return command.get_short_help_str() if command else ""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            heading = self._lazy[name].section if name in self._lazy else HEADING
            sections.setdefault(heading, []).append((name, self.summary(ctx, name)))
        for heading, rows in sections.items():
            with formatter.section(_(heading)):
                formatter.write_dl(rows)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; suggest similar names for an unknown one."""
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:
            raise click.NoSuchCommand(error.command_name, possibilities=self.list_commands(ctx), ctx=ctx) from None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete names without importing every command for its help."""
        names = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        return [
            *(CompletionItem(name, help=self.summary(ctx, name)) for name in names),
            *click.Command.shell_complete(self, ctx, incomplete),
        ]


def argument(name: str, **attributes: Any) -> Callable[[F], F]:
    """Declare an argument with a translated name."""
    return click.argument(name, cls=Argument, **attributes)


def option(*names: str, **attributes: Any) -> Callable[[F], F]:
    """Declare an option with translated help."""
    return click.option(*names, cls=Option, **attributes)


json_option = option("--json", "as_json", is_flag=True, help=N_("Print one JSON object instead of text."))


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


def say(text: str) -> None:
    """Print a message, which is not data, on stderr; quoted text in it can't move the cursor."""
    click.echo("\n".join(map(printable, text.split("\n"))), err=True)


def fail(error: AgentError) -> int:
    """Print an error and its hint on stderr; return the exit code."""
    message, hint = rendered(error)
    say(_("bluezone-agent: error: {message}").format(message=printable(message)))
    if hint:
        say(_("bluezone-agent: hint: {hint}").format(hint=printable(hint)))
    return error.exit_code


def printable(text: str) -> str:
    """Return text in which untrusted characters can't move the cursor or fake another line."""
    return "".join(c if c.isprintable() else _shown(ord(c)) for c in text)


def _shown(number: int) -> str:
    byte = number - 0xDC00 if 0xDC80 <= number <= 0xDCFF else number  # a byte of a name that is not valid text
    return f"\\x{byte:02x}"


def exit_with(code: int) -> None:
    """End the command with ``code``."""
    click.get_current_context().exit(code)


def is_person() -> bool:
    """Return whether stderr is a terminal."""
    return sys.stderr.isatty()
