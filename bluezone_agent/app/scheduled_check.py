"""What a schedule does besides the check: notices of outages, and chaff."""

from __future__ import annotations

import time

from bluezone_agent.actions.upload_keys import chaff_is_due
from bluezone_agent.app.configuration import configuration
from bluezone_agent.app.device import Device
from bluezone_agent.app.outage_notices import notify_of_all
from bluezone_agent.app.result import Result
from bluezone_agent.app.spool import spool_folder
from bluezone_agent.app.submission import configured_key_server
from bluezone_agent.config import Config
from bluezone_agent.errors import AgentError
from bluezone_agent.stores.store import Store


class ScheduledDuties(Result, frozen=True, kw_only=True):
    """What went wrong; a failure of one holds up nothing."""

    chaff_error: AgentError | None
    undelivered_notices: int
    notice_error: str | None


def do_what_else_is_due(device: Device) -> ScheduledDuties:
    """Tell the owner what has stopped, and send chaff when its turn has come: a slow key server holds up no notice."""
    config, now_s = configuration(device), time.time()
    with Store(device.state_dir) as store:
        delivery = notify_of_all(store, config, now_s)  # first: a server of chaff may be slow
        chaff_error = None if spool_folder() else send_chaff_if_due(store, config, now_s)
    return ScheduledDuties(
        chaff_error=chaff_error, undelivered_notices=delivery.undelivered, notice_error=delivery.error
    )


def send_chaff_if_due(store: Store, config: Config, now_s: float) -> AgentError | None:
    """Send chaff where it is configured and its turn has come; return why that failed."""
    if config.publish and config.publish.chaff and chaff_is_due(store, now_s):
        try:
            configured_key_server(config).send_chaff()
        except AgentError as error:
            return error
    return None
