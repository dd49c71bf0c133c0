"""The lab's truth: what was on the air and which commands the kernel gave, as files that the host judges."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final, TextIO

from bluezone_agent.core.advertising_data import AD_FLAGS, AdvertisingData
from bluezone_agent.core.identifiers import ObservedIdentifier
from bluezone_agent.core.protocols import decode

CONNECTABLE: Final = 1
SCANNABLE: Final = 2
"""Bits of the advertising event properties (Core Specification 5.4, Vol 4, Part E, 7.8.53)."""
SILENT_S: Final = 3.0
"""The longest interval in use is 1.28 s: a sender that was quiet for twice that is off the air."""


@dataclass(frozen=True, slots=True)
class OnAir:
    """One stretch in which a controller sent the same advertisement."""

    sender: str
    """Number of the controller, as in ``hci0``."""
    address: str
    random: bool
    event_type: int
    data: bytes
    from_s: float
    """When it was first sent, the guest's Unix time."""
    to_s: float
    """When it was last sent."""
    packets: int

    @property
    def connectable(self) -> bool:
        """Whether somebody could have connected to it."""
        return bool(self.event_type & CONNECTABLE)

    @property
    def payload(self) -> bytes:
        """The data without the Flags field, which the kernel puts before it when the adapter has no BR/EDR."""
        data = self.data
        return data[data[0] + 1 :] if len(data) > 1 and data[1] == AD_FLAGS else data

    @property
    def observed(self) -> ObservedIdentifier | None:
        """What a receiver reads in it."""
        return decode(AdvertisingData.from_bytes(self.data))


class AirLog:
    """Writes a line when a sender's advertisement changes or ends; the virtual controllers call it."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._now: dict[str, tuple[OnAir, list[float]]] = {}
        """Sender → what it began to send, and when it sent it."""

    def sent(self, sender: str, address: str, random: bool, event_type: int, data: bytes) -> None:
        """Note one packet."""
        now_s = time.time()
        what = (address, random, event_type, data)
        if sender in self._now:
            began, sent = self._now[sender]
            if (began.address, began.random, began.event_type, began.data) == what:
                sent.append(now_s)
                return
            self._end(sender)
        began = OnAir(sender, *what, now_s, now_s, 1)
        self._now[sender] = began, [now_s]
        self._write("begin", began)

    def sweep(self, *, everything: bool = False) -> None:
        """Note what has ended by itself; with ``everything``, the lab ends now."""
        for sender, (_, sent) in list(self._now.items()):
            if everything or time.time() - sent[-1] > SILENT_S:
                self._end(sender)

    def _end(self, sender: str) -> None:
        began, sent = self._now.pop(sender)
        self._write("end", replace(began, to_s=sent[-1], packets=len(sent)))

    def _write(self, event: str, stretch: OnAir) -> None:
        line = {"event": event, **asdict(stretch), "data": stretch.data.hex()}
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()


class HciLog:
    """Writes the advertising and scanning commands that the kernel gives a controller."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def command(self, controller: str, name: str, parameters: bytes) -> None:
        """Note one command."""
        self._file.write(f"{time.time():.3f} {controller} {name} {parameters.hex()}\n")
        self._file.flush()


def read_air(path: Path) -> list[OnAir]:
    """Return every stretch of a log, in the order in which they began; one still on the air counts as begun."""
    stretches: dict[tuple[str, float], OnAir] = {}
    for line in path.read_text().splitlines():
        known = json.loads(line)
        known["data"] = bytes.fromhex(known["data"])
        del known["event"]
        stretch = OnAir(**known)
        stretches[stretch.sender, stretch.from_s] = stretch
    return sorted(stretches.values(), key=lambda s: s.from_s)


@dataclass(frozen=True, slots=True)
class Linkability:
    """What an eavesdropper could use to link two identifiers of one device. All zero is the promise."""

    addresses_with_several_payloads: int
    payloads_on_several_addresses: int
    public_addresses: int
    connectable: int


def linkability(air: Iterable[OnAir]) -> Linkability:
    """Count every link that a log shows."""
    stretches = list(air)
    payloads: dict[tuple[str, str], set[bytes]] = {}
    addresses: dict[tuple[str, bytes], set[str]] = {}
    for s in stretches:
        payloads.setdefault((s.sender, s.address), set()).add(s.payload)
        addresses.setdefault((s.sender, s.payload), set()).add(s.address)
    return Linkability(
        addresses_with_several_payloads=sum(len(found) > 1 for found in payloads.values()),
        payloads_on_several_addresses=sum(len(found) > 1 for found in addresses.values()),
        public_addresses=sum(not s.random for s in stretches),
        connectable=sum(s.connectable for s in stretches),
    )
