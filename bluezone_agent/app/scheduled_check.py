"""Scheduled tasks apart from the check: outage notices and chaff."""

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
    """Errors of the tasks; a failed task does not delay the others."""

    chaff_error: AgentError | None
    undelivered_notices: int
    notice_error: str | None


def do_what_else_is_due(device: Device) -> ScheduledDuties:
    """Notify the owner of outages, then send chaff if it is due: a slow key server must not delay a notice."""
    config, now_s = configuration(device), time.time()
    with Store(device.state_dir) as store:
        delivery = notify_of_all(store, config, now_s)  # first, because the key server may be slow
        chaff_error = None if spool_folder() else send_chaff_if_due(store, config, now_s)
    return ScheduledDuties(
        chaff_error=chaff_error, undelivered_notices=delivery.undelivered, notice_error=delivery.error
    )


def send_chaff_if_due(store: Store, config: Config, now_s: float) -> AgentError | None:
    """Send chaff if it is configured and due; return the error if that failed."""
    if config.publish and config.publish.chaff and chaff_is_due(store, now_s):
        try:
            configured_key_server(config).send_chaff()
        except AgentError as error:
            return error
    return None
