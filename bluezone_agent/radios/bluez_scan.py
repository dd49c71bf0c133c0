"""Scanning through bleak."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from bleak import BleakScanner
from bleak.args.bluez import BlueZDiscoveryFilters, BlueZScannerArgs
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakBluetoothNotAvailableError, BleakDBusError, BleakError
from dbus_fast.errors import DBusFastError

from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.errors import RadioUnavailableError
from bluezone_agent.ports import Advert, Clock
from bluezone_agent.radios import bluez_faults as faults
from bluezone_agent.radios.bluez_adapter import ANSWER_TIMEOUT_S, LEAVING_TIMEOUT_S
from bluezone_agent.radios.bluez_frames import heard_frame, uuid_text

NO_RSSI_DBM: Final = 127
STARTING_TIMEOUT_S: Final = 2 * ANSWER_TIMEOUT_S
"""bleak connects, lists every object, sets its filter and starts: four calls in one."""


class Scan:
    """An active scan for the registered protocols, started and stopped any number of times.

    DuplicateData makes bluetoothd report every packet that the controller hands over. Controllers with a strict
    duplicate filter hand over one packet a broadcaster each time bluetoothd restarts discovery, about every
    11 s; that is the RSSI series to expect from them.
    """

    def __init__(self, adapter: str, clock: Clock, heard: Callable[[Advert], None]) -> None:
        """``heard`` gets every advert with a registered protocol's service UUID."""
        self._adapter = adapter
        self._clock = clock
        self._heard = heard
        self._scanner: BleakScanner | None = None

    async def start(self) -> None:
        """Start scanning; raises RadioUnavailableError when that can't be done."""
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
        """Stop scanning; nothing happens when it does not run. Raises RadioUnavailableError."""
        scanner, self._scanner = self._scanner, None
        if scanner is None:
            return
        try:
            async with asyncio.timeout(timeout_s):
                await scanner.stop()
        except (BleakError, OSError, EOFError, DBusFastError) as error:
            raise self._fault(error, "StopDiscovery", timeout_s) from error

    async def leave(self) -> None:
        """Stop scanning for good, whatever state BlueZ is in: bluetoothd ends our scan with our connection."""
        try:
            await self.stop(LEAVING_TIMEOUT_S)
        except RadioUnavailableError:
            return

    def _detected(self, _device: BLEDevice, data: AdvertisementData) -> None:
        frame = heard_frame(data.service_uuids, data.service_data, data.manufacturer_data, data.tx_power)
        rssi_dbm = NO_RSSI_DBM if data.rssi is None else data.rssi
        self._heard(Advert(frame, rssi_dbm, self._clock.now_s()))

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
