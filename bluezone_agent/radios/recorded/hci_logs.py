"""Logs of other devices' radios: btsnoop, as Android and btmon write it, and pcap, as sniffers do.

btsnoop: BlueZ's src/shared/btsnoop.c. pcap: tcpdump.org, LINKTYPE_BLUETOOTH_HCI_H4 (187) and _WITH_PHDR (201), and
LINKTYPE_BLUETOOTH_LE_LL_WITH_PHDR (256), whose flags are in Wireshark's packet-btle_rf.c. A log that ends within a
record ends there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from struct import Struct
from typing import Final

from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.core.reception import Advert
from bluezone_agent.errors import N_, MalformedPayloadError, RecordingError
from bluezone_agent.radios.recorded.hci_reports import H4_EVENT, Report, data_of_packet, reports_of_event

BTSNOOP: Final = b"btsnoop\0"
BTSNOOP_HEAD, BTSNOOP_RECORD = Struct(">8sII"), Struct(">IIIIq")
BTSNOOP_UNIX_US: Final = 0x00DCDDB30F2F8000
"""Of a time stamp at the Unix epoch: they count microseconds from the year 0."""
HCI, UART, MONITOR = 1001, 1002, 2001
IS_EVENT: Final = 0x03
"""Flags of format 1001: received, and a command or an event. In 2001 the lower half of the flags, too, is 3."""
PCAP_MAGIC: Final = {0xA1B2C3D4: 1e-6, 0xA1B23C4D: 1e-9}
"""Magic number → unit of the second part of a time stamp, seconds."""
PCAP_HEAD: Final = 24
PCAP_RECORD: Final = 16
H4, H4_WITH_PHDR, LE_LL_WITH_PHDR = 187, 201, 256
PHDR: Final = Struct("<BbbBIH")
POWER_VALID, CRC_CHECKED, CRC_VALID = 0x0002, 0x0400, 0x0800
NO_RSSI: Final = 127


def read_btsnoop(path: Path) -> Iterator[Advert]:
    """Yield what a btsnoop log received; raises RecordingError, OSError."""
    data = path.read_bytes()
    name, version, kind = BTSNOOP_HEAD.unpack_from(data) if len(data) >= BTSNOOP_HEAD.size else (b"", 0, 0)
    if name != BTSNOOP or version != 1 or kind not in (HCI, UART, MONITOR):
        raise RecordingError(
            N_("{path} is not a btsnoop log of HCI packets"),
            N_('Android makes one with "Bluetooth HCI snoop log", Linux with "btmon -w FILE"'),
            path=path,
        )
    at = BTSNOOP_HEAD.size
    while at + BTSNOOP_RECORD.size <= len(data):
        _size, length, flags, _drops, stamp_us = BTSNOOP_RECORD.unpack_from(data, at)
        packet = data[at + BTSNOOP_RECORD.size : at + BTSNOOP_RECORD.size + length]
        at += BTSNOOP_RECORD.size + length
        if kind == UART:
            event = packet[1:] if packet[:1] == bytes([H4_EVENT]) else b""
        else:
            event = packet if flags & (0xFFFF if kind == MONITOR else IS_EVENT) == IS_EVENT else b""
        yield from _adverts(reports_of_event(event), (stamp_us - BTSNOOP_UNIX_US) / 1e6)


def read_pcap(path: Path) -> Iterator[Advert]:
    """Yield what a pcap file received; raises RecordingError, OSError."""
    data = path.read_bytes()
    for order in ("<", ">"):
        head = Struct(f"{order}I16xI").unpack(data[:PCAP_HEAD]) if len(data) >= PCAP_HEAD else (0, 0)
        unit_s, link = PCAP_MAGIC.get(head[0]), head[1] & 0xFFFF
        if unit_s is not None and link in LINKS:
            break
    else:
        raise RecordingError(
            N_("{path} is not a pcap file of Bluetooth packets (link types {types})"),
            N_('convert other forms: "editcap -F pcap FROM TO" (Wireshark)'),
            path=path,
            types=", ".join(map(str, LINKS)),
        )
    record, at = Struct(f"{order}IIII"), PCAP_HEAD
    while at + PCAP_RECORD <= len(data):
        seconds, part, length, _original = record.unpack_from(data, at)
        packet = data[at + PCAP_RECORD : at + PCAP_RECORD + length]
        at += PCAP_RECORD + length
        yield from _adverts(LINKS[link](packet), seconds + part * unit_s)


def _h4(packet: bytes) -> Iterator[Report]:
    return reports_of_event(packet[1:] if packet[:1] == bytes([H4_EVENT]) else b"")


def _le_packet(packet: bytes) -> Iterator[Report]:
    if len(packet) < PHDR.size:
        return
    _channel, power_dbm, _noise, _offenses, _access, flags = PHDR.unpack_from(packet)
    data = data_of_packet(packet[PHDR.size :])
    if data is not None and (not flags & CRC_CHECKED or flags & CRC_VALID):
        yield data, power_dbm if flags & POWER_VALID else NO_RSSI


LINKS: Final[Mapping[int, Callable[[bytes], Iterator[Report]]]] = {
    H4: _h4,
    H4_WITH_PHDR: lambda packet: _h4(packet[4:]),
    LE_LL_WITH_PHDR: _le_packet,
}


def _adverts(reports: Iterator[Report], at_s: float) -> Iterator[Advert]:
    for data, rssi_dbm in reports:
        try:
            parts = AdvertisingData.from_bytes(data)
        except MalformedPayloadError:
            continue  # of a stranger; what the trial's devices send is well formed
        yield Advert(parts, rssi_dbm, at_s)
