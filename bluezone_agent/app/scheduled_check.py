"""What a schedule does besides the check: chaff, and the dead man's switch."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bluezone_agent.app.outage_notices import tell_owner
from bluezone_agent.cli.base import fail
from bluezone_agent.errors import AgentError
from bluezone_agent.stores.store import Store

if TYPE_CHECKING:
    from bluezone_agent.cli.base import Settings
    from bluezone_agent.config import Config


def do_what_else_is_due(options: Settings, config: Config) -> None:
    """Send chaff when its turn has come, and tell the owner what has stopped; a failure of one holds up nothing."""
    now_s = time.time()
    with Store(options.state_dir) as store:
        if config.publish and config.publish.chaff:
            _chaff(store, config, now_s)
        tell_owner(store, config, now_s)


def _chaff(store: Store, config: Config, now_s: float) -> None:
    from bluezone_agent.actions.upload_keys import chaff_is_due  # noqa: PLC0415
    from bluezone_agent.cli.publish import key_server  # noqa: PLC0415 - imports httpx2

    if chaff_is_due(store, now_s):
        try:
            key_server(config).send_chaff()
        except AgentError as error:
            fail(error)
