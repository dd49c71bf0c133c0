"""Virtual controllers on one air: what bumble's stock ones lack for judging a proximity radio.

Stock bumble has one constant RSSI, is silent for legacy non-connectable advertisements, filters no duplicates,
lets a random address be set while scanning, and resets nothing. Bluetooth Core Specification 5.4, Vol 4,
Part E, sections 7.3.2 and 7.8.4 to 7.8.11.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from bumble import hci, ll
from bumble.controller import Controller, LegacyAdvertiser
from bumble.link import LocalLink

from tests.lab.air import CONNECTABLE, SCANNABLE, AirLog, HciLog

SLOT_S: Final = 0.000625
"""The unit of advertising intervals."""
LEGACY_TYPES: Final = {0: CONNECTABLE | SCANNABLE, 2: SCANNABLE, 3: 0}
"""Advertising_Type of HCI → what a receiver may do: ADV_IND, ADV_SCAN_IND, ADV_NONCONN_IND."""
LEGACY_PDU: Final = 0x10
SCAN_RESPONSE: Final = 8
ACTIVE_SCAN: Final = 1
CROWD_INTERVAL_S: Final = 0.25
UNSTUCK_S: Final = 0.5
"""bluetoothd's own restarts of discovery, every 11 s, pause the scan for milliseconds: they mend nothing here."""
NO_VALUE: Final = 127
LOGGED: Final = ("RANDOM_ADDRESS", "ADVERTISING", "SCAN_PARAM", "SCAN_ENABLE")


class LabLink(LocalLink):
    """The air: every advertisement reaches every scanning controller in range, with the RSSI of the pair."""

    def __init__(self, rssi_dbm: Callable[[str, str], int | None], log: AirLog) -> None:
        """``rssi_dbm(sender, receiver)`` is None out of range, or for a packet that is to be lost."""
        super().__init__()  # type: ignore[no-untyped-call] # bumble 0.0.236
        self._rssi_dbm = rssi_dbm
        self._log = log

    def send_advertising_pdu(self, sender_controller: Controller, packet: ll.AdvertisingPdu) -> None:
        if isinstance(packet, ll.ConnectInd):
            super().send_advertising_pdu(sender_controller, packet)
            return
        address = vars(packet)["advertiser_address"]
        event_type, data, _ = vars(packet)["lab"]
        self._log.sent(sender_controller.name, str(address), not address.is_public, event_type, data)
        for receiver in self.controllers:
            if receiver is sender_controller or not isinstance(receiver, LabController):
                continue
            rssi_dbm = self._rssi_dbm(sender_controller.name, receiver.name)
            if rssi_dbm is not None:
                asyncio.get_running_loop().call_soon(receiver.received, packet, rssi_dbm)


class LabLegacyAdvertiser(LegacyAdvertiser):
    """Sends every advertising type, at the interval that was set."""

    def _on_timer_fired(self) -> None:
        self.send_advertising_data()
        interval_s = max(self.advertising_interval_min * SLOT_S, 0.01)
        self.timer_handle = asyncio.get_running_loop().call_later(interval_s, self._on_timer_fired)

    def send_advertising_data(self) -> None:
        if self.enabled and self.advertising_type in LEGACY_TYPES:
            pdu = ll.AdvInd(advertiser_address=self.address, data=bytes(self.advertising_data))
            event_type = LEGACY_TYPES[self.advertising_type] | LEGACY_PDU
            vars(pdu)["lab"] = event_type, bytes(self.advertising_data), bytes(self.scan_response_data)
            self.controller.send_advertising_pdu(pdu)


