"""Devices of a trial that cannot run the agent: phones with an Exposure Notification app, or other senders.

A phone changes its identifier and its address together every 10 to 20 minutes (Exposure Notification Bluetooth
specification v1.2), so that nobody can follow it. Here its owner takes part, and it is found by its address or by a
marked minute; after a change it is followed only where one other sender appeared just then, about as strong. That is
likely and not certain, and the recording says which it was. Identifiers stay in memory: what is written is the device.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from bluezone_agent.core.identifiers import ObservedIdentifier
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.core.reception import Advert
from bluezone_agent.radios.sender import sender_digest
from bluezone_agent.trials.identifiers import Known
from bluezone_agent.trials.plan import Schedule, TrialPlan

CLOSE_S: Final = 60.0
CLEARLY_DB: Final = 6.0
"""By how much the strongest sender of a marked minute has to exceed the next one: half the distance."""
CHANGE_S: Final = 15.0
"""So long after its last packet a phone's next identifier is looked for: bluetoothd may report one in 11 s."""
EARLY_S: Final = 1.0
ALIKE_DB: Final = 10.0
"""By how much the power of two identifiers of one phone may differ, in the same place."""
SMOOTHING: Final = 0.2
MOST_STRANGERS: Final = 10_000


class Recognition(StrEnum):
    """How a device was identified, or why it is not."""

    ADDRESS = "address"
    """By the address in the plan."""
    IDENTIFIER = "identifier"
    """By the identifier in the plan."""
    STRONGEST = "strongest"
    """It was the strongest sender in a marked minute."""
    SAME_ADDRESS = "same_address"
    """It changed its identifier and kept its address for a moment."""
    LIKELY = "likely"
    """When it fell silent, one other sender appeared, about as strong. Not certain."""
    SILENT = "silent"
    """It fell silent, and no such sender appeared."""
    UNCLEAR = "unclear"
    """Several senders may be it."""


@dataclass(slots=True)
class _Sender:
    """An identifier that was received, of a stranger or of a followed device."""

    first_s: float
    last_s: float
    level_dbm: float
    address: bytes = field(repr=False)

    def receive(self, advert: Advert, up_s: float) -> None:
        self.last_s = up_s
        self.level_dbm += SMOOTHING * (advert.rssi_dbm - self.level_dbm)


@dataclass(slots=True)
class _Followed:
    device: str
    number: int = 0
    """Of its identifier, from 1."""
    identifier: bytes = field(default=b"", repr=False)
    sender: _Sender | None = None
    searched: bool = False
    """Whether it is silent, and its next identifier was looked for."""


@dataclass(slots=True)
class _CloseMinute:
    ends_s: float
    strongest: dict[bytes, int] = field(default_factory=dict, repr=False)


