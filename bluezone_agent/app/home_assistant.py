"""The device's state for Home Assistant: through MQTT, or the service that has the network."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from bluezone_agent.app.agent_state import agent_state
from bluezone_agent.app.notices import SOCKET
from bluezone_agent.app.owner_time import judged_now, owner_calendar
from bluezone_agent.app.result import utc
from bluezone_agent.config import Config, HomeAssistant
from bluezone_agent.core.device_state import DeviceState
from bluezone_agent.core.intervals import DAY_S, RETENTION_DAYS
from bluezone_agent.health.health import OWNER_ONLY, Activity, health
from bluezone_agent.health.knowledge import Answer, knowledge
from bluezone_agent.notices.home_assistant import Discovery
from bluezone_agent.notices.socket import SocketStates
from bluezone_agent.stores.store import Store


class States(Protocol):
    """Where the state is published."""

    def publish(self, state: DeviceState) -> None:
        """Publish a state; raises OSError."""


def states_in_force(config: Config) -> States | None:
    """Return where the configuration has the state published, None for nowhere; raises ConfigError."""
    if config.home_assistant is None:
        return None
    path = os.environ.get(SOCKET)
    return SocketStates(Path(path)) if path else mqtt_states(config.home_assistant)


def mqtt_states(settings: HomeAssistant) -> States:
    """Connect to the broker, for a process that has the network; raises ConfigError."""
    module = import_module("bluezone_agent.notices.mqtt")  # needs the extra
    answers = [answer.value for answer in Answer] if settings.exposures else []
    discovery = Discovery(settings.name, settings.discovery_prefix, answers)
    return cast("States", module.MqttStates(settings.broker, discovery))


def device_state(store: Store, config: Config, now_s: float) -> DeviceState:
    """Return the state to publish; an exposure is part of it only if the configuration says so."""
    journal, agent = store.journal.read(), agent_state(store, now_s)
    state = health(journal, agent, now_s)
    hours = store.contacts.hours(now_s - DAY_S)
    shows_exposures = config.home_assistant is not None and config.home_assistant.exposures
    return DeviceState(
        problem=bool(set(state.problems) - OWNER_ONLY),
        paused=state.pause is not None,
        scanned_at=_time(state.ages[Activity.LISTEN].since_s),
        stored_at=_time(state.ages[Activity.COMMIT].since_s),
        checked_at=_time(state.ages[Activity.CHECK].since_s),
        contact_minutes=sum(hour.minutes for hour in hours),
        sources=len(config.sources),
        exposure=_exposure(store, config, now_s) if shows_exposures else None,
    )


def _exposure(store: Store, config: Config, now_s: float) -> str:
    """Return the answer by the warnings that were given: scoring everything every minute would cost too much."""
    since_s = now_s - RETENTION_DAYS * DAY_S
    known = knowledge(
        store.journal,
        store.listening.since(since_s),
        exposed=bool(store.exposures.warned(owner_calendar(store).day(since_s))),
        sources=len(config.sources),
        clock_trusted=judged_now(config, store).trusted,
        now_s=now_s,
    )
    return known.answer.value


def _time(unix_s: float | None) -> str | None:
    return None if unix_s is None else utc(unix_s).isoformat()
