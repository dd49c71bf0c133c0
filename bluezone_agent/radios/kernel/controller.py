"""One controller as the broker uses it: one advertising instance, one monitor, and what they may never become.

The kernel keeps both when their owner dies, so whatever is added is remembered first, and removed whenever it may still
be there: at the broker's start, when a client leaves, and before something is added.
"""

from __future__ import annotations

import asyncio
import math
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from bluezone_agent.core.bluezone import COMPANY_ID
from bluezone_agent.core.gaen import SERVICE_UUID
from bluezone_agent.radios.kernel import management as wire
from bluezone_agent.radios.kernel.management import (
    LINKABLE,
    AdvertisingFeatures,
    ControllerInfo,
    EventCode,
    ManagementStatus,
    Noticed,
    Opcode,
    Pattern,
    Setting,
)
from bluezone_agent.radios.kernel.memory import Memory
from bluezone_agent.radios.kernel.relay import Answered, GoneReason
from bluezone_agent.radios.kernel.socket import ManagementError, ManagementSocket

PATTERNS: Final = (
    Pattern(0x16, SERVICE_UUID.to_bytes(2, "little")),
    Pattern(0xFF, COMPANY_ID.to_bytes(2, "little")),
)
"""Exposure Notification's service data and Bluezone's manufacturer data: the only adverts that are passed on."""
MIN_INTERVAL: Final = 320
MAX_INTERVAL: Final = 432
"""200 and 270 ms in units of 0.625 ms: the Exposure Notification Bluetooth specification v1.2. On a legacy controller
the kernel takes 100 to 150 ms whatever is asked (hci_enable_advertising_sync)."""
ALWAYS: Final = {wire.MONITOR_INTERVAL: 0x60, wire.MONITOR_WINDOW: 0x60, wire.MONITOR_INTERLEAVES: 0}
"""The scan never rests: 60 ms of 60 ms, where the kernel's default is 30 of 60; and it does not alternate with a scan
for known devices, which takes a third of the time while one of them is away."""
LONGEST_PAUSE_MS: Final = 2000
"""Between two identifiers nothing is advertised for a random time up to this, as with BlueZ."""
EARLY_S: Final = 1.5
"""The kernel's own timer ends a legacy advertisement within this of the broker's."""
AGAIN_S: Final = 0.05


class UnusableError(Exception):
    """The controller can't do what was asked; the client is told why."""

    def __init__(self, outcome: Answered, first: int = 0, second: int = 0) -> None:
        super().__init__(outcome.name)
        self.outcome = outcome
        self.numbers = (first, second)


