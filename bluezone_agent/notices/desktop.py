"""Notices on the desktop of the person who is logged in, over their session bus.

Desktop Notifications Specification 1.2: https://specifications.freedesktop.org/notification-spec/
"""

from __future__ import annotations

import asyncio
from html import escape
from typing import Any, Final

from dbus_fast import BusType, Message, MessageType, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.errors import DBusFastError

from bluezone_agent.core.notice import Notice
from bluezone_agent.errors import N_

SERVICE: Final = "org.freedesktop.Notifications"
PATH: Final = "/org/freedesktop/Notifications"
CRITICAL: Final = 2
"""It stays until somebody has seen it."""
DEFAULT_EXPIRY: Final = -1
TIMEOUT_S: Final = 10.0


class DesktopNotifier:
    """Shows notices with the desktop's own notification server."""

    def __repr__(self) -> str:
        return "DesktopNotifier()"

    def notify(self, notice: Notice) -> None:
        """Show a notice; raises OSError if there is no session bus, or nothing on it that shows notices."""
        try:
            asyncio.run(_show(notice))
        except (DBusFastError, EOFError, ValueError) as error:  # ValueError: no address in the environment
            raise OSError(N_("there is no session bus: this process belongs to no desktop")) from error


async def _show(notice: Notice) -> None:
    bus = MessageBus(bus_type=BusType.SESSION)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            await bus.connect()
            (capabilities,) = await _call(bus, "GetCapabilities", "", [])
            body = escape(notice.body, quote=False) if "body-markup" in capabilities else notice.body
            hints = {"urgency": Variant("y", CRITICAL)}
            arguments = ["bluezone-agent", 0, "", notice.title, body, [], hints, DEFAULT_EXPIRY]
            await _call(bus, "Notify", "susssasa{sv}i", arguments)
    finally:
        bus.disconnect()


async def _call(bus: MessageBus, member: str, signature: str, body: list[Any]) -> list[Any]:
    answer = await bus.call(
        Message(destination=SERVICE, path=PATH, interface=SERVICE, member=member, signature=signature, body=body)
    )
    if answer is None or answer.message_type is MessageType.ERROR:
        raise OSError(N_("nothing on the session bus shows notices"))
    found: list[Any] = answer.body
    return found
