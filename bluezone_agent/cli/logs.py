"""Where the agent's events go: one line an event on stderr."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any, Final

import structlog

PRIORITIES: Final = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}
"""Of syslog(3); the journal takes them from the beginning of a line (sd-daemon(3))."""


def to_stderr(level: int) -> None:
    """Print events from ``level`` on. Radio libraries log addresses and payloads below WARNING: they stay silent."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
    plain = structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"])
    for_people = structlog.dev.ConsoleRenderer(colors=False)
    output: list[Any] = [stamp, for_people if sys.stderr.isatty() else plain]
    structlog.configure(
        processors=[structlog.processors.add_log_level, *([_for_journal] if _is_journal() else output)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _is_journal() -> bool:
    """Return whether stderr is systemd's journal (JOURNAL_STREAM, systemd.exec(5)), which adds time and name itself."""
    about = os.fstat(sys.stderr.fileno())
    return os.environ.get("JOURNAL_STREAM") == f"{about.st_dev}:{about.st_ino}"


def _for_journal(_logger: object, _method: str, event: structlog.typing.EventDict) -> str:
    """Return a line that ``journalctl --priority=warning`` finds if it should."""
    priority = PRIORITIES[event.pop("level")]
    name = event.pop("event")
    return f"<{priority}>" + " ".join([name, *(f"{key}={value!r}" for key, value in event.items())])
