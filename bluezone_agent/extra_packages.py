"""Modules that need packages which only an extra installs."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from bluezone_agent.errors import N_, AgentError


class MissingPackageError(AgentError):
    """A command needs a package that is not installed here."""


def imported(name: str, extra: str) -> Any:
    """Import a module below ``bluezone_agent``; raises MissingPackageError if a package of ``extra`` is missing."""
    try:
        return import_module(f"bluezone_agent.{name}")
    except ModuleNotFoundError as error:
        raise MissingPackageError(
            N_("this needs the package {package}, which is not installed"),
            N_('install the extra "{extra}": pip install "bluezone-agent[{extra}]"'),
            package=error.name,
            extra=extra,
        ) from error
