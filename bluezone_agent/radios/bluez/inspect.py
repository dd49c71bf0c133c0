"""Reads the state of Bluetooth from the kernel's files, and from bluetoothd over D-Bus. It changes nothing."""

from __future__ import annotations

import importlib.util
import os
import re
from pathlib import Path
from typing import Any, Final

from bluezone_agent.errors import RadioUnavailableError
from bluezone_agent.radios.bluez.bus import (
    ADAPTER,
    ADVERTISING_MANAGER,
    BLUEZ,
    MONITOR_MANAGER,
    SystemBus,
    bluez_version,
)
from bluezone_agent.radios.bluez.facts import AdapterFacts, BluetoothFacts, RfkillFacts
from bluezone_agent.radios.bluez.radio import MAIN_CONF, require_privacy_off

SYS: Final = Path("/sys/class")
PROC_STATUS: Final = Path("/proc/self/status")
CAP_NET_ADMIN: Final = 1 << 12


async def read_bluetooth(*, sys: Path = SYS, main_conf: Path = MAIN_CONF) -> BluetoothFacts:
    """Return everything that can be seen; the result says what can't."""
    service_fault, adapters = None, {}
    try:
        adapters = await _adapters()
    except RadioUnavailableError as error:
        service_fault = error
    return BluetoothFacts(
        kernel_adapters=kernel_adapters(sys / "bluetooth"),
        rfkill=read_rfkill(sys / "rfkill"),
        service_fault=service_fault,
        version=next((v for known in adapters.values() if (v := bluez_version(known[ADAPTER]))), None),
        adapters=tuple(_adapter(path.rpartition("/")[2], known) for path, known in sorted(adapters.items())),
        privacy_fault=_privacy_fault(main_conf),
        has_bumble=importlib.util.find_spec("bumble") is not None,
        may_open_hci=_may_open_hci(),
    )


def kernel_adapters(folder: Path) -> tuple[str, ...]:
    """Return the names of the kernel's adapters; names of connections contain a colon."""
    try:
        return tuple(sorted(path.name for path in folder.iterdir() if re.fullmatch(r"hci\d+", path.name)))
    except OSError:
        return ()


def read_rfkill(folder: Path) -> tuple[RfkillFacts, ...]:
    """Return the rfkill switches of Bluetooth."""
    found = []
    for switch in sorted(folder.glob("rfkill*")):
        try:
            if (switch / "type").read_text().strip() == "bluetooth":
                soft, hard = ((switch / name).read_text().strip() == "1" for name in ("soft", "hard"))
                found.append(RfkillFacts((switch / "name").read_text().strip(), soft, hard))
        except OSError:
            continue  # unplugged just now
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
        address=str(adapter.get("Address", "")),
    )


async def _adapters() -> dict[str, Any]:
    async with SystemBus() as bus:
        return await bus.adapters(BLUEZ)
