"""Downloads for another process: verified diagnosis key files into a spool, and chaff. It has no contacts."""

from __future__ import annotations

import time
from pathlib import Path

from bluezone_agent.app.check import CheckedSource, check_store, checked_source
from bluezone_agent.app.configuration import configuration
from bluezone_agent.app.device import Device
from bluezone_agent.app.key_sources import network_sources
from bluezone_agent.app.owner_time import judged_now
from bluezone_agent.app.result import Result
from bluezone_agent.app.scheduled_check import send_chaff_if_due
from bluezone_agent.app.spool import SPOOL, spool_folder
from bluezone_agent.core.calendars import UTC_CALENDAR
from bluezone_agent.errors import N_, AgentError, ConfigError
from bluezone_agent.exposure_check.check import PinnedSource
from bluezone_agent.key_sources.spool import SpoolingSource
from bluezone_agent.stores.store import Store


class Fetched(Result, frozen=True, kw_only=True):
    """The result of a download."""

    complete: bool
    """Whether every source was read and every file accepted."""
    sources: tuple[CheckedSource, ...]
    chaff_error: AgentError | None


def fetch(device: Device) -> Fetched:
    """Download from every source on the network into the spool; this process has its own state.

    Like a check it knows which files it need not download again, because it runs a check of its own against an empty
    contact history. Raises ConfigError, StoreError.
    """
    config, spool = configuration(device), _spool()
    with Store(device.state_dir) as store:
        sources = [
            PinnedSource(SpoolingSource(pinned.source, spool), pinned.trust) for pinned in network_sources(config)
        ]
        report = check_store(store, config, sources, judged_now(config, store), UTC_CALENDAR)
        return Fetched(
            complete=report.complete,
            sources=tuple(map(checked_source, report.sources)),
            chaff_error=send_chaff_if_due(store, config, time.time()),
        )


def _spool() -> Path:
    spool = spool_folder()
    if spool is None or not spool.is_dir():
        raise ConfigError(
            N_("there is no folder for the downloaded files: {setting} = {value}"),
            N_("systemd sets it: systemctl start bluezone-fetch; to check manually, run bluezone-agent check"),
            setting=SPOOL,
            value=spool or "-",
        )
    return spool
