"""Home Assistant by MQTT discovery, on a real broker: what it is told, when, and what it is never told."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, Final

import pytest
from jinja2 import Environment

from bluezone_agent.app.home_assistant import device_state, mqtt_states
from bluezone_agent.config import Config, HomeAssistant
from bluezone_agent.core.device_state import DeviceState
from bluezone_agent.core.exposure import DayExposure, Degree
from bluezone_agent.core.journal import Checked, Committed
from bluezone_agent.core.notice import Notice
from bluezone_agent.errors import ConfigError
from bluezone_agent.health.knowledge import Answer
from bluezone_agent.notices.home_assistant import AVAILABLE, NOT_AVAILABLE, Discovery
from bluezone_agent.notices.mqtt import MqttStates
from bluezone_agent.stores.store import Store
from tests.notices.servers import TIMEOUT_S, Mosquitto
from tests.program import Program

STATE: Final = DeviceState(
    problem=True,
    paused=False,
    scanned_at="2026-11-24T10:00:00+00:00",
    stored_at=None,
    checked_at=None,
    contact_minutes=12,
    sources=1,
    exposure=Answer.EXPOSED.value,
)
ANSWERS: Final = [answer.value for answer in Answer]
COMMON: Final = {
    "availability_topic": str,
    "device": dict,
    "entity_category": str,
    "expire_after": int,
    "name": str,
    "origin": dict,
    "payload_available": str,
    "payload_not_available": str,
    "state_topic": str,
    "unique_id": str,
    "value_template": str,
    "device_class": str,
}
"""Variables of both pages of Home Assistant's documentation, and their types."""
FIELDS: Final = {
    "sensor": COMMON | {"unit_of_measurement": str, "state_class": str, "options": list},
    "binary_sensor": COMMON | {"payload_on": str, "payload_off": str},
}
"""https://www.home-assistant.io/integrations/sensor.mqtt/ and binary_sensor.mqtt: those that are used."""
DEVICE: Final = {"identifiers": list, "name": str, "manufacturer": str, "sw_version": str}
ORIGIN: Final = {"name": str, "sw_version": str}
DEVICE_CLASSES: Final = {"sensor": {"timestamp", "enum"}, "binary_sensor": {"problem"}}
STATE_CLASSES: Final = {"measurement", "total", "total_increasing"}


