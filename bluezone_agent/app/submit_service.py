"""The service that sends what the agent submits: it has the network, and no store."""

from __future__ import annotations

from bluezone_agent.app.configuration import configuration
from bluezone_agent.app.device import Device
from bluezone_agent.app.passed_socket import passed_socket
from bluezone_agent.app.submission import configured_key_server
from bluezone_agent.key_servers import relay


def serve_submissions(device: Device) -> None:
    """Send each request that arrives on systemd's socket; does not return. Raises ConfigError."""
    server = configured_key_server(configuration(device))
    with passed_socket("bluezone-submit.socket") as listener:
        relay.serve(listener, (server.verification_server, server.key_server))
