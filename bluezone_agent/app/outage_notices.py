"""What the owner is told when listening or checks have stopped, and when they go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bluezone_agent.cli.base import printable, say
from bluezone_agent.errors import N_
from bluezone_agent.health.health import Activity
from bluezone_agent.health.outage_notices import mark_notified, pending
from bluezone_agent.i18n import _, local_time
from bluezone_agent.ports import Notice

if TYPE_CHECKING:
    from bluezone_agent.config import Config
    from bluezone_agent.health.outage_notices import Change
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


def tell_owner(store: Store, config: Config, now_s: float) -> None:
    """Tell the owner by ``notify_command`` what has changed; what could not be told is tried again the next time."""
    changes = pending(store, now_s) if config.notify_command else []
    if not changes:
        return
    from bluezone_agent.notices.command import CommandNotifier  # noqa: PLC0415 - seldom needed

    try:
        CommandNotifier(config.notify_command).notify([_notice(change) for change in changes])
    except OSError as error:
        say(_("the notice could not be given: {reason}").format(reason=printable(str(error))))
    else:
        mark_notified(store, changes, now_s)


def _notice(change: Change) -> Notice:
    title = _("bluezone-agent works again") if change.goes_on else _("bluezone-agent needs attention")
    text = (GOES_ON if change.goes_on else STOPPED)[change.what]
    return Notice(title, _(text).format(time=local_time(change.since_s)))
