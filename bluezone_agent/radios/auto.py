"""The best radio that this machine offers: the kernel's where its broker answers, or else BlueZ's."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from importlib import import_module
from typing import Final, Self, cast

import structlog

from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.core.reception import Advert
from bluezone_agent.errors import NoKernelRadioError
from bluezone_agent.ports import Clock, Radio
from bluezone_agent.radios.kernel.radio import open_radio as open_kernel_radio
from bluezone_agent.radios.options import FIRST_ADAPTER, RadioOptions, argument

log: Final = structlog.get_logger()

TRY_KERNEL_AGAIN: Final = 10
"""After a controller has turned out to filter in hardware, BlueZ is used for this many openings: an update of its
firmware may change that, and a restart of the agent tries at once."""


class AutoRadio:
    """One adapter through the kernel's management socket or through BlueZ; implements the Radio port.

    It chooses at each opening. BlueZ is used only if the kernel's radio can't be: no broker answers, it serves another
    user, the kernel is too old, or the controller passes on few packets. An adapter that is off, discoverable or gone
    is so for both, and is no reason for the other.
    """

    def __init__(self, adapter: str, clock: Clock, options: RadioOptions) -> None:
        """``adapter`` is the kernel's name at the first opening, ``hci0``, or the adapter's address."""
        self._name = adapter
        self._clock = clock
        self._options = options
        self._kernel = open_kernel_radio(f"kernel:{adapter}", clock, options)
        self._used = self._kernel
        self._kernel_rests = 0

    @property
    def description(self) -> str:
        """Return the chosen radio's description."""
        return self._used.description

    @property
    def scan_mode(self) -> str:
        """Return the chosen radio's mode."""
        return self._used.scan_mode

    @property
    def silent_after_s(self) -> float:
        """Return the chosen radio's value."""
        return self._used.silent_after_s

    async def __aenter__(self) -> Self:
        """Open the kernel's radio or else BlueZ's; raises RadioUnavailableError of the one that should work."""
        if self._kernel_rests:
            self._kernel_rests -= 1
        else:
            self._used = self._kernel
            try:
                await self._kernel.__aenter__()
            except NoKernelRadioError as error:
                log.info("kernel_radio_not_used", message=str(error))
            else:
                return self
        self._used = self._bluez
        await self._used.__aenter__()
        return self

    @cached_property
    def _bluez(self) -> Radio:
        bluez = import_module("bluezone_agent.radios.bluez.radio")  # bleak takes a second to load on a small device
        return cast("Radio", bluez.open_radio(f"bluez:{self._name}", self._clock, self._options))

    async def __aexit__(self, *_: object) -> None:
        await self._used.__aexit__(None, None, None)

    async def prepare(self, valid_s: float) -> int | None:
        """Have the chosen radio prepare."""
        return await self._used.prepare(valid_s)

    async def advertise(self, advertising_data: AdvertisingData) -> None:
        """Have the chosen radio advertise ``advertising_data``."""
        await self._used.advertise(advertising_data)

    async def withdraw(self) -> None:
        """Have the chosen radio stop its advertisement."""
        await self._used.withdraw()

    async def listen(self, received: Callable[[Advert], None]) -> None:
        """Have the chosen radio scan; a controller that filters in hardware is left to BlueZ at the next opening."""
        try:
            await self._used.listen(received)
        except NoKernelRadioError:
            self._kernel_rests = TRY_KERNEL_AGAIN
            raise

    async def becomes_usable(self) -> None:
        """Return when the chosen radio's adapter has improved."""
        await self._used.becomes_usable()

    async def power_cycle(self) -> None:
        """Switch the adapter off and on, if the chosen radio can."""
        await self._used.power_cycle()


def open_radio(name: str, clock: Clock, options: RadioOptions) -> Radio:
    """Return the radio called ``auto`` or ``auto:ADAPTER``."""
    return AutoRadio(argument(name) or FIRST_ADAPTER, clock, options)
