"""Virtual controllers on one air: what bumble's stock ones lack for judging a proximity radio.

Stock bumble has one constant RSSI, is silent for legacy non-connectable advertisements, knows no channels, scan windows
and filters, lets a random address be set while scanning, and resets nothing. Bluetooth Core Specification 5.4, Vol 4,
Part E, sections 7.3.2, 7.8.4 to 7.8.17 and 7.8.52 to 7.8.65.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from random import Random
from typing import Any, Final

from bumble import hci
from bumble.controller import AdvertisingSet, Controller
from bumble.link import LocalLink

from tests.lab.advertisers import LEGACY_PDU, UNIT_S, Events, LabAdvertisingSet, LabLegacyAdvertiser, Packet
from tests.lab.air import CONNECTABLE, SCANNABLE, AirLog, HciLog
from tests.lab.channels import Scan
from tests.lab.msft import OPCODE as MSFT_OPCODE
from tests.lab.msft import Offload

SCAN_RESPONSE: Final = 8
ACTIVE_SCAN: Final = 1
ACCEPT_LIST_ONLY: Final = 1
LE_1M: Final = 1
"""Bits of Scanning_Filter_Policy and of Scanning_PHYs."""
CROWD_INTERVAL_S: Final = 0.25
UNSTUCK_S: Final = 0.5
"""bluetoothd's own restarts of discovery, every 11 s, pause the scan for milliseconds: they mend nothing here."""
NO_VALUE: Final = 127
LOGGED: Final = ("RANDOM_ADDRESS", "ADVERTISING", "SCAN_PARAM", "SCAN_ENABLE", "ACCEPT_LIST")


class LabLink(LocalLink):
    """The air: every advertisement reaches every controller in range that listens, with the RSSI of the pair."""

    def __init__(self, rssi_dbm: Callable[[str, str], int | None], log: AirLog) -> None:
        """``rssi_dbm(sender, receiver)`` is None out of range, or for a packet that is to be lost."""
        super().__init__()  # type: ignore[no-untyped-call] # bumble 0.0.236
        self._rssi_dbm = rssi_dbm
        self._log = log

    def send(self, sender: str, packet: Packet) -> None:
        """Have everybody receive ``packet`` who can."""
        self._log.sent(sender, str(packet.address), not packet.address.is_public, packet.event_type, packet.data)
        for receiver in self.controllers:
            if isinstance(receiver, LabController) and receiver.name != sender and receiver.listens(packet):
                rssi_dbm = self._rssi_dbm(sender, receiver.name)
                if rssi_dbm is not None:
                    receiver.received(packet, rssi_dbm)


