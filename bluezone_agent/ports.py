"""What the agent asks of the world. The adapters answer these; the service and the CLI wire them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.core.notice import Notice
from bluezone_agent.core.reception import Advert
from bluezone_agent.errors import KeySourceError

if TYPE_CHECKING:
    from bluezone_agent.core.diagnosis_keys.signed_index import SignedIndex
    from bluezone_agent.core.diagnosis_keys.signing import Trust


class Clock(Protocol):
    """Time on this device."""

    def now_s(self) -> float:
        """Wall time, Unix seconds; it may be wrong and may jump."""

    def uptime_s(self) -> float:
        """Seconds since boot, suspend included; it never jumps (CLOCK_BOOTTIME)."""

    @property
    def boot_id(self) -> str:
        """What tells this boot from all others: uptimes of one boot can be compared."""

    def utc_offset_s(self, unix_s: float) -> int:
        """How far the owner's clock on the wall is ahead of UTC at ``unix_s``, seconds."""

    def synchronised(self) -> bool:
        """Whether somebody vouches for wall time; whether it is believed is for ``core.clock_state``."""

    async def sleep_until(self, unix_s: float, *, at_most_s: float = math.inf) -> None:
        """Return when wall time has reached ``unix_s``, or uptime has gone on by ``at_most_s``.

        Also when the clock was set or the device slept meanwhile.
        """


class Radio(AbstractAsyncContextManager["Radio"], Protocol):
    """A Bluetooth Low Energy radio: it broadcasts one frame and hears others.

    Entering opens it, leaving withdraws the broadcast, stops the scan and closes it. Every method raises
    RadioUnavailableError, with the reason, when the radio can't be used or was lost.
    """

    @property
    def description(self) -> str:
        """What it is, for a person: ``bluez:hci0 (extended advertising, BlueZ 5.66)``."""

    @property
    def scan_mode(self) -> str:
        """How it scans while it is open, kept with what is heard: ``active``, ``active+passive``, ``virtual``.

        It tells how many of the packets on the air become adverts (docs/bluez.md).
        """

    @property
    def silent_after_s(self) -> float:
        """How long a working scan may hear nothing of somebody near; beyond it, it is started again to be sure.

        Infinite where a scan can't get stuck.
        """

    async def advertise(self, advertising_data: AdvertisingData) -> None:
        """Put ``advertising_data`` on the air under a new random address, in place of the one before.

        Never two frames at once, never a new frame on an old address. Raises RadioUnavailableError for
        RadioFault.NO_BROADCAST when it can listen all the same; its ``kept_off_air`` tells whether the frame may
        have been on the air.
        """

    async def withdraw(self) -> None:
        """Take the frame off the air; nothing happens when none is on it."""

    async def listen(self, received: Callable[[Advert], None]) -> None:
        """Scan and call ``received`` for every advert of a registered protocol until cancelled.

        Replayed recordings return at their end.
        """

    async def becomes_usable(self) -> None:
        """Return when something has changed for the better since it was closed; for ever where nothing tells.

        Called while it is closed, after a loss; it is worth trying to open it from time to time as well.
        """

    async def power_cycle(self) -> None:
        """Switch it off and on while it is closed; nothing happens where that can't be done.

        Whoever else uses the adapter loses it for that time, so the operator has to have allowed it.
        """


@dataclass(frozen=True, slots=True)
class Visit:
    """What a source is told by the check that asks it."""

    now_s: float
    """Trusted time, Unix seconds."""
    known: Callable[[str], bool] = lambda _name: False
    """Whether a file, by its name, need not be had again."""
    trust: Trust | None = None
    """Whose signature an index must bear; None takes the plain index without a look at the signed one."""
    notes: Mapping[str, str] = field(default_factory=dict)
    """What the source asked, at earlier visits, to be told at this one."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One case file of a source."""

    name: str
    """The source's own name of it, a relative path."""
    data: bytes = field(repr=False)
    signature: bytes | None = field(default=None, repr=False)
    """Detached signature (the bytes of ``NAME.sig``) where the format has it beside the file."""
    notes: Mapping[str, str] = field(default_factory=dict)
    """To be told at the next visit, once the file was believed and nothing in it waits."""
    states_publication: bool = True
    """Whether the times in the file are those of its publication; else the first fetch counts."""


@dataclass(frozen=True, slots=True)
class MissingFile:
    """A file that the source lists and that could not be had."""

    name: str
    error: KeySourceError


class KeySource(Protocol):
    """Somewhere that case files come from."""

    @property
    def name(self) -> str:
        """What it is, for a person and for the store: a path or URL without credentials."""

    def files(self, visit: Visit) -> Iterator[SourceFile | MissingFile | SignedIndex]:
        """Yield the signed index, where there is one, then the files that the visit does not know, oldest first.

        A file that can't be had does not hold back the others. Raises KeySourceError when the source can't be read,
        or not to its end.
        """


class Notifier(Protocol):
    """A way to reach the owner."""

    def notify(self, notice: Notice) -> None:
        """Tell the owner; raises OSError when it can't be done."""
