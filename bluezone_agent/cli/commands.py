"""The classes of commands, and their help."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from importlib import import_module
from typing import Any, Final, NamedTuple, cast

import click
from click.shell_completion import CompletionItem

from bluezone_agent.cli.examples import EXAMPLES, continued
from bluezone_agent.cli.options import Option, common_options, device_of, translated_values
from bluezone_agent.cli.talk import Volume, explain, log_level, volume
from bluezone_agent.cli.wrapping import columns
from bluezone_agent.errors import N_, AgentError
from bluezone_agent.i18n import _, local_number

HEADING: Final = N_("Commands")
WIDEST: Final = 100
NARROWEST: Final = 30
"""Columns of the help, whatever the terminal has."""


MANUAL: Final = N_(
    'docs/owner.md in the source code, in Vietnamese docs/vi/owner.md; once it is installed, also "man bluezone-agent"'
)


class Formatter(click.HelpFormatter):
    """Fits the terminal: up to 100 columns, and narrow ones too."""

    def __init__(self, indent_increment: int = 2, width: int | None = None, max_width: int | None = None) -> None:
        fits = columns() - 1
        super().__init__(indent_increment, width or max(min(fits, max_width or WIDEST), NARROWEST))

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Write names and what they mean; on a narrow terminal the names get less room."""
        super().write_dl(rows, min(col_max, self.width // 2 - col_spacing), col_spacing)


class Context(click.Context):
    """The context of a command."""

    formatter_class = Formatter


def path_of(ctx: click.Context) -> str:
    """Return the name of a command without the program's: ``keys export``."""
    return ctx.command_path.partition(" ")[2]


Records = list[tuple[str, str]]
"""Options as they are listed, and what each means."""


def own_and_common(command: click.Command, ctx: click.Context) -> tuple[Records, Records]:
    """Return the options of ``command``, and the common ones; if it has none, the common ones come first."""
    own, common = Records(), Records()
    for parameter in command.get_params(ctx):
        if isinstance(parameter, click.Option) and (record := parameter.get_help_record(ctx)):
            (own if type(parameter) is Option else common).append(record)
    return (own, common) if own else (common, own)


class _Translated(click.Command):
    """A command that takes the common options and describes itself in the person's language."""

    context_class = Context

    def __init__(self, *args: Any, answers: Any = None, **kwargs: Any) -> None:
        """``answers`` is the type of what ``--json`` prints, a union if it depends on the options."""
        super().__init__(*args, **kwargs)
        self.answers = answers
        self.params += common_options()

    def invoke(self, ctx: click.Context) -> Any:
        """Run it; if it fails on a damaged store, report the damage: a damaged row may cause any error."""
        try:
            return super().invoke(ctx)
        except (AgentError, click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError):
            raise
        except Exception:
            from bluezone_agent.app.damage import require_sound  # noqa: PLC0415 - only needed after a failure

            require_sound(device_of(ctx))
            raise

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [translated_values(piece) for piece in super().collect_usage_pieces(ctx)]

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(_(self.help))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the command's own options first, then those of every command."""
        own, common = own_and_common(self, ctx)
        for heading, records in ((_("Options"), own), (_("Common options"), common)):
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """End with examples, and the program itself with its manual."""
        examples = EXAMPLES.get(path_of(ctx), ())
        if not examples:
            return
        with formatter.section(_("Examples")):
            for example in examples:
                formatter.write_text(_(example.what))
                with formatter.indentation():
                    for line in continued(example.line, formatter.width - formatter.current_indent):
                        formatter.write(f"{'':{formatter.current_indent}}{line}\n")
        if ctx.parent is None:
            with formatter.section(_("Manual")):
                formatter.write_text(_(MANUAL))

    def get_short_help_str(self, limit: int = 0) -> str:  # noqa: ARG002 - click's; a list of commands wraps its lines
        return _(self.help).partition(". ")[0].rstrip(".")


class Command(_Translated):
    """One command."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run it; with --verbose say how long it took, and show events."""
        if volume() is not Volume.VERBOSE:
            return super().invoke(ctx)
        from bluezone_agent.app import logs  # noqa: PLC0415 - without --verbose not every command needs them

        logs.to_stderr(log_level(logging.WARNING))
        began_s = time.monotonic()
        try:
            return super().invoke(ctx)
        finally:
            explain(_("took {n:.1f} s").format(n=local_number(time.monotonic() - began_s)))


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

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        lazy = [name for name, command in self._lazy.items() if not command.hidden]
        return [*(name for name in self.commands if not self.commands[name].hidden), *lazy]

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

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands first."""
        self.format_commands(ctx, formatter)
        super().format_options(ctx, formatter)

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
