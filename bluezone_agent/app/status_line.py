"""One line that says what the agent does, for `systemctl status`."""

from __future__ import annotations

from typing import Final

from bluezone_agent.app.pause_text import describe
from bluezone_agent.app.shown_pause import ShownPause
from bluezone_agent.core.journal import Journal, Received
from bluezone_agent.errors import N_
from bluezone_agent.health.health import OWNER_ONLY, Activity, Caution, Health, Problem
from bluezone_agent.i18n import _, local_clock, ngettext

PROBLEMS: Final = {
    Problem.NOT_RUNNING: N_("the agent is not running: start it with bluezone-agent run"),
    Problem.NO_RADIO: N_("the radio can't be used; the agent waits for it and goes on by itself"),
    Problem.SCAN_ONLY: N_(
        "the radio listens but can't broadcast: another program may use all its advertising instances"
    ),
    Problem.NOT_BROADCASTING: N_("no new identifier was put on the air in time: restart the agent"),
    Problem.NOT_PROVED: N_(
        "no other adapter has heard the own broadcast for 5 minutes: run bluezone-agent doctor, then restart the agent"
    ),
    Problem.NOT_STORING: N_("nothing was committed for minutes: look at the disk and at the agent's log"),
    Problem.NOT_CHECKING: N_(
        "checks have not succeeded for more than 30 hours: see bluezone-agent keys sources,"
        " and run bluezone-agent check"
    ),
    Problem.STORE_QUARANTINED: N_(
        "a damaged store was set aside as agent.damaged-*.db and a new one begun; delete that file when you do not need"
        " it, after 14 days it goes by itself"
    ),
    Problem.NOTICE_UNDELIVERED: N_(
        "a notice to you could not be delivered and is tried again: see bluezone-agent exposures, and check"
        " notify_command"
    ),
    Problem.SIGHTINGS_DROPPED: N_(
        "in the last 24 hours more identifiers were received than there is room for: somebody may be flooding the air,"
        " and contacts may be missing"
    ),
    Problem.KEYS_LEFT_OUT: N_(
        "a file of diagnosis keys has keys that are newer than its own date: exposures may be missing; see"
        " bluezone-agent keys sources, and tell the health authority"
    ),
    Problem.CLOCK_NOT_TRUSTED: N_(
        "the clock is not synchronised: contacts are kept but do not count; switch NTP on, or set clock_trusted = true"
    ),
}

CAUTIONS: Final = {
    Caution.PAUSED: N_("paused by you"),
    Caution.PROTECTED: N_("what is received now is recorded and does not count, as you asked"),
    Caution.NO_SOURCE: N_("no source of diagnosis keys is configured, so you can't be warned: add a [[source]]"),
    Caution.SILENCED: N_(
        "the radio failed several times, so nothing is advertised until the next slot, within 15 minutes: no more"
        " daily keys are used up"
    ),
    Caution.NOT_VERIFIED: N_(
        "transmission is not verified: that needs a second adapter or another device; see bluezone-agent selftest"
    ),
    Caution.LINKABLE: N_("your identifiers may be linkable, as allow_linkable accepts"),
}


def status_line(state: Health, journal: Journal) -> str:
    """Return what is sent, received and stored, or what is wrong."""
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
            _("broadcasting, the newest identifier since {time}").format(time=local_clock(broadcast_s or 0)),
            ngettext("{n} broadcast heard", "{n} broadcasts heard", received).format(n=received),
            _("last stored at {time}").format(time=local_clock(committed_s or 0)),
        ]
    )
