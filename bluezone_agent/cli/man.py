"""The manual pages, made from the help of the commands: ``python -m bluezone_agent.cli.man FOLDER en`` writes them.

A process speaks one language: click caches the help of --help.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from bluezone_agent import __version__
from bluezone_agent.cli import EXIT_STOPPED, root
from bluezone_agent.cli.commands import Group, own_and_common, path_of
from bluezone_agent.cli.examples import EXAMPLES, continued
from bluezone_agent.errors import EXIT_CONFIG, EXIT_FAULT, EXIT_NO_RADIO, EXIT_TRY_AGAIN, EXIT_USAGE, N_
from bluezone_agent.i18n import LANGUAGES, _, use_language

ESCAPES: Final = str.maketrans(
    {"\\": r"\e", "-": r"\-", "'": r"\(aq", '"': r"\(dq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti"}
)
"""Characters that groff would interpret or replace."""
EXAMPLE_WIDTH: Final = 66
EXIT_CODES: Final = {
    0: N_("everything is fine"),
    EXIT_FAULT: N_("something is wrong; stderr says what"),
    EXIT_USAGE: N_("the command line is wrong, or a question needs a terminal or an option"),
    EXIT_NO_RADIO: N_("there is no usable Bluetooth radio"),
    EXIT_TRY_AGAIN: N_("not possible at the moment: try again"),
    EXIT_CONFIG: N_("the configuration is wrong"),
    EXIT_STOPPED: N_("stopped by Ctrl-C, or a question was answered with no"),
}
FILES: Final = {
    "~/.config/bluezone-agent/bluezone-agent.toml": N_("the configuration; --config names another one"),
    "~/.local/share/bluezone-agent/": N_("keys, contacts and exposures; --state-dir names another folder"),
    "/etc/bluezone-agent/, /var/lib/bluezone-agent/": N_("the same for the service that scripts/install sets up"),
}
ENVIRONMENT: Final = {
    "NO_COLOR": N_("if set, nothing is coloured; the same with TERM=dumb"),
    "COLUMNS": N_("width of help and tables"),
    "LANGUAGE, LC_ALL, LC_MESSAGES, LANG": N_("language of all texts, unless --lang or the configuration names one"),
}


def pages() -> Iterator[tuple[str, str]]:
    """Yield the name of each page and its text, in the language in use."""
    yield from _pages(root, _context(root, "bluezone-agent", None))


def _pages(command: click.Command, ctx: click.Context) -> Iterator[tuple[str, str]]:
    yield f"{page_name(ctx)}.1", "\n".join(_page(command, ctx)) + "\n"
    if isinstance(command, Group):
        for name in command.list_commands(ctx):
            found = command.get_command(ctx, name)
            if found is not None:
                yield from _pages(found, _context(found, name, ctx))


def _context(command: click.Command, name: str, parent: click.Context | None) -> click.Context:
    return command.make_context(name, [], parent=parent, resilient_parsing=True)


def page_name(ctx: click.Context) -> str:
    """Return a page's name without its section: ``bluezone-agent-keys-export``."""
    return ctx.command_path.replace(" ", "-")


def _page(command: click.Command, ctx: click.Context) -> Iterator[str]:
    yield r".\" -*- coding: utf-8 -*-"
    yield f'.TH {_roff(page_name(ctx).upper())} 1 "" "bluezone\\-agent {_roff(__version__)}" "\\&"'
    yield from (".nh", ".ad l")  # a hyphenated command can't be copied
    yield from _heading(_("Name"))
    yield f"{_roff(page_name(ctx))} \\- {_roff(_summary(ctx))}"
    yield from _heading(_("Synopsis"))
    yield f"\\fB{_roff(ctx.command_path)}\\fR {_roff(' '.join(command.collect_usage_pieces(ctx)))}"
    yield from _heading(_("Description"))
    yield _line(_(command.help))
    if isinstance(command, Group):
        yield from _heading(_("Commands"))
        for name in command.list_commands(ctx):
            yield from _item(f"{page_name(ctx)}-{name}(1)", command.summary(ctx, name))
    own, common = own_and_common(command, ctx)
    for heading, records in ((_("Options"), own), (_("Common options"), common)):
        if records:
            yield from _heading(heading)
            for names, text in records:
                yield from _item(names, text)
    yield from _heading(_("Examples"))
    for example in EXAMPLES.get(path_of(ctx), ()):
        yield ".PP"
        yield _line(_(example.what))
        yield from (".RS 4", ".EX")
        yield from map(_line, continued(example.line, EXAMPLE_WIDTH))
        yield from (".EE", ".RE")
    if ctx.parent is None:
        yield from _about_all()
    else:
        yield from _heading(_("See also"))
        yield f"\\fB{_roff(page_name(ctx.parent))}\\fR(1)"


def _about_all() -> Iterator[str]:
    yield from _heading(_("Exit status"))
    for code, text in EXIT_CODES.items():
        yield from _item(str(code), _(text))
    yield from _heading(_("Files"))
    for path, text in FILES.items():
        yield from _item(path, _(text))
    yield from _heading(_("Environment"))
    for name, text in ENVIRONMENT.items():
        yield from _item(name, _(text))


def _summary(ctx: click.Context) -> str:
    if isinstance(ctx.parent, click.Context) and isinstance(ctx.parent.command, Group):
        return ctx.parent.command.summary(ctx.parent, str(ctx.info_name))
    return _("contact tracing on the device")


def _heading(text: str) -> Iterator[str]:
    yield f".SH {_roff(text.upper())}"


def _item(name: str, text: str) -> Iterator[str]:
    yield from (".TP", f"\\fB{_roff(name)}\\fR", _line(text))


def _roff(text: str) -> str:
    return text.translate(ESCAPES)


def _line(text: str) -> str:
    """Return text as a separate line; it is never a request, however it begins."""
    line = _roff(text)
    if line.startswith((".", r"\(aq")):
        line = rf"\&{line}"
    indent = len(line) - len(line.lstrip())
    return rf"\&{line}" if indent else line


def write(folder: Path, language: str) -> None:
    """Write every page below ``folder``, where ``man`` looks for those of a language."""
    place = folder / ("" if language == LANGUAGES[0] else language) / "man1"
    place.mkdir(parents=True, exist_ok=True)
    for name, text in pages():
        (place / name).write_text(text, "utf-8")


if __name__ == "__main__":
    use_language(sys.argv[2], asked=True)
    write(Path(sys.argv[1]), sys.argv[2])