class LabController(Controller):
    """One controller: with extended advertising or without, with a strict duplicate filter or none that works.

    With ``msft`` it also has Microsoft's extension, which monitors advertisements in the controller.
    """

    def __init__(
        self, *args: Any, extended: bool, strict_filter: bool, log: HciLog, msft: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._offload = Offload() if msft else None
        self._random = Random(self.name)
        self.le_legacy_advertiser = LabLegacyAdvertiser(self, self._random)
        self.le_scan_type = 0
        self._strict_filter = strict_filter
        self._log = log
        self._seen: set[bytes] = set()
        self._scan: Scan | None = None
        self._accept_list: set[bytes] = set()
        self.deaf = False
        """A scanner that is stuck: it is enabled and reports nothing, until it was off for :data:`UNSTUCK_S`."""
        self._scan_stopped_s = 0.0
        if not extended:
            self.le_features &= ~(hci.LeFeatureMask.LE_EXTENDED_ADVERTISING | hci.LeFeatureMask.LE_PERIODIC_ADVERTISING)

    def on_hci_command_packet(self, command: Any) -> None:
        if any(word in command.name for word in LOGGED):
            self._log.command(self.name, command.name, command.parameters)
        if self._offload is not None and command.op_code == MSFT_OPCODE:
            self._log.command(self.name, "MSFT", command.parameters)
            answer = self._offload.command(command.parameters)
            self._send_event(hci.HCI_COMMAND_COMPLETE_EVENT, b"\x01" + struct.pack("<H", MSFT_OPCODE) + answer)
            return
        super().on_hci_command_packet(command)

    def _send_event(self, code: int, parameters: bytes) -> None:
        packet = bytes([hci.HCI_EVENT_PACKET, code, len(parameters)]) + parameters
        if self.host:
            asyncio.get_running_loop().call_soon(self.host.on_packet, packet)

    def look(self) -> None:
        """Notice devices that are silent; call it now and then."""
        if self._offload is not None:
            for event in self._offload.lost(asyncio.get_running_loop().time()):
                self._send_event(hci.HCI_VENDOR_EVENT, event)

    def _set(self, handle: int) -> AdvertisingSet:
        """Return the advertising set; a command that may create one names it first."""
        return self.advertising_sets.setdefault(handle, LabAdvertisingSet(self, handle, self._random))

    def on_hci_le_set_advertising_set_random_address_command(self, command: Any) -> Any:
        self._set(command.advertising_handle)
        return super().on_hci_le_set_advertising_set_random_address_command(command)

    def on_hci_le_set_extended_advertising_parameters_command(self, command: Any) -> Any:
        if self._set(command.advertising_handle).enabled:
            disallowed = hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR
            return hci.HCI_LE_Set_Extended_Advertising_Parameters_ReturnParameters(disallowed, 0)
        return super().on_hci_le_set_extended_advertising_parameters_command(command)

    def on_hci_le_set_extended_advertising_enable_command(self, command: Any) -> Any:
        if not command.enable:
            return super().on_hci_le_set_extended_advertising_enable_command(command)
        ready = [handle for handle, one in self.advertising_sets.items() if one.parameters and one.address]
        if not command.advertising_handles:
            return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.INVALID_COMMAND_PARAMETERS_ERROR)
        if not set(command.advertising_handles) <= set(ready):
            return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.UNKNOWN_ADVERTISING_IDENTIFIER_ERROR)
        limits = zip(command.durations, command.max_extended_advertising_events, strict=True)
        for handle, (duration, most_events) in zip(command.advertising_handles, limits, strict=True):
            one = self.advertising_sets[handle]
            assert isinstance(one, LabAdvertisingSet)
            one.begin(duration, most_events)
        return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.SUCCESS)

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
            self._scan = None
            self._scan_stopped_s = now_s
            return
        # a scan that is switched on once more starts afresh
        self._scan = Scan(now_s, self.le_scan_interval * UNIT_S, self.le_scan_window * UNIT_S)
        if now_s - self._scan_stopped_s >= UNSTUCK_S:
            self.deaf = False
        self.filter_duplicates = self.filter_duplicates and self._strict_filter

    def on_hci_le_set_extended_scan_parameters_command(self, command: Any) -> Any:
        if self.le_scan_enable:
            return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR)
        if not command.scanning_phys & LE_1M:  # everybody here advertises on LE 1M
            return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.UNSUPPORTED_FEATURE_OR_PARAMETER_VALUE_ERROR)
        self.le_scan_type = command.scan_types[0]
        self.le_scan_interval, self.le_scan_window = command.scan_intervals[0], command.scan_windows[0]
        return super().on_hci_le_set_extended_scan_parameters_command(command)

    def on_hci_le_clear_filter_accept_list_command(self, command: Any) -> Any:
        return self._change_accept_list(self._accept_list.clear)

    def on_hci_le_add_device_to_filter_accept_list_command(self, command: Any) -> Any:
        return self._change_accept_list(lambda: self._accept_list.add(_key(command.address)))

    def on_hci_le_remove_device_from_filter_accept_list_command(self, command: Any) -> Any:
        return self._change_accept_list(lambda: self._accept_list.discard(_key(command.address)))

    def _change_accept_list(self, change: Callable[[], None]) -> Any:
        if self.le_scan_enable and self.le_scanning_filter_policy & ACCEPT_LIST_ONLY:
            return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR)
        change()
        return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.SUCCESS)

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
        self._scan = None
        self._accept_list.clear()
        if self._offload is not None:
            self._offload.reset()
        return super().on_hci_reset_command(_command)

    def listens(self, packet: Packet) -> bool:
        """Return whether a PDU of the event falls into a scan window on its channel."""
        return self._scan is not None and self._scan.receives(packet.event_s, len(packet.data), packet.channels)

    def received(self, packet: Packet, rssi_dbm: int) -> None:
        """Report an advertisement to the host, as far as the filters let it through."""
        if self.deaf:
            return
        # a scan without the accept list reports everybody; with it, the monitors add whom they match
        reported_dbm = rssi_dbm if self._accepts(packet) else None
        if self._offload is not None:
            device = (0 if packet.address.is_public else 1), bytes(packet.address)
            events, sample_dbm = self._offload.take(device, packet.data, rssi_dbm, asyncio.get_running_loop().time())
            for event in events:
                self._send_event(hci.HCI_VENDOR_EVENT, event)
            if reported_dbm is None and self._offload.enabled:
                reported_dbm = sample_dbm
        if reported_dbm is None:
            return
        if self.filter_duplicates:
            if bytes(packet.address) in self._seen:
                return
            self._seen.add(bytes(packet.address))
        self._report(packet.address, packet.event_type, packet.data, reported_dbm)
        if self.le_scan_type == ACTIVE_SCAN and packet.event_type & SCANNABLE and packet.scan_response:
            self._report(packet.address, packet.event_type | SCAN_RESPONSE, packet.scan_response, reported_dbm)

    def _accepts(self, packet: Packet) -> bool:
        return not self.le_scanning_filter_policy & ACCEPT_LIST_ONLY or _key(packet.address) in self._accept_list

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


def _key(address: Any) -> bytes:
    """Return the address with its kind: public and random ones are different lists."""
    return bytes([address.is_public]) + bytes(address)


def broadcast(link: LabLink, number: int) -> Events:
    """Send one Exposure Notification identifier under one address every 250 ms until the events are stopped.

    A broadcaster of a crowd has no host and no controller.
    """
    address = hci.Address(number.to_bytes(2, "little") + bytes(4), hci.Address.RANDOM_DEVICE_ADDRESS)
    data = bytes.fromhex("03036ffd17166ffd") + number.to_bytes(16, "big") + bytes(4)
    random, name = Random(number), f"crowd{number}"
    events = Events(random, lambda event_s: link.send(name, Packet(address, LEGACY_PDU, data, b"", event_s)))
    asyncio.get_running_loop().call_later(random.uniform(0, CROWD_INTERVAL_S), events.start, CROWD_INTERVAL_S)
    return events
