"""Tables that fit the terminal, however narrow."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Final

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bluezone_agent.cli.wrapping import wrapped

ELLIPSIS: Final = "…"
"""What rich prints if it cuts a word."""


def print_table(
    names: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    title: str = "",
    right: Collection[int] = (),
    sentences: Sequence[str] = (),
) -> None:
    """Print rows below their names, those of ``right`` flush right.

    If the table does not fit, print ``sentences``, one per row, or else one line per value.
    """
    console = Console()
    table = Table(box=None)
    for number, name in enumerate(names):
        table.add_column(Text(name), justify="right" if number in right else "left")
    for row in rows:
        table.add_row(*map(Text, row))
    with console.capture() as shown:
        console.print(table)
    if title:
        click.echo(wrapped(title))
    if ELLIPSIS not in shown.get():
        click.echo(shown.get(), nl=False)
        return
    for line in [f"  {sentence}" for sentence in sentences] or _values(names, rows):
        click.echo(wrapped(line))


def _values(names: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    for row in rows:
        for number, (name, value) in enumerate(zip(names, row, strict=True)):
            if value or number == 0:
                yield ("  " if number else "") + (f"{name}: {value}" if name else value)
