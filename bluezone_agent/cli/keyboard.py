"""Single keys, without Enter, for screens that change while a person watches."""

from __future__ import annotations

import asyncio
import os
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


@contextmanager
def pressed_keys(pressed: Callable[[bytes], None]) -> Iterator[None]:
    """Call ``pressed`` with the keys that a person presses, empty at the end of the input; they are not shown.

    Nothing is called where nobody can press a key.
    """
    fd = _keyboard()
    if fd is None:
        yield
        return
    before, loop = termios.tcgetattr(fd), asyncio.get_running_loop()
    tty.setcbreak(fd)
    loop.add_reader(fd, lambda: pressed(os.read(fd, 100)))
    try:
        yield
    finally:
        loop.remove_reader(fd)
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


def _keyboard() -> int | None:
    """Return the terminal's descriptor if this command is in its foreground; one in the background would be stopped."""
    with suppress(OSError, ValueError):
        fd = sys.stdin.fileno()
        if sys.stdin.isatty() and sys.stdout.isatty() and os.tcgetpgrp(fd) == os.getpgrp():
            return fd
    return None
