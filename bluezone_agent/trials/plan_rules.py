"""What has to be true of a plan besides the kinds of its values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bluezone_agent.config import RADIO
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.names import PROTOCOL_NAMES
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.errors import N_
from bluezone_agent.plans.mistakes import Mistakes, shown
from bluezone_agent.plans.toml_lines import Where
from bluezone_agent.trials.broker_address import broker_address, is_with_login
from bluezone_agent.trials.phase_rules import require_phase
from bluezone_agent.trials.phone_rules import require_different_phones, require_findable
from bluezone_agent.trials.plan import CARRIED, ROLES, RadioSettings, Schedule, TrialDevice, TrialInfo, TrialPlan

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
"""Of a trial, a device, a pseudonym: it becomes the name of a folder, and a column."""
SHORTEST_ROTATION_S: Final = 5.0
"""A receiver needs some packets of each identifier, and a controller about a second to change it."""
POWERS_DBM: Final = (-50, 20)
"""What a protocol's metadata can state."""
INTERVALS_S: Final = (0.02, 10.24)
"""Of legacy advertisements: Bluetooth Core Specification 5, volume 6 part B, 4.4.2.2."""
FARTHEST_NEAR_M: Final = 100.0


def require_valid(plan: TrialPlan, mistakes: Mistakes) -> None:
    """Raise PlanError for the first rule that the plan breaks."""
    _require_trial(plan.trial, mistakes)
    _require_radio(plan.radio, plan.trial.protocol, mistakes)
    _require_broker(plan.live.broker, mistakes)
    for number, device in enumerate(plan.devices):
        _require_device(device, number, mistakes)
    _require_devices(plan.devices, mistakes)
    if not plan.phases:
        raise mistakes.at((), N_("the plan has no [[phase]]"), N_("add at least one: a name, minutes, and positions"))
    names: set[str] = set()
    for number, phase in enumerate(plan.phases):
        if phase.name in names:
            raise mistakes.at(
                ("phase", number, "name"),
                N_('two phases have the name "{value}"'),
                N_('give each its own, such as "{value}-2"'),
                value=phase.name,
            )
        names.add(phase.name)
        require_phase(phase, ("phase", number), [device.id for device in plan.devices], mistakes)


def require_choice(where: Where, value: str, choices: Sequence[str], mistakes: Mistakes) -> None:
    """Raise PlanError unless ``value`` is one of ``choices``."""
    if value not in choices:
        raise mistakes.at(
            where,
            N_('{where} = "{value}" is not known'),
            N_("choose one of: {choices}"),
            where=shown(where),
            value=value,
            choices=", ".join(choice for choice in choices if choice),
        )


def require_name(where: Where, value: str, mistakes: Mistakes) -> None:
    """Raise PlanError unless ``value`` can be the name of a folder everywhere."""
    if not NAME.fullmatch(value):
        raise mistakes.at(
            where,
            N_('{where} = "{value}" is not a name'),
            N_("use up to 40 letters without accents, digits, - and _, such as pi-1"),
            where=shown(where),
            value=value,
        )


def require_between(where: Where, value: float, least: float, most: float, mistakes: Mistakes) -> None:
    """Raise PlanError unless ``least <= value <= most``."""
    if not least <= value <= most:
        raise mistakes.at(
            where,
            N_("{where} = {value} is outside {least} to {most}"),
            N_("choose a value from {least} to {most}"),
            where=shown(where),
            value=f"{value:g}",
            least=f"{least:g}",
            most=f"{most:g}",
        )


