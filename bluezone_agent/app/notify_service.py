"""The service that delivers the agent's notices and states: it has the network, and no contacts."""

from __future__ import annotations

from bluezone_agent.app.configuration import configuration
from bluezone_agent.app.device import Device
from bluezone_agent.app.home_assistant import mqtt_states
from bluezone_agent.app.notice_channels import local_channels
from bluezone_agent.app.passed_socket import passed_socket
from bluezone_agent.notices.socket import nowhere, serve


def serve_notices(device: Device) -> None:
    """Deliver each notice that arrives on systemd's socket; does not return. Raises ConfigError."""
    config = configuration(device)
    publish = nowhere if config.home_assistant is None else mqtt_states(config.home_assistant).publish
    with passed_socket("bluezone-notify.socket") as listener:
        serve(listener, local_channels(config), publish)
