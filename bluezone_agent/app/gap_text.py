"""Sentences on periods without scanning."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from bluezone_agent.app.listening import NOT_RUNNING, Gap
from bluezone_agent.errors import N_, RadioFault
from bluezone_agent.i18n import _, local_clock, local_date, local_time

REASONS: Final = {
    NOT_RUNNING: N_("the agent was not running"),
    RadioFault.NO_BLUETOOTH: N_("no Bluetooth service"),
    RadioFault.NO_ADAPTER: N_("no Bluetooth adapter"),
    RadioFault.POWERED_OFF: N_("the adapter was powered off"),
    RadioFault.NOT_PERMITTED: N_("not permitted to use Bluetooth"),
    RadioFault.LINKABLE: N_("identifiers would have been linkable"),
    RadioFault.REFUSED: N_("the Bluetooth service refused"),
    RadioFault.LOST: N_("the radio was lost"),
    RadioFault.SILENT: N_("the scanner received nothing any more"),
    RadioFault.SUSPENDED: N_("the device was suspended"),
    RadioFault.PAUSED: N_("paused by its owner"),
    RadioFault.YIELDED: N_("another command used the radio"),
}


def gap_text(gap: Gap) -> str:
    """Return one line: the period without scanning, and its reason."""
    if gap.ends_at - gap.starts_at < timedelta(minutes=1):
        return _("not scanning at {date} {start} for less than a minute: {reason}").format(
            date=local_date(gap.starts_at),
            start=local_clock(gap.starts_at),
            reason=_(REASONS.get(gap.reason, gap.reason)),
        )
    same_day = local_date(gap.starts_at) == local_date(gap.ends_at)
    end = local_clock(gap.ends_at) if same_day else local_time(gap.ends_at)
    return _("not scanning from {date} {start} to {end}: {reason}").format(
        date=local_date(gap.starts_at),
        start=local_clock(gap.starts_at),
        end=end,
        reason=_(REASONS.get(gap.reason, gap.reason)),
    )
