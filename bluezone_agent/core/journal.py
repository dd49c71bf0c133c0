"""The agent's journal: the newest record of each kind, written by the component that it is about.

Health is judged from these records only (``bluezone_agent.health``). Each kind has a name and a version under which it
is stored; a change that an older reader would misread needs a new version, but an added field with a default does not.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, ClassVar, Final, Protocol, TypeAlias, TypeVar

import msgspec

UnixSeconds: TypeAlias = Annotated[int, msgspec.Meta(ge=0, lt=250_000_000_000)]
"""Up to the year 9892, which calendars can show in every time zone. A stored record with another value is damaged."""
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
"""A number that a float represents exactly."""
Dbm: TypeAlias = Annotated[int, msgspec.Meta(ge=-128, le=127)]
"""The range that a controller can report."""


class Record(msgspec.Struct, frozen=True):
    """Something that a component of the agent did or found."""

    kind: ClassVar[str]
    version: ClassVar[int] = 1

    at_s: UnixSeconds
    """The time, Unix seconds of the device's clock, which may have been set since: see
    :mod:`bluezone_agent.core.ages`."""


class Started(Record, frozen=True):
    """The agent started, with these settings."""

    kind = "started"

    protocol: str = ""
    sources: Count = 0
    """How many sources the check reads."""
    monitor_adapters: Count = 0
    """How many other adapters listen; each of them receives this device's own advertisements."""
    allow_linkable: tuple[str, ...] = ()
    """What the operator allows although it makes identifiers linkable."""


class Broadcasting(Record, frozen=True):
    """The radio advertises a new identifier."""

    kind = "broadcasting"

    until_s: UnixSeconds
    """End of its slot."""
    rotations: Count = 0
    """Identifiers advertised since the start."""


class Refused(Record, frozen=True):
    """The radio scans but refused to advertise, or advertises again."""

    kind = "refused"

    reason: str = ""
    """Empty once it advertises again."""


class Silenced(Record, frozen=True):
    """The agent advertises nothing until a slot is over: a radio that fails has used up the keys of its day."""

    kind = "silenced"

    until_s: UnixSeconds
    """End of the slot."""


class Received(Record, frozen=True):
    """The newest advertisement of another device was received; counts are since the start."""

    kind = "received"

    by_protocol: dict[str, Count] = msgspec.field(default_factory=dict)
    """Sightings by protocol name."""
    malformed: Count = 0
    foreign: Count = 0
    """Advertisements of unknown protocols."""
    without_rssi: Count = 0
    repeated: Count = 0
    """This device's own identifier, received by the adapter that advertises it: somebody repeats it."""
    dropped: Count = 0
    """Sightings for which there was no room."""
    dropped_at_s: UnixSeconds | None = None
    """When that last happened; None for never since the start."""

    @property
    def sightings(self) -> int:
        """How many advertisements were received and not discarded."""
        return sum(self.by_protocol.values())

    @property
    def discarded(self) -> dict[str, int]:
        """How many were discarded, by reason."""
        return {name: getattr(self, name) for name in DISCARD_REASONS}


class Reception(Record, frozen=True):
    """How well the radio received its neighbours in the last minutes."""

    kind = "reception"

    share: Annotated[float, msgspec.Meta(ge=0, le=1)]
    """Estimated share of the packets on the air (see :mod:`bluezone_agent.core.packet_share`)."""


class Used(Record, frozen=True):
    """What the agent's process, and the checks that it started, have used since its start."""

    kind = "used"

    running_s: Annotated[float, msgspec.Meta(ge=0)]
    """Uptime since its start, in which a suspended device counts."""
    cpu_s: Annotated[float, msgspec.Meta(ge=0)]
    wakeups: Count
    """How often it waited for something, and went on."""
    written_bytes: Count
    """To files, as the kernel counts them; 0 where it does not."""


DISCARD_REASONS: Final = ("malformed", "foreign", "without_rssi", "repeated", "dropped")
"""Fields of :class:`Received` that count what was discarded."""


class Committed(Record, frozen=True):
    """Minutes were committed."""

    kind = "committed"

    minutes: Count = 0
    clock_trusted: bool = True


class Checked(Record, frozen=True):
    """A check ended."""

    kind = "checked"

    complete: bool
    """Whether each of its sources was fully read and every file accepted."""
    sources: Count
    """How many sources it read."""
    complete_at_s: UnixSeconds | None = None
    """When a check of all configured sources was last complete; incomplete checks leave it unchanged."""
    clock_trusted: bool = True
    """Whether wall time was known, so that the result counts."""


class RadioState(Record, frozen=True):
    """The radio as the agent last saw it."""

    kind = "radio_state"

    description: str = ""
    works: bool = True
    since_s: UnixSeconds | None = None
    """Since when it works, or does not work."""
    reason: str = ""
    """Why it does not work: a RadioFault, and the fault's message as a template over ``fields``."""
    message: str = ""
    fields: dict[str, str] = msgspec.field(default_factory=dict)
    scan_mode: str = ""
    sessions: Count = 0
    """How often it has been opened since the start."""
    scan_restarts: Count = 0
    power_cycles: Count = 0

    def __post_init__(self) -> None:
        """Raise ValueError when the fields do not fill the message: nobody could read it."""
        try:
            self.message.format(**self.fields)
        except (LookupError, TypeError, AttributeError) as error:
            raise ValueError(self.message) from error


class Proved(Record, frozen=True):
    """Another adapter of this device, or another device, received this device's identifier."""

    kind = "proved"

    by: str
    """The adapter's name in the configuration, or the name in a peer's report."""
    rssi_dbm: Dbm


class Notified(Record, frozen=True):
    """The owner was notified of what stopped or resumed."""

    kind = "notified"

    stopped: dict[str, UnixSeconds | None] = msgspec.field(default_factory=dict)
    """What the owner now knows to have stopped, and when it last worked; None where that is not known."""


class ChaffConsidered(Record, frozen=True):
    """The agent decided whether to send chaff."""

    kind = "chaff_considered"


class KeysSubmitted(Record, frozen=True):
    """A key server accepted the owner's keys. It says that its owner is a case, so it goes with the keys."""

    kind = "keys_submitted"

    keys: Count
    """How many were sent."""
    published: Count
    """How many the server publishes, or revises if it had them already."""
    begins_s: UnixSeconds
    """Start of the first key."""
    ends_s: UnixSeconds
    """End of the last key."""


KINDS: Final[dict[str, type[Record]]] = {
    kind.kind: kind
    for kind in (
        Started,
        Broadcasting,
        Refused,
        Silenced,
        Received,
        Reception,
        Used,
        Committed,
        Checked,
        RadioState,
        Proved,
        Notified,
        ChaffConsidered,
        KeysSubmitted,
    )
}
"""Every kind, by the name under which it is stored."""

R = TypeVar("R", bound=Record)


class Journal(Protocol):
    """A set of records: at most one of each kind."""

    def get(self, kind: type[R]) -> R | None:
        """Return the newest record of ``kind``; None if there is none."""


class Records:
    """A journal in memory: the records at one moment."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        """A later record replaces an earlier one of its kind."""
        self._records = {type(record): record for record in records}

    def get(self, kind: type[R]) -> R | None:
        """Return the record of ``kind``; None if there is none."""
        record = self._records.get(kind)
        return record if isinstance(record, kind) else None

    def __repr__(self) -> str:
        return f"Records({list(self._records.values())!r})"
