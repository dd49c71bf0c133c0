"""Attach virtual controllers to /dev/vhci, one kernel ``hciN`` each, and keep them until SIGTERM.

``python -m tests.lab.attach OUT FIRST N extended|legacy strict|none CROWD`` writes OUT/air.jsonl and OUT/hci.log. Who
hears whom is read from OUT/range.json whenever it changes: ``{"0>1": -47, "0>2": null}``; other pairs are at -50 dBm.
A file OUT/deaf makes all of them report nothing until their scan has stood still for half a second.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Final

from bumble.transport import open_transport

from tests.lab.air import AirLog, HciLog
from tests.lab.controllers import LabController, LabLink, broadcast

NEAR_DBM: Final = -50
LOOK_S: Final = 0.5


class Range:
    """Who hears whom, and how loud."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._changed_at = 0
        self._table: dict[str, int | None] = {}
        self.look()

    def look(self) -> None:
        """See whether the table has changed."""
        changed_at = self._path.stat().st_mtime_ns if self._path.exists() else 0
        if changed_at != self._changed_at:
            self._changed_at, self._table = changed_at, json.loads(self._path.read_text())

    def rssi_dbm(self, sender: str, receiver: str) -> int | None:
        """Return None when ``receiver`` is out of range of ``sender``."""
        return self._table.get(f"{sender}>{receiver}", NEAR_DBM)


async def attach(out: Path, numbers: range, *, extended: bool, strict_filter: bool, crowd: int) -> None:
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
            transport = await open_transport("vhci")
            controller = LabController(
                str(number),
                transport.source,
                transport.sink,
                link,
                public_address=f"C0:FF:EE:00:00:{number:02X}/P",
                extended=extended,
                strict_filter=strict_filter,
                log=commands,
            )
            open_ones.append((transport, controller))
            await asyncio.sleep(0.05)
        members = [asyncio.create_task(broadcast(link, number)) for number in range(crowd)]
        deaf = out / "deaf"
        while not stop.is_set():
            air.sweep()
            radio_range.look()
            if deaf.exists():
                deaf.unlink()
                for _, controller in open_ones:
                    controller.deaf = True
            await asyncio.sleep(LOOK_S)
        for member in members:
            member.cancel()
        air.sweep(everything=True)


if __name__ == "__main__":
    asyncio.run(
        attach(
            Path(sys.argv[1]),
            range(int(sys.argv[2]), int(sys.argv[2]) + int(sys.argv[3])),
            extended=sys.argv[4] == "extended",
            strict_filter=sys.argv[5] == "strict",
            crowd=int(sys.argv[6]),
        )
    )
