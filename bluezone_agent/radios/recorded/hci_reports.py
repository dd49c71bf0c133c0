"""Advertising reports out of HCI events and link-layer packets (Bluetooth Core Specification 5.4).

Reports: Vol 4, Part E, 7.7.65.2 and 7.7.65.13; packets: Vol 6, Part B, 2.3. What is cut off or of another kind yields
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

H4_EVENT: Final = 0x04
LE_META: Final = 0x3E
REPORT, EXTENDED_REPORT = 0x02, 0x0D
REPORT_HEAD: Final = 9
"""Event type, address type, address, length of the data."""
EXTENDED_HEAD: Final = 24
EXTENDED_RSSI_AT: Final = 13
ADVERTISING_ACCESS: Final = 0x8E89BED6
PDU_TYPE: Final = 0x0F
WITH_DATA: Final = (0, 2, 4, 6)
"""PDU types: ADV_IND, ADV_NONCONN_IND, SCAN_RSP, ADV_SCAN_IND."""
ADDRESS: Final = 6
Report = tuple[bytes, int]
"""Advertising data, and RSSI in dBm."""


def reports_of_event(event: bytes) -> Iterator[Report]:
    """Yield the reports of an HCI event without its H4 byte."""
    if len(event) < 4 or event[0] != LE_META or event[2] not in (REPORT, EXTENDED_REPORT):
        return
    extended, at = event[2] == EXTENDED_REPORT, 4
    head = EXTENDED_HEAD if extended else REPORT_HEAD
    for _ in range(event[3]):
        if len(event) < at + head:
            return
        data = event[at + head : at + head + event[at + head - 1]]
        if len(data) < event[at + head - 1]:
            return
        rssi_at = at + EXTENDED_RSSI_AT if extended else at + head + len(data)
        if rssi_at >= len(event):
            return
        yield data, int.from_bytes(event[rssi_at : rssi_at + 1], "little", signed=True)
        at += head + len(data) + (not extended)


def data_of_packet(packet: bytes) -> bytes | None:
    """Return the advertising data of a link-layer packet from its access address on; None if it has none."""
    if (
        len(packet) < 6
        or int.from_bytes(packet[:4], "little") != ADVERTISING_ACCESS
        or packet[4] & 0x0F not in WITH_DATA
    ):
        return None
    payload = packet[6 : 6 + packet[5]]
    return payload[ADDRESS:] if len(payload) == packet[5] >= ADDRESS else None
