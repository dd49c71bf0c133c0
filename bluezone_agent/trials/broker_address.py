"""The address of an MQTT broker, as a plan has it: ``mqtt://HOST``, ``mqtt://HOST:PORT``, with TLS ``mqtts://HOST``."""

from __future__ import annotations

from typing import Final, NamedTuple
from urllib.parse import urlsplit

PORTS: Final = {"mqtt": 1883, "mqtts": 8883}


class BrokerAddress(NamedTuple):
    """Where a broker is."""

    host: str
    port: int
    tls: bool


def broker_address(text: str) -> BrokerAddress | None:
    """Return the address that a text has; None if it is not one."""
    try:
        parts = urlsplit(text)
        port = parts.port or PORTS[parts.scheme]
    except (KeyError, ValueError):
        return None
    if not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
        return None
    return BrokerAddress(parts.hostname, port, parts.scheme == "mqtts")


def is_with_login(text: str) -> bool:
    """Return whether an address names a user or a password."""
    return "@" in text
