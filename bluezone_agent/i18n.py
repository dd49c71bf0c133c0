"""Vietnamese and English: every text for people passes through this module.

The catalogues are bound to Python's default gettext domain, so that they also translate click's sentences.
"""

from __future__ import annotations

import gettext as _gettext
import os
from collections.abc import Iterator
from contextlib import contextmanager
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
"""Set if the user chose a language: it has priority over the configuration, in child processes too."""


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
"""Error reasons of the C library, which are in English without a locale: those that users may see."""


def use_language(language: str, *, asked: bool = False) -> None:
    """Switch to ``language``, in child processes too, whatever the locale.

    A language ``asked`` for on the command line has priority over a configured one.
    """
    if asked:
        os.environ[ASKED] = language
    os.environ["LANGUAGE"] = os.environ.get(ASKED) or language


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Use ``language`` for the texts of a block, whatever was asked for. The block must not wait for anything else."""
    before = os.environ.get("LANGUAGE")
    os.environ["LANGUAGE"] = language
    try:
        yield
    finally:
        if before is None:
            del os.environ["LANGUAGE"]
        else:
            os.environ["LANGUAGE"] = before


def _(text: str | None) -> str:
    """Return ``text`` in the person's language; "" for None or ""."""
    return _gettext.gettext(text) if text else ""


def translated(text: str, language: str) -> str:
    """Return ``text`` in a certain language."""
    return _gettext.translation(DOMAIN, LOCALES, [language]).gettext(text)


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
        return super().__format__(spec).replace(".", _("1.5")[1])


def local_number(value: float) -> float:
    """Return a number that ``format`` writes as the person's language does; the format rounds it."""
    return _LocalNumber(value)


def _local(at: float | datetime) -> datetime:
    return (at if isinstance(at, datetime) else datetime.fromtimestamp(at, UTC)).astimezone()


def local_date(at: float | date) -> str:
    """Return a date in the format of the person's language; for a time, the date in the device's time zone."""
    day = at if isinstance(at, date) and not isinstance(at, datetime) else _local(at)
    return day.strftime(_("%Y-%m-%d"))


def local_time(at: float | datetime) -> str:
    """Return date and time in the format of the person's language and the device's time zone."""
    return _local(at).strftime(_("%Y-%m-%d %H:%M"))


def local_seconds(at: float | datetime) -> str:
    """Return the time of day to the second in the device's time zone."""
    return _local(at).strftime("%H:%M:%S")


def local_clock(at: float | datetime, utc_offset_s: int | None = None) -> str:
    """Return the time of day ``utc_offset_s`` ahead of UTC, or in the device's time zone for None."""
    local = _local(at)
    if utc_offset_s is not None:
        local = local.astimezone(timezone(timedelta(seconds=utc_offset_s)))
    return local.strftime("%H:%M")
