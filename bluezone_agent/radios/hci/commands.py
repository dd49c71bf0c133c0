"""The HCI commands for a non-connectable advertisement and a passive scan, in their legacy and extended forms.

bumble's classes are not fully typed, so a command is ``Any``; the controller's answer shows what went wrong.
"""

from __future__ import annotations

from typing import Any, Final

from bumble import hci

MIN_INTERVAL: Final = 320
MAX_INTERVAL: Final = 432
"""200 and 270 ms in units of 0.625 ms: the Exposure Notification Bluetooth specification v1.2."""
SCAN_INTERVAL: Final = 160
"""100 ms in units of 0.625 ms, and a window of the same length: the receiver never rests."""
ALL_CHANNELS: Final = 0x07
SET: Final = 0
"""The only advertising set."""

Legacy = hci.HCI_LE_Set_Advertising_Parameters_Command
Extended = hci.HCI_LE_Set_Extended_Advertising_Parameters_Command


def advertising_parameters(*, extended: bool) -> Any:
    """Return the command that makes the set ADV_NONCONN_IND, every 200 to 270 ms, under a random address."""
    return _extended_parameters() if extended else _legacy_parameters()


def random_address(address: hci.Address, *, extended: bool) -> Any:
    """Return the command that sets the address of the next advertisement."""
    if not extended:
        return hci.HCI_LE_Set_Random_Address_Command(random_address=address)
    return hci.HCI_LE_Set_Advertising_Set_Random_Address_Command(advertising_handle=SET, random_address=address)


def _legacy_parameters() -> Any:
    return Legacy(
        advertising_interval_min=MIN_INTERVAL,
        advertising_interval_max=MAX_INTERVAL,
        advertising_type=Legacy.AdvertisingType.ADV_NONCONN_IND,
        own_address_type=hci.OwnAddressType.RANDOM,
        peer_address_type=0,
        peer_address=hci.Address.ANY,
        advertising_channel_map=ALL_CHANNELS,
        advertising_filter_policy=0,
    )


def _extended_parameters() -> Any:
    return Extended(
        advertising_handle=SET,
        advertising_event_properties=Extended.AdvertisingProperties.USE_LEGACY_ADVERTISING_PDUS,
        primary_advertising_interval_min=MIN_INTERVAL,
        primary_advertising_interval_max=MAX_INTERVAL,
        primary_advertising_channel_map=ALL_CHANNELS,
        own_address_type=hci.OwnAddressType.RANDOM,
        peer_address_type=0,
        peer_address=hci.Address.ANY,
        advertising_filter_policy=0,
        advertising_tx_power=Extended.TX_POWER_NO_PREFERENCE,
        primary_advertising_phy=hci.Phy.LE_1M,
        secondary_advertising_max_skip=0,
        secondary_advertising_phy=hci.Phy.LE_1M,
        advertising_sid=0,
        scan_request_notification_enable=0,
    )


def advertising_data(data: bytes, *, extended: bool) -> Any:
    """Return the command that sets the data of the advertising set; 31 bytes at most."""
    if not extended:
        return hci.HCI_LE_Set_Advertising_Data_Command(advertising_data=data)
    command = hci.HCI_LE_Set_Extended_Advertising_Data_Command
    return command(SET, command.Operation.COMPLETE_DATA, 1, data)


def advertising_enable(enable: int, *, extended: bool) -> Any:
    """Return the command that switches advertising on (1) or off (0)."""
    if not extended:
        return hci.HCI_LE_Set_Advertising_Enable_Command(advertising_enable=enable)
    return hci.HCI_LE_Set_Extended_Advertising_Enable_Command(enable, [SET], [0], [0])


def scan_parameters(*, extended: bool) -> Any:
    """Return the command that makes the scan passive and continuous."""
    if not extended:
        return hci.HCI_LE_Set_Scan_Parameters_Command(0, SCAN_INTERVAL, SCAN_INTERVAL, 0, 0)
    return hci.HCI_LE_Set_Extended_Scan_Parameters_Command(0, 0, 1, [0], [SCAN_INTERVAL], [SCAN_INTERVAL])


def scan_enable(enable: int, *, extended: bool) -> Any:
    """Return the command that switches the scan on (1) or off (0); duplicates are never filtered."""
    if not extended:
        return hci.HCI_LE_Set_Scan_Enable_Command(enable, 0)
    return hci.HCI_LE_Set_Extended_Scan_Enable_Command(enable, 0, 0, 0)
