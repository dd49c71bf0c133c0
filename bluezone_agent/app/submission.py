"""Submits the owner's keys to a key server, and sends chaff that looks the same on the network."""

from __future__ import annotations

import time
from datetime import date

from bluezone_agent.actions import upload_keys
from bluezone_agent.actions.export_keys import require_past
from bluezone_agent.app.configuration import configuration
from bluezone_agent.app.device import Device
from bluezone_agent.app.passphrase import Passphrase
from bluezone_agent.app.result import Result
from bluezone_agent.app.submit_socket import submit_socket
from bluezone_agent.app.unlock import unlocked
from bluezone_agent.config import Config
from bluezone_agent.errors import N_, ConfigError
from bluezone_agent.key_servers.google import GoogleKeyServer
from bluezone_agent.key_servers.relay import Relay
from bluezone_agent.key_servers.sending import send_request


class Submitted(Result, frozen=True, kw_only=True):
    """The key server's result for a submission."""

    sent: int
    left_out: int
    """Keys that were not sent because the server limits the number per request and per day. Each day has a sent key."""
    inserted: int
    """Number of keys that the server publishes."""
    refused: str | None
    """Why the server did not accept the others, in its own words."""
    warnings: tuple[str, ...]
    """Warnings of the server, in its own words."""


def require_submittable(device: Device, onset: date | None) -> None:
    """Check that a submission is possible before the owner is asked; raises ConfigError, ExportError."""
    configured_key_server(configuration(device))
    require_past(onset, time.time())


def submit_keys(
    device: Device, code: str, passphrase: Passphrase, *, days: int, onset: date | None, traveler: bool
) -> Submitted:
    """Submit the keys of the last ``days`` days with ``code``; first the key in use is ended and replaced.

    Raises ExportError, KeyServerError.
    """
    server = configured_key_server(configuration(device))
    with unlocked(device, passphrase) as store:
        done = upload_keys.publish(store, server, code, time.time(), days=days, onset=onset, traveler=traveler)
    return Submitted(
        sent=done.sent,
        left_out=done.left_out,
        inserted=done.receipt.inserted,
        refused=done.receipt.refused or None,
        warnings=done.receipt.warnings,
    )


def send_chaff(device: Device) -> None:
    """Send chaff once; no key of this device is in it. Raises ConfigError, KeyServerError."""
    configured_key_server(configuration(device)).send_chaff()


def configured_key_server(config: Config) -> GoogleKeyServer:
    """Return the configured key server; raises ConfigError if there is none."""
    if config.publish is None:
        raise ConfigError(
            N_("no key server is configured"),
            N_('add [publish] to the configuration; "bluezone-agent config init -" shows how'),
        )
    relay = submit_socket()
    return GoogleKeyServer(
        config.publish.verification_server,
        config.publish.key_server,
        config.publish.api_key,
        config.publish.health_authority_id,
        send_request if relay is None else Relay(relay).send,
    )
