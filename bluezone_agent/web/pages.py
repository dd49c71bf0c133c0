"""The pages: what each shows of the parts that it needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from bluezone_agent.app.contacts import notes
from bluezone_agent.app.door_text import limits
from bluezone_agent.app.exposure_day import ExposureDay
from bluezone_agent.app.own_cost import cost_text
from bluezone_agent.app.page_parts import PageContacts, PageExposures, PageFindings, PageNow, Part
from bluezone_agent.app.sentences import answer_lines, describe
from bluezone_agent.app.shown_submission import submitted_text
from bluezone_agent.app.status_line import CAUTIONS, PROBLEMS, VERDICTS
from bluezone_agent.core.pauses import Mode
from bluezone_agent.errors import N_
from bluezone_agent.html.contacts import drawn_days
from bluezone_agent.html.explain import histogram, hours_with_contact, timeline
from bluezone_agent.i18n import _
from bluezone_agent.web.charts import scanned_chart, share_text
from bluezone_agent.web.door_words import WAYS
from bluezone_agent.web.rendering import explained
from bluezone_agent.web.submission import Answers, Mistake, answers_of, commands
from bluezone_agent.web.submitting import SubmissionState

Shown = dict[str, Any]

DURATIONS: Final = {
    1800: N_("30 minutes"),
    3600: N_("1 hour"),
    4 * 3600: N_("4 hours"),
    8 * 3600: N_("8 hours"),
    24 * 3600: N_("1 day"),
}
"""Seconds → how long a pause lasts."""
MODES: Final = {
    Mode.PAUSED: N_("Stop broadcasting and scanning"),
    Mode.PROTECTED: N_("Keep recording, but don't score these minutes (you wear a mask or are behind glass)"),
}


class Seen(NamedTuple):
    """What a page is made from; a part is None if there is none, or the page does not need it."""

    now: PageNow
    language: str
    query: Mapping[str, str]
    submission: SubmissionState = SubmissionState()
    mistake: str = ""
    """In the form that was sent."""
    exposures: PageExposures | None = None
    contacts: PageContacts | None = None
    findings: PageFindings | None = None


class Page(NamedTuple):
    """One page of the menu."""

    path: str
    name: str
    """A text for the catalogues."""
    template: str
    shown: Callable[[Seen], Shown]
    needs: tuple[type[Part], ...] = ()
    """Parts besides the present state."""


def _lines(day: ExposureDay) -> list[str]:
    return [line.strip() for line in describe(day).splitlines()]


def today(seen: Seen) -> Shown:
    """Whether its owner was exposed, and whether the agent works."""
    now, days = seen.now, seen.exposures.days if seen.exposures else ()
    return {
        "lines": list(answer_lines(now.answer, days, now.authority)),
        "days": [_lines(day) for day in reversed(days) if day.warning or day.warned_at],
        "verdict": _(VERDICTS[now.verdict]),
        "problems": [_(PROBLEMS[problem]) for problem in now.problems],
        "cautions": [_(CAUTIONS[caution]) for caution in now.cautions],
        "cost": None if now.cost is None else cost_text(now.cost),
        "chart": scanned_chart(now.scanned),
        "shares": [(day.day, share_text(day)) for day in now.scanned],
    }


def nearby(_seen: Seen) -> Shown:
    """Who is near now; a script fills it."""
    return {}


def door(_seen: Seen) -> Shown:
    """Who passes a door; a script fills it."""
    return {"ways": WAYS, "not_proved": limits()}


def contacts(seen: Seen) -> Shown:
    """How long others were near, by the owner's days."""
    found = seen.contacts
    if found is None:
        return {"found": None}
    return {
        "found": found,
        "notes": list(notes(found.close_db, found.middle_db, calibrated=found.calibrated)),
        "days": list(reversed(drawn_days(found.hours))),
    }


def exposures(seen: Seen) -> Shown:
    """Each day with an exposure: in a sentence, as a picture, and how it was calculated."""
    found, now = seen.exposures, seen.now
    days, explained = (found.days, found.explained) if found else ((), ())
    return {
        "lines": list(answer_lines(now.answer, days, now.authority)),
        "found": found,
        "days": [
            {
                "day": one.day,
                "said": [_lines(day) for day in days if day.day == one.day],
                "timeline": timeline(one.picture, hours_with_contact(one.picture)),
                "histogram": histogram(one.picture),
                "arithmetic": one.lines.get(seen.language, ()),
            }
            for one in reversed(explained)
        ],
    }


def positive(seen: Seen) -> Shown:
    """What to do after a positive test: the questions of the commands, and the commands."""
    asked, failure = answers_of(seen.query), seen.submission.failure
    return {
        "found": seen.findings,
        "asked": asked,
        "commands": commands(asked, service=seen.now.service) if isinstance(asked, Answers) else None,
        "mistake": seen.mistake or (asked.text if isinstance(asked, Mistake) else ""),
        "sending": seen.submission.running,
        "failure": None if failure is None else explained(failure),
        "submitted": None if seen.now.submitted is None else submitted_text(seen.now.submitted),
    }


def doctor(seen: Seen) -> Shown:
    """What is wrong, and the commands that fix it."""
    return {"found": seen.findings}


def settings(_seen: Seen) -> Shown:
    """What can be changed here."""
    return {"durations": DURATIONS, "modes": MODES}


PAGES: Final = (
    Page("/", N_("Today"), "today", today, (PageExposures,)),
    Page("/nearby", N_("Around you"), "nearby", nearby),
    Page("/contacts", N_("Contact history"), "contacts", contacts, (PageContacts,)),
    Page("/exposures", N_("Exposures"), "exposures", exposures, (PageExposures,)),
    Page("/positive", N_("I tested positive"), "positive", positive, (PageFindings,)),
    Page("/doctor", N_("Problems and fixes"), "doctor", doctor, (PageFindings,)),
    Page("/door", N_("Door"), "door", door),
    Page("/settings", N_("Settings"), "settings", settings),
)
