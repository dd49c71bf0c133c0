"""What the owner is told when listening or checks have stopped, and when they go on."""

from __future__ import annotations

import time
from typing import Final

from bluezone_agent.app.configuration import configuration
from bluezone_agent.app.device import Device
from bluezone_agent.app.notify import notify_owner
from bluezone_agent.config import Config
from bluezone_agent.errors import N_
from bluezone_agent.health.health import Activity
from bluezone_agent.health.outage_notices import Change, mark_notified, pending
from bluezone_agent.i18n import _, local_time
from bluezone_agent.ports import Notice
from bluezone_agent.stores.store import Store

STOPPED: Final = {
    Activity.LISTEN: N_("Nobody has listened since {time}. Run bluezone-agent status to see why."),
    Activity.CHECK: N_(
        "Published cases were last checked completely at {time}. Run bluezone-agent keys sources to see why."
    ),
}
GOES_ON: Final = {
    Activity.LISTEN: N_("This device listens again. It did not from {time} on: contacts of that time are not known."),
    Activity.CHECK: N_("Published cases are checked again; nothing is missed. They were not from {time} on."),
}


def notify_of_outages(device: Device) -> str | None:
    """Tell the owner what has stopped, or goes on again; return why that failed, None for nothing."""
    with Store(device.state_dir) as store:
        return tell_owner(store, configuration(device), time.time())


def tell_owner(store: Store, config: Config, now_s: float) -> str | None:
    """Tell the owner what has changed; what could not be told is tried again the next time. Returns why it failed."""
    changes = pending(store, now_s) if config.notify_command else []
    failed = notify_owner(config, [_notice(change) for change in changes])
    if changes and failed is None:
        mark_notified(store, changes, now_s)
    return failed


def _notice(change: Change) -> Notice:
    title = _("bluezone-agent works again") if change.goes_on else _("bluezone-agent needs attention")
    text = (GOES_ON if change.goes_on else STOPPED)[change.what]
    return Notice(title, _(text).format(time=local_time(change.since_s)))
