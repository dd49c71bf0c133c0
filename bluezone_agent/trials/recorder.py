"""Writes down what one device of a trial receives and does."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from contextlib import ExitStack
from typing import Final, Self, TypeVar

import structlog

from bluezone_agent.clocks.kernel_clock import KernelClock
from bluezone_agent.core.intervals import MINUTE_S
from bluezone_agent.core.reception import Advert, Discarded, DiscardReason, Sighting, receive
from bluezone_agent.ports import Clock
from bluezone_agent.trials.append import JsonLines
from bluezone_agent.trials.folder import CLOCK, EVENTS, MARKS, Participant
from bluezone_agent.trials.followed import Recognition, followed_devices
from bluezone_agent.trials.marks import ParsedMark
from bluezone_agent.trials.packets import PacketWriter, ReceivedPacket
from bluezone_agent.trials.records import NS, BothClocks, DeviceFound, Logged, MinuteCounts, TrialMark

log: Final = structlog.get_logger()
FLUSH_S: Final = 1.0
"""At most this much is lost by a kill or a power cut."""
MOST_BYSTANDERS: Final = 10_000
"""Identifiers a minute that are told apart."""
NOTES_SHOWN: Final = 5
L = TypeVar("L", bound=Logged)


class Recorder:
    """One device's recording; entering opens its files. Every method that writes raises OSError."""

    def __init__(
        self,
        participant: Participant,
        clock: Clock,
        *,
        durable: bool = True,
        kernel_clock: Callable[[], KernelClock | None] = lambda: None,
    ) -> None:
        """The participant's folder exists. ``durable``: what is written is on the disk at once.

        ``kernel_clock`` is asked each minute how good the clock is.
        """
        self._kernel_clock = kernel_clock
        self._folder = participant.folder
        self._own = participant.device.id
        self._identifiers = participant.identifiers
        self._clock = clock
        self._followed = followed_devices(participant.plan, self._found)
        self._events_waiting: list[Logged] = []
        self._durable = durable
        self._opened = ExitStack()
        self._bystanders: set[bytes] = set()
        self._bystander_packets = 0
        self._discarded: Counter[DiscardReason] = Counter()
        self.received: Counter[str] = Counter()
        """Packets of each other device."""
        self.latest: dict[str, tuple[int, int]] = {}
        """Of each other device the last packet: its boottime_ns and RSSI, dBm."""
        self.noted: deque[TrialMark] = deque(maxlen=NOTES_SHOWN)
        """The last marks."""
        self.clocks: BothClocks | None = None
        """As noted last."""

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            files = [
                opened.enter_context(JsonLines(self._folder / name, durable=self._durable))
                for name in (EVENTS, CLOCK, MARKS)
            ]
            self._events, self._clocks, self._marks = files
            self._packets = PacketWriter(self._folder, durable=self._durable)
            opened.callback(self._packets.close)
            self._opened = opened.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        with self._opened:
            self.end_minute()

    @property
    def lost(self) -> int:
        """Packets that could not be written."""
        return self._packets.lost

    def receives(self, advert: Advert) -> None:
        """Take what the radio received; it is written within :data:`FLUSH_S`."""
        found = receive(advert)
        observed = found.observed
        known = None if observed is None else self._identifiers.find(observed, advert.received_at_s)
        if known is None and self._followed is not None and isinstance(found, Sighting):
            known = self._followed.find(found.observed, advert, self._clock.uptime_s())
        if isinstance(found, Discarded) and (known is not None or observed is None):
            self._discarded[found.reason] += 1
        elif known is None and observed is not None:
            self._bystander_packets += 1
            if len(self._bystanders) < MOST_BYSTANDERS:
                self._bystanders.add(observed.identifier)
        elif known is not None and known.device != self._own:
            self.received[known.device] += 1
            boottime_ns, wall_ns = self._clocks_ns(advert.received_at_s)
            self.latest[known.device] = boottime_ns, advert.rssi_dbm
            self._packets.add(
                ReceivedPacket(
                    boottime_ns,
                    wall_ns,
                    known.device,
                    known.rotation,
                    advert.rssi_dbm,
                    known.stated_dbm,
                    advert.received_by,
                )
            )

    def end_minute(self) -> None:
        """Write what waits, and what was only counted since the minute before."""
        self._packets.flush()
        self._write_found()
        self._count_minute()

    def log(self, kind: Callable[..., L], **fields: object) -> L:
        """Write an event; it is on the disk when this returns."""
        boottime_ns, wall_ns = self._clocks_ns()
        record = kind(boottime_ns=boottime_ns, wall_ns=wall_ns, **fields)
        self._events.put(record)
        return record

    def note(self, mark: ParsedMark) -> TrialMark:
        """Write a mark; it is on the disk when this returns."""
        boottime_ns, wall_ns = self._clocks_ns()
        record = TrialMark(boottime_ns=boottime_ns, wall_ns=wall_ns, **mark._asdict())
        if mark.nearest and self._followed is not None:
            self._followed.expect_nearest(mark.nearest, self._clock.uptime_s())
        self._marks.put(record)
        self.noted.append(record)
        return record

    async def keep_flushing(self) -> None:
        """Write what waits every second, and the state of the clocks every minute, until cancelled.

        A full disk is waited for; the packets of some minutes wait with it.
        """
        next_minute_s = self._clock.uptime_s()
        while True:
            try:
                await asyncio.to_thread(self._packets.flush)
                self._look_for_devices()
                if self._clock.uptime_s() >= next_minute_s:
                    self._note_clocks()
                    self._count_minute()
                    next_minute_s = self._clock.uptime_s() + MINUTE_S
            except OSError as error:
                log.error("trial_not_written", reason=error.strerror)
            await asyncio.sleep(FLUSH_S)

    def _look_for_devices(self) -> None:
        if self._followed is not None:
            self._followed.look(self._clock.uptime_s())
            self._write_found()

    def _write_found(self) -> None:
        while self._events_waiting:
            self._events.put(self._events_waiting[0])
            self._events_waiting.pop(0)

    def _found(self, device: str, number: int, how: Recognition) -> None:
        """Keep what is found while packets come in; it is written with the next flush."""
        boottime_ns, wall_ns = self._clocks_ns()
        self._events_waiting.append(
            DeviceFound(boottime_ns=boottime_ns, wall_ns=wall_ns, device=device, number=number, how=how.value)
        )

    def _note_clocks(self) -> None:
        boottime_ns, wall_ns = self._clocks_ns()
        kernel = self._kernel_clock()
        self.clocks = BothClocks(
            boottime_ns=boottime_ns,
            wall_ns=wall_ns,
            boot_id=self._clock.boot_id,
            synchronised=self._clock.synchronised(),
            ntp_synchronised=kernel and kernel.synchronised,
            estimated_error_s=kernel and kernel.estimated_error_s,
            maximum_error_s=kernel and kernel.maximum_error_s,
        )
        self._clocks.put(self.clocks)

    def _count_minute(self) -> None:
        counts = {
            "bystander_packets": self._bystander_packets,
            "bystanders": len(self._bystanders),
            "impossible_rssi": self._discarded[DiscardReason.WITHOUT_RSSI],
            "malformed": self._discarded[DiscardReason.MALFORMED],
            "foreign": self._discarded[DiscardReason.FOREIGN],
            "lost": self._packets.lost,
        }
        if any(counts.values()):
            self.log(MinuteCounts, **counts)
        self._bystander_packets, self._packets.lost = 0, 0
        self._bystanders.clear()
        self._discarded.clear()

    def _clocks_ns(self, wall_s: float | None = None) -> tuple[int, int]:
        wall_s = self._clock.now_s() if wall_s is None else wall_s
        return round(self._clock.uptime_s() * NS), round(wall_s * NS)
