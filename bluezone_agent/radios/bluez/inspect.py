"""Reads what can be seen of Bluetooth: from the kernel's files, and from bluetoothd over D-Bus. Changes nothing."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import re
from pathlib import Path
from typing import Any, Final

from dbus_fast import BusType, Message, MessageFlag, MessageType, unpack_variants
from dbus_fast.aio import MessageBus
from dbus_fast.errors import AuthError, DBusFastError

from bluezone_agent.errors import RadioUnavailableError
from bluezone_agent.radios.bluez import errors as faults
from bluezone_agent.radios.bluez.adapter import ADAPTER, ADVERTISING_MANAGER, BLUEZ, BLUEZ_MODALIAS, OBJECT_MANAGER
from bluezone_agent.radios.bluez.facts import AdapterFacts, BluetoothFacts, RfkillFacts
from bluezone_agent.radios.bluez.radio import MAIN_CONF, require_privacy_off

MONITOR_MANAGER: Final = "org.bluez.AdvertisementMonitorManager1"
ANSWER_TIMEOUT_S: Final = 5.0
SYS: Final = Path("/sys/class")
PROC_STATUS: Final = Path("/proc/self/status")
CAP_NET_ADMIN: Final = 1 << 12


async def read_bluetooth(*, sys: Path = SYS, main_conf: Path = MAIN_CONF) -> BluetoothFacts:
    """Return everything that can be seen; what can't is said within."""
    service_fault, objects = None, {}
    try:
        objects = await _managed_objects()
    except RadioUnavailableError as error:
        service_fault = error
    adapters = {path: known for path, known in objects.items() if ADAPTER in known}
    return BluetoothFacts(
        kernel_adapters=kernel_adapters(sys / "bluetooth"),
        rfkill=read_rfkill(sys / "rfkill"),
        service_fault=service_fault,
        version=_version(adapters.values()),
        adapters=tuple(_adapter(path.rpartition("/")[2], known) for path, known in sorted(adapters.items())),
        privacy_fault=_privacy_fault(main_conf),
        has_bumble=importlib.util.find_spec("bumble") is not None,
        may_open_hci=_may_open_hci(),
    )


def kernel_adapters(folder: Path) -> tuple[str, ...]:
    """Return the names of the kernel's adapters; connections have a colon in theirs."""
    try:
        return tuple(sorted(path.name for path in folder.iterdir() if re.fullmatch(r"hci\d+", path.name)))
    except OSError:
        return ()


def read_rfkill(folder: Path) -> tuple[RfkillFacts, ...]:
    """Return the switches of Bluetooth."""
    found = []
    for switch in sorted(folder.glob("rfkill*")):
        try:
            if (switch / "type").read_text().strip() == "bluetooth":
                soft, hard = ((switch / name).read_text().strip() == "1" for name in ("soft", "hard"))
                found.append(RfkillFacts((switch / "name").read_text().strip(), soft, hard))
        except OSError:
            continue  # unplugged at this moment
    return tuple(found)


def _privacy_fault(main_conf: Path) -> RadioUnavailableError | None:
    try:
        require_privacy_off(main_conf)
    except RadioUnavailableError as error:
        return error
    return None


def _may_open_hci() -> bool:
    if os.geteuid() == 0:
        return True
    try:
        found = re.search(r"^CapEff:\s*([0-9a-f]+)$", PROC_STATUS.read_text(), re.MULTILINE)
    except OSError:
        return False
    return bool(found and int(found[1], 16) & CAP_NET_ADMIN)


def _version(adapters: Any) -> tuple[int, int] | None:
    for known in adapters:
        version = BLUEZ_MODALIAS.fullmatch(known[ADAPTER].get("Modalias", ""))
        if version:
            return int(version[1], 16), int(version[2], 16)
    return None


def _adapter(name: str, interfaces: dict[str, dict[str, Any]]) -> AdapterFacts:
    adapter, advertising = interfaces[ADAPTER], interfaces.get(ADVERTISING_MANAGER)
    return AdapterFacts(
        name,
        powered=bool(adapter.get("Powered")),
        discoverable=bool(adapter.get("Discoverable")),
        advertises=advertising is not None,
        extended=bool((advertising or {}).get("SupportedSecondaryChannels")),
        monitors=MONITOR_MANAGER in interfaces,
        instances_used=int((advertising or {}).get("ActiveInstances", 0)),
        instances_free=int((advertising or {}).get("SupportedInstances", 0)),
    )


async def _managed_objects() -> dict[str, Any]:
    """Return bluetoothd's objects; raises RadioUnavailableError when it can't be asked. Never starts it."""
    bus = MessageBus(bus_type=BusType.SYSTEM)
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            await bus.connect()
            reply = await bus.call(
                Message(
                    destination=BLUEZ,
                    path="/",
                    interface=OBJECT_MANAGER,
                    member="GetManagedObjects",
                    flags=MessageFlag.NO_AUTOSTART,
                )
            )
    except AuthError as error:
        raise faults.forbidden(error) from error
    except (OSError, EOFError, DBusFastError) as error:  # TimeoutError is an OSError
        raise faults.no_bus(getattr(error, "strerror", None) or error or "no answer") from error
    finally:
        bus.disconnect()
    if reply.message_type is MessageType.ERROR:
        reason = reply.body[0] if reply.body else "no reason given"
        raise faults.refused("org.bluez", "GetManagedObjects", reply.error_name or "", reason)
    objects: dict[str, Any] = unpack_variants(reply.body[0])
    return objects
