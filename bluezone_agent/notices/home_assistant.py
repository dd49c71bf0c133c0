"""Home Assistant's MQTT discovery: https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery.

One retained message for each entity says what it is; one message a minute has the values of all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from bluezone_agent import __version__
from bluezone_agent.core.device_state import DeviceState
from bluezone_agent.errors import N_, Text
from bluezone_agent.i18n import _

AVAILABLE: Final = "online"
NOT_AVAILABLE: Final = "offline"
EXPIRE_AFTER_S: Final = 300
"""After five minutes without news of the agent, its entities are unavailable: it sends some every minute."""


class _Entity(NamedTuple):
    component: str
    key: str
    """Field of DeviceState, and a part of the topic."""
    name: Text
    about: dict[str, Any]


BINARY: Final = {"payload_on": "ON", "payload_off": "OFF"}
TIMESTAMP: Final = {"device_class": "timestamp"}
ENTITIES: Final = (
    _Entity("binary_sensor", "problem", N_("problem"), {"device_class": "problem", **BINARY}),
    _Entity("binary_sensor", "paused", N_("paused"), BINARY),
    _Entity("sensor", "scanned_at", N_("last scan"), TIMESTAMP),
    _Entity("sensor", "stored_at", N_("last stored"), TIMESTAMP),
    _Entity("sensor", "checked_at", N_("last complete check"), TIMESTAMP),
    _Entity(
        "sensor",
        "contact_minutes",
        N_("minutes with devices nearby (24 h)"),
        {"unit_of_measurement": "min", "state_class": "measurement"},
    ),
    _Entity("sensor", "sources", N_("sources of diagnosis keys"), {"state_class": "measurement"}),
)
EXPOSURE: Final = _Entity("sensor", "exposure", N_("exposure"), {"device_class": "enum"})


class Message(NamedTuple):
    """What is published, retained unless it is the state."""

    topic: str
    payload: str


class Discovery:
    """The messages of one device."""

    def __init__(self, name: str, prefix: str, answers: Sequence[str] = ()) -> None:
        """``name``: of the device, which tells it from the owner's others; ``prefix``: Home Assistant's.

        ``answers``: the possible values of the exposure; without any it is not published.
        """
        self._name = name
        self._prefix = prefix
        self._answers = list(answers)
        self._node = re.sub(r"[^a-zA-Z0-9_-]+", "_", name) or "bluezone-agent"
        self.availability_topic = f"bluezone-agent/{self._node}/availability"
        self.state_topic = f"bluezone-agent/{self._node}/state"

    def configuration(self) -> Iterator[Message]:
        """Yield what each entity is; an empty message removes the one that was switched off."""
        for entity in ENTITIES:
            yield Message(self._topic(entity), _json(self._about(entity)))
        yield Message(self._topic(EXPOSURE), self._exposure())

    def _exposure(self) -> str:
        return _json(self._about(EXPOSURE) | {"options": self._answers}) if self._answers else ""

    def state(self, state: DeviceState) -> Message:
        """Return the values of all entities."""
        shown = state if self._answers else msgspec.structs.replace(state, exposure=None)
        return Message(self.state_topic, _json(shown))

    def _topic(self, entity: _Entity) -> str:
        return f"{self._prefix}/{entity.component}/{self._node}/{entity.key}/config"

    def _about(self, entity: _Entity) -> dict[str, Any]:
        value = f"value_json.{entity.key}"
        return {
            "name": str(_(entity.name)),
            "unique_id": f"bluezone-agent_{self._node}_{entity.key}",
            "state_topic": self.state_topic,
            "value_template": f"{{{{ 'ON' if {value} else 'OFF' }}}}"
            if "payload_on" in entity.about
            else f"{{{{ {value} }}}}",
            "availability_topic": self.availability_topic,
            "payload_available": AVAILABLE,
            "payload_not_available": NOT_AVAILABLE,
            "expire_after": EXPIRE_AFTER_S,
            "entity_category": "diagnostic",
            "device": {
                "identifiers": [f"bluezone-agent_{self._node}"],
                "name": self._name,
                "manufacturer": "bluezone-agent",
                "sw_version": __version__,
            },
            "origin": {"name": "bluezone-agent", "sw_version": __version__},
            **entity.about,
        }


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
