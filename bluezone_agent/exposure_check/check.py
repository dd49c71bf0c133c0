"""The check: fetch case files, believe the signed ones, match them with what was heard, tell the owner."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from bluezone_agent.core.attenuation import ReceivedMinute, attenuation_db, attenuation_histogram, co_presence, merge
from bluezone_agent.core.diagnosis_keys import KeyBatch, KeyFile, Trust, read_key_file
from bluezone_agent.core.diagnosis_keys.signed_index import SignedIndex
from bluezone_agent.core.exposure import DayExposure, day_exposures
from bluezone_agent.core.identifiers import DailyKey, DiagnosisKey, IdentifierSlot, ProximityProtocol
from bluezone_agent.core.intervals import DAY_S, MINUTE_S, minute_at
from bluezone_agent.core.journal import Checked
from bluezone_agent.core.matching import MATCH_TOLERANCE_S, ReceivedIdentifiers, match, may_match
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.core.risk import RiskModel
from bluezone_agent.core.sightings import ContactMinute
from bluezone_agent.core.source_records import KeyFileRecord, SourceRecord
from bluezone_agent.errors import AgentError, KeyFileError, KeySourceError
from bluezone_agent.exposure_check.calibration_in_force import calibration_in_force
from bluezone_agent.key_sources.index import notes_of
from bluezone_agent.ports import KeySource, MissingFile, SourceFile, Visit
from bluezone_agent.stores.exposures import Matched
from bluezone_agent.stores.store import Store


@dataclass(frozen=True, slots=True)
class PinnedSource:
    """A source, and whose signature its files must bear."""

    source: KeySource
    trust: Trust


@dataclass(slots=True)
class SourceReport:
    """What one source brought this time."""

    name: str
    accepts_unsigned: bool = False
    files: list[KeyFileRecord] = field(default_factory=list)
    """Those that were read or tried."""
    index: SignedIndex | None = None
    """None where it has none: then nobody can tell whether files are held back."""
    notes: dict[str, str] = field(default_factory=dict)
    """What it asks to be told at the next check."""
    error: KeySourceError | None = None
    """Why the source could not be read to its end."""

    @property
    def faults(self) -> list[AgentError]:
        """Why files were not had or not believed."""
        return [file.fault for file in self.files if file.fault is not None]

    @property
    def dropped(self) -> Counter[str]:
        """Keys of believed files that were left out, by reason (a text for the catalogues)."""
        return sum((Counter(file.dropped) for file in self.files if file.fault is None), Counter())

    @property
    def complete(self) -> bool:
        """Whether the source was read to its end and every file believed."""
        return self.error is None and not self.faults


@dataclass(frozen=True, slots=True)
class CheckReport:
    """One check of every source."""

    sources: tuple[SourceReport, ...]
    matched_keys: int
    """Published keys, of all checks so far, that were heard."""
    days: tuple[DayExposure, ...]
    """Every day with an exposure, under the rule."""
    new_warnings: tuple[DayExposure, ...]

    @property
    def complete(self) -> bool:
        """Whether every source was read and every file believed."""
        return all(s.complete for s in self.sources)


@dataclass(slots=True)
class _Read:
    """What the parts of one file come to."""

    protocol: str = ""
    published_at_s: int | None = None
    keys: int = 0
    newest_end_s: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    revoked: list[bytes] = field(default_factory=list, repr=False)
    hits: dict[DiagnosisKey, list[tuple[IdentifierSlot, int]]] = field(default_factory=dict)
    """Matched key → its slots that were heard, each with the id of the beacon."""

    def count(self, batch: KeyBatch) -> None:
        """Add what is counted of a part."""
        self.keys += len(batch.keys)
        self.newest_end_s = max([self.newest_end_s, *(k.key.ends_at_s for k in batch.keys)])
        self.dropped.update({str(fault): count for fault, count in batch.dropped.items()})
        self.revoked += batch.revoked


class Check:
    """Matches case files with what one store heard."""

    def __init__(
        self,
        store: Store,
        rule: RiskModel,
        *,
        assumed_tx_power_dbm: int,
        now_s: float,
        progress: Callable[[int], None] = lambda _: None,
    ) -> None:
        """``assumed_tx_power_dbm`` stands in where a frame states none; ``now_s`` is trusted time.

        ``progress`` is told how many more published keys were read.
        """
        self._progress = progress
        self._store = store
        self._rule = rule
        self._assumed_tx_power_dbm = assumed_tx_power_dbm
        calibrated = calibration_in_force(store, now_s)
        self._rssi_correction_db = calibrated.calibration.rssi_correction_db if calibrated else 0.0
        self._now_s = now_s
        self._received = {name: self._received_of(protocol) for name, protocol in PROTOCOLS.items()}
        self._days = store.contacts.days()

    def _received_of(self, protocol: ProximityProtocol) -> tuple[Sequence[int], ReceivedIdentifiers]:
        identifier_ids, packed = self._store.contacts.identifiers(protocol.name)
        return identifier_ids, ReceivedIdentifiers(packed, protocol.identifier_length)

    def run(self, sources: Sequence[PinnedSource], *, every: bool = True) -> CheckReport:
        """Check the sources, which are ``every`` one that is configured or some.

        One that fails, or a file that is refused, is reported; the others go on.
        """
        reports = tuple(self._source(pinned) for pinned in sources)
        complete = all(r.complete for r in reports)
        matched = self._store.exposures.matched()
        days = day_exposures(matched, self._rule)
        with self._store.transaction():
            new = self._store.exposures.add_warnings(days, self._now_s)
            before, now_s = self._store.journal.get(Checked), int(self._now_s)
            complete_at_s = now_s if complete and every else before.complete_at_s if before else None
            self._store.journal.put(Checked(now_s, complete, len(reports), complete_at_s))
            if every:
                self._store.sources.forget_others(r.name for r in reports)
        return CheckReport(reports, len(matched), tuple(days), tuple(new))

    def _source(self, pinned: PinnedSource) -> SourceReport:
        report = SourceReport(pinned.source.name, pinned.trust.accepts_unsigned)
        before = self._store.sources.source(report.name) or SourceRecord(report.name, 0)
        try:
            for found in pinned.source.files(self._visit(pinned, before)):
                match found:
                    case SourceFile():
                        self._file(report, found, pinned.trust)
                    case MissingFile():
                        self._fault(report, self._record(report.name, found.name), found.error)
                    case SignedIndex():
                        report.index = found
                        report.notes.update(notes_of(found))
        except KeySourceError as error:
            report.error = error
        with self._store.transaction():
            self._store.sources.record(self._state(report, before))
        return report

    def _visit(self, pinned: PinnedSource, before: SourceRecord) -> Visit:
        def known(name: str) -> bool:
            record = self._store.sources.file(before.name, name)
            return record is not None and record.final and record.fault is None

        return Visit(self._now_s, known, pinned.trust if pinned.trust.keys else None, before.notes)

    def _state(self, report: SourceReport, before: SourceRecord) -> SourceRecord:
        index = report.index
        return replace(
            before,
            tried_at_s=int(self._now_s),
            complete_at_s=int(self._now_s) if report.complete else before.complete_at_s,
            fault=report.error,
            accepts_unsigned=report.accepts_unsigned,
            issued_at_s=index.issued_at if index else before.issued_at_s if report.error else None,
            expires_at_s=index.expires_at if index else before.expires_at_s if report.error else None,
            notes={**before.notes, **report.notes},
        )

    def _record(self, source: str, name: str) -> KeyFileRecord:
        return self._store.sources.file(source, name) or KeyFileRecord(source, name, int(self._now_s))

    def _fault(self, report: SourceReport, before: KeyFileRecord, error: AgentError) -> None:
        """Keep why a file was not had or not believed; what was believed of it before stands."""
        record = replace(before, tried_at_s=int(self._now_s), fault=error)
        with self._store.transaction():
            self._store.sources.record_file(record)
        report.files.append(record)

    def _file(self, report: SourceReport, file: SourceFile, trust: Trust) -> None:
        before = self._record(report.name, file.name)
        try:
            key_file = read_key_file(
                file.name,
                file.data,
                file.signature,
                trust,
                self._now_s,
                states_publication=file.states_publication,
            )
            same = before.digest == key_file.digest
            if not (same and before.final and before.fault is None):
                read = self._read(key_file)
                record = self._accepted(before, key_file, read, before.fetched_at_s if same else int(self._now_s))
                report.files.append(self._write(record, read))
                before = record
        except KeyFileError as error:
            self._fault(report, before, error)
        else:
            if before.final:
                report.notes.update(file.notes)

    def _accepted(self, before: KeyFileRecord, key_file: KeyFile, read: _Read, fetched_at_s: int) -> KeyFileRecord:
        return KeyFileRecord(
            before.source,
            before.name,
            tried_at_s=int(self._now_s),
            digest=key_file.digest,
            published_at_s=key_file.published_at_s,
            fetched_at_s=fetched_at_s,
            keys=read.keys,
            dropped=read.dropped,
            final=read.newest_end_s + MATCH_TOLERANCE_S <= self._now_s,
        )

    def _read(self, key_file: KeyFile) -> _Read:
        """Read a file to its end, part by part, and match its keys on the way. Raises CaseFileError."""
        read = _Read(key_file.protocol, key_file.published_at_s)
        identifier_ids, received = self._received[key_file.protocol]

        def worth_matching() -> Iterator[DiagnosisKey]:
            for batch in key_file.batches():
                read.count(batch)
                self._progress(len(batch.keys))
                yield from (k for k in batch.keys if self._is_worth_matching(k.key))

        for diagnosis, slot, index in match(PROTOCOLS[key_file.protocol], worth_matching(), received):
            read.hits.setdefault(diagnosis, []).append((slot, identifier_ids[index]))
        return read

    def _is_worth_matching(self, key: DailyKey) -> bool:
        """Whether the key is over, for one that is still valid can be replayed, and anybody was heard in its time."""
        if key.ends_at_s > self._now_s:
            return False
        first, last = (
            int(at_s // DAY_S) for at_s in (key.starts_at_s - MATCH_TOLERANCE_S, key.ends_at_s + MATCH_TOLERANCE_S)
        )
        return any(day in self._days for day in range(first, last + 1))

    def _write(self, record: KeyFileRecord, read: _Read) -> KeyFileRecord:
        """Write everything that a file brings, or nothing of it; once more changes nothing. Returns its verdict."""
        # minutes are counted whole: the one in which the file was published does not count
        published_at_s = minute_at(read.published_at_s or record.fetched_at_s) * MINUTE_S
        matched = [m for m in (self._matched(k, hits, published_at_s) for k, hits in read.hits.items()) if m.minutes]
        record = replace(record, matched=len(matched))
        with self._store.transaction():
            self._store.sources.record_file(record)
            for found in matched:
                self._store.exposures.add(found)
            for data in read.revoked:
                self._store.exposures.revoke(_digest(data), read.protocol, self._now_s)
        return record

    def _matched(self, diagnosis: DiagnosisKey, hits: list[tuple[IdentifierSlot, int]], published_at_s: int) -> Matched:
        return Matched(
            _digest(diagnosis.key.data),
            diagnosis.key.protocol,
            diagnosis.report_type,
            diagnosis.days_since_onset,
            int(self._now_s),
            merge(self._received_minutes(diagnosis, hits, published_at_s)),
        )

    def _received_minutes(
        self, diagnosis: DiagnosisKey, hits: list[tuple[IdentifierSlot, int]], published_at_s: int
    ) -> Iterator[ReceivedMinute]:
        slots = {slot.identifier: slot for slot, _ in hits}
        identifier_ids = {identifier_id for _, identifier_id in hits}
        found = [
            m
            for m in self._store.contacts.minutes_of(identifier_ids)
            if m.trusted and may_match(slots[m.observed.identifier], m.minute * MINUTE_S, published_at_s)
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


def _digest(key_data: bytes) -> str:
    return hashlib.sha256(key_data).hexdigest()
