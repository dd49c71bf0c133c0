"""What every command shares: options, languages, errors, output."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Sequence
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar, cast

import click
import msgspec
from click.shell_completion import CompletionItem
from msgspec.structs import replace

from bluezone_agent import paths
from bluezone_agent.app.device import Device
from bluezone_agent.app.result import as_json
from bluezone_agent.core.ages import is_known
from bluezone_agent.errors import N_, AgentError
from bluezone_agent.i18n import LANGUAGES, _, rendered, use_language

F = TypeVar("F", bound=Callable[..., Any])


def device() -> Device:
    """Return the device that the options of the present command name."""
    return _inherited(click.get_current_context())


class Option(click.Option):
    """An option whose help is in the person's language."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        record = super().get_help_record(ctx)
        return record and (record[0], record[1].replace(self.help or " ", _(self.help)))


def _set_state_dir(ctx: click.Context, _parameter: click.Parameter, value: Path | None) -> None:
    if value is not None:
        ctx.obj = replace(_inherited(ctx), state_dir=value)


def _set_config(ctx: click.Context, _parameter: click.Parameter, value: Path | None) -> None:
    if value is not None:
        ctx.obj = replace(_inherited(ctx), config_file=value)


def speak_as_asked(arguments: Sequence[str]) -> None:
    """Speak the language of ``--lang`` before anything is parsed: click words its mistakes while it parses."""
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=False):
        name, _equals, value = argument.partition("=")
        if name == "--lang" and (value or following) in LANGUAGES:
            use_language(value or following)


def _inherited(ctx: click.Context) -> Device:
    return ctx.find_object(Device) or Device(paths.state_path())


PATH: Final = click.Path(path_type=Path)
SUMMARY_LIMIT: Final = 60
"""Characters: with the names of commands, two spaces and a margin, a line of 80 columns."""


def _common_options() -> list[click.Parameter]:
    shared: dict[str, Any] = {"expose_value": False, "is_eager": True}
    return [
        Option(
            ["--state-dir"],
            type=PATH,
            callback=_set_state_dir,
            metavar="DIR",
            help=N_("Folder of the agent's store."),
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
        """Run it; what a damaged store brings about fails as that: a damaged row may be read as anything."""
        try:
            return super().invoke(ctx)
        except (AgentError, click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except Exception:
            from bluezone_agent.app.damage import require_sound  # noqa: PLC0415 - a command that works needs it never

            require_sound(_inherited(ctx))
            raise

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(_(self.help))

    def get_short_help_str(self, limit: int = 45) -> str:
        return textwrap.shorten(_(self.help).rstrip("."), limit, placeholder=" …")


class Command(_Translated):
    """One command."""


class Lazy(NamedTuple):
    """A command that is imported when it is called."""

    target: str
    """``module:attribute`` below bluezone_agent.cli."""
    summary: str
    """What it does, in a few words, for lists of commands."""
    hidden: bool = False


class Group(_Translated, click.Group):
    """Commands; those of ``lazy`` are each imported when it is called, not for a list of them."""

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
        """Return what the command called ``name`` does, in a few words."""
        if name in self._lazy:
            return _(self._lazy[name].summary)
        command = self.get_command(ctx, name)
        return command.get_short_help_str(SUMMARY_LIMIT) if command else ""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, self.summary(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section(_("Commands")):
            formatter.write_dl(rows)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete names without importing every command for its help."""
        names = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        return [
            *(CompletionItem(name, help=self.summary(ctx, name)) for name in names),
            *click.Command.shell_complete(self, ctx, incomplete),
        ]


def option(*names: str, **attributes: Any) -> Callable[[F], F]:
    """Declare an option with translated help."""
    return click.option(*names, cls=Option, **attributes)


json_option = option("--json", "as_json", is_flag=True, help=N_("Print one JSON object instead of text."))


def print_json(result: msgspec.Struct) -> None:
    """Print an answer as one JSON object on stdout."""
    click.echo(as_json(result))


def age(at: datetime, now: datetime) -> str:
    """Return how long ago something was, for a person."""
    if not is_known(now.timestamp(), at.timestamp()):
        return _("at an unknown time")
    seconds = int((now - at).total_seconds())
    if seconds < 100:
        return _("{n} s ago").format(n=seconds)
    if seconds < 100 * 60:
        return _("{n} min ago").format(n=seconds // 60)
    return _("{n} h ago").format(n=seconds // 3600)


def say(text: str) -> None:
    """Print talk, which is not data, on stderr."""
    click.echo(text, err=True)


def fail(error: AgentError) -> int:
    """Print an error and its hint on stderr; return the exit code."""
    message, hint = rendered(error)
    say(_("bluezone-agent: error: {message}").format(message=printable(message)))
    if hint:
        say(_("bluezone-agent: hint: {hint}").format(hint=printable(hint)))
    return error.exit_code


def printable(text: str) -> str:
    """Return text in which nothing that came from outside can move the cursor or pretend to be another line."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def exit_with(code: int) -> None:
    """End the command with ``code``."""
    click.get_current_context().exit(code)


def is_person() -> bool:
    """Return whether stderr is a terminal that somebody watches."""
    return sys.stderr.isatty()
