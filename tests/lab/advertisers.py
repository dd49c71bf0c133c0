"""What sends in a virtual controller: a legacy advertiser and advertising sets, on the times of the specification.

Bluetooth Core Specification 5.4, Vol 6, Part B, section 4.4.2.2; Vol 4, Part E, sections 7.8.5 and 7.8.53.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from bumble import hci
from bumble.controller import AdvertisingSet, LegacyAdvertiser

from tests.lab.air import CONNECTABLE, SCANNABLE
from tests.lab.channels import ALL_CHANNELS, next_event_s

UNIT_S: Final = 0.000625
"""The unit of advertising intervals, scan intervals and scan windows."""
LEAST_INTERVAL_S: Final = 0.02
LEGACY_TYPES: Final = {0: CONNECTABLE | SCANNABLE, 2: SCANNABLE, 3: 0}
"""Advertising_Type of HCI → what a receiver may do: ADV_IND, ADV_SCAN_IND, ADV_NONCONN_IND."""
LEGACY_PDU: Final = 0x10
EVENT_PROPERTIES: Final = 0x1F
DURATION_S: Final = 0.01
"""The unit of a set's duration."""
TIMEOUT: Final = hci.HCI_ErrorCode.ADVERTISING_TIMEOUT_ERROR
LIMIT_REACHED: Final = hci.HCI_ErrorCode.LIMIT_REACHED_ERROR


@dataclass(frozen=True, slots=True)
class Packet:
    """One advertising event: the same PDU on each channel."""

    address: Any
    """bumble's Address."""
    event_type: int
    """Event_Type of an extended advertising report (Vol 4, Part E, 7.7.65.13)."""
    data: bytes
    scan_response: bytes
    event_s: float
    """When the event began, on the loop's clock."""
    channels: int = ALL_CHANNELS


class Events:
    """Calls ``send`` at the start of every advertising event.

    Events keep to the times of the specification even though the loop wakes up to 1 ms late: a scan window has an edge.
    """

    def __init__(self, random: Random, send: Callable[[float], None]) -> None:
        """``send`` gets the start of the event on the loop's clock; ``random`` draws advDelay."""
        self._random = random
        self._send = send
        self._interval_s = LEAST_INTERVAL_S
        self._timer: asyncio.TimerHandle | None = None

    def start(self, interval_s: float) -> None:
        """Send the first event now."""
        self.stop()
        self._interval_s = max(interval_s, LEAST_INTERVAL_S)
        self._schedule(asyncio.get_running_loop().time())

    def stop(self) -> None:
        """Send no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _schedule(self, event_s: float) -> None:
        self._timer = asyncio.get_running_loop().call_at(event_s, self._fire, event_s)

    def _fire(self, event_s: float) -> None:
        next_s = next_event_s(event_s, self._interval_s, self._random)
        # a loop that is late by an interval does not catch up with a burst
        self._schedule(max(next_s, asyncio.get_running_loop().time()))
        self._send(event_s)


class LabLegacyAdvertiser(LegacyAdvertiser):
    """Sends every advertising type, at the least interval that was set."""

    def __init__(self, controller: Any, random: Random) -> None:
        super().__init__(controller)
        self._events = Events(random, self._send)

    def start(self) -> None:
        self.enabled = True
        self._events.start(self.advertising_interval_min * UNIT_S)

    def stop(self) -> None:
        self.enabled = False
        self._events.stop()

    def _send(self, event_s: float) -> None:
        if self.advertising_type in LEGACY_TYPES:
            self.controller.link.send(  # type: ignore[attr-defined] # a LabLink
                self.controller.name,
                Packet(
                    self.address,
                    LEGACY_TYPES[self.advertising_type] | LEGACY_PDU,
                    bytes(self.advertising_data),
                    bytes(self.scan_response_data),
                    event_s,
                    self.advertising_channel_map,
                ),
            )


class LabAdvertisingSet(AdvertisingSet):
    """An advertising set, at the least interval that was set; it ends with its duration or its last event."""

    def __init__(self, controller: Any, handle: int, random: Random) -> None:
        super().__init__(controller=controller, handle=handle)
        self._events = Events(random, self._send)
        self._most_events = 0
        self._sent = 0
        self._end: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self.begin(0, 0)

    def begin(self, duration: int, most_events: int) -> None:
        """Advertise for ``duration`` times 10 ms and ``most_events`` events; 0 is no limit (Vol 4, Part E, 7.8.56)."""
        assert self.parameters is not None
        self.stop()
        self.enabled = True
        self._most_events, self._sent = most_events, 0
        if duration:
            loop = asyncio.get_running_loop()
            self._end = loop.call_later(duration * DURATION_S, self._terminate, TIMEOUT)
        self._events.start(self.parameters.primary_advertising_interval_min * UNIT_S)

    def stop(self) -> None:
        self.enabled = False
        self._events.stop()
        if self._end is not None:
            self._end.cancel()
            self._end = None

    def _send(self, event_s: float) -> None:
        assert self.parameters is not None
        self.controller.link.send(  # type: ignore[attr-defined] # a LabLink
            self.controller.name,
            Packet(
                self.address,
                int(self.parameters.advertising_event_properties) & EVENT_PROPERTIES,
                bytes(self.data),
                bytes(self.scan_response_data),
                event_s,
                self.parameters.primary_advertising_channel_map,
            ),
        )
        self._sent += 1
        if self._sent == self._most_events:
            self._terminate(LIMIT_REACHED)

    def _terminate(self, status: int) -> None:
        """End by itself and tell the host (Vol 4, Part E, 7.7.65.18)."""
        self.stop()
        self.controller.send_hci_packet(
            hci.HCI_LE_Advertising_Set_Terminated_Event(
                status=status,
                advertising_handle=self.handle,
                connection_handle=0,
                num_completed_extended_advertising_events=self._sent if self._most_events else 0,
            )
        )