class FollowedDevices:
    """Finds the devices of a plan that have ``role = "beacon"``. Times are uptimes, seconds."""

    def __init__(self, plan: TrialPlan, said: Callable[[str, int, Recognition], None]) -> None:
        """``said`` is called with device, number of its identifier and how it was found, or that it was not."""
        scan = plan.radio.scan
        self._change_s = CHANGE_S + (scan.every_s if isinstance(scan, Schedule) else 0.0)
        self._said = said
        devices = [device for device in plan.devices if not device.runs]
        self._devices = {device.id: _Followed(device.id) for device in devices}
        self._by_identifier: dict[bytes, _Followed] = {}
        self._by_address = {sender_digest(d.address): self._devices[d.id] for d in devices if d.address}
        self._planned = {bytes.fromhex(d.identifier): self._devices[d.id] for d in devices if d.identifier}
        self._strangers: dict[bytes, _Sender] = {}
        self._minutes: dict[str, _CloseMinute] = {}

    def __repr__(self) -> str:
        return f"FollowedDevices({list(self._devices)})"

    def find(self, observed: ObservedIdentifier, advert: Advert, up_s: float) -> Known | None:
        """Return whose packet this is; None for a stranger's."""
        identifier = observed.identifier
        for minute in self._minutes.values():
            minute.strongest[identifier] = max(advert.rssi_dbm, minute.strongest.get(identifier, -128))
        found = self._by_identifier.get(identifier) or self._recognised(identifier, advert, up_s)
        if found is None or found.sender is None:
            self._note_stranger(identifier, advert, up_s)
            return None
        found.sender.receive(advert, up_s)
        found.searched = False
        if advert.sender and advert.sender != found.sender.address:  # a new address with the same identifier
            self._by_address.pop(found.sender.address, None)
            found.sender.address = advert.sender
            self._by_address[advert.sender] = found
        return Known(found.device, found.number, PROTOCOLS[observed.protocol].open_tx_power_dbm(observed))

    def expect_nearest(self, device: str, up_s: float) -> None:
        """From now on, for a minute, a device is the one that is received most strongly."""
        self._minutes[device] = _CloseMinute(up_s + CLOSE_S)

    def look(self, up_s: float) -> None:
        """End marked minutes, and look for the next identifiers of devices that fell silent; call it each second."""
        for device, minute in list(self._minutes.items()):
            if up_s >= minute.ends_s:
                del self._minutes[device]
                self._end_minute(self._devices[device], minute)
        silent = [
            followed
            for followed in self._devices.values()
            if followed.sender and not followed.searched and up_s - followed.sender.last_s > self._change_s
        ]
        for followed, following in [(followed, list(self._following(followed, up_s))) for followed in silent]:
            followed.searched = True
            if len(following) == 1 and sum(following[0] in self._following(other, up_s) for other in silent) == 1:
                self._adopt(followed, following[0], Recognition.LIKELY)
            else:
                self._said(followed.device, followed.number, Recognition.UNCLEAR if following else Recognition.SILENT)
        old_s = up_s - 3 * self._change_s
        self._strangers = {i: sender for i, sender in self._strangers.items() if sender.last_s > old_s}

    def _recognised(self, identifier: bytes, advert: Advert, up_s: float) -> _Followed | None:
        """Return a device that the plan's identifier or a known address tells."""
        found, how = self._planned.get(identifier), Recognition.IDENTIFIER
        if found is None and advert.sender:
            found = self._by_address.get(advert.sender)
            how = Recognition.ADDRESS if found is not None and found.sender is None else Recognition.SAME_ADDRESS
        if found is not None:
            self._strangers[identifier] = _Sender(up_s, up_s, float(advert.rssi_dbm), advert.sender)
            self._adopt(found, identifier, how)
        return found

    def _adopt(self, followed: _Followed, identifier: bytes, how: Recognition) -> None:
        if followed.sender is not None:
            self._by_identifier.pop(followed.identifier, None)
            if self._by_address.get(followed.sender.address) is followed:
                del self._by_address[followed.sender.address]
        followed.sender = self._strangers.pop(identifier)
        followed.identifier, followed.searched = identifier, False
        followed.number += 1
        self._by_identifier[identifier] = followed
        if followed.sender.address:
            self._by_address[followed.sender.address] = followed
        self._said(followed.device, followed.number, how)

    def _note_stranger(self, identifier: bytes, advert: Advert, up_s: float) -> None:
        known = self._strangers.get(identifier)
        if known is not None:
            known.receive(advert, up_s)
        elif len(self._strangers) < MOST_STRANGERS:
            self._strangers[identifier] = _Sender(up_s, up_s, float(advert.rssi_dbm), advert.sender)

    def _following(self, followed: _Followed, up_s: float) -> Iterator[bytes]:
        """Yield strangers that appeared when a device fell silent, are about as strong, and are still there."""
        sender = followed.sender
        if sender is None:
            return
        for identifier, stranger in self._strangers.items():
            appeared_s = stranger.first_s - sender.last_s
            if (
                -EARLY_S <= appeared_s <= self._change_s
                and up_s - stranger.last_s <= self._change_s
                and abs(stranger.level_dbm - sender.level_dbm) <= ALIKE_DB
            ):
                yield identifier

    def _end_minute(self, followed: _Followed, minute: _CloseMinute) -> None:
        others = {i for i, other in self._by_identifier.items() if other is not followed}
        ranked: Sequence[tuple[int, bytes]] = sorted(
            ((rssi_dbm, identifier) for identifier, rssi_dbm in minute.strongest.items() if identifier not in others),
            reverse=True,
        )
        if not ranked:
            self._said(followed.device, followed.number, Recognition.SILENT)
        elif len(ranked) > 1 and ranked[0][0] - ranked[1][0] < CLEARLY_DB:
            self._said(followed.device, followed.number, Recognition.UNCLEAR)
        elif ranked[0][1] == followed.identifier:
            self._said(followed.device, followed.number, Recognition.STRONGEST)
        elif ranked[0][1] in self._strangers:
            self._adopt(followed, ranked[0][1], Recognition.STRONGEST)
        else:
            self._said(followed.device, followed.number, Recognition.SILENT)


def followed_devices(plan: TrialPlan, said: Callable[[str, int, Recognition], None]) -> FollowedDevices | None:
    """Return what finds the plan's devices that do not run the agent; None if all do."""
    return None if all(device.runs for device in plan.devices) else FollowedDevices(plan, said)
