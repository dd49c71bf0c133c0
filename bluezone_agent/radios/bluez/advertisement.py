"""Advertisements in BlueZ's terms: what it is asked to advertise, and what it hands over when it receives something.

Annotations are evaluated here, not postponed: dbus-fast reads the D-Bus signatures from them and can't read a postponed
``None``.
"""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Final

from dbus_fast import PropertyAccess, Variant
from dbus_fast.annotations import DBusSignature, DBusStr, DBusUInt32
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property

from bluezone_agent.core.advertising_data import AdvertisingData

ADVERTISEMENT_INTERFACE: Final = "org.bluez.LEAdvertisement1"
BASE_UUID: Final = "-0000-1000-8000-00805f9b34fb"
"""The rest of a 16-bit UUID that is written as a 128-bit one."""
UUID16: Final = re.compile(f"0000([0-9a-f]{{4}}){BASE_UUID}")
MIN_INTERVAL_MS: Final = 200
MAX_INTERVAL_MS: Final = 270
"""Exposure Notification's interval. BlueZ before 5.77 obeys it only as ``bluetoothd -E``; otherwise an extended
controller advertises every 1.28 s, and a legacy one every 100-150 ms whatever is requested."""

Strings = Annotated[list[str], DBusSignature("as")]
ByUuid = Annotated[dict[str, Variant], DBusSignature("a{sv}")]
ByCompanyId = Annotated[dict[int, Variant], DBusSignature("a{qv}")]


def uuid_text(uuid16: int) -> str:
    """Return a 16-bit UUID as BlueZ writes it."""
    return f"0000{uuid16:04x}{BASE_UUID}"


def uuid16_of(text: str) -> int | None:
    """Return the 16-bit UUID in ``text``, or None for another UUID."""
    found = UUID16.fullmatch(text.lower())
    return int(found[1], 16) if found else None


def received_advertising_data(
    service_uuids: list[str],
    service_data: Mapping[str, bytes],
    manufacturer_data: Mapping[int, bytes],
    tx_power_dbm: int | None,
) -> AdvertisingData:
    """Return what BlueZ received as advertising data; data without a 16-bit UUID are left out."""
    uuids = (uuid16_of(text) for text in service_uuids)
    data = ((uuid16_of(text), value) for text, value in service_data.items())
    return AdvertisingData(
        service_uuids=tuple(uuid for uuid in uuids if uuid is not None),
        service_data={uuid: value for uuid, value in data if uuid is not None},
        manufacturer_data=dict(manufacturer_data),
        tx_power_dbm=tx_power_dbm,
    )


class Advertisement(ServiceInterface):
    """One advertisement as the object that bluetoothd reads when it is registered; there is a new object for every one.

    Type ``broadcast``: non-connectable, and with Privacy off under a new non-resolvable private address for every
    registration. bluetoothd and the kernel determine two parts of the data themselves. Flags: 0x04 from an adapter
    without BR/EDR, none from any other. TX Power Level: ``Data`` refuses AD type 0x0A, ``TxPower`` fills no field, and
    ``Includes: ["tx-power"]`` fills it with the controller's own statement, which is not the power that the
    advertisement states; a wrong power falsifies every attenuation computed from it, so the field is left out, as in
    the Bluezone app, and receivers use the power that they assume for the app.
    """

    def __init__(self, advertising_data: AdvertisingData, released: Callable[[], None]) -> None:
        """``released`` is called when bluetoothd drops the advertisement by itself."""
        super().__init__(ADVERTISEMENT_INTERFACE)
        self._advertising_data = advertising_data
        self._released = released

    @dbus_method(name="Release")
    def release(self) -> None:
        self._released()

    @dbus_property(access=PropertyAccess.READ, name="Type")
    def type_(self) -> DBusStr:
        return "broadcast"

    @dbus_property(access=PropertyAccess.READ, name="ServiceUUIDs")
    def service_uuids(self) -> Strings:
        return [uuid_text(uuid) for uuid in self._advertising_data.service_uuids]

    @dbus_property(access=PropertyAccess.READ, name="ServiceData")
    def service_data(self) -> ByUuid:
        return {uuid_text(uuid): Variant("ay", data) for uuid, data in self._advertising_data.service_data.items()}

    @dbus_property(access=PropertyAccess.READ, name="ManufacturerData")
    def manufacturer_data(self) -> ByCompanyId:
        return {
            company_id: Variant("ay", data) for company_id, data in self._advertising_data.manufacturer_data.items()
        }

    @dbus_property(access=PropertyAccess.READ, name="MinInterval")
    def min_interval(self) -> DBusUInt32:
        return MIN_INTERVAL_MS

    @dbus_property(access=PropertyAccess.READ, name="MaxInterval")
    def max_interval(self) -> DBusUInt32:
        return MAX_INTERVAL_MS
