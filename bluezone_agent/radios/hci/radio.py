"""Exclusive use of a controller, without bluetoothd: bumble speaks HCI to it (extra ``hci``).

Bluetooth Core Specification 5.4, Vol 4, Part E, sections 7.7.65 (reports), 7.8.4 to 7.8.11 (legacy commands) and 7.8.52
to 7.8.65 (extended commands).
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, Self

from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.core.reception import Advert
from bluezone_agent.errors import MalformedPayloadError, RadioUnavailableError
from bluezone_agent.ports import Clock, Radio
from bluezone_agent.radios.hci import errors as faults
from bluezone_agent.radios.hci.user_channel import open_user_channel
from bluezone_agent.radios.options import RadioOptions, argument

try:
    from bumble import hci
    from bumble.core import BaseBumbleError
    from bumble.host import Host
    from bumble.transport import open_transport

    from bluezone_agent.radios.hci import commands
except ModuleNotFoundError as error:
    raise faults.no_bumble() from error

LONGEST_PAUSE_MS: Final = 2000
"""Between two identifiers nothing is advertised for a random time up to this, as with BlueZ."""
ANSWER_TIMEOUT_S: Final = 2.0
"""A controller answers within milliseconds; 2 s is also Linux's timeout."""
OPENING_TIMEOUT_S: Final = 20.0
"""USB controllers may load firmware first."""
LEAVING_TIMEOUT_S: Final = 1.5
OLD_ANSWERS_S: Final = 0.1
"""An answer that waits in a controller arrives at the first poll of its endpoint, within 16 ms."""
HEARTBEAT_S: Final = 10.0
"""A socket whose adapter was unplugged is as silent as an empty place: so the controller is polled."""
EVENT_PACKET: Final = 0x04
MARKERS: Final = tuple(protocol.service_uuid.to_bytes(2, "little") for protocol in PROTOCOLS.values())
SERVICES: Final = frozenset(protocol.service_uuid for protocol in PROTOCOLS.values())
logging.getLogger("bumble").setLevel(logging.CRITICAL)
"""Its parser logs every packet that it can't read, with the complete packet: identifiers and addresses."""
REPORTS: Final = (hci.HCI_LE_ADVERTISING_REPORT_EVENT, hci.HCI_LE_EXTENDED_ADVERTISING_REPORT_EVENT)


