"""What the agent requires of the outside world. The adapters implement it; ``app`` puts them together."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.core.notice import DeliveryOutcome, Notice
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
        """Identifies this boot: only uptimes of the same boot can be compared."""

    def utc_offset_s(self, unix_s: float) -> int:
        """How far the owner's local time is ahead of UTC at ``unix_s``, seconds."""

    def synchronised(self) -> bool:
        """Whether wall time is synchronised; ``core.clock_state`` decides whether it is trusted."""

    async def sleep_until(self, unix_s: float, *, at_most_s: float = math.inf) -> None:
        """Return when wall time has reached ``unix_s``, or uptime has advanced by ``at_most_s``.

        It also returns if the clock was set or the device slept meanwhile.
        """


class Radio(AbstractAsyncContextManager["Radio"], Protocol):
    """A Bluetooth Low Energy radio: it transmits one advertisement and receives others.

    Entering opens it; leaving stops the advertisement and the scan and closes it. Every method raises
    RadioUnavailableError, with the reason, when the radio can't be used or was lost.
    """

    @property
    def description(self) -> str:
        """A description for people: ``bluez:hci0 (extended advertising, BlueZ 5.66)``."""

    @property
    def scan_mode(self) -> str:
        """How it scans while it is open, stored with what it receives: ``active``, ``active+passive``, ``virtual``.

        It determines how many of the transmitted packets become adverts (docs/bluez.md).
        """

    @property
    def silent_after_s(self) -> float:
        """How long a working scan may receive nothing from a device nearby; after that it is restarted to be sure.

        It is infinite if a scan can't get stuck.
        """

    async def prepare(self, valid_s: float) -> int | None:
        """Get ready for the next :meth:`advertise`, whose data may be transmitted for ``valid_s``.

        Returns the power, dBm, with which the data will be transmitted, or None if the radio does not know it. A radio
        that has to stop the present advertisement for this does so; :meth:`withdraw` undoes the preparation. Raises
        RadioUnavailableError as :meth:`advertise` does.
        """

    async def advertise(self, advertising_data: AdvertisingData) -> None:
        """Advertise ``advertising_data`` under a new random address, instead of the previous data.

        It may be called without :meth:`prepare`. Two advertisements are never transmitted at the same time, and new
        data never under an old address. Raises RadioUnavailableError with RadioFault.NO_BROADCAST when it can still
        scan; its ``kept_off_air`` tells whether the data was certainly not transmitted.
        """

    async def withdraw(self) -> None:
        """Stop advertising; nothing happens if nothing is advertised."""

    async def listen(self, received: Callable[[Advert], None]) -> None:
        """Scan and call ``received`` for every advert of a registered protocol until cancelled.

        Replayed recordings return at their end.
        """

    async def becomes_usable(self) -> None:
        """Return when something has improved since it was closed; never, if nothing can signal that.

        It is called while the radio is closed, after a loss; trying to open it from time to time is worthwhile as well.
        """

    async def power_cycle(self) -> None:
        """Switch it off and on while it is closed; nothing happens if that is impossible.

        Other users of the adapter lose it for that time, so the operator must have allowed it.
        """


@dataclass(frozen=True, slots=True)
class Visit:
    """What the check passes to a source that it reads."""

    now_s: float
    """Trusted time, Unix seconds."""
    known: Callable[[str], bool] = lambda _name: False
    """Whether a file, by its name, need not be fetched again."""
    trust: Trust | None = None
    """Whose signature an index must have; with None the unsigned index is used, and the signed one is ignored."""
    notes: Mapping[str, str] = field(default_factory=dict)
    """What the source asked, at earlier visits, to receive at this one."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One diagnosis key file of a source."""

    name: str
    """The source's own name for it, a relative path."""
    data: bytes = field(repr=False)
    signature: bytes | None = field(default=None, repr=False)
    """Detached signature (the bytes of ``NAME.sig``) if the format has one."""
    notes: Mapping[str, str] = field(default_factory=dict)
    """To be passed at the next visit, once the file was accepted and no key in it has to wait."""
    states_publication: bool = True
    """Whether the times in the file are those of its publication; else the first fetch counts."""


@dataclass(frozen=True, slots=True)
class MissingFile:
    """A file that the source lists and that could not be fetched."""

    name: str
    error: KeySourceError


class KeySource(Protocol):
    """A source of diagnosis key files."""

    @property
    def name(self) -> str:
        """A name for people and for the store: a path or URL without credentials."""

    def files(self, visit: Visit) -> Iterator[SourceFile | MissingFile | SignedIndex]:
        """Yield the signed index, if there is one, then the files that the visit does not know, oldest first.

        A missing file does not hold back the others. Raises KeySourceError when the source can't be read, or not fully.
        """


class NoticeChannels(Protocol):
    """All channels to the owner."""

    def deliver(self, notice: Notice, but: Collection[str] = ()) -> DeliveryOutcome:
        """Deliver a notice through every channel but those with these names; raises OSError if none can be tried."""


class Notifier(Protocol):
    """A way to reach the owner."""

    def notify(self, notice: Notice) -> None:
        """Notify the owner; raises OSError when that fails."""
