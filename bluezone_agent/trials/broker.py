"""The MQTT broker of a trial: each recorder tells it how far it is, and ``trial live`` of one device shows all.

Messages are :class:`NodeLine` objects: counts and marks, never a packet or an identifier. Nothing is retained.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from bluezone_agent.errors import N_
from bluezone_agent.trials.broker_address import broker_address
from bluezone_agent.trials.folder import TrialError, TrialFolder
from bluezone_agent.trials.live_line import NodeLine
from bluezone_agent.trials.monitor import fingerprint
from bluezone_agent.trials.plan import TrialPlan

try:
    from paho.mqtt.client import Client, MQTTMessage
    from paho.mqtt.enums import CallbackAPIVersion
except ImportError as missing:
    raise TrialError(
        N_("[live] broker needs the package {package}, which is not installed"),
        N_("run \"pip install 'bluezone-agent[notify]'\", or remove that table from the plan"),
        package="paho-mqtt",
    ) from missing

KEEPALIVE_S: Final = 30
LONGEST_DELAY_S: Final = 10
"""Between attempts to reach the broker again: a trial may last minutes."""
LAST_MESSAGE_S: Final = 3.0
LONGEST_MESSAGE: Final = 2**16


class TrialBroker:
    """A connection to the plan's broker, made again whenever it breaks; a trial never waits for it."""

    def __init__(self, trial: TrialFolder, plan: TrialPlan) -> None:
        """The plan names a broker. Raises TrialError if the login in the secret is not one."""
        address = broker_address(plan.live.broker)
        assert address is not None, "plan_rules"
        self._topic = f"bluezone-agent/trial/{plan.trial.name}/{fingerprint(plan)}"
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.reconnect_delay_set(1, LONGEST_DELAY_S)
        login = trial.broker_login()
        if login is not None:
            self._client.username_pw_set(*login)
        if address.tls:
            self._client.tls_set()
        self._client.connect_async(address.host, address.port, KEEPALIVE_S)

    def __repr__(self) -> str:
        return "TrialBroker(<secret>)"

    @property
    def connected(self) -> bool:
        """Whether the broker answers."""
        return self._client.is_connected()

    def start(self) -> None:
        """Connect, in a thread."""
        self._client.loop_start()

    def publish(self, line: NodeLine, *, wait: bool = False) -> None:
        """Publish a recorder's line, if the broker answers; with ``wait`` until it was sent, or some seconds."""
        if self.connected:
            sent = self._client.publish(f"{self._topic}/{line.device}", msgspec.json.encode(line))
            if wait:
                sent.wait_for_publish(LAST_MESSAGE_S)

    def subscribe(self, received: Callable[[bytes], None]) -> None:
        """Call ``received`` with every message of the trial, in the client's thread; call it before :meth:`start`."""

        def introduce(client: Client, _data: object, _flags: object, reason: Any, _properties: object) -> None:
            if not reason.is_failure:
                client.subscribe(f"{self._topic}/+")

        def on_message(_client: Client, _data: object, message: MQTTMessage) -> None:
            if len(message.payload) <= LONGEST_MESSAGE:
                received(bytes(message.payload))

        self._client.on_connect = introduce
        self._client.on_message = on_message

    def close(self) -> None:
        """End the connection."""
        self._client.disconnect()
        self._client.loop_stop()
