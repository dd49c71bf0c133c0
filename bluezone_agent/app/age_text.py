"""How long ago something was, in words."""

from __future__ import annotations

from datetime import datetime

from bluezone_agent.core.ages import is_known
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.i18n import _


def age(at: datetime, now: datetime) -> str:
    """Describe how long ago something was."""
    if not is_known(now.timestamp(), at.timestamp()):
        return _("at an unknown time")
    seconds = int((now - at).total_seconds())
    if seconds < 100:
        return _("{n} s ago").format(n=seconds)
    if seconds < 100 * 60:
        return _("{n} min ago").format(n=seconds // 60)
    if seconds < 48 * 3600:
        return _("{n} h ago").format(n=seconds // 3600)
    return _("{n} days ago").format(n=seconds // DAY_S)
