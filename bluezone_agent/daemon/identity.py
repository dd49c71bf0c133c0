"""Which identifier is advertised: this device's daily keys, one slot after the other, never one twice."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.core.clock_state import TOLERANCE_S
from bluezone_agent.core.identifiers import DailyKey, IdentifierSlot, ProximityProtocol
from bluezone_agent.core.intervals import DAY_S, day_start_s
from bluezone_agent.daemon.trusted_clock import Now, TrustedClock
from bluezone_agent.stores.keys import OwnKey
from bluezone_agent.stores.outbox import FutureKeys
from bluezone_agent.stores.store import Store

OWN_REMEMBERED: Final = 8
"""Identifiers: at least an hour, and a radio that is reopened several times within a slot."""


KEYS_A_DAY: Final = 3
"""As many as Google's key server accepts for one day. Beyond them a key is drawn only after the radio worked, its owner
ended one, or a clock went back. A device that is restarted more often does not advertise for the rest of a slot."""


@dataclass(frozen=True, slots=True)
class IdentifierOnAir:
    """An identifier that may be advertised now."""

    slot: IdentifierSlot
    encode: Callable[[int | None], AdvertisingData]
    """Returns the advertising data that carry it, for the transmit power, dBm, that the radio knows."""


class Identity:
    """Provides the identifiers that this device advertises.

    Keys are drawn at random for each UTC day. A key is closed, and a new one drawn, whenever its present slot was
    already advertised: after a restart, after the key was ended early for an export, or after a clock went back. So no
    identifier is ever advertised in two periods. After a radio refused an identifier, it gets the same one again. A
    radio that fails repeatedly in another way costs no more than :data:`KEYS_A_DAY`: then nothing is advertised until
    the slot is over. While the clock is not trusted, the key is a throw-away one: it is never exported, and deleted as
    soon as it is closed.
    """

    def __init__(
        self,
        store: Store,
        time: TrustedClock,
        protocol: ProximityProtocol,
        *,
        tx_power_dbm: int,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        """``random_bytes(n)`` returns n secret bytes: ``secrets.token_bytes`` except in a simulation."""
        self._store = store
        self._time = time
        self._protocol = protocol
        self._tx_power_dbm = tx_power_dbm
        self._random_bytes = random_bytes
        self._newest: deque[bytes] = deque(maxlen=OWN_REMEMBERED)
        self._worked = False
        """Whether the radio has worked since the newest key was drawn: a radio that was lost after that is not a
        failing one."""
        self._kept_off_air: bytes | None = None
        """The newest identifier, if the radio refused it: no device received it, so it may be tried again."""

    def take(self) -> IdentifierOnAir | None:
        """Return the identifier to advertise from now on; it is committed as used before this returns.

        None means that the present slot was already advertised, and its day has used up its keys. Raises
        StoreWriteError when the disk fails. In both cases nothing may be advertised.
        """
        now = self._time.look()
        now_s, trusted = now.wall_s, now.trusted
        with self._store.transaction():
            own = self._store.keys.running()
            if own is not None and self._goes_on(own, now_s, trusted=trusted):
                key, slot_s = own.key, own.key.slot_start_s(now_s)
                self._store.keys.advance(own, slot_s)
            elif own is not None and self._waits(own, now_s, trusted=trusted):
                return None
            else:
                if own is not None:
                    self._store.keys.close(own)
                self._worked = False
                key = self._new_key(now_s)
                slot_s = key.slot_start_s(now_s)
                self._store.keys.add(key, last_slot_s=slot_s, exportable=trusted)
        self._kept_off_air = None
        slot = self._protocol.identifier_at(key, now_s)
        self._newest.append(slot.identifier)

        def encode(known_dbm: int | None) -> AdvertisingData:
            return self._protocol.encode(key, slot, self._tx_power_dbm if known_dbm is None else known_dbm)

        return IdentifierOnAir(slot, encode)

    def radio_works(self) -> None:
        """The radio advertises and scans: if it is lost after this, another key may be drawn."""
        self._worked = True

    def was_kept_off_air(self) -> None:
        """The radio refused the newest identifier: within its slot it is used again, and costs no other key."""
        self._kept_off_air = self._newest[-1]

    def slot_end_s(self) -> int:
        """Return when the present slot ends, Unix seconds."""
        now_s = self._time.look().wall_s
        slot_s = DAY_S // self._protocol.slots_per_day
        return int(now_s // slot_s + 1) * slot_s

    def is_own(self, identifier: bytes) -> bool:
        """Return whether this device advertises ``identifier``, or did so recently."""
        return identifier in self._newest

    def _waits(self, own: OwnKey, now_s: float, *, trusted: bool) -> bool:
        """Return whether the key may continue with its next slot, but not now; a clock set back does not count."""
        key = own.key
        return (
            own.exportable
            and self._is_of(own, now_s, trusted=trusted)
            and key.slot_start_s(now_s) == own.last_slot_s
            and self._store.keys.count(key.protocol, key.starts_at_s) >= KEYS_A_DAY
            and not self._worked
        )

    def _goes_on(self, own: OwnKey, now_s: float, *, trusted: bool) -> bool:
        if not self._is_of(own, now_s, trusted=trusted):
            return False
        slot_s = own.key.slot_start_s(now_s)
        return slot_s > own.last_slot_s or self._protocol.identifier_at(own.key, now_s).identifier == self._kept_off_air

    def _is_of(self, own: OwnKey, now_s: float, *, trusted: bool) -> bool:
        """Return whether the key is for this protocol, day and clock state."""
        key = own.key
        return (
            key.protocol == self._protocol.name
            and own.exportable == trusted
            and key.starts_at_s <= now_s < key.ends_at_s
        )

    def _new_key(self, now_s: float) -> DailyKey:
        start_s, protocol = day_start_s(now_s), self._protocol
        data = self._random_bytes(protocol.key_length)
        return DailyKey(protocol.name, data, start_s, start_s + DAY_S, protocol.slots_per_day)


def end_running_key(store: Store) -> None:
    """End the current key with its present slot; the next :meth:`Identity.take` draws a new one."""
    with store.transaction():
        own = store.keys.running()
        if own is not None:
            store.keys.close(own)


def delete_future_keys(store: Store, now: Now) -> None:
    """Have keys of future days deleted with the next write: they were drawn while the clock was wrong."""
    store.enqueue(FutureKeys(now.wall_s + TOLERANCE_S))
