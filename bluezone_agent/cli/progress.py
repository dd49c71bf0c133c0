"""Progress on a terminal while a command works; elsewhere nothing is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Final

import click

from bluezone_agent.cli.talk import Volume, is_person, volume

if TYPE_CHECKING:
    from bluezone_agent.cli.bars import Bar

SHOWN: Final = "bluezone_agent.bar"


@contextmanager
def working(text: str) -> Iterator[None]:
    """Show ``text`` and how long it has taken so far."""
    with _shown(text) as _bar:
        yield


@contextmanager
def counting(text: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Show ``text`` and a count, of ``total`` if that is known; the yielded function adds to it."""
    with _shown(text, counts=True, total=total) as bar:
        yield (lambda _n: None) if bar is None else bar.advance


@contextmanager
def waiting(text: str, seconds: float) -> Iterator[None]:
    """Show ``text`` and how many of ``seconds`` are left."""
    with _shown(text, seconds=seconds) as _bar:
        yield


def paused() -> AbstractContextManager[None]:
    """Hide what is shown while a person is asked something."""
    ctx = click.get_current_context(silent=True)
    bar: Bar | None = ctx.meta.get(SHOWN) if ctx else None
    return nullcontext() if bar is None else bar.hidden()


@contextmanager
def _shown(
    text: str, *, counts: bool = False, total: int | None = None, seconds: float | None = None
) -> Iterator[Bar | None]:
    if not is_person() or volume() is Volume.QUIET:
        yield None
        return
    from bluezone_agent.cli.bars import Bar  # noqa: PLC0415 - it loads slowly, and scripts never need it

    meta = click.get_current_context().meta
    with Bar(text, counts=counts, total=total, seconds=seconds) as bar:
        meta[SHOWN] = bar
        try:
            yield bar
        finally:
            del meta[SHOWN]
