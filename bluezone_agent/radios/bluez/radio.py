"""The real radio: BlueZ's bluetoothd, over D-Bus. bleak scans, dbus-fast advertises."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Collection
from configparser import ConfigParser
from configparser import Error as ConfigParserError
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Self

from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.core.reception import Advert
from bluezone_agent.errors import RadioFault, RadioUnavailableError
from bluezone_agent.ports import Clock, Radio
from bluezone_agent.radios.bluez import errors as faults
from bluezone_agent.radios.bluez.adapter import LEAVING_TIMEOUT_S, BluezAdapter
from bluezone_agent.radios.bluez.advertisement import Advertisement
from bluezone_agent.radios.bluez.controller_quirks import AUTO, PLANS, choose_plan
from bluezone_agent.radios.bluez.scan import Scan
from bluezone_agent.radios.bluez.signals import Signals
from bluezone_agent.radios.options import RadioOptions, argument

MAIN_CONF: Final = Path("/etc/bluetooth/main.conf")
PRIVACY: Final = "privacy"
DISCOVERABLE: Final = "discoverable"
SCANNER_SILENT_S: Final = 90.0
"""With a strict duplicate filter, one packet of each sender comes through about every 11 s: eight in a row were
missed, or no device is near. The silence is noticed within 95 s of the last advert, and the scan has started again 1
s later."""
POWERED_OFF_S: Final = 1.5
"""Controllers that reload their firmware need about a second."""
FLIP_OVER_S: Final = 0.5
"""bluetoothd 5.66 also crashes when the client that requested an advertisement leaves the bus while it is being
changed."""
NO_IDENTIFIER: Final = AdvertisingData()
LONGEST_PAUSE_MS: Final = 2000
"""Between two identifiers nothing is advertised for a random time up to this, so that the end of one and the start of
the next can't be linked by the millisecond."""


