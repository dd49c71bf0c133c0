"""The agent's log: one line per event on stderr, without anything that identifies other people."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from types import TracebackType
from typing import Any, Final

import structlog

from bluezone_agent.core.redaction import redacted

PRIORITIES: Final = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}
"""Of syslog(3); the journal takes them from the beginning of a line (sd-daemon(3))."""


def to_stderr(level: int) -> None:
    """Print events from ``level`` on, and warnings of libraries, whatever their own settings say.

    Radio libraries log addresses and payloads below WARNING: these are never printed. All output, tracebacks included,
    passes the filter for data of other people.
    """
    logging.disable(logging.INFO)
    warnings = logging.StreamHandler()
    warnings.setFormatter(_Redacting("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[warnings], force=True)
    sys.excepthook = _print_crash
    structlog.configure(
        processors=processors(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def processors() -> list[Any]:
    """Return the processors that turn an event into its line."""
    if _is_journal():
        rendering: list[Any] = [_for_journal]
    elif sys.stderr.isatty():
        rendering = [
            _stamp,
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
        ]
    else:
        rendering = [_stamp, structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"])]
    return [structlog.processors.add_log_level, *rendering, _redact]


_stamp: Final = structlog.processors.TimeStamper(fmt="iso", utc=True)


class _Redacting(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return redacted(super().format(record))


def _redact(_logger: object, _method: str, line: str) -> str:
    return redacted(line)


def _print_crash(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print a traceback as Python does."""
    sys.stderr.write(redacted("".join(traceback.format_exception(kind, error, trace))))


def _is_journal() -> bool:
    """Return whether stderr is systemd's journal (JOURNAL_STREAM, systemd.exec(5)), which adds time and name itself."""
    about = os.fstat(sys.stderr.fileno())
    return os.environ.get("JOURNAL_STREAM") == f"{about.st_dev}:{about.st_ino}"


def _for_journal(_logger: object, _method: str, event: structlog.typing.EventDict) -> str:
    """Return a line that ``journalctl --priority=warning`` finds if it should."""
    priority = PRIORITIES[event.pop("level")]
    name = event.pop("event")
    return f"<{priority}>" + " ".join([name, *(f"{key}={value!r}" for key, value in event.items())])
