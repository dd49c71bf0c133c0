"""The questions that a positive test raises, and what follows from the answers: a submission, or commands.

Neither a browser nor this process ever has a secret key: the agent submits, by the command that asks the same questions
and checks every answer again. It takes a code from the health authority, which nobody has who merely opens the page.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import date
from typing import Final, NamedTuple

from bluezone_agent.app.own_keys import require_onset
from bluezone_agent.core.intervals import RETENTION_DAYS
from bluezone_agent.core.requested_submission import CODE, RequestedSubmission
from bluezone_agent.errors import ExportError
from bluezone_agent.i18n import _, rendered

FILE: Final = "my-keys.json"


class Answers(NamedTuple):
    """What the owner answered."""

    way: str
    """``code``: the authority gave a code for a key server; ``file``: it takes a file."""
    days: int
    onset: date | None
    traveler: bool


class Mistake(NamedTuple):
    """Why an answer is not accepted."""

    text: str
    way: str


def answers_of(query: Mapping[str, str]) -> Answers | Mistake | None:
    """Return the answers in a query, None if nothing was asked yet."""
    way = query.get("way")
    if way not in ("code", "file"):
        return None
    days, onset = RETENTION_DAYS, None
    with suppress(ValueError):
        days = min(max(int(query.get("days", "")[:3]), 1), RETENTION_DAYS)
    if said := query.get("onset", ""):
        try:
            onset = date.fromisoformat(said[:10])
            require_onset(onset)
        except ExportError as error:
            return Mistake(rendered(error)[0], way)
        except ValueError:
            return Mistake(_("{value} is not a date: write YYYY-MM-DD").format(value=said[:20]), way)
    return Answers(way, days, onset, "traveler" in query)


def submission_of(form: Mapping[str, str], language: str) -> RequestedSubmission | Mistake:
    """Return what a form asks to submit."""
    asked, code = answers_of(form), "".join(form.get("code", "").split())
    if not isinstance(asked, Answers):
        return asked or Mistake(_("nothing was sent: choose what your health authority gave you"), "")
    if "agree" not in form:
        return Mistake(_("nothing was sent: confirm that you want to submit your keys"), asked.way)
    if re.fullmatch(CODE, code) is None:
        return Mistake(_("nothing was sent: a code has only letters, digits and hyphens"), asked.way)
    return RequestedSubmission(code, asked.days, asked.onset, asked.traveler, language)


class Step(NamedTuple):
    """One command, and what it does."""

    what: str
    line: str


def commands(asked: Answers, *, service: bool) -> list[Step]:
    """Return what to type, in this order."""
    sudo = "sudo " if service else ""
    options = "" if asked.days == RETENTION_DAYS else f" --days {asked.days}"
    options += f" --onset {asked.onset}" if asked.onset else ""
    if asked.way == "code":
        options += " --traveler" if asked.traveler else ""
        send = Step(
            _("Type this, and then the code; it tells you what will be sent, and asks before it sends anything:"),
            f"{sudo}bluezone-agent keys publish --code -{options}",
        )
        return [send]
    target = f"-{options} > {FILE}" if service else f"{FILE}{options}"
    return [
        Step(
            _("Write your keys into a file, and give it to your health authority:"),
            f"{sudo}bluezone-agent keys export {target}",
        ),
        Step(_("Then delete the file:"), f"rm {FILE}"),
    ]