class BluezRadio:
    """An adapter of this machine.

    It refuses to advertise if BlueZ would make identifiers linkable: Privacy other than off in main.conf (then
    successive identifiers share an address), or a discoverable adapter (identifiers are sent connectable and from the
    public address). If an adapter becomes discoverable, its advertisement is stopped immediately; the few milliseconds
    until bluetoothd has sent its signal and has received the call can't be avoided from outside.

    The transmitted data differ from the given data in two fields that BlueZ determines, flags and TX power: see
    :class:`Advertisement`. After a fault the radio stays unusable until it is left and entered again.
    """

    silent_after_s = SCANNER_SILENT_S

    def __init__(
        self,
        adapter: str,
        clock: Clock,
        *,
        plan: str = AUTO,
        allow_linkable: Collection[str] = (),
        tells_senders: bool = False,
        main_conf: Path = MAIN_CONF,
    ) -> None:
        """``adapter`` is the kernel's name at the first opening, ``hci0``, or the adapter's address, which is followed.

        ``clock`` stamps what is received; ``plan`` names a plan or leaves the choice to what the controller reports;
        With ``tells_senders`` an advert has the digest of its sender's address.
        ``allow_linkable`` may contain ``privacy`` and ``discoverable``, which are then not refused.
        """
        self._name = adapter
        self._clock = clock
        self._plan_name = plan
        self._allow_linkable = frozenset(allow_linkable)
        self._tells_senders = tells_senders
        self._main_conf = main_conf
        self._count = 0
        self._address = ""
        self._left_over = False
        """Whether the kernel may have restored the last identifier: it does when the adapter is powered on again, and a
        legacy controller then sends the next one under the same address first (in one of 20 times)."""
        self._reset()

    def _new_adapter(self, on_fault: Callable[[], None]) -> BluezAdapter:
        discoverable_too = DISCOVERABLE in self._allow_linkable
        return BluezAdapter(self._name, on_fault, address=self._address, discoverable_too=discoverable_too)

    def _reset(self) -> None:
        self._adapter = self._new_adapter(self._take_off_now)
        self._plan = PLANS[0]
        self._passive_too = False
        self._changing = asyncio.Lock()
        self._scan: Scan | None = None
        self._on_air: str | None = None

    @property
    def description(self) -> str:
        """Return the adapter, how it advertises, and BlueZ's version."""
        kind = "extended" if self._adapter.extended else "legacy"
        plan = "" if self._plan.name == kind else f", plan {self._plan.name}"
        return f"bluez:{self._adapter.name} ({kind} advertising, BlueZ {self._adapter.bluez_version}{plan})"

    @property
    def scan_mode(self) -> str:
        """``active``, or ``active+passive`` where bluetoothd allows a passive scan as well."""
        return "active+passive" if self._passive_too else "active"

    async def __aenter__(self) -> Self:
        """Open the adapter; raises RadioUnavailableError when it can't be used or would make identifiers linkable."""
        self._reset()
        self._require_privacy_off()
        await self._adapter.__aenter__()
        self._address = self._adapter.address
        self._plan = choose_plan(
            self._plan_name, extended=self._adapter.extended, manufacturer=self._adapter.manufacturer
        )
        self._passive_too = self._adapter.has_monitors
        return self

    def _require_privacy_off(self) -> None:
        if PRIVACY not in self._allow_linkable:
            require_privacy_off(self._main_conf)

    async def __aexit__(self, *_: object) -> None:
        """Stop advertising and close, even if BlueZ does not answer any more: closing the connection stops it too."""
        try:
            async with asyncio.timeout(LEAVING_TIMEOUT_S):
                await self.withdraw()
        except (RadioUnavailableError, TimeoutError):
            pass  # closing stops the advertisement
        finally:
            reason = self._adapter.fault and self._adapter.fault.reason
            self._left_over |= reason is RadioFault.POWERED_OFF
            if reason is RadioFault.LINKABLE:
                await asyncio.sleep(FLIP_OVER_S)
            await self._adapter.__aexit__()

    async def prepare(self, valid_s: float) -> int | None:  # noqa: ARG002 - the port's
        """There is nothing to prepare, and BlueZ does not say the power."""
        return None

    async def advertise(self, advertising_data: AdvertisingData) -> None:
        """Stop the present advertisement, pause for up to 2 s, and register ``advertising_data`` as a new object.

        BlueZ then draws a new address. A legacy controller can't set one while it scans, so its scan pauses.
        """
        async with self._changing, self._scan_paused():
            await self._adapter.require_usable()
            if self._on_air is not None:
                await self._unregister()
                await asyncio.sleep(secrets.randbelow(LONGEST_PAUSE_MS + 1) / 1000)
                await self._adapter.require_usable()
            if not await self._adapter.has_free_instance():
                raise faults.no_instance(self._adapter.name)
            if self._left_over and self._plan.scan_pause:
                await self._register(NO_IDENTIFIER)
                await self._unregister()
            self._left_over = False
            await self._register(advertising_data)

    async def withdraw(self) -> None:
        """Stop advertising; nothing happens if nothing is advertised."""
        async with self._changing:
            await self._unregister()

    async def listen(self, received: Callable[[Advert], None]) -> None:
        """Scan until cancelled; raises RadioUnavailableError when the radio is lost or would be linkable."""
        adapter = self._adapter
        scan = Scan(
            adapter.name, self._clock, received, passive_too=self._passive_too, tells_senders=self._tells_senders
        )
        try:
            async with self._changing:
                await adapter.require_usable()
                await scan.start()
                self._scan, self._passive_too = scan, scan.passive_too
            await adapter.faulted.wait()
        finally:
            async with self._changing:
                self._scan = None
                await scan.leave()
        if adapter.fault:
            raise adapter.fault

    async def becomes_usable(self) -> None:
        """Return when bluetoothd signals a change and opening would succeed; never without a bus."""
        try:
            async with Signals() as signals:
                while not await self._is_usable():
                    await signals.change()
        except RadioUnavailableError:
            await asyncio.Event().wait()  # no bus: nothing will signal

    async def _is_usable(self) -> bool:
        try:
            self._require_privacy_off()
            async with self._new_adapter(_nothing):
                return True
        except RadioUnavailableError:
            return False

    async def power_cycle(self) -> None:
        """Switch the adapter off and on; raises RadioUnavailableError when that fails."""
        async with self._new_adapter(_nothing) as adapter:
            try:
                await adapter.set_powered(on=False)
                await asyncio.sleep(POWERED_OFF_S)
            finally:
                await adapter.set_powered(on=True)

    @asynccontextmanager
    async def _scan_paused(self) -> AsyncIterator[None]:
        """Pause the scan if the plan says so; it resumes afterwards whatever happened, unless the radio was left."""
        held = self._scan if self._plan.scan_pause else None
        if held is None:
            yield
            return
        try:
            await held.stop()
            yield
        finally:
            if self._scan is held and self._adapter.fault is None:
                await held.start()

    async def _register(self, advertising_data: AdvertisingData) -> None:
        self._count += 1
        path = f"/org/bluezone_agent/broadcast{self._count}"
        self._adapter.export(path, Advertisement(advertising_data, self._released))
        self._on_air = path
        try:
            await self._adapter.advertising("RegisterAdvertisement", "oa{sv}", path, {})
        except BaseException:
            self._take_off_now()  # the call may have arrived before the cancellation
            raise

    async def _unregister(self) -> None:
        path, self._on_air = self._on_air, None
        if path is None:
            return
        try:
            await self._adapter.advertising("UnregisterAdvertisement", "o", path)
        finally:
            self._adapter.unexport(path)

    def _take_off_now(self) -> None:
        """Stop the advertisement without waiting for an answer, as soon as something went wrong."""
        path, self._on_air = self._on_air, None
        if path is not None:
            self._adapter.tell_advertising("UnregisterAdvertisement", "o", path)
            self._adapter.unexport(path)

    def _released(self) -> None:
        self._adapter.fail_soon(faults.released(self._adapter.name))


def _nothing() -> None:
    """This radio advertises nothing."""


def require_privacy_off(main_conf: Path) -> None:
    """Raise RadioUnavailableError unless bluetoothd's configuration leaves Privacy off, which is its default.

    D-Bus does not show the setting, and a bluetoothd that was started with another file (``-f``) is not noticed.
    """
    parser = ConfigParser(strict=False, interpolation=None, allow_no_value=True)
    try:
        parser.read_string(main_conf.read_text("utf-8", errors="replace"))
    except FileNotFoundError:
        return
    except (OSError, ConfigParserError) as error:
        raise faults.privacy_unknown(main_conf, getattr(error, "strerror", None) or error) from error
    value = parser.get("General", "Privacy", fallback=None) or "off"
    if value.lower() != "off":
        raise faults.privacy_on(main_conf, value)


def open_radio(name: str, clock: Clock, options: RadioOptions) -> Radio:
    """Return the radio called ``bluez:ADAPTER``."""
    return BluezRadio(
        argument(name),
        clock,
        plan=options.plan,
        allow_linkable=options.allow_linkable,
        tells_senders=options.purpose == "trial",
    )
