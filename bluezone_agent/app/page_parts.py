"""What the owner's local page shows: parts that are made from the store, each of which is one JSON object.

No part has a key, an identifier or anything else of another device. A text that is made here is in every language,
because whoever looks at the page chooses the language.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Final

from bluezone_agent.app.contacts import HourOfContacts
from bluezone_agent.app.day_picture import DayPicture
from bluezone_agent.app.exposure_answer import AuthorityContact, ExposureAnswer
from bluezone_agent.app.exposure_day import ExposureDay
from bluezone_agent.app.own_cost import OwnCost
from bluezone_agent.app.own_keys import KeyList
from bluezone_agent.app.result import Result
from bluezone_agent.app.shown_pause import ShownPause
from bluezone_agent.app.shown_submission import ShownSubmission
from bluezone_agent.health.doctor.finding import Level
from bluezone_agent.health.health import AgentVerdict, Caution, Problem
from bluezone_agent.i18n import LANGUAGES, speaking

Texts = dict[str, tuple[str, ...]]
"""Language → lines."""


def in_every_language(lines: Callable[[], Iterable[str]]) -> Texts:
    """Return the lines in each language."""
    found = {}
    for language in LANGUAGES:
        with speaking(language):
            found[language] = tuple(lines())
    return found


class ScannedDay(Result, frozen=True, kw_only=True):
    """How much of one of the owner's days the device scanned."""

    day: date
    share: float | None
    """Share of the day so far; None before the first scan."""


class SourceNow(Result, frozen=True, kw_only=True):
    """One source of diagnosis keys."""

    name: str
    complete_at: datetime | None
    """The last check that read it completely and accepted every file."""
    error: Texts
    """Why the last check did not."""


class PageNow(Result, frozen=True, kw_only=True):
    """The present state. It is made every minute, so it is cheap."""

    made_at: datetime
    language: str
    """As configured; empty for none."""
    service: bool
    """Whether the agent is a service, so that commands need sudo."""
    verdict: AgentVerdict
    problems: tuple[Problem, ...]
    cautions: tuple[Caution, ...]
    pause: ShownPause | None
    radio_fault: Texts
    cost: OwnCost | None
    """None while the agent does not run, and in its first 10 minutes."""
    checked_at: datetime | None
    check_complete: bool | None
    sources: tuple[SourceNow, ...]
    answer: ExposureAnswer
    authority: AuthorityContact | None
    scanned: tuple[ScannedDay, ...]
    """The last 14 days, oldest first."""
    submits: bool
    """Whether the page can submit keys to a key server."""
    submitted: ShownSubmission | None


class ExplainedDay(Result, frozen=True, kw_only=True):
    """How the result of a day was calculated."""

    day: date
    lines: Texts
    picture: DayPicture


class PageExposures(Result, frozen=True, kw_only=True):
    """Every day with an exposure. It changes with a check."""

    made_at: datetime
    rule: str
    rule_summary: str
    """One sentence in English."""
    days: tuple[ExposureDay, ...]
    explained: tuple[ExplainedDay, ...]


class PageContacts(Result, frozen=True, kw_only=True):
    """The contacts of 14 days, hour by hour."""

    made_at: datetime
    close_db: float
    middle_db: float
    calibrated: bool
    hours: tuple[HourOfContacts, ...]


class PageFinding(Result, frozen=True, kw_only=True):
    """One finding of the doctor."""

    level: Level
    message: Texts
    remedy: Texts
    at: datetime | None


class PageFindings(Result, frozen=True, kw_only=True):
    """The doctor's findings, and the owner's daily keys without their secrets."""

    made_at: datetime
    healthy: bool
    findings: tuple[PageFinding, ...]
    keys: KeyList
    key_server: bool
    """Whether keys can be submitted to a server."""


Part = PageNow | PageExposures | PageContacts | PageFindings
PARTS: Final[dict[str, type[Part]]] = {
    "now": PageNow,
    "exposures": PageExposures,
    "contacts": PageContacts,
    "findings": PageFindings,
}
"""By name: the name of a part's file."""
