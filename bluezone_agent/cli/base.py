"""What every command shares: options, languages, errors, output."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import click

from bluezone_agent import paths
from bluezone_agent.errors import N_, AgentError
from bluezone_agent.i18n import LANGUAGES, _, local_time, rendered, use_language

if TYPE_CHECKING:
    from bluezone_agent.config import Config

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Settings:
    """What the options that every command takes say."""

    state_dir: Path
    config_file: Path | None = None

    def config(self) -> Config:
        """Read the configuration; raises ConfigError."""
        from bluezone_agent.config import load  # noqa: PLC0415 - imports cryptography, which `status` can't wait for

        config = load(self.config_file)
        if config.language:
            use_language(config.language)
        return config


def settings() -> Settings:
    """Return the settings of the command that runs."""
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
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=True):
        name, _equals, value = argument.partition("=")
        if name == "--lang" and (value or following) in LANGUAGES:
            use_language(value or following)


def _inherited(ctx: click.Context) -> Settings:
    return ctx.find_object(Settings) or Settings(paths.state_path())


PATH: Final = click.Path(path_type=Path)


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

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += _common_options()

    def invoke(self, ctx: click.Context) -> Any:
        """Run it; what a damaged store brings about fails as that: a damaged row may be read as anything."""
        try:
            return super().invoke(ctx)
        except (AgentError, click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except Exception:
            from bluezone_agent.stores.file.open import require_sound  # noqa: PLC0415

            require_sound(_inherited(ctx).state_dir)
            raise

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(_(self.help))

    def get_short_help_str(self, limit: int = 45) -> str:
        return textwrap.shorten(_(self.help).rstrip("."), limit, placeholder=" …")


class Command(_Translated):
    """One command."""


class Group(_Translated, click.Group):
    """Commands, each imported when it is called: ``lazy`` maps a name to ``module:attribute``."""

    command_class = Command

    def __init__(self, *args: Any, lazy: dict[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lazy = lazy or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self._lazy, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._lazy:
            return super().get_command(ctx, cmd_name)
        module, _colon, attribute = self._lazy[cmd_name].partition(":")
        return cast("click.Command", getattr(import_module(f"bluezone_agent.cli.{module}"), attribute))


def option(*names: str, **attributes: Any) -> Callable[[F], F]:
    """Declare an option with translated help."""
    return click.option(*names, cls=Option, **attributes)


json_option = option("--json", "as_json", is_flag=True, help=N_("Print one JSON object instead of text."))


def print_json(value: dict[str, Any]) -> None:
    """Print one object on stdout."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def iso(unix_s: float | None) -> str | None:
    """Return a time as UTC ISO-8601, None for never."""
    return None if unix_s is None else datetime.fromtimestamp(unix_s, UTC).isoformat().replace("+00:00", "Z")


def age(at_s: float, now_s: float) -> str:
    """Return how long ago something was, for a person; a time in the future as itself."""
    seconds = int(now_s - at_s)
    if seconds < 0:
        return local_time(at_s)
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
