"""Publishes the device's state to an MQTT broker (extra ``notify``: paho-mqtt)."""

from __future__ import annotations

import logging
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from bluezone_agent.core.device_state import DeviceState
from bluezone_agent.errors import N_, ConfigError
from bluezone_agent.notices.home_assistant import AVAILABLE, NOT_AVAILABLE, Discovery

try:
    from paho.mqtt.client import Client
    from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
except ImportError as error:
    raise ConfigError(
        N_("[home_assistant] needs the package {package}, which is not installed"),
        N_("run \"pip install 'bluezone-agent[notify]'\", or remove that table"),
        package="paho-mqtt",
    ) from error

PORTS: Final = {"mqtt": 1883, "mqtts": 8883}
KEEPALIVE_S: Final = 60
LONGEST_DELAY_S: Final = 120
"""Between attempts to reach the broker again."""


class MqttStates:
    """A connection to the broker that is kept, and made again whenever it breaks.

    The broker itself says that the device is not available when the connection breaks: its last will.
    """

    def __init__(self, broker: str, discovery: Discovery) -> None:
        """``broker``: ``mqtt://USER:PASSWORD@HOST:PORT``, ``mqtts`` with TLS; raises ConfigError for anything else."""
        address = urlsplit(broker)
        try:
            port = address.port or PORTS[address.scheme]
        except (KeyError, ValueError) as error:
            raise _not_a_broker() from error
        if not address.hostname:
            raise _not_a_broker()
        self._discovery = discovery
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.reconnect_delay_set(1, LONGEST_DELAY_S)
        self._client.will_set(discovery.availability_topic, NOT_AVAILABLE, qos=1, retain=True)
        if address.username:
            self._client.username_pw_set(unquote(address.username), unquote(address.password or ""))
        if address.scheme == "mqtts":
            self._client.tls_set()
        self._client.on_connect = self._introduce
        self._client.connect_async(address.hostname, port, KEEPALIVE_S)
        self._client.loop_start()

    def __repr__(self) -> str:
        return "MqttStates(<secret>)"

    def _introduce(self, client: Client, _userdata: object, _flags: object, reason: Any, _properties: object) -> None:
        if reason.is_failure:
            logging.getLogger(__name__).warning("the MQTT broker refuses: %s", reason)
            return
        for message in self._discovery.configuration():
            client.publish(message.topic, message.payload, qos=1, retain=True)
        client.publish(self._discovery.availability_topic, AVAILABLE, qos=1, retain=True)

    def publish(self, state: DeviceState) -> None:
        """Publish the state, which is not retained; raises OSError while there is no connection."""
        message = self._discovery.state(state)
        if not self._client.is_connected():
            raise ConnectionError("no connection to the MQTT broker")
        if self._client.publish(message.topic, message.payload).rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise ConnectionError("the connection to the MQTT broker broke")

    def close(self) -> None:
        """Say that the device is not available any more, and end the connection."""
        if self._client.is_connected():
            self._client.publish(
                self._discovery.availability_topic, NOT_AVAILABLE, qos=1, retain=True
            ).wait_for_publish(5)
        self._client.disconnect()
        self._client.loop_stop()


def _not_a_broker() -> ConfigError:
    return ConfigError(
        N_("broker in [home_assistant] is not the address of an MQTT broker"),
        N_("write mqtt://HOST, mqtts://HOST or mqtt://USER:PASSWORD@HOST:PORT"),
    )