def wait_until(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


@pytest.mark.parametrize("answers", [[], ANSWERS])
def test_discovery_is_what_the_documentation_says(answers: list[str]) -> None:
    """Field by field: topic, type of every variable, and what depends on another one."""
    seen: set[str] = set()
    for topic, payload in Discovery("my Pi", "homeassistant", answers).configuration():
        prefix, component, node, key, last = topic.split("/")
        assert (prefix, node, last) == ("homeassistant", "my_Pi", "config")
        if not payload:
            assert (key, answers) == ("exposure", [])
            continue
        about: dict[str, Any] = json.loads(payload)
        assert {name: type(value) for name, value in about.items()}.items() <= FIELDS[component].items()
        assert {name: type(value) for name, value in about["device"].items()} == DEVICE
        assert {name: type(value) for name, value in about["origin"].items()} == ORIGIN
        assert {"state_topic", "unique_id", "availability_topic"} <= about.keys()
        assert about["unique_id"] not in seen, "two entities with the same one are refused"
        assert about["entity_category"] == "diagnostic"
        assert about.get("device_class") in {None, *DEVICE_CLASSES[component]}
        assert about.get("state_class") in {None, *STATE_CLASSES}
        assert ("options" in about) == (about.get("device_class") == "enum")
        assert not ({"unit_of_measurement", "state_class"} & about.keys() and "options" in about)
        seen.add(about["unique_id"])
    assert len(seen) == 7 + bool(answers)


@pytest.mark.parametrize("answers", [[], ANSWERS])
def test_the_templates_give_the_values_of_the_state(answers: list[str]) -> None:
    """Home Assistant renders them with Jinja over ``value_json``; None is "unknown" there."""
    discovery = Discovery("bluezone-agent", "homeassistant", answers)
    state = json.loads(discovery.state(STATE).payload)
    shown = {}
    for topic, payload in discovery.configuration():
        if payload:
            template = Environment(autoescape=False).from_string(json.loads(payload)["value_template"])
            shown[topic.split("/")[3]] = template.render(value_json=state)
    assert shown == {
        "problem": "ON",
        "paused": "OFF",
        "scanned_at": "2026-11-24T10:00:00+00:00",
        "stored_at": "None",
        "checked_at": "None",
        "contact_minutes": "12",
        "sources": "1",
    } | ({"exposure": "exposed"} if answers else {})


def test_exposures_are_published_only_if_they_are_switched_on() -> None:
    assert "exposed" not in Discovery("x", "homeassistant").state(STATE).payload
    assert "exposed" in Discovery("x", "homeassistant", ANSWERS).state(STATE).payload


def retained(broker: Mosquitto) -> dict[str, str]:
    """Return what a client that connects now gets."""
    late = Mosquitto(broker.folder, broker.port)
    with late.subscriber("#"):
        time.sleep(0.3)
    return {topic: text for topic, text, was_retained in late.messages if was_retained}


def test_on_a_real_broker(tmp_path: Path) -> None:
    """Configuration and availability are retained, states are not; a broken connection says "offline"."""
    broker = Mosquitto(tmp_path)
    with broker.up():
        states = MqttStates(f"mqtt://127.0.0.1:{broker.port}", Discovery("pi", "homeassistant", ANSWERS))
        wait_until(lambda: ("bluezone-agent/pi/availability", AVAILABLE, False) in broker.messages)
        states.publish(STATE)
        wait_until(lambda: any(topic == "bluezone-agent/pi/state" for topic, *_ in broker.messages))
        kept = retained(broker)
        assert len([topic for topic in kept if topic.endswith("/config")]) == 8
        assert kept["bluezone-agent/pi/availability"] == AVAILABLE
        assert "bluezone-agent/pi/state" not in kept, "an old state is not taken for a new one"
        sock = states._client.socket()
        assert sock is not None
        sock.close()  # as when the process is killed: no DISCONNECT is sent
        wait_until(lambda: ("bluezone-agent/pi/availability", NOT_AVAILABLE, False) in broker.messages)
        wait_until(states._client.is_connected)
        states.close()
        assert retained(broker)["bluezone-agent/pi/availability"] == NOT_AVAILABLE
        off = MqttStates(f"mqtt://127.0.0.1:{broker.port}", Discovery("pi", "homeassistant"))
        wait_until(lambda: retained(broker).get("bluezone-agent/pi/availability") == AVAILABLE)
        assert len([topic for topic in retained(broker) if topic.endswith("/config")]) == 7, "the exposure is removed"
        off.close()


def test_a_broker_that_is_away_is_waited_for(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path)
    states = MqttStates(f"mqtt://127.0.0.1:{broker.port}", Discovery("pi", "homeassistant"))
    with pytest.raises(OSError, match="no connection"):
        states.publish(STATE)
    with broker.up():
        wait_until(states._client.is_connected)
        states.publish(STATE)
        states.close()


def test_the_state_of_a_device(tmp_path: Path) -> None:
    now_s = 1_800_000_000
    day = DayExposure(date(2027, 1, 14), Degree.F1, 1, 20, 20.0, 20.0, (), (), True, "learned", 1, 15.0)
    with Store(tmp_path / "state") as store:
        with store.transaction():
            store.exposures.add_warnings([day], now_s)
            store.journal.put(Committed(now_s - 60))
            store.journal.put(Checked(now_s - 3600, True, 1, now_s - 3600))
            store.notices.add(Notice("Close contact", "F0"), now_s)
        config = Config(home_assistant=HomeAssistant("mqtt://localhost"))
        off = device_state(store, config, now_s)
        on = device_state(store, Config(home_assistant=HomeAssistant("mqtt://localhost", exposures=True)), now_s)
    assert (off.exposure, on.exposure) == (None, "exposed")
    assert off.stored_at == "2027-01-15T07:59:00+00:00"
    assert off.problem, "no agent runs"


@pytest.mark.parametrize("broker", ["", "localhost", "http://localhost", "mqtt://", "mqtt://localhost:x"])
def test_what_is_no_broker_is_refused_without_its_value(broker: str, program: Program) -> None:
    with pytest.raises(ConfigError, match="not the address of an MQTT broker"):
        mqtt_states(HomeAssistant(broker))


def test_the_address_of_the_broker_is_a_secret(program: Program) -> None:
    secret = "mqtt://me:tk_secretsecret@localhost"
    program.config.write_text(f'[home_assistant]\nbroker = "{secret}"\n')
    for words in (["config", "check"], ["config", "check", "--json"]):
        done = program.run(*words)
        assert done.returncode == 0, done.stderr
        assert "tk_" not in done.stdout + done.stderr
    assert "tk_" not in repr(HomeAssistant(secret)) + repr(Config(home_assistant=HomeAssistant(secret)))
    program.config.write_text(f'[home_assistant]\nbroker = ["{secret}"]\n')
    done = program.run("config", "check")
    assert done.returncode == 78
    assert "tk_" not in done.stdout + done.stderr
