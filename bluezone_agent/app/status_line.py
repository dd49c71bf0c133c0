"""One line that says what the agent does, for `systemctl status`."""

from __future__ import annotations

from bluezone_agent.health.health import Activity, Health, Signs, received_adverts
from bluezone_agent.i18n import _, local_clock, ngettext


def status_line(state: Health, signs: Signs) -> str:
    """Return what is sent, heard and stored, or what is wrong."""
    if state.problems:
        from bluezone_agent.cli.status import PROBLEMS  # noqa: PLC0415

        return "; ".join(_(PROBLEMS[problem]) for problem in state.problems)
    if state.pause:
        from bluezone_agent.cli.pause import describe  # noqa: PLC0415

        return describe(state.pause)
    received = received_adverts(signs)
    broadcast_s, committed_s = (state.ages[life].since_s for life in (Activity.BROADCAST, Activity.COMMIT))
    return "; ".join(
        [
            _("broadcasting, the newest identifier since {time}").format(time=local_clock(broadcast_s or 0)),
            ngettext("{n} broadcast heard", "{n} broadcasts heard", received).format(n=received),
            _("last stored at {time}").format(time=local_clock(committed_s or 0)),
        ]
    )
