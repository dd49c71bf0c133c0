"""Vietnamese and English: everything a person reads passes through here.

The catalogues are bound to Python's own gettext domain, so that click's sentences come from them as well.
"""

from __future__ import annotations

import gettext as _gettext
import os
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Final

from bluezone_agent.errors import N_, AgentError, Text

DOMAIN: Final = "bluezone_agent"
LOCALES: Final = Path(__file__).parent / "locale"
LANGUAGES: Final = ("en", "vi")

_gettext.bindtextdomain(DOMAIN, LOCALES)
_gettext.textdomain(DOMAIN)


ASKED: Final = "BLUEZONE_AGENT_LANG"
"""Set where a person asked for a language: that holds, whatever a configuration says, in child processes too."""


OS_REASONS: Final = frozenset(
    {
        N_("Address already in use"),
        N_("Bad file descriptor"),
        N_("Connection refused"),
        N_("Connection reset by peer"),
        N_("Directory not empty"),
        N_("File exists"),
        N_("File name too long"),
        N_("Input/output error"),
        N_("Is a directory"),
        N_("Network is unreachable"),
        N_("No route to host"),
        N_("No space left on device"),
        N_("No such device"),
        N_("No such file or directory"),
        N_("Not a directory"),
        N_("Operation not permitted"),
        N_("Permission denied"),
        N_("Read-only file system"),
        N_("Too many levels of symbolic links"),
        N_("Too many open files"),
    }
)
"""Reasons that the C library gives in English, whatever the language: those that a person may meet."""


def use_language(language: str, *, asked: bool = False) -> None:
    """Speak ``language`` from now on, in child processes too, whatever the locale says.

    What a person ``asked`` for on the command line stays; a configuration is asked where nobody did.
    """
    if asked:
        os.environ[ASKED] = language
    os.environ["LANGUAGE"] = os.environ.get(ASKED) or language


def _(text: str | None) -> str:
    """Return ``text`` in the person's language, nothing for nothing."""
    return _gettext.gettext(text) if text else ""


def ngettext(singular: str, plural: str, n: int) -> str:
    """Return the form for ``n`` in the person's language."""
    return _gettext.ngettext(singular, plural, n)


def rendered(error: AgentError) -> tuple[str, str]:
    """Return an error's message and hint in the person's language."""
    fields = {name: _rendered_field(value) for name, value in error.fields.items()}
    return _(error.message).format(**fields), _(error.hint).format(**fields)


def _rendered_field(value: object) -> object:
    if isinstance(value, AgentError):
        return rendered(value)[0]
    if isinstance(value, float):
        return local_number(value)
    return _(value) if isinstance(value, Text) or (isinstance(value, str) and value in OS_REASONS) else value


class _LocalNumber(float):
    """A number that ``format`` writes with the decimal mark of the person's language."""

    def __format__(self, spec: str) -> str:
        return super().__format__(spec).replace(".", _("."))


def local_number(value: float) -> float:
    """Return a number that ``format`` writes as the person's language does; the format rounds it."""
    return _LocalNumber(value)


def _local(at: float | datetime) -> datetime:
    return (at if isinstance(at, datetime) else datetime.fromtimestamp(at, UTC)).astimezone()


def local_date(at: float | date) -> str:
    """Return a date as the person's language writes it; that of a time is in the device's time zone."""
    day = at if isinstance(at, date) and not isinstance(at, datetime) else _local(at)
    return day.strftime(_("%Y-%m-%d"))


def local_time(at: float | datetime) -> str:
    """Return date and time as the person's language writes them, in the device's time zone."""
    return _local(at).strftime(_("%Y-%m-%d %H:%M"))


def local_clock(at: float | datetime, utc_offset_s: int | None = None) -> str:
    """Return the time of day ``utc_offset_s`` ahead of UTC; where that is None, in the device's time zone."""
    local = _local(at)
    if utc_offset_s is not None:
        local = local.astimezone(timezone(timedelta(seconds=utc_offset_s)))
    return local.strftime("%H:%M")