class LabController(Controller):
    """One controller: with extended advertising or without, with a strict duplicate filter or none that works."""

    def __init__(self, *args: Any, extended: bool, strict_filter: bool, log: HciLog, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.le_legacy_advertiser = LabLegacyAdvertiser(self)
        self.le_scan_type = 0
        self._strict_filter = strict_filter
        self._log = log
        self._seen: set[bytes] = set()
        self.deaf = False
        """A scanner that is stuck: it is enabled and reports nothing, until it was off for :data:`UNSTUCK_S`."""
        self._scan_stopped_s = 0.0
        if not extended:
            self.le_features &= ~(hci.LeFeatureMask.LE_EXTENDED_ADVERTISING | hci.LeFeatureMask.LE_PERIODIC_ADVERTISING)

    def on_hci_command_packet(self, command: Any) -> None:
        if any(word in command.name for word in LOGGED):
            self._log.command(self.name, command.name, command.parameters)
        super().on_hci_command_packet(command)

    def send_advertising_pdu(self, packet: ll.AdvertisingPdu) -> None:
        if isinstance(packet, ll.AdvExtInd):
            sets = self.advertising_sets.values()
            one = next((s for s in sets if s.address == packet.advertiser_address), None)
            properties = int(one.parameters.advertising_event_properties) & 0x1F if one and one.parameters else 0
            vars(packet)["lab"] = properties, packet.data, bytes(one.scan_response_data) if one else b""
        super().send_advertising_pdu(packet)

    def on_hci_le_set_scan_enable_command(self, command: Any) -> Any:
        reply = super().on_hci_le_set_scan_enable_command(command)
        self._scan_changed()
        return reply

    def on_hci_le_set_extended_scan_enable_command(self, command: Any) -> Any:
        reply = super().on_hci_le_set_extended_scan_enable_command(command)
        self._scan_changed()
        return reply

    def _scan_changed(self) -> None:
        self._seen.clear()
        now_s = asyncio.get_running_loop().time()
        if not self.le_scan_enable:
            self._scan_stopped_s = now_s
        elif now_s - self._scan_stopped_s >= UNSTUCK_S:
            self.deaf = False
        self.filter_duplicates = self.filter_duplicates and self._strict_filter

    def on_hci_le_set_extended_scan_parameters_command(self, command: Any) -> Any:
        self.le_scan_type = command.scan_types[0] if command.scan_types else 0
        return super().on_hci_le_set_extended_scan_parameters_command(command)

    def on_hci_le_set_random_address_command(self, command: Any) -> Any:
        if self.le_scan_enable or self.le_legacy_advertiser.enabled:
            return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR)
        return super().on_hci_le_set_random_address_command(command)

    def on_hci_reset_command(self, _command: Any) -> Any:
        for one in self.advertising_sets.values():
            one.stop()
        self.advertising_sets.clear()
        self.le_legacy_advertiser.stop()
        self.le_scan_enable = False
        return super().on_hci_reset_command(_command)

    def received(self, pdu: ll.AdvertisingPdu, rssi_dbm: int) -> None:
        """Take one advertisement off the air and report it to the host, as far as it scans and has not seen it."""
        address = vars(pdu)["advertiser_address"]
        if not self.le_scan_enable or self.deaf:
            return
        if self.filter_duplicates:
            if bytes(address) in self._seen:
                return
            self._seen.add(bytes(address))
        event_type, data, scan_response = vars(pdu)["lab"]
        self._report(address, event_type, data, rssi_dbm)
        if self.le_scan_type == ACTIVE_SCAN and event_type & SCANNABLE and scan_response:
            self._report(address, event_type | SCAN_RESPONSE, scan_response, rssi_dbm)

    def _report(self, address: Any, event_type: int, data: bytes, rssi_dbm: int) -> None:
        if self.le_features & hci.LeFeatureMask.LE_EXTENDED_ADVERTISING:
            self._report_extended(address, event_type, data, rssi_dbm)
        else:
            self._report_legacy(address, event_type, data, rssi_dbm)

    def _report_extended(self, address: Any, event_type: int, data: bytes, rssi_dbm: int) -> None:
        event = hci.HCI_LE_Extended_Advertising_Report_Event
        legacy = bool(event_type & LEGACY_PDU)
        report = event.Report(
            event_type=event_type,
            address_type=address.address_type,
            address=address,
            primary_phy=1,
            secondary_phy=0 if legacy else 1,
            advertising_sid=0xFF if legacy else 0,
            tx_power=NO_VALUE,
            rssi=rssi_dbm,
            periodic_advertising_interval=0,
            direct_address_type=0,
            direct_address=hci.Address.ANY,
            data=data,
        )
        self.send_hci_packet(event([report]))

    def _report_legacy(self, address: Any, event_type: int, data: bytes, rssi_dbm: int) -> None:
        event = hci.HCI_LE_Advertising_Report_Event
        kinds = {CONNECTABLE | SCANNABLE: 0, SCANNABLE: 2, 0: 3}
        kind = 4 if event_type & SCAN_RESPONSE else kinds[event_type & (CONNECTABLE | SCANNABLE)]
        report = event.Report(
            event_type=kind, address_type=address.address_type, address=address, data=data, rssi=rssi_dbm
        )
        self.send_hci_packet(event([report]))


class ObservedIdentifier:
    """A broadcaster of a crowd, without a host: what the air knows of it."""

    def __init__(self, number: int) -> None:
        self.name = f"crowd{number}"


async def broadcast(link: LabLink, number: int) -> None:
    """Send one Exposure Notification identifier under one address every 250 ms, for ever."""
    address = hci.Address(number.to_bytes(2, "little") + bytes(4), hci.Address.RANDOM_DEVICE_ADDRESS)
    data = bytes.fromhex("03036ffd17166ffd") + number.to_bytes(16, "big") + bytes(4)
    pdu = ll.AdvInd(advertiser_address=address, data=data)
    vars(pdu)["lab"] = LEGACY_PDU, data, b""
    await asyncio.sleep(number * CROWD_INTERVAL_S / 50)
    while True:
        link.send_advertising_pdu(ObservedIdentifier(number), pdu)  # type: ignore[arg-type]
        await asyncio.sleep(CROWD_INTERVAL_S)
