"""Attach virtual controllers to /dev/vhci, one kernel ``hciN`` each, and keep them until SIGTERM.

``python -m tests.lab.attach OUT FIRST N extended|legacy strict|none|msft CROWD [usb]`` writes OUT/air.jsonl,
OUT/hci.log, and OUT/attached when the kernel has them all. Who hears whom is read from OUT/range.json whenever it
changes: ``{"0>1": -47, "0>2": null}``; other pairs are at -50 dBm. A file OUT/deaf makes all of them report nothing
until their scan has stood still for half a second. With ``usb`` the first of them is a USB device; a file OUT/unplug
unplugs it.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import signal
import socket
import sys
from pathlib import Path
from typing import Final

from bumble.transport import open_transport

from tests.lab.air import AirLog, HciLog
from tests.lab.controllers import LabController, LabLink, broadcast
from tests.lab.msft import OPCODE as MSFT_OPCODE
from tests.lab.usb import UsbGadget

NEAR_DBM: Final = -50
LOOK_S: Final = 0.5
FILTERS: Final = ("strict", "none", "msft")
"""What becomes of duplicates; ``msft`` is a strict filter and advertisement monitors in the controller."""
AF_BLUETOOTH, BTPROTO_HCI = 31, 1
"""Not every Python is built with these names."""
HCIDEVDOWN: Final = 0x400448CA
SETUP_S: Final = 1.0
"""Linux sets a new controller up at once, and switches it off after 2 s if nobody wants it."""


class Range:
    """Who hears whom, and how loud."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._text = ""
        self._table: dict[str, int | None] = {}
        self.look()

    def look(self) -> None:
        """See whether the table has changed: by what it says, since virtual time outruns the host's file times."""
        text = self._path.read_text() if self._path.exists() else "{}"
        if text != self._text:
            self._text, self._table = text, json.loads(text)

    def rssi_dbm(self, sender: str, receiver: str) -> int | None:
        """Return None when ``receiver`` is out of range of ``sender``."""
        return self._table.get(f"{sender}>{receiver}", NEAR_DBM)


async def attach(
    out: Path, numbers: range, *, extended: bool, duplicates: str, crowd: int, first_by_usb: bool = False
) -> None:
    """Run these controllers until SIGTERM, in a crowd of ``crowd`` broadcasters that have no kernel.

    The numbers are those that the kernel will give them.
    """
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    with (out / "air.jsonl").open("w") as air_file, (out / "hci.log").open("w") as hci_file:
        air, commands, radio_range = AirLog(air_file), HciLog(hci_file), Range(out / "range.json")
        link = LabLink(radio_range.rssi_dbm, air)
        open_ones = []
        for number in numbers:
            by_usb = first_by_usb and number == numbers[0]
            transport = UsbGadget() if by_usb else await open_transport("vhci")
            controller = LabController(
                str(number),
                transport.source,
                transport.sink,
                link,
                public_address=f"C0:FF:EE:00:00:{number:02X}/P",
                extended=extended,
                strict_filter=duplicates != "none",
                msft=duplicates == "msft",
                log=commands,
            )
            open_ones.append((transport, controller))
            await asyncio.sleep(0.05)
            while by_usb and not _is_registered(number):
                await asyncio.sleep(0.05)
        if duplicates == "msft":
            await _announce_msft(numbers)
        (out / "attached").touch()
        members = [broadcast(link, number) for number in range(crowd)]
        deaf, unplug = out / "deaf", out / "unplug"
        while not stop.is_set():
            air.sweep()
            radio_range.look()
            if deaf.exists():
                deaf.unlink()
                for _, controller in open_ones:
                    controller.deaf = True
            if unplug.exists():
                unplug.unlink()
                await open_ones[0][0].close()
            for _, controller in open_ones:
                controller.look()
            await asyncio.sleep(LOOK_S)
        for member in members:
            member.stop()
        air.sweep(everything=True)


def _is_registered(number: int) -> bool:
    """Return whether the kernel has found the controller: over USB it asks for descriptors first."""
    return Path(f"/sys/class/bluetooth/hci{number}").exists()


async def _announce_msft(numbers: range) -> None:
    """Tell the kernel which opcode the extension has, as a chip's driver would, and leave the controllers down.

    hci_vhci asks for the opcode whenever a controller is switched on, but the file exists only after the first time.
    """
    await asyncio.sleep(SETUP_S)
    # in a thread: the kernel waits for commands that this process answers
    await asyncio.to_thread(_set_msft_opcode, numbers)


def _set_msft_opcode(numbers: range) -> None:
    with socket.socket(AF_BLUETOOTH, socket.SOCK_RAW, BTPROTO_HCI) as hci:
        for number in numbers:
            Path(f"/sys/kernel/debug/bluetooth/hci{number}/msft_opcode").write_text(str(MSFT_OPCODE))
            fcntl.ioctl(hci, HCIDEVDOWN, number)


if __name__ == "__main__":
    asyncio.run(
        attach(
            Path(sys.argv[1]),
            range(int(sys.argv[2]), int(sys.argv[2]) + int(sys.argv[3])),
            extended=sys.argv[4] == "extended",
            duplicates=FILTERS[FILTERS.index(sys.argv[5])],
            crowd=int(sys.argv[6]),
            first_by_usb=sys.argv[7:] == ["usb"],
        )
    )
