"""One line on the state of the agent, for `systemctl status`."""

from __future__ import annotations

from typing import Final

from bluezone_agent.app.pause_text import describe
from bluezone_agent.app.shown_pause import ShownPause
from bluezone_agent.core.journal import Journal, Received
from bluezone_agent.errors import N_
from bluezone_agent.health.health import OWNER_ONLY, Activity, AgentVerdict, Caution, Health, Problem
from bluezone_agent.i18n import _, local_clock, ngettext

VERDICTS: Final = {
    AgentVerdict.WORKS: N_("works"),
    AgentVerdict.WORKS_BUT: N_("works, but:"),
    AgentVerdict.DOES_NOT_WORK: N_("does not work:"),
}

PROBLEMS: Final = {
    Problem.NOT_RUNNING: N_("the agent is not running: start it with bluezone-agent run"),
    Problem.NO_RADIO: N_("the radio is not available; the agent waits for it and continues by itself"),
    Problem.SCAN_ONLY: N_(
        "the radio receives but can't broadcast: other programs may use all its advertising instances"
    ),
    Problem.NOT_BROADCASTING: N_("the identifier did not change in time: restart the agent"),
    Problem.NOT_PROVED: N_(
        "no other adapter has received our advertisements for 5 minutes: run bluezone-agent doctor,"
        " then restart the agent"
    ),
    Problem.NOT_STORING: N_("no data has been saved for several minutes: check the disk and the agent's log"),
    Problem.NOT_CHECKING: N_(
        "no check has succeeded for more than 30 hours: see bluezone-agent keys sources, and run bluezone-agent check"
    ),
    Problem.STORE_QUARANTINED: N_(
        "the store was damaged: it was moved to agent.damaged-*.db and a new one was created; delete"
        " that file when you no longer need it, otherwise it is deleted after 14 days"
    ),
    Problem.NOTICE_UNDELIVERED: N_(
        "a notice to you could not be delivered and will be retried: see bluezone-agent exposures,"
        " and run bluezone-agent notify test"
    ),
    Problem.SIGHTINGS_DROPPED: N_(
        "more identifiers were received in the last 24 hours than can be stored: someone may be"
        " flooding the channel, and contacts may be missing"
    ),
    Problem.KEYS_LEFT_OUT: N_(
        "a file of diagnosis keys contains keys that are newer than its own date, so exposures may be"
        " missing: see bluezone-agent keys sources, and tell the health authority"
    ),
    Problem.CLOCK_NOT_TRUSTED: N_(
        "the clock is not synchronised: contacts are recorded but not scored; turn on NTP, or set clock_trusted = true"
    ),
}

CAUTIONS: Final = {
    Caution.PAUSED: N_("paused by you"),
    Caution.PROTECTED: N_("contacts are being recorded but not scored, as you asked"),
    Caution.NO_SOURCE: N_("no source of diagnosis keys is configured, so you can't be warned: add a [[source]]"),
    Caution.SILENCED: N_(
        "the radio failed several times, so nothing is advertised until the next slot, within 15 minutes: no more"
        " daily keys are used up"
    ),
    Caution.NOT_VERIFIED: N_(
        "transmission is not verified: that needs a second adapter or another device; see bluezone-agent selftest"
    ),
    Caution.LINKABLE: N_("your identifiers may be linkable to each other, as allow_linkable permits"),
}


def status_line(state: Health, journal: Journal) -> str:
    """Describe what is sent, received and stored, or the problem."""
    problems = [problem for problem in state.problems if problem not in OWNER_ONLY]
    if problems:
        return "; ".join(_(PROBLEMS[problem]) for problem in problems)
    if state.pause:
        return describe(ShownPause.of(state.pause))
    record = journal.get(Received)
    received = record.sightings if record else 0
    broadcast_s, committed_s = (state.ages[activity].since_s for activity in (Activity.BROADCAST, Activity.COMMIT))
    return "; ".join(
        [
            _("broadcasting, newest identifier since {time}").format(time=local_clock(broadcast_s or 0)),
            ngettext("{n} advertisement received", "{n} advertisements received", received).format(n=received),
            _("last stored at {time}").format(time=local_clock(committed_s or 0)),
        ]
    )
