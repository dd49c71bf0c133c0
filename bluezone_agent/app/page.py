"""Makes every part of the owner's page: in a process next to the agent, or for a page started by hand."""

from __future__ import annotations

import time
from collections.abc import Iterator

from bluezone_agent.app import page_files
from bluezone_agent.app.configuration import configuration
from bluezone_agent.app.contacts import contacts
from bluezone_agent.app.device import Device
from bluezone_agent.app.doctor import find
from bluezone_agent.app.own_keys import list_keys
from bluezone_agent.app.page_folder import page_folder
from bluezone_agent.app.page_now import page_exposures, page_now
from bluezone_agent.app.page_parts import (
    PageContacts,
    PageFinding,
    PageFindings,
    Part,
    in_every_language,
)
from bluezone_agent.app.result import utc
from bluezone_agent.config import Config
from bluezone_agent.core.intervals import RETENTION_DAYS
from bluezone_agent.errors import AgentError
from bluezone_agent.health.doctor.finding import Finding, Level
from bluezone_agent.i18n import rendered
from bluezone_agent.stores.store import Store


def page_parts(device: Device) -> Iterator[tuple[str, Part]]:
    """Yield every part with its name, the quick ones first. Raises ConfigError, StoreError."""
    config = configuration(device)
    with Store(device.state_dir) as store:
        exposed = page_exposures(store, config)
        yield "exposures", exposed
        yield "now", page_now(store, config, exposed.days)
    yield "findings", _findings(device, config)
    yield "contacts", _contacts(device)


def write_page(device: Device) -> None:
    """Write every part into the page's folder, if there is one; raises ConfigError, StoreError, OSError."""
    folder = page_folder()
    if folder is not None:
        for name, part in page_parts(device):
            page_files.write(folder, name, part)


def _contacts(device: Device) -> PageContacts:
    found = contacts(device, RETENTION_DAYS)
    return PageContacts(
        made_at=utc(time.time()),
        close_db=found.close_db,
        middle_db=found.middle_db,
        calibrated=found.calibrated,
        hours=found.hours,
    )


def _findings(device: Device, config: Config) -> PageFindings:
    found = find(device)
    return PageFindings(
        made_at=utc(time.time()),
        healthy=all(finding.level is not Level.FAULT for finding in found),
        findings=tuple(map(_finding, found)),
        keys=list_keys(device),
        key_server=config.publish is not None,
    )


def _finding(finding: Finding) -> PageFinding:
    said = AgentError(finding.message, finding.remedy, **finding.fields)
    return PageFinding(
        level=finding.level,
        message=in_every_language(lambda: [rendered(said)[0]]),
        remedy=in_every_language(lambda: [rendered(said)[1]] if finding.remedy else []),
        at=utc(finding.at_s),
    )
