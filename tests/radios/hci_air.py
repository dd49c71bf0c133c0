"""HciRadios on bumble's virtual controllers in this process: no root, no kernel, no Bluetooth."""

from __future__ import annotations

from dataclasses import dataclass, field
from io import StringIO
from typing import Any

from bumble.transport.common import AsyncPipeSink

from bluezone_agent.ports import Clock
from bluezone_agent.radios.hci.radio import HciRadio
from tests.lab.air import AirLog, HciLog
from tests.lab.controllers import LabController, LabLink
from tests.radio_contract import Change

NEAR_DBM = -50


class Changes(AirLog):
    """Keeps every change of what each sender has on the air."""

    def __init__(self) -> None:
        super().__init__(StringIO())
        self.changes: dict[str, list[Change]] = {}
        self.event_types: set[int] = set()

    def sent(self, sender: str, address: str, random: bool, event_type: int, data: bytes) -> None:
        self.event_types.add(event_type)
        seen = self.changes.setdefault(sender, [])
        change = Change(address, data)
        if not seen or seen[-1] != change:
            seen.append(change)


@dataclass
class Wire:
    """A transport to a controller in this process."""

    controller: LabController
    sink: AsyncPipeSink = field(init=False)
    unplugged: bool = False

    def __post_init__(self) -> None:
        self.sink = AsyncPipeSink(self)
        self.source = self

    def on_packet(self, packet: bytes) -> None:
        if not self.unplugged:
            self.controller.on_packet(packet)

    def set_packet_sink(self, host: Any) -> None:
        self.controller.host = host

    async def close(self) -> None:
        self.controller.host = None


class HciAir:
    """Controllers that hear each other, and the truth about their air."""

    def __init__(self, *, extended: bool) -> None:
        self.log = Changes()
        self.commands = StringIO()
        self._extended = extended
        self._link = LabLink(self._rssi_dbm, self.log)
        self.out_of_range: set[tuple[str, str]] = set()
        self.controllers: list[LabController] = []
        self.wires: dict[int, Wire] = {}

    def _rssi_dbm(self, sender: str, receiver: str) -> int | None:
        return None if (sender, receiver) in self.out_of_range else NEAR_DBM

    def radio(
        self, clock: Clock, kind: type[LabController] = LabController, *, name: str = "", wire: type[Wire] = Wire
    ) -> HciRadio:
        """Return the radio of a new controller; they are numbered from 0. Needs a running loop, as bumble does.

        ``name`` is another one than the number; ``wire`` another way to the controller.
        """
        number = len(self.controllers)
        controller = kind(
            str(number),
            link=self._link,
            public_address=f"C0:FF:EE:00:00:{number:02X}/P",
            extended=self._extended,
            strict_filter=True,
            log=HciLog(self.commands),
        )

        async def connect(asked: str) -> Wire:
            assert asked == (name or str(number))
            self.wires[number] = wire(controller)
            return self.wires[number]

        self.controllers.append(controller)
        return HciRadio(name or str(number), clock, connect=connect)
