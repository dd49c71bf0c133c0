"""The commands that README and docs show exist, and those shown with their output print it.

A block of ``console`` is run: ``$`` begins a command, the lines below it are what it prints; ``...`` stands for
anything, a line of its own for any number of lines. The blocks of a document run one after the other in one folder.
In other blocks of a shell every ``bluezone-agent`` and every script has to be one that there is, with its options.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import click
import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po

from bluezone_agent.cli import root
from tests.program import Program

ROOT: Final = Path(__file__).resolve().parents[1]
DOCUMENTS: Final = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
BLOCK: Final = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMAND: Final = re.compile(r"(?:^|[(|;&] *|sudo )((?:bluezone-agent|scripts/\w+)(?: [^#;|&)<>\n]*)?)", re.MULTILINE)
SUBSTITUTED: Final = re.compile(r"\$\([^)]*\)")
VARIES: Final = ((r"\d{4}-\d\d-\d\d", "DATE"), (r"\b\d\d:\d\d\b", "TIME"), (r"\d{10}", "UNIX"))
MANY: Final = "..."


class Shown(NamedTuple):
    """A command and what a document shows of its output."""

    command: str
    output: list[str]


def named(document: Path) -> str:
    return str(document.relative_to(ROOT))


def shown(document: Path) -> list[Shown]:
    found: list[Shown] = []
    for language, text in BLOCK.findall(document.read_text("utf-8")):
        if language == "console":
            for line in text.splitlines():
                if line.startswith("$ "):
                    found.append(Shown(line[2:], []))
                else:
                    found[-1].output.append(line)
    return found


def commands(document: Path) -> Iterator[str]:
    for language, block in BLOCK.findall(document.read_text("utf-8")):
        if language in {"sh", "console", ""}:
            typed = "\n".join(line[2:] for line in block.splitlines() if line.startswith("$ ")) or block
            yield from (match.strip() for match in COMMAND.findall(SUBSTITUTED.sub("2026-11-24", typed)))


def matches(pattern: list[str], lines: list[str]) -> bool:
    """Return whether ``lines`` are what ``pattern`` shows."""
    expression = "".join(
        r"(?:.*\n)*" if line == MANY else re.escape(line).replace(re.escape(MANY), ".*") + r"\n" for line in pattern
    )
    return re.fullmatch(expression, "".join(f"{line}\n" for line in lines)) is not None


def same_everywhere(lines: list[str]) -> list[str]:
    """Return the lines with what differs from day to day replaced."""
    text = "\n".join(line.rstrip() for line in lines)
    for pattern, word in VARIES:
        text = re.sub(pattern, word, text)
    return text.splitlines()


@pytest.mark.slow
@pytest.mark.parametrize("document", [d for d in DOCUMENTS if shown(d)], ids=named)
def test_a_command_prints_what_its_document_shows(document: Path, program: Program) -> None:
    program.state_dir.rmdir()
    for step in shown(document):
        command = step.command.replace("scripts/demo", "bluezone-agent demo")
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=program.home,
            env=program.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        lines = same_everywhere(done.stdout.splitlines())
        assert matches(same_everywhere(step.output), lines), f"{step.command}:\n{done.stdout}"
        assert done.returncode == 0, step.command


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_command_shown_exists_with_its_options(document: Path) -> None:
    for command in commands(document):
        words = shlex.split(command.replace("...", ""), comments=True)
        if words[0].startswith("scripts/"):
            assert (ROOT / words[0]).exists(), command
            continue
        try:
            parse(words[1:])
        except click.UsageError as error:
            pytest.fail(f"{command}: {error.format_message()}")


def parse(words: list[str]) -> None:
    """Parse a command line without running it; raises click.UsageError."""
    group: click.Command = root
    context: click.Context | None = None
    while isinstance(group, click.Group):
        context = group.make_context(group.name or "", list(words), parent=context)
        words = [*context._protected_args, *context.args]
        if not words:
            return
        name, command, words = group.resolve_command(context, words)
        assert command is not None
        command.name = name
        group = command
    if "-h" not in words and "--help" not in words:
        group.make_context(group.name or "", list(words), parent=context)


def test_what_is_not_shown_is_noticed() -> None:
    assert matches(["a", MANY, "b ... d"], ["a", "x", "y", "b c d"])
    assert not matches(["a", "b"], ["a", "c"])
    assert not matches(["a"], ["a", "b"])
    with pytest.raises(click.UsageError):
        parse(["status", "--nosuch"])
    with pytest.raises(click.UsageError):
        parse(["nosuch"])


MANUAL: Final = [
    ROOT / "docs" / folder / f"{page}.md"
    for folder in ("", "vi")
    for page in ("owner", "operator", "quick-start", "questions", "web")
]
QUOTED: Final = re.compile(r"(?<![*\w])\*([^*\s][^*|]*?)\*(?![*\w])", re.DOTALL)
"""The manual sets in italics what the program prints, and nothing else; "…" stands for what varies at the end."""


@pytest.mark.parametrize("document", MANUAL, ids=named)
def test_what_the_manual_quotes_is_what_is_printed(document: Path) -> None:
    language = "vi" if document.parent.name == "vi" else "en"
    with (ROOT / f"bluezone_agent/locale/{language}/LC_MESSAGES/bluezone_agent.po").open("rb") as file:
        texts = [text.lower() for message in read_po(file) for text in printed(message)]
    prose = BLOCK.sub("", document.read_text("utf-8"))
    quoted = {" ".join(found.removesuffix("…").lower().split()) for found in QUOTED.findall(prose)}
    assert {q for q in quoted if not any(q in text for text in texts)} == set()


def printed(message: Message) -> list[str]:
    """Return a message's texts in the catalogue's language; English has them as they are in the code."""
    texts = message.string or message.id
    return (
        [texts] if isinstance(texts, str) else [*texts, *([message.id] if isinstance(message.id, str) else message.id)]
    )
