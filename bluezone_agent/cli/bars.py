"""The line on a terminal that shows progress or a countdown; it is gone when the work is done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text


class _Left(ProgressColumn):
    """How much of a waiting time is left."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    def render(self, task: Task) -> Text:
        """Return the remaining seconds."""
        return Text(f"{max(0, ceil(self._seconds - (task.elapsed or 0)))} s")


class Bar:
    """One line, drawn ten times a second by its own thread."""

    def __init__(self, text: str, *, counts: bool, total: int | None, seconds: float | None) -> None:
        """``counts``: show a count, of ``total`` if that is known; ``seconds``: count down from there."""
        columns: list[ProgressColumn] = [SpinnerColumn(), TextColumn("{task.description}", markup=False)]
        if counts and total is not None:
            columns += [BarColumn(), MofNCompleteColumn()]
        elif counts:
            columns.append(TextColumn("{task.completed:,.0f}"))
        columns.append(TimeElapsedColumn() if seconds is None else _Left(seconds))
        self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._progress.add_task(text, total=total)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_about: object) -> None:
        self._progress.stop()

    def advance(self, n: int) -> None:
        """Add to the count."""
        self._progress.advance(self._task, n)

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Hide the line while something else uses the terminal."""
        self._progress.stop()
        try:
            yield
        finally:
            self._progress.start()
