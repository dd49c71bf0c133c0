"""Help: what each command says of itself, in which order, and whether it fits the terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import click
import pytest
from click.testing import CliRunner

from bluezone_agent.cli import root
from bluezone_agent.cli.base import Command, Group
from bluezone_agent.cli.examples import EXAMPLES, continued
from bluezone_agent.cli.options import CommonOption
from tests.program import Program

VAGUE: Final = re.compile(r"\b(TEXT|INTEGER|FLOAT|PATH|RANGE)\b|\[%|<=")


def every(command: click.Command = root, parent: click.Context | None = None) -> Iterator[click.Context]:
    """Yield a context of every command, hidden ones too."""
    ctx = command.make_context(command.name, [], parent=parent, resilient_parsing=True)
    yield ctx
    if isinstance(command, Group):
        for name in command.every_name():
            found = command.get_command(ctx, name)
            assert found is not None
            yield from every(found, ctx)


CONTEXTS: Final = {ctx.command_path: ctx for ctx in every()}


def shown(path: str, columns: int, monkeypatch: pytest.MonkeyPatch, language: str = "en") -> str:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("LANGUAGE", language)
    return CONTEXTS[path].get_help()


@pytest.mark.parametrize("language", ["en", "vi"])
@pytest.mark.parametrize("columns", [45, 50, 80, 100, 200])
def test_help_fits_the_terminal(columns: int, language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in CONTEXTS:
        text = shown(path, columns, monkeypatch, language)
        assert "…" not in text
        widest = max(text.splitlines(), key=len)
        assert len(widest) <= min(columns, 100), (path, widest)


def test_help_uses_the_room_of_a_wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    assert max(map(len, shown("bluezone-agent keys publish", 200, monkeypatch).splitlines())) > 80


def test_values_are_named_by_what_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    for path in CONTEXTS:
        text = shown(path, 100, monkeypatch)
        assert VAGUE.search(text) is None, text
    assert "1 to 14" in shown("bluezone-agent contacts", 100, monkeypatch)
    assert "từ 1 đến 14" in shown("bluezone-agent contacts", 100, monkeypatch, "vi")


def test_a_command_lists_its_own_options_before_the_common_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    for path, ctx in CONTEXTS.items():
        text = shown(path, 100, monkeypatch)
        own = [p for p in ctx.command.params if isinstance(p, click.Option) and not isinstance(p, CommonOption)]
        before, _common, after = text.rpartition("Common options:\n" if own else "Options:\n")
        assert "--state-dir" in after
        for name in (name for option in own for name in option.opts):
            assert re.search(rf"^  (-\w, )?{name}\b", before, re.MULTILINE), (path, name)


def test_commands_come_in_the_order_in_which_they_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = shown("bluezone-agent keys", 100, monkeypatch).partition("Commands:\n")[2].partition("\n\n")[0]
    assert re.findall(r"^  (\w+)", listed, re.MULTILINE) == [
        *("list", "export", "publish", "encrypt", "decrypt", "sources", "chaff")
    ]


def test_every_command_ends_with_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {f"bluezone-agent {name}".strip() for name in EXAMPLES} == set(CONTEXTS)
    for name, examples in EXAMPLES.items():
        text = shown(f"bluezone-agent {name}".strip(), 200, monkeypatch)
        for example in examples:
            assert f"  {example.what}\n    {example.line}\n" in f"{text}\n".partition("\nExamples:\n")[2]
            assert example.line.startswith(f"bluezone-agent {name}".strip())


def test_an_example_is_wrapped_so_that_a_shell_takes_it() -> None:
    line = 'bluezone-agent calibrate measure --distance 1 --antenna "in the case" --json'
    assert continued(line, 100) == [line]
    assert continued(line, 40) == [
        "bluezone-agent calibrate measure \\",
        '  --distance 1 --antenna "in the case" \\',
        "  --json",
    ]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (["--lagn", "vi"], "--lang"),
        (["status", "--jsn"], "--json"),
        (["keys", "export", "--dayss", "3"], "--days"),
        (["authority", "publish", "--minimun", "3"], "--minimum"),
        (["exposures", "explain", "--exat"], "--exact"),
        (["keys", "--state-dri", "x"], "--state-dir"),
        (["keys", "exprt"], "export"),
        (["calibrate", "mesure"], "measure"),
        (["exposures", "explan"], "explain"),
        (["stauts"], "status"),
    ],
    ids=" ".join,
)
def test_what_was_mistyped_is_guessed(typed: list[str], meant: str) -> None:
    done = CliRunner().invoke(root, typed)
    assert (done.exit_code, "Did you mean" in done.output, f"'{meant}'" in done.output) == (2, True, True), done.output


def test_the_language_of_examples_is_the_persons(program: Program) -> None:
    assert "Tôi có những khóa ngày nào?" in program.run("keys", "list", "-h", "--lang", "vi").stdout


def test_every_command_is_one_of_ours() -> None:
    kinds: set[type[Any]] = {type(ctx.command) for ctx in CONTEXTS.values()}
    assert kinds == {Command, Group}