def _require_trial(trial: TrialInfo, mistakes: Mistakes) -> None:
    require_name(("trial", "name"), trial.name, mistakes)
    require_choice(("trial", "protocol"), trial.protocol, PROTOCOL_NAMES, mistakes)
    require_between(("trial", "near_m"), trial.near_m, 0.1, FARTHEST_NEAR_M, mistakes)
    require_between(("trial", "seed"), trial.seed, 0, 2**63 - 1, mistakes)
    try:
        ZoneInfo(trial.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise mistakes.at(
            ("trial", "timezone"),
            N_('there is no time zone "{value}"'),
            N_("use a name of the IANA list, such as Asia/Ho_Chi_Minh or Europe/Zurich"),
            value=trial.timezone,
        ) from error


def _require_radio(radio: RadioSettings, protocol: str, mistakes: Mistakes) -> None:
    _require_radio_name(("radio", "radio"), radio.radio, mistakes)
    require_between(("radio", "tx_power_dbm"), radio.tx_power_dbm, *POWERS_DBM, mistakes)
    require_between(("radio", "interval_s"), radio.interval_s, *INTERVALS_S, mistakes)
    if radio.rotation_s is not None:
        where = ("radio", "rotation_s")
        require_between(
            where, radio.rotation_s, SHORTEST_ROTATION_S, DAY_S / PROTOCOLS[protocol].slots_per_day, mistakes
        )
    if isinstance(radio.scan, str):
        require_choice(("radio", "scan"), radio.scan, ("continuous",), mistakes)
    else:
        _require_schedule(radio.scan, mistakes)


def _require_broker(broker: str, mistakes: Mistakes) -> None:
    where = ("live", "broker")
    if broker and is_with_login(broker):
        raise mistakes.at(
            where,
            N_("{where} has a login, and the plan is no place for it"),
            N_('write mqtt://HOST here, and broker_login = "USER:PASSWORD" into secret.toml'),
            where=shown(where),
        )
    if broker and broker_address(broker) is None:
        raise mistakes.at(
            where,
            N_('{where} = "{value}" is not the address of an MQTT broker'),
            N_("write mqtt://HOST, mqtt://HOST:PORT or, with TLS, mqtts://HOST"),
            where=shown(where),
            value=broker,
        )


def _require_schedule(scan: Schedule, mistakes: Mistakes) -> None:
    require_between(("radio", "scan", "every_s"), scan.every_s, 1, 3600, mistakes)
    require_between(("radio", "scan", "on_s"), scan.on_s, 1, scan.every_s, mistakes)


def _require_radio_name(where: Where, name: str, mistakes: Mistakes) -> None:
    if not RADIO.fullmatch(name) or name.startswith("replay:"):
        raise mistakes.at(
            where,
            N_('{where} = "{value}" is not known'),
            N_("choose one of: {choices}"),
            where=shown(where),
            value=name,
            choices="auto, auto:AA:BB:CC:DD:EE:FF, kernel:hci0, bluez:hci0, hci:0, virtual",
        )


def _require_device(device: TrialDevice, number: int, mistakes: Mistakes) -> None:
    where = ("device", number)
    require_name((*where, "id"), device.id, mistakes)
    require_choice((*where, "role"), device.role, ROLES, mistakes)
    require_choice((*where, "carried"), device.carried, CARRIED, mistakes)
    if device.person:
        require_name((*where, "person"), device.person, mistakes)
    if device.radio:
        _require_radio_name((*where, "radio"), device.radio, mistakes)
    require_findable(device, where, mistakes)


def _require_devices(devices: Sequence[TrialDevice], mistakes: Mistakes) -> None:
    last = ("device", len(devices) - 1) if devices else ()
    if len(devices) < 2:
        raise mistakes.at(last, N_("a trial needs at least two devices"), N_("add a [[device]] with an id"))
    for number, device in enumerate(devices):
        if device.id.lower() in [other.id.lower() for other in devices[:number]]:
            raise mistakes.at(
                ("device", number, "id"),
                N_('two devices have the id "{value}"'),
                N_("give each device its own id; capital and small letters count as the same"),
                value=device.id,
            )
    require_different_phones(devices, mistakes)
    if not any(device.listens for device in devices):
        raise mistakes.at(last, N_("no device listens"), N_('give at least one role = "both" or "listen"'))
    if not any(device.broadcasts for device in devices):
        raise mistakes.at(last, N_("no device broadcasts"), N_('give at least one role = "both" or "broadcast"'))
    if not any(one.listens and other.broadcasts for one in devices for other in devices if one is not other):
        raise mistakes.at(
            last,
            N_("the only device that listens is the only one that broadcasts"),
            N_('give another device role = "both"'),
        )
