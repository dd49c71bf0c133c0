"""The doctor's findings, each with its level and the command that fixes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from bluezone_agent.errors import AgentError


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor: ``message`` and ``remedy`` are templates over ``fields``."""

    check: str
    """Name of the check, for scripts."""
    level: Level
    message: str
    remedy: str = ""
    fields: dict[str, object] = field(default_factory=dict)
    at_s: float | None = None
    """When the reported event happened, to show its age."""


def ok(check: str, message: str, at_s: float | None = None, /, **fields: object) -> Finding:
    """Return a finding without a problem; ``at_s`` to show its age."""
    return Finding(check, Level.OK, message, fields=fields, at_s=at_s)


def warning(check: str, message: str, remedy: str, /, **fields: object) -> Finding:
    """Return a finding that need not be fixed."""
    return Finding(check, Level.WARNING, message, remedy, fields)


def fault(check: str, message: str, remedy: str, /, **fields: object) -> Finding:
    """Return a finding that has to be fixed."""
    return Finding(check, Level.FAULT, message, remedy, fields)


def error(check: str, reason: AgentError) -> Finding:
    """Return an error as a fault."""
    return Finding(check, Level.FAULT, reason.message, reason.hint, reason.fields)
