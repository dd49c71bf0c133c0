"""Scanning through bleak."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import structlog
from bleak import BleakScanner
from bleak.args.bluez import BlueZDiscoveryFilters, BlueZScannerArgs, OrPattern, OrPatternLike
from bleak.assigned_numbers import AdvertisementDataType
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakBluetoothNotAvailableError, BleakDBusError, BleakError
from dbus_fast.errors import DBusFastError

from bluezone_agent.core.advertising_data import AD_UUID16_COMPLETE
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.core.reception import Advert
from bluezone_agent.errors import RadioUnavailableError
from bluezone_agent.ports import Clock
from bluezone_agent.radios.bluez import errors as faults
from bluezone_agent.radios.bluez.adapter import LEAVING_TIMEOUT_S
from bluezone_agent.radios.bluez.advertisement import received_advertising_data, uuid_text
from bluezone_agent.radios.bluez.bus import ANSWER_TIMEOUT_S
from bluezone_agent.radios.sender import sender_digest

log: Final = structlog.get_logger()

NO_RSSI_DBM: Final = 127
STARTING_TIMEOUT_S: Final = 2 * ANSWER_TIMEOUT_S
"""bleak connects, lists every object, sets its filter and starts: four calls in one."""


class Scan:
    """A scan for the registered protocols, which can be started and stopped any number of times.

    If bluetoothd allows it, a passive scan is held open in addition to the active one: it makes bluetoothd switch the
    controller's duplicate filter off, so that every packet comes through. Its own results are not used.

    DuplicateData makes bluetoothd report every packet that the controller hands over. Controllers with a strict
    duplicate filter hand over one packet per sender each time bluetoothd restarts discovery, about every 11 s; that is
    the RSSI series to expect from them.
    """

    def __init__(
        self,
        adapter: str,
        clock: Clock,
        received: Callable[[Advert], None],
        *,
        passive_too: bool,
        tells_senders: bool = False,
    ) -> None:
        """``received`` gets every advert with a registered protocol's service UUID; of its sender if it ``tells``."""
        self._tells_senders = tells_senders
        self.passive_too = passive_too
        """False once bluetoothd has refused it."""
        self._adapter = adapter
        self._clock = clock
        self._received = received
        self._scanner: BleakScanner | None = None
        self._passive: BleakScanner | None = None

    async def start(self) -> None:
        """Start scanning; raises RadioUnavailableError when that fails."""
        if self.passive_too:
            await self._hold_passive()
        scanner = BleakScanner(
            self._detected,
            service_uuids=[uuid_text(protocol.service_uuid) for protocol in PROTOCOLS.values()],
            scanning_mode="active",
            bluez=BlueZScannerArgs(adapter=self._adapter, filters=BlueZDiscoveryFilters(DuplicateData=True)),
        )
        self._scanner = scanner
        try:
            async with asyncio.timeout(STARTING_TIMEOUT_S):
                await scanner.start()
        except (BleakError, OSError, EOFError, DBusFastError) as error:
            raise self._fault(error, "StartDiscovery", STARTING_TIMEOUT_S) from error

    async def stop(self, timeout_s: float = ANSWER_TIMEOUT_S) -> None:
        """Stop scanning; nothing happens if no scan is running. Raises RadioUnavailableError."""
        running = [scanner for scanner in (self._scanner, self._passive) if scanner is not None]
        self._scanner = self._passive = None
        try:
            async with asyncio.timeout(timeout_s):
                for scanner in running:
                    await scanner.stop()
        except (BleakError, OSError, EOFError, DBusFastError) as error:
            raise self._fault(error, "StopDiscovery", timeout_s) from error

    async def _hold_passive(self) -> None:
        uuids = (protocol.service_uuid.to_bytes(2, "little") for protocol in PROTOCOLS.values())
        patterns: list[OrPatternLike] = [
            OrPattern(0, AdvertisementDataType(AD_UUID16_COMPLETE), uuid) for uuid in uuids
        ]
        scanner = BleakScanner(
            _unused,
            scanning_mode="passive",
            bluez=BlueZScannerArgs(adapter=self._adapter, or_patterns=patterns),
        )
        self._passive = scanner
        try:
            async with asyncio.timeout(STARTING_TIMEOUT_S):
                await scanner.start()
        except (BleakError, OSError, EOFError, DBusFastError) as error:
            log.info("passive_scan_unavailable", reason=str(error))
            self.passive_too, self._passive = False, None

    async def leave(self) -> None:
        """Stop scanning for good, whatever state BlueZ is in: bluetoothd ends the scan with the connection."""
        try:
            await self.stop(LEAVING_TIMEOUT_S)
        except RadioUnavailableError:
            return

    def _detected(self, device: BLEDevice, data: AdvertisementData) -> None:
        advertising_data = received_advertising_data(
            data.service_uuids, data.service_data, data.manufacturer_data, data.tx_power
        )
        rssi_dbm = NO_RSSI_DBM if data.rssi is None else data.rssi
        sender = sender_digest(device.address) if self._tells_senders else b""
        self._received(Advert(advertising_data, rssi_dbm, self._clock.now_s(), sender=sender))

    def _fault(self, error: Exception, call: str, timeout_s: float) -> RadioUnavailableError:
        if isinstance(error, TimeoutError):
            return faults.unanswered(self._adapter, call, timeout_s)
        if isinstance(error, BleakDBusError):
            return faults.refused(self._adapter, call, error.dbus_error, error.dbus_error_details or "")
        if isinstance(error, BleakBluetoothNotAvailableError):
            return faults.forbidden(error)
        if isinstance(error, BleakError):
            return faults.refused(self._adapter, call, type(error).__name__, error)
        return faults.bus_lost()


def _unused(_device: BLEDevice, _data: AdvertisementData) -> None:
    """The active scan receives the same, and more."""
