"""One file of diagnosis keys compared with what the device received: which keys, and in which minutes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from bluezone_agent.core.attenuation import ReceivedMinute, attenuation_db, attenuation_histogram, co_presence, merge
from bluezone_agent.core.diagnosis_keys import KeyBatch, KeyFile
from bluezone_agent.core.identifiers import (
    DailyKey,
    DiagnosisKey,
    IdentifierSlot,
    ProximityProtocol,
    ReportType,
    key_digest,
)
from bluezone_agent.core.intervals import DAY_S, MINUTE_S, RETENTION_DAYS
from bluezone_agent.core.matching import MATCH_TOLERANCE_S, ReceivedIdentifiers, match, may_match
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.core.sightings import ContactMinute
from bluezone_agent.exposure_check.calibration_in_force import calibration_in_force
from bluezone_agent.stores.exposures import KeyMatch, KeyPublication
from bluezone_agent.stores.store import Store

Hits = list[tuple[IdentifierSlot, int]]
"""Slots of one key whose identifiers were received, each with the id of the stored identifier."""


@dataclass(slots=True)
class ReadFile:
    """The totals over the batches of one file."""

    key_file: KeyFile
    keys: int = 0
    newest_end_s: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    hits: dict[DiagnosisKey, Hits] = field(default_factory=dict)
    """Keys that were received, revoked ones included."""

    def count(self, batch: KeyBatch) -> None:
        """Add the counts of a batch."""
        self.keys += len(batch.keys)
        self.newest_end_s = max([self.newest_end_s, *(k.key.ends_at_s for k in batch.keys)])
        self.dropped.update({str(fault): count for fault, count in batch.dropped.items()})


class KeyMatcher:
    """Compares files with what one store received."""

    def __init__(
        self,
        store: Store,
        *,
        assumed_tx_power_dbm: int,
        now_s: float,
        progress: Callable[[int], None],
    ) -> None:
        """See :class:`~bluezone_agent.exposure_check.check.Check`."""
        self._store = store
        self._assumed_tx_power_dbm = assumed_tx_power_dbm
        self._now_s = now_s
        self._progress = progress
        calibrated = calibration_in_force(store, now_s)
        self._rssi_correction_db = calibrated.calibration.rssi_correction_db if calibrated else 0.0
        self._received = {name: self._received_of(protocol) for name, protocol in PROTOCOLS.items()}
        self._days = store.contacts.days()
        self._own = store.keys.digests()

    def _received_of(self, protocol: ProximityProtocol) -> tuple[Sequence[int], ReceivedIdentifiers]:
        identifier_ids, packed = self._store.contacts.identifiers(protocol.name)
        return identifier_ids, ReceivedIdentifiers(packed, protocol.identifier_length)

    def read(self, key_file: KeyFile, *, provisional: bool = False) -> ReadFile:
        """Read a file to its end, batch by batch, and match its keys on the way; a ``provisional`` file is only read.

        Raises KeyFileError if the file is broken.
        """
        read = ReadFile(key_file)
        identifier_ids, received = self._received[key_file.protocol]

        def worth_matching() -> Iterator[DiagnosisKey]:
            for batch in key_file.batches():
                read.count(batch)
                self._progress(len(batch.keys))
                if not provisional:
                    yield from filter(None, map(self._over, (*batch.keys, *batch.revoked)))

        for diagnosis, slot, index in match(PROTOCOLS[key_file.protocol], worth_matching(), received):
            if key_digest(diagnosis.key.data) not in self._own:  # somebody published the owner's own keys
                read.hits.setdefault(diagnosis, []).append((slot, identifier_ids[index]))
        return read

    def _over(self, diagnosis: DiagnosisKey) -> DiagnosisKey | None:
        """Return the part of the key whose days are over and in whose time anything was received; None without one.

        Keys that are still valid can be replayed, so they wait. A chained key of several days becomes usable day by
        day.
        """
        key = diagnosis.key
        if key.ends_at_s > self._now_s and diagnosis.report_type is not ReportType.REVOKED:
            days = int((self._now_s - key.starts_at_s) // DAY_S)
            if days < 1:
                return None
            key = key._replace(ends_at_s=key.starts_at_s + days * DAY_S)
        return diagnosis._replace(key=key) if self._anybody_was_received(key) else None

    def _anybody_was_received(self, key: DailyKey) -> bool:
        first, last = (
            int(at_s // DAY_S) for at_s in (key.starts_at_s - MATCH_TOLERANCE_S, key.ends_at_s + MATCH_TOLERANCE_S)
        )
        return any(first <= day <= last for day in self._days)

    def received(self, read: ReadFile, signer: str, verified_at_s: int) -> Iterator[KeyMatch]:
        """Yield the file's statement on each received key; ``verified_at_s`` is when that was first known."""
        for diagnosis, hits in read.hits.items():
            yield KeyMatch(
                key_digest(diagnosis.key.data),
                diagnosis.key.protocol,
                KeyPublication(
                    signer,
                    diagnosis.report_type,
                    diagnosis.days_since_onset,
                    read.key_file.published_at_s,
                    verified_at_s,
                ),
                merge(self._minutes(diagnosis, hits)),
            )

    def _minutes(self, diagnosis: DiagnosisKey, hits: Hits) -> Iterator[ReceivedMinute]:
        slots = {slot.identifier: slot for slot, _ in hits}
        identifier_ids = {identifier_id for _, identifier_id in hits}
        since_s = self._now_s - RETENTION_DAYS * DAY_S  # older ones remain if no agent has run to delete them
        found = [
            m
            for m in self._store.contacts.minutes_of(identifier_ids)
            if m.trusted
            and m.minute * MINUTE_S >= since_s
            and may_match(slots[m.observed.identifier], m.minute * MINUTE_S, math.inf)
        ]
        others = self._store.contact_summaries.others({m.minute for m in found}, identifier_ids)
        for m in found:
            power_dbm = self._tx_power_dbm(diagnosis, m) - self._rssi_correction_db
            yield ReceivedMinute(
                m.minute,
                attenuation_db(power_dbm, m.mean_dbm),
                m.count,
                attenuation_histogram(m.histogram, power_dbm),
                co_presence(m.mean_dbm, others.get(m.minute, ())),
                m.protected,
            )

    def _tx_power_dbm(self, diagnosis: DiagnosisKey, m: ContactMinute) -> int:
        stated = PROTOCOLS[diagnosis.key.protocol].tx_power_dbm(diagnosis.key, m.observed)
        return self._assumed_tx_power_dbm if stated is None else stated