class Controller:
    """A controller, whether or not a client uses it."""

    def __init__(
        self,
        number: int,
        info: ControllerInfo,
        features: AdvertisingFeatures,
        *,
        kernel: ManagementSocket,
        memory: Memory,
        gone: Callable[[GoneReason, int], None],
    ) -> None:
        """``gone`` is called at once when the controller can't be used as it was; nothing is advertised any more."""
        self.number = number
        self.address = info.address
        self.manufacturer = info.manufacturer
        self.settings = info.settings
        self.extended = features.extended
        self._kernel = kernel
        self._memory = memory
        self._traces = memory.of(info.address, number)
        self._gone = gone
        self._changing = asyncio.Lock()
        self._others = {n for n in features.instances if n != self._traces.instance}
        """The instances of others."""
        self._may_be_there = bool(self._traces.instance)
        """Whether the kernel may still have the broker's instance."""
        self._prepared = False
        self._advertised = False
        """Whether something was advertised since the last pause."""
        self._ends: asyncio.TimerHandle | None = None
        """Set while something is advertised."""

    async def clear(self) -> None:
        """Remove everything of the broker's, and give the scan its old settings back."""
        async with self._changing:
            with suppress(ManagementError):
                await self._remove_instance()
            if self._traces.defaults:
                with suppress(ManagementError):
                    await self._call(Opcode.SET_DEFAULTS, wire.defaults(self._traces.defaults))
                    self._traces.defaults = {}
            with suppress(ManagementError):
                await self._remove_monitor()  # last: a scan for others starts again with the old settings
            self._memory.keep()

    async def listen(self) -> None:
        """Have the kernel report adverts, all the time; raises UnusableError or ManagementError."""
        async with self._changing:
            self._require_usable()
            if not self._traces.defaults:
                now = wire.read_defaults(await self._call(Opcode.READ_DEFAULTS))
                self._traces.defaults = now
                self._memory.keep()
                await self._call(Opcode.SET_DEFAULTS, wire.defaults({k: v for k, v in ALWAYS.items() if k in now}))
            await self._add_monitor()

    async def stop_listening(self) -> None:
        """Have the kernel report none; raises ManagementError."""
        async with self._changing:
            await self._remove_monitor()

    async def prepare(self) -> int | None:
        """Stop the present advertisement, pause, and return the power, dBm, that the next one will have, if known.

        Raises UnusableError or ManagementError.
        """
        async with self._changing:
            self._require_usable()
            await self._remove_instance()
            if self._advertised:
                await asyncio.sleep(secrets.randbelow(LONGEST_PAUSE_MS + 1) / 1000)
                self._advertised = False
                self._require_usable()
            await self._choose_instance()
            power_dbm = await self._set_parameters(0) if self.extended else None
            self._prepared = True
            return power_dbm

    async def commit(self, data: bytes, valid_s: float) -> None:
        """Advertise ``data`` for ``valid_s`` under a new address; raises UnusableError or ManagementError."""
        async with self._changing:
            if not self._prepared:
                raise UnusableError(Answered.MALFORMED)
            self._prepared = False
            self._require_usable()
            try:
                if self.extended:
                    await self._add_data(data)
                else:
                    await self._set_parameters(math.ceil(valid_s))
                    async with self._scan_paused():
                        await self._add_data(data)
                self._require_usable()
            except BaseException:
                self.take_off()
                raise
            self._ends = asyncio.get_running_loop().call_later(valid_s, self.take_off)

    async def withdraw(self) -> None:
        """Stop advertising; raises ManagementError."""
        async with self._changing:
            self._prepared = False
            await self._remove_instance()

    def take_off(self) -> None:
        """Stop advertising at once, without waiting for the kernel's answer."""
        self._stop_timer()
        self._prepared = False
        if not self._may_be_there:
            return
        if Setting.POWERED in self.settings:
            self._kernel.send(Opcode.REMOVE_ADVERTISING, self.number, wire.instance(self._traces.instance))
        else:
            # a controller that is off takes no Remove Advertising and restores its instances when it is switched on;
            # but data for an instance are then refused and the instance dropped (mgmt.c, add_ext_adv_data)
            self._kernel.send(Opcode.ADD_DATA, self.number, wire.advertising_data(self._traces.instance, b""))

    def noticed(self, event: Noticed) -> None:
        """Take an event of this controller."""
        match event.code:
            case EventCode.NEW_SETTINGS:
                self._settings_changed(Setting(event.value))
            case EventCode.SUSPENDED | EventCode.RESUMED:
                self._fail(GoneReason.SUSPENDED)
            case EventCode.ADVERTISING_ADDED:
                self._another_added(event.value)
            case EventCode.ADVERTISING_REMOVED:
                self._another_removed(event.value)
            case EventCode.MONITOR_REMOVED if event.value == self._traces.monitor:
                self._traces.monitor = 0
                self._fail(GoneReason.TAKEN)
            case _:
                pass

    def _settings_changed(self, settings: Setting) -> None:
        self.settings = settings
        if Setting.POWERED not in settings:
            self._fail(GoneReason.POWERED_OFF)
        elif settings & LINKABLE:
            self._fail(GoneReason.LINKABLE)
        elif Setting.ADVERTISING in settings and self._ends:
            self._fail(GoneReason.OTHERS)

    def _another_added(self, number: int) -> None:
        self._others.add(number)
        if number == self._traces.instance:  # it is theirs from now on: the next lower one is free
            self._may_be_there = False
            self._fail(GoneReason.TAKEN)
            self._traces.instance = 0
        elif not self.extended and self._ends:
            self._fail(GoneReason.OTHERS)

    def _another_removed(self, number: int) -> None:
        self._others.discard(number)
        if number != self._traces.instance:
            return
        self._may_be_there = False
        if self._ends and self._ends.when() - asyncio.get_running_loop().time() > EARLY_S:
            self._fail(GoneReason.TAKEN)
        self._stop_timer()

    def _fail(self, reason: GoneReason) -> None:
        self.take_off()
        self._gone(reason, self.settings)

    def _require_usable(self) -> None:
        if Setting.POWERED not in self.settings or Setting.LE not in self.settings:
            raise UnusableError(Answered.POWERED_OFF)
        if self.settings & LINKABLE:
            raise UnusableError(Answered.LINKABLE, self.settings)

    async def _choose_instance(self) -> None:
        """Take the highest number that is free, and keep it: bluetoothd counts from 1 up and does not know ours."""
        features = wire.read_features(await self._call(Opcode.READ_ADVERTISING_FEATURES))
        self._others |= set(features.instances)
        if Setting.ADVERTISING in self.settings or (self._others and not self.extended):
            # a legacy controller would show both in turn, each with the other's address for a moment
            raise UnusableError(Answered.OTHERS)
        free = set(range(1, features.most_instances + 1)) - self._others
        if not free:
            raise UnusableError(Answered.NO_INSTANCE)
        if self._traces.instance not in free:
            self._traces.instance = max(free)
            self._memory.keep()

    async def _set_parameters(self, timeout_s: int) -> int | None:
        self._may_be_there = True
        number = self._traces.instance
        parameters = wire.advertising_parameters(number, MIN_INTERVAL, MAX_INTERVAL, timeout_s=timeout_s)
        return wire.read_power(await self._call(Opcode.ADD_PARAMETERS, parameters))

    async def _add_data(self, data: bytes) -> None:
        self._advertised = True
        try:
            await self._call(Opcode.ADD_DATA, wire.advertising_data(self._traces.instance, data))
        except ManagementError as error:
            self._advertised = error.status == ManagementStatus.TIMEOUT
            if error.status == ManagementStatus.FAILED and not self.extended:
                raise UnusableError(Answered.OTHERS) from error  # another program scans
            raise

    async def _remove_instance(self) -> None:
        self._stop_timer()
        if not self._may_be_there:
            return
        for last in (False, True):
            try:
                await self._call(Opcode.REMOVE_ADVERTISING, wire.instance(self._traces.instance))
                break
            except ManagementError as error:
                if error.status == ManagementStatus.INVALID_PARAMETERS:  # it is not there any more
                    break
                if last:
                    self.take_off()
                    raise
            await asyncio.sleep(AGAIN_S)  # the timer was removing it, and this failed for that reason
        self._may_be_there = False

    @asynccontextmanager
    async def _scan_paused(self) -> AsyncIterator[None]:
        """A legacy controller takes no new address while it scans."""
        listens = bool(self._traces.monitor)
        await self._remove_monitor()
        try:
            yield
        finally:
            if listens:
                await self._add_monitor()

    async def _add_monitor(self) -> None:
        if not self._traces.monitor:
            answer = await self._call(Opcode.ADD_MONITOR, wire.monitor(PATTERNS))
            self._traces.monitor = wire.read_handle(answer)
            self._memory.keep()

    async def _remove_monitor(self) -> None:
        number, self._traces.monitor = self._traces.monitor, 0
        if number:
            with suppress(ManagementError):  # somebody else has removed it
                await self._call(Opcode.REMOVE_MONITOR, wire.handle(number))

    def _stop_timer(self) -> None:
        if self._ends:
            self._ends.cancel()
        self._ends = None

    async def _call(self, opcode: Opcode, parameters: bytes = b"") -> bytes:
        return await self._kernel.call(opcode, self.number, parameters)
