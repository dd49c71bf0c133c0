"""Screens that change while a person watches, where there is somebody to watch them."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any


def person_watches() -> bool:
    """Return whether standard output is a terminal on which lines can be replaced."""
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def screen_of(module: str) -> Any:
    """Return the ``screen`` of a module of the command line: rich loads slowly, and a pipe never needs it."""
    return import_module(f"bluezone_agent.cli.{module}").screen
