"""Tables that fit the terminal, however narrow."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Sequence
from typing import Final

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

ELLIPSIS: Final = "…"
"""What rich puts where it cuts a word."""


def print_table(
    names: Sequence[str], rows: Sequence[Sequence[str]], *, title: str = "", right: Collection[int] = ()
) -> None:
    """Print rows below their names, those of ``right`` flush right; where that does not fit, a line for each value."""
    console = Console()
    table = Table(box=None, title=Text(title) if title else None, title_justify="left")
    for number, name in enumerate(names):
        table.add_column(Text(name), justify="right" if number in right else "left")
    for row in rows:
        table.add_row(*map(Text, row))
    with console.capture() as shown:
        console.print(table)
    if ELLIPSIS not in shown.get():
        click.echo(shown.get(), nl=False)
        return
    if title:
        click.echo(textwrap.fill(title, console.width))
    for first, *others in rows:
        click.echo(textwrap.fill(f"{names[0]}: {first}" if names[0] else first, console.width))
        for name, value in zip(names[1:], others, strict=True):
            if value:
                text = f"{name}: {value}" if name else value
                click.echo(textwrap.fill(text, console.width, initial_indent="  ", subsequent_indent="    "))
