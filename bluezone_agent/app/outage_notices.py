"""The notices to the owner when scanning or checks stop, and when they resume."""

from __future__ import annotations

import time
from typing import Final

from bluezone_agent.app.agent_state import pending_notices
from bluezone_agent.app.configuration import configuration
from bluezone_agent.app.device import Device
from bluezone_agent.app.notices import Delivery, deliver
from bluezone_agent.config import Config
from bluezone_agent.core.notice import Notice
from bluezone_agent.errors import N_
from bluezone_agent.health.health import Activity
from bluezone_agent.health.outage_notices import Change, notified
from bluezone_agent.i18n import _, local_time
from bluezone_agent.stores.store import Store

STOPPED: Final = {
    Activity.LISTEN: N_("This device has not scanned since {time}. Run bluezone-agent status to see why."),
    Activity.CHECK: N_(
        "The last complete check for published cases was at {time}. Run bluezone-agent keys sources to see why."
    ),
}
STOPPED_AT_UNKNOWN_TIME: Final = {
    Activity.LISTEN: N_(
        "This device is not scanning. It is not known since when, because the clock was set back. Run"
        " bluezone-agent status to see why."
    ),
    Activity.CHECK: N_(
        "It is not known when the last complete check for published cases was, because the clock was"
        " set back. Run bluezone-agent keys sources to see why."
    ),
}
RESUMED: Final = {
    Activity.LISTEN: N_(
        "This device is scanning again. It had stopped at {time}; contacts since then were not recorded."
    ),
    Activity.CHECK: N_("Checks for published cases work again; nothing was missed. They had stopped at {time}."),
}
RESUMED_AFTER_UNKNOWN_TIME: Final = {
    Activity.LISTEN: N_("This device is scanning again. It is not known how long it had stopped."),
    Activity.CHECK: N_("Checks for published cases work again; nothing was missed."),
}


def notify_owner(device: Device) -> Delivery:
    """Deliver the queued notices, and notices on what has stopped or resumed since."""
    config, now_s = configuration(device), time.time()
    with Store(device.state_dir) as store:
        return notify_of_all(store, config, now_s)


def notify_of_all(store: Store, config: Config, now_s: float) -> Delivery:
    """Queue a notice for each change that was not yet reported, and deliver what is due."""
    changes = pending_notices(store, now_s) if config.notifies else []
    if changes:
        with store.transaction():
            for change in changes:
                store.notices.add(_notice(change), now_s)
            store.journal.put(notified(store.journal, changes, now_s))
    return deliver(store, config, now_s)


def _notice(change: Change) -> Notice:
    title = _("bluezone-agent works again") if change.resumed else _("bluezone-agent needs attention")
    if change.since_s is None:
        texts = RESUMED_AFTER_UNKNOWN_TIME if change.resumed else STOPPED_AT_UNKNOWN_TIME
        return Notice(title, _(texts[change.what]))
    texts = RESUMED if change.resumed else STOPPED
    return Notice(title, _(texts[change.what]).format(time=local_time(change.since_s)))