class HciRadio:
    """A controller that no other program uses; implements the Radio port.

    Every packet's RSSI arrives: the scan is passive and filters no duplicates. Advertising data are sent byte for byte,
    as ADV_NONCONN_IND every 200 to 270 ms, under a random non-resolvable address that is set, together with the data,
    while nothing is advertised. If the controller refuses a new address while it scans, as a legacy one must, the scan
    pauses for these milliseconds.
    """

    scan_mode = "hci"
    silent_after_s = 95.0
    """There may be no device nearby; restarting a scan costs a few milliseconds."""

    def __init__(self, transport: str, clock: Clock, *, connect: Callable[[str], Awaitable[Any]] | None = None) -> None:
        """``transport`` is the kernel's number, ``0``, or one of bumble's names, ``usb:0``; ``connect`` opens it."""
        self._name = f"hci:{transport}"
        self._transport_name = transport
        self._clock = clock
        self._connect = connect or _connect
        self._reset()

    def _reset(self) -> None:
        self._host = Host()
        self._transport: Any = None
        self._changing = asyncio.Lock()
        self._lost = asyncio.Event()
        self._received: Callable[[Advert], None] | None = None
        self._on_air = False
        self._extended = False
        self._pauses = True

    @property
    def description(self) -> str:
        """Return the controller and how it advertises."""
        return f"{self._name} ({'extended' if self._extended else 'legacy'} advertising, every packet heard)"

    async def __aenter__(self) -> Self:
        """Open and reset the controller; raises RadioUnavailableError when that fails."""
        self._reset()
        try:
            async with asyncio.timeout(OPENING_TIMEOUT_S):
                self._transport = await self._connect(self._transport_name)
        except Exception as error:  # bumble's transports raise anything, Exception itself included
            raise faults.not_opened(self._name, error) from error
        try:
            self._host.set_packet_sink(self._transport.sink)
            if not self._transport_name.isdecimal():
                await self._drop_old_answers()
            self._transport.source.set_packet_sink(self)
            async with self._answering(OPENING_TIMEOUT_S):
                await self._host.reset()
        except BaseException:
            await self._close()
            raise
        self._extended = self._host.supports_le_features(hci.LeFeatureMask.LE_EXTENDED_ADVERTISING)
        self._pauses = not self._extended
        return self

    async def _drop_old_answers(self) -> None:
        """The driver that had a USB controller before resets it as it leaves, and does not wait for the answer."""
        self._transport.source.set_packet_sink(_Nowhere())
        await asyncio.sleep(OLD_ANSWERS_S)

    async def __aexit__(self, *_: object) -> None:
        """Stop advertising, reset and close the controller, even if it does not answer any more."""
        with suppress(RadioUnavailableError, TimeoutError):
            async with asyncio.timeout(LEAVING_TIMEOUT_S):
                await self.withdraw()
                await self._do(hci.HCI_Reset_Command())
        await self._close()

    async def _close(self) -> None:
        transport, self._transport = self._transport, None
        with suppress(OSError, BaseBumbleError):
            await transport.close()

    async def prepare(self, valid_s: float) -> int | None:  # noqa: ARG002 - the port's
        """There is nothing to prepare, and the controller's power is not read."""
        return None

    async def advertise(self, advertising_data: AdvertisingData) -> None:
        """Stop the present advertisement, pause for up to 2 s, and advertise under a new address."""
        async with self._changing:
            if self._on_air:
                await self._switch_off()
                await asyncio.sleep(secrets.randbelow(LONGEST_PAUSE_MS + 1) / 1000)
            await self._do(commands.advertising_parameters(extended=self._extended))
            await self._set_address(hci.Address.generate_private_address())
            await self._do(commands.advertising_data(advertising_data.to_bytes(), extended=self._extended))
            self._on_air = True
            await self._do(commands.advertising_enable(1, extended=self._extended))

    async def withdraw(self) -> None:
        """Stop advertising; nothing happens if nothing is advertised."""
        async with self._changing:
            if self._on_air:
                await self._switch_off()

    async def listen(self, received: Callable[[Advert], None]) -> None:
        """Scan until cancelled; raises RadioUnavailableError when the controller is lost."""
        try:
            async with self._changing:
                self._received = received
                await self._scan(on=True)
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(HEARTBEAT_S):
                        await self._lost.wait()
                async with self._changing:
                    await self._do(hci.HCI_Read_Local_Version_Information_Command())
        finally:
            self._received = None
            with suppress(RadioUnavailableError):
                async with self._changing:
                    await self._scan(on=False)

    async def becomes_usable(self) -> None:
        """Nothing signals that a controller is back."""
        await asyncio.Event().wait()

    async def power_cycle(self) -> None:
        """Opening already resets it."""

    async def _switch_off(self) -> None:
        await self._do(commands.advertising_enable(0, extended=self._extended))
        self._on_air = False

    async def _set_address(self, address: hci.Address) -> None:
        command = commands.random_address(address, extended=self._extended)
        if not self._pauses:
            try:
                await self._do(command)
            except RadioUnavailableError:
                if self._received is None:
                    raise
                self._pauses = True  # against the specification, but it refuses this while it scans
            else:
                return
        async with self._scan_paused():
            await self._do(command)

    @asynccontextmanager
    async def _scan_paused(self) -> AsyncIterator[None]:
        if self._received is None:
            yield
            return
        await self._scan(on=False)
        try:
            yield
        finally:
            await self._scan(on=True)

    async def _scan(self, *, on: bool) -> None:
        if on:
            await self._do(commands.scan_parameters(extended=self._extended))
        await self._do(commands.scan_enable(int(on), extended=self._extended))

    async def _do(self, command: Any) -> None:
        """Have the controller execute ``command``; raises RadioUnavailableError when that fails.

        After a command was sent, its answer is awaited even on cancellation: it would be taken for the next command's.
        """
        if self._transport is None:
            raise faults.closed(self._name)
        async with self._answering(ANSWER_TIMEOUT_S, command.name):
            answer = asyncio.ensure_future(self._host.send_sync_command(command))
            try:
                await asyncio.shield(answer)
            except asyncio.CancelledError:
                await asyncio.wait([answer], timeout=ANSWER_TIMEOUT_S)
                answer.cancel()
                raise

    @asynccontextmanager
    async def _answering(self, timeout_s: float, command: str = "HCI_RESET_COMMAND") -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(timeout_s):
                yield
        except hci.HCI_Error as error:
            raise faults.refused(self._name, command, error.error_name) from error
        except TimeoutError as error:
            raise faults.lost(self._name, f"no answer to {command} within {timeout_s} s") from error
        except (OSError, BaseBumbleError, AssertionError) as error:
            raise faults.lost(self._name, getattr(error, "strerror", None) or error) from error
        except AttributeError as error:  # bumble takes any answer for the one that it waits for
            raise faults.lost(self._name, f"an answer that does not belong to {command}") from error

    def on_packet(self, packet: bytes) -> None:
        """Process one packet of the controller; reports are handled here, all other packets by bumble."""
        if len(packet) > 3 and (packet[0], packet[1]) == (EVENT_PACKET, hci.HCI_LE_META_EVENT) and packet[3] in REPORTS:
            self._reported(packet)
        else:
            self._host.on_packet(packet)

    def on_transport_lost(self) -> None:
        """Notice immediately what the next heartbeat would."""
        self._host.on_transport_lost()  # type: ignore[no-untyped-call] # bumble 0.0.236
        self._lost.set()

    def _reported(self, packet: bytes) -> None:
        if self._received is None or not any(marker in packet for marker in MARKERS):
            return
        for data, rssi_dbm in reports(packet):
            try:
                advertising_data = AdvertisingData.from_bytes(data)
            except MalformedPayloadError:
                continue
            if not SERVICES.isdisjoint((*advertising_data.service_uuids, *advertising_data.service_data)):
                self._received(Advert(advertising_data, rssi_dbm, self._clock.now_s()))


class _Nowhere:
    """A sink that drops every packet."""

    def on_packet(self, packet: bytes) -> None:
        """Drop it."""

    def on_transport_lost(self) -> None:
        """The next command notices."""


async def _connect(name: str) -> Any:
    return await open_user_channel(int(name)) if name.isdecimal() else await open_transport(name)


def reports(packet: bytes) -> list[tuple[bytes, int]]:
    """Return data and RSSI of every advertisement in an LE Meta event; nothing for any other event."""
    try:
        event: Any = hci.HCI_Packet.from_bytes(packet)
        return [(report.data, report.rssi) for report in event.reports]
    except (ValueError, IndexError, struct.error, AttributeError, BaseBumbleError):
        return []


def open_radio(name: str, clock: Clock, _options: RadioOptions) -> Radio:
    """Return the radio called ``hci:TRANSPORT``."""
    return HciRadio(argument(name), clock)
