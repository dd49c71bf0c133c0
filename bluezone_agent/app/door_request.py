"""What the forms of the door ask the agent to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bluezone_agent.core.door import Direction, DoorAsked
from bluezone_agent.daemon.control_socket import (
    DOOR_CALIBRATE,
    DOOR_CLOSE,
    DOOR_DIRECTION,
    DOOR_LABEL,
    DOOR_NO_DEVICE,
    DOOR_OPEN,
    DOOR_UNDO,
    AgentRequest,
)

VERBS: Final = {
    "open": DOOR_OPEN,
    "close": DOOR_CLOSE,
    "direction": DOOR_DIRECTION,
    "no-device": DOOR_NO_DEVICE,
    "label": DOOR_LABEL,
    "undo": DOOR_UNDO,
    "calibrate": DOOR_CALIBRATE,
}
"""Value of the field ``do`` → request."""


def door_request(form: Mapping[str, str]) -> AgentRequest | None:
    """Return what a form asks for; None if nothing is understood."""
    verb = VERBS.get(form.get("do", ""))
    if verb is None:
        return None
    direction = {str(direction): direction for direction in Direction}.get(form.get("direction", ""))
    return AgentRequest(verb, door=DoorAsked(direction=direction, label=form.get("label", "").strip()))
