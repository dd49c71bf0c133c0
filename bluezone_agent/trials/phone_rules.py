"""What has to be true of devices that do not run the agent: ``role = "beacon"``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.errors import N_
from bluezone_agent.plans.mistakes import Mistakes, shown
from bluezone_agent.plans.toml_lines import Where
from bluezone_agent.trials.plan import PHONE, TrialDevice

ADDRESS: Final = re.compile(r"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}")
IDENTIFIER: Final = re.compile(r"(?:[0-9A-Fa-f]{2})+")


def require_findable(device: TrialDevice, where: Where, mistakes: Mistakes) -> None:
    """Raise PlanError for an address or identifier that is not one, or of a device that runs the agent."""
    for name in ("address", "identifier", "radio"):
        if getattr(device, name) and device.runs is (name != "radio"):
            raise mistakes.at(
                (*where, name),
                N_('{where} does not go with role = "{role}"'),
                N_('address and identifier are of a device with role = "beacon", radio of any other'),
                where=shown((*where, name)),
                role=device.role,
            )
    if device.address and not ADDRESS.fullmatch(device.address):
        raise mistakes.at(
            (*where, "address"),
            N_('{where} = "{value}" is not a Bluetooth address'),
            N_("write six bytes in hex: AA:BB:CC:DD:EE:FF"),
            where=shown((*where, "address")),
            value=device.address,
        )
    lengths = sorted({2 * protocol.identifier_length for protocol in PROTOCOLS.values()})
    if device.identifier and not (IDENTIFIER.fullmatch(device.identifier) and len(device.identifier) in lengths):
        raise mistakes.at(
            (*where, "identifier"),
            N_("{where} is not an identifier"),
            N_("write it in hex, {digits} digits"),
            where=shown((*where, "identifier")),
            digits=" / ".join(map(str, lengths)),
        )


def require_different_phones(devices: Sequence[TrialDevice], mistakes: Mistakes) -> None:
    """Raise PlanError for two beacons with one address or identifier, which nobody could tell apart."""
    seen: dict[str, str] = {}
    for number, device in enumerate(devices):
        for name in ("address", "identifier"):
            value = getattr(device, name).upper()
            if value and device.role == PHONE and value in seen:
                raise mistakes.at(
                    ("device", number, name),
                    N_("{one} and {other} have the same {name}"),
                    N_("look at each device again; nobody could tell them apart"),
                    one=seen[value],
                    other=device.id,
                    name=name,
                )
            seen[value] = device.id
