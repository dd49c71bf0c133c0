"""A notification server, written from the Desktop Notifications Specification 1.2; not one of a real desktop.

    python -m tests.notices.notification_server OUT [CAPABILITY ...]

It owns ``org.freedesktop.Notifications`` on the session bus, and writes what it is asked to show to OUT, one JSON
object a line.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated, Any

from dbus_fast import unpack_variants
from dbus_fast.aio import MessageBus
from dbus_fast.annotations import DBusSignature
from dbus_fast.service import ServiceInterface, dbus_method


class Notifications(ServiceInterface):
    """The methods that a client needs; signals are never sent."""

    def __init__(self, out: Path, capabilities: list[str]) -> None:
        super().__init__("org.freedesktop.Notifications")
        self._out = out
        self._capabilities = capabilities
        self._shown = 0

    @dbus_method()
    def GetCapabilities(self) -> Annotated[list[str], DBusSignature("as")]:  # noqa: N802 - the specification's name
        return self._capabilities

    @dbus_method()
    def Notify(  # noqa: N802 - the specification's name
        self,
        app_name: Annotated[str, DBusSignature("s")],
        replaces_id: Annotated[int, DBusSignature("u")],
        app_icon: Annotated[str, DBusSignature("s")],
        summary: Annotated[str, DBusSignature("s")],
        body: Annotated[str, DBusSignature("s")],
        actions: Annotated[list[str], DBusSignature("as")],
        hints: Annotated[dict[str, Any], DBusSignature("a{sv}")],
        expire_timeout: Annotated[int, DBusSignature("i")],
    ) -> Annotated[int, DBusSignature("u")]:
        self._shown += 1
        shown = {"app": app_name, "summary": summary, "body": body, "hints": unpack_variants(hints)}
        with self._out.open("a") as file:
            file.write(json.dumps(shown) + "\n")
        return self._shown


async def main(out: Path, capabilities: list[str]) -> None:
    """Serve until it is killed."""
    bus = await MessageBus().connect()
    bus.export("/org/freedesktop/Notifications", Notifications(out, capabilities))
    await bus.request_name("org.freedesktop.Notifications")
    out.touch()  # noqa: ASYNC240 - once, at the start
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2:]))
