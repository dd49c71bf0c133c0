"""The kernel's own radio: every packet, exact advertising data, no D-Bus; through the broker, without any privilege."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Self

from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.core.bluezone import Bluezone
from bluezone_agent.core.gaen import SERVICE_UUID, Gaen
from bluezone_agent.core.packet_share import PacketShare
from bluezone_agent.core.reception import Advert
from bluezone_agent.errors import MalformedPayloadError, RadioUnavailableError
from bluezone_agent.ports import Clock, Radio
from bluezone_agent.radios.bluez.errors import lost, powered_off
from bluezone_agent.radios.kernel import errors as faults
from bluezone_agent.radios.kernel import relay
from bluezone_agent.radios.kernel.connection import BrokerConnection, require_done
from bluezone_agent.radios.kernel.management import LINKABLE, Setting
from bluezone_agent.radios.kernel.relay import AdapterListed, BrokerEvent, Purpose, Request, Verb
from bluezone_agent.radios.options import RadioOptions, argument

LEAST_VALID_S: Final = 1.0
"""Data whose slot ends during the random pause are advertised this long."""
THIN_SHARE: Final = 0.1
THIN_WINDOWS: Final = 2
"""Ten minutes: a person who stands in between for five is no filter."""
GAEN_MARKER: Final = SERVICE_UUID.to_bytes(2, "little")
LOOK_AGAIN_S: Final = 2.0
"""How often to look for a broker that is not there; everything else it signals."""


class KernelRadio:
    """An adapter of this machine, through the kernel's management socket; implements the Radio port.

    The scan is passive, without a rest and without a duplicate filter, so every packet's RSSI arrives. Advertising data
    are sent byte for byte, as ADV_NONCONN_IND, under a random non-resolvable address that the kernel draws. The broker
    keeps the rotation's law: one advertisement, a pause of up to 2 s before the next, nothing after its time or without
    its client, and nothing at all while the adapter is discoverable, connectable or has Privacy on.
    """

    scan_mode = "kernel"
    silent_after_s = 95.0
    """There may be no device nearby; restarting a scan costs a few milliseconds."""

    def __init__(self, adapter: str, clock: Clock, *, purpose: Purpose = Purpose.AGENT) -> None:
        """``adapter`` is the kernel's name at the first opening, ``hci0``, or the adapter's address, which is followed.

        With another ``purpose`` than the agent's, an agent that uses the adapter is asked to leave it for so long.
        """
        self._name = adapter
        self._clock = clock
        self._purpose = purpose
        self._address = adapter.upper() if ":" in adapter else ""
        self._reset()

    def _reset(self) -> None:
        self._connection = BrokerConnection(self._event, self._lost)
        self._changing = asyncio.Lock()
        self._valid_until_s: float | None = None
        """Set once the next advertisement is prepared."""
        self._received: Callable[[Advert], None] | None = None
        self._fault: RadioUnavailableError | None = None
        self._faulted = asyncio.Event()
        self._adapter = AdapterListed(0, "", 0, Setting(0), extended=False, held=False)
        self._share = PacketShare()
        self._thin = 0
        """Windows in a row in which few of the packets of a near device came through."""

    @property
    def description(self) -> str:
        """Return the adapter and how it advertises."""
        kind = "extended" if self._adapter.extended else "legacy"
        return f"kernel:{self._adapter.name} ({kind} advertising, every packet received)"

    async def __aenter__(self) -> Self:
        """Take the adapter; raises RadioUnavailableError when it can't be used or would make identifiers linkable."""
        self._reset()
        await self._connection.open()
        try:
            self._adapter = await self._found()
            self._address = self._adapter.address
            _require_usable(self._adapter)
            verb = Verb.OPEN if self._purpose is Purpose.AGENT else Verb.CLAIM
            await self._ask(Request(verb, self._address, self._purpose))
        except BaseException:
            await self._connection.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Leave; the broker then removes everything, even if this process was killed."""
        await self._connection.close()

    async def prepare(self, valid_s: float) -> int | None:
        """Stop the present advertisement, pause for up to 2 s, and return the power of the next one, if it is known."""
        async with self._changing:
            return await self._prepare(valid_s)

    async def advertise(self, advertising_data: AdvertisingData) -> None:
        """Advertise under a new address until the time that was prepared, or for as long as a slot lasts."""
        async with self._changing:
            if self._valid_until_s is None:
                await self._prepare(relay.LONGEST_VALID_S)
            until_s, self._valid_until_s = self._valid_until_s or 0.0, None
            left_s = min(until_s - asyncio.get_running_loop().time(), relay.LONGEST_VALID_S)
            valid_ms = round(1000 * max(left_s, LEAST_VALID_S))
            await self._ask(Request(Verb.COMMIT, valid_ms=valid_ms, data=advertising_data.to_bytes()))

    async def withdraw(self) -> None:
        """Stop advertising; nothing happens if nothing is advertised."""
        async with self._changing:
            self._valid_until_s = None
            await self._ask(Request(Verb.WITHDRAW))

    async def listen(self, received: Callable[[Advert], None]) -> None:
        """Scan until cancelled; raises RadioUnavailableError when the radio is lost or would be linkable."""
        try:
            await self._ask(Request(Verb.LISTEN))
            self._received = received
            await self._faulted.wait()
        finally:
            self._received = None
            if self._fault is None:
                with suppress(RadioUnavailableError):
                    await self._ask(Request(Verb.STOP_LISTENING))
        if self._fault:
            raise self._fault

    async def becomes_usable(self) -> None:
        """Return when the broker signals a change and the adapter could be opened."""
        while True:
            changed = asyncio.Event()
            connection = _watching(changed)
            try:
                await connection.open()
                while not await self._is_usable(connection):
                    await changed.wait()
                    changed.clear()
                return
            except RadioUnavailableError:
                await asyncio.sleep(LOOK_AGAIN_S)
            finally:
                await connection.close()

    async def power_cycle(self) -> None:
        """The broker switches nothing off or on."""

    async def _is_usable(self, connection: BrokerConnection) -> bool:
        """Return whether the adapter could be opened; raises RadioUnavailableError when the broker is gone."""
        request = Request(Verb.ADAPTERS)
        adapters = relay.read_adapters(require_done(self._name, request, await connection.ask(request)))
        with suppress(RadioUnavailableError):
            adapter = self._choose(adapters)
            _require_usable(adapter)
            return not adapter.held
        return False

    async def _found(self) -> AdapterListed:
        try:
            return self._choose(relay.read_adapters(await self._ask(Request(Verb.ADAPTERS))))
        except RadioUnavailableError as error:
            if self._fault and error is self._fault:  # disconnected before the first answer
                raise faults.not_served(error) from error
            raise

    def _choose(self, adapters: list[AdapterListed]) -> AdapterListed:
        """Find the adapter by its address, once that is known: another adapter may have its name by now."""
        for adapter in adapters:
            if self._address in (adapter.address, "") and (self._address or adapter.name == self._name):
                return adapter
        if self._address and ":" not in self._name:
            raise lost(self._name)  # it was there before
        raise faults.no_adapter(self._name, [adapter.name for adapter in adapters])

    async def _prepare(self, valid_s: float) -> int | None:
        self._valid_until_s = None
        until_s = asyncio.get_running_loop().time() + valid_s
        try:
            power_dbm = relay.read_power_body(await self._ask(Request(Verb.PREPARE)))
        except RadioUnavailableError as error:
            error.kept_off_air = True  # the broker does not have the data yet
            raise
        self._valid_until_s = until_s
        return power_dbm

    async def _ask(self, request: Request) -> bytes:
        if self._fault:
            raise self._fault
        try:
            reply = await self._connection.ask(request)
            return require_done(self._adapter.name if self._adapter.address else self._name, request, reply)
        except RadioUnavailableError:
            if self._fault:  # what happened to the adapter, rather than what the broker said to it
                raise self._fault from None
            raise

    def _event(self, packet: bytes) -> None:
        try:
            if packet[0] in (BrokerEvent.ADVERTS, BrokerEvent.ADVERTS_BY_SENDER):
                self._adverts(packet)
            elif packet[0] == BrokerEvent.GONE:
                self._fail(faults.gone(self._adapter.name, *relay.read_gone(packet)))
        except relay.MalformedMessageError:
            self._lost()

    def _adverts(self, packet: bytes) -> None:
        if self._received is None:
            return
        now_s, loop_s = self._clock.now_s(), asyncio.get_running_loop().time()
        for data, rssi_dbm, sender in relay.read_adverts(packet):
            self._share.received(data, _protocol(data), rssi_dbm, loop_s)  # a clock may be set
            try:
                advertising_data = AdvertisingData.from_bytes(data)
            except MalformedPayloadError:
                continue
            self._received(Advert(advertising_data, rssi_dbm, now_s, sender=sender))
        if (share := self._share.take(loop_s)) is not None:
            self._judge(share)

    def _judge(self, share: float) -> None:
        """Give the adapter up if it filters: the kernel asks it for every packet already, with a sampling period of 0
        (mgmt.c, parse_adv_monitor_rssi)."""
        self._thin = self._thin + 1 if share < THIN_SHARE else 0
        if self._thin >= THIN_WINDOWS:
            self._fail(faults.filtered(self._adapter.name, share))

    def _lost(self) -> None:
        self._fail(faults.broker_lost())

    def _fail(self, fault: RadioUnavailableError) -> None:
        if self._fault is None:
            self._fault = fault
            self._faulted.set()


def _protocol(data: bytes) -> str:
    return Gaen.name if GAEN_MARKER in data else Bluezone.name


def _watching(changed: asyncio.Event) -> BrokerConnection:
    return BrokerConnection(lambda _event: changed.set(), changed.set)


def _require_usable(adapter: AdapterListed) -> None:
    """Raise RadioUnavailableError when the adapter is off, or would make identifiers linkable."""
    if Setting.POWERED not in adapter.settings:
        raise powered_off(adapter.name)
    if adapter.settings & LINKABLE:
        raise faults.linkable(adapter.name, adapter.settings)


def open_radio(name: str, clock: Clock, options: RadioOptions) -> Radio:
    """Return the radio called ``kernel:ADAPTER``."""
    return KernelRadio(argument(name), clock, purpose=Purpose[options.purpose.upper()])
