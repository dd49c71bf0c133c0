"""Several adapters as one radio: the first advertises, all listen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Final, Self

import structlog

from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.core.identifiers import ObservedIdentifier
from bluezone_agent.core.reception import Advert, receive
from bluezone_agent.errors import RadioUnavailableError
from bluezone_agent.ports import Clock, Radio
from bluezone_agent.radios.silence import scan_until_silent

log: Final = structlog.get_logger()

RECEIVER_SILENT_S: Final = 30.0
"""A chip with a strict duplicate filter reports a sender every 11 s: an adapter that missed two reports has lost it."""
TRY_AGAIN_S: Final = 60.0
"""A lost adapter is reopened this often; the others receive meanwhile."""


@dataclass(frozen=True, slots=True)
class NamedAdapter:
    """One of the radios and its name in the configuration."""

    name: str
    radio: Radio


class ReceiverSelector:
    """Accepts each identifier from one adapter at a time.

    Counts and RSSI of a minute have to come from one receiver: two receivers of the same packets would double every
    count, and the louder of two antennas is better than the one that attenuations are computed for. So the adapter that
    receives an identifier first counts for it, until it has not received it for 30 s and another one has.
    """

    def __init__(self) -> None:
        self._selector: dict[ObservedIdentifier, tuple[str, float]] = {}
        self._swept_s = 0.0

    def counts(self, observed: ObservedIdentifier, adapter: str, at_s: float) -> bool:
        """Return whether a reception of ``observed`` by ``adapter`` counts; ``at_s`` never goes back."""
        if at_s - self._swept_s > RECEIVER_SILENT_S:
            self._swept_s = at_s
            self._selector = {
                b: receiver for b, receiver in self._selector.items() if at_s - receiver[1] <= RECEIVER_SILENT_S
            }
        receiver, received_s = self._selector.get(observed, (adapter, at_s))
        if receiver != adapter and at_s - received_s <= RECEIVER_SILENT_S:
            return False
        self._selector[observed] = adapter, at_s
        return True


class SeveralRadios:
    """The first adapter advertises and listens; the others listen; implements the Radio port.

    The first adapter is the radio: its loss is the loss of all. The loss of another one is logged, that adapter is
    reopened from time to time, and the others continue. Receptions by another adapter have that adapter's name, so that
    receiving this device's own advertisement proves its transmission.
    """

    def __init__(self, adapters: Sequence[NamedAdapter], clock: Clock) -> None:
        """Raises ValueError without an adapter."""
        self._first, *self._others = adapters
        self._clock = clock
        self._opened = AsyncExitStack()
        self._listening: set[str] = set()
        self._selector = ReceiverSelector()

    @property
    def description(self) -> str:
        """Return the first adapter and the names of the others; those that do not listen are marked."""
        others = (a.name if a.name in self._listening else f"{a.name} (lost)" for a in self._others)
        return f"{self._first.radio.description}, listening as well: {', '.join(others)}"

    @property
    def scan_mode(self) -> str:
        """Return the first adapter's mode: it receives most identifiers."""
        return self._first.radio.scan_mode

    @property
    def silent_after_s(self) -> float:
        """Return the first adapter's value: if none receives anything, that one is restarted."""
        return self._first.radio.silent_after_s

    async def __aenter__(self) -> Self:
        """Open the first adapter, and the others as far as possible; raises RadioUnavailableError for the first."""
        async with AsyncExitStack() as opened:
            await opened.enter_async_context(self._first.radio)
            self._opened = opened.pop_all()
        self._listening = {a.name for a in (self._first, *self._others)}
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._opened.aclose()

    async def prepare(self, valid_s: float) -> int | None:
        """Prepare the first adapter."""
        return await self._first.radio.prepare(valid_s)

    async def advertise(self, advertising_data: AdvertisingData) -> None:
        """Have the first adapter advertise ``advertising_data``."""
        await self._first.radio.advertise(advertising_data)

    async def withdraw(self) -> None:
        """Have the first adapter stop its advertisement."""
        await self._first.radio.withdraw()

    async def listen(self, received: Callable[[Advert], None]) -> None:
        """Have every adapter listen; raises the first one's errors."""
        async with asyncio.TaskGroup() as group:
            others = [group.create_task(self._keep_listening(adapter, received)) for adapter in self._others]
            try:
                await self._scan(self._first, self._passing_on("", received))
            except RadioUnavailableError as error:
                lost: RadioUnavailableError | None = error
            else:
                lost = None
            for other in others:
                other.cancel()
        if lost:
            raise lost

    async def _keep_listening(self, adapter: NamedAdapter, received: Callable[[Advert], None]) -> None:
        """Receive through an adapter that may be lost and found again."""
        while True:
            try:
                async with adapter.radio:
                    await self._scan(adapter, self._passing_on(adapter.name, received))
                return  # a recording has ended
            except RadioUnavailableError as error:
                if adapter.name in self._listening:
                    log.warning("adapter_lost", adapter=adapter.name, reason=error.reason, message=str(error))
                self._listening.discard(adapter.name)
            await asyncio.sleep(TRY_AGAIN_S)

    async def _scan(self, adapter: NamedAdapter, received: Callable[[Advert], None]) -> None:
        """Scan until a recording ends; restart a scan that falls silent."""

        def receives(advert: Advert) -> None:
            if adapter.name not in self._listening:
                log.info("adapter_recovered", adapter=adapter.name)
                self._listening.add(adapter.name)
            received(advert)

        while await scan_until_silent(adapter.radio, self._clock, receives) is not None:
            pass

    def _passing_on(self, adapter: str, received: Callable[[Advert], None]) -> Callable[[Advert], None]:
        def passes_on(advert: Advert) -> None:
            observed = receive(advert).observed
            if observed is None or self._selector.counts(observed, adapter, self._clock.uptime_s()):
                received(replace(advert, received_by=adapter) if adapter else advert)

        return passes_on

    async def becomes_usable(self) -> None:
        """Return when the first adapter has improved."""
        await self._first.radio.becomes_usable()

    async def power_cycle(self) -> None:
        """Switch the first adapter off and on."""
        await self._first.radio.power_cycle()
