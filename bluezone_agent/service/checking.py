"""The check: fetch case files, believe the signed ones, match them with what was heard, tell the owner."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from bluezone_agent.core.attenuation import HeardMinute, attenuation_db, merge
from bluezone_agent.core.case_files import CaseFile, Part, VerificationKey, read_case_file
from bluezone_agent.core.exposure import DayExposure, day_exposures
from bluezone_agent.core.identifiers import DailyKey, DiagnosisKey, IdentifierSlot, ProximityProtocol
from bluezone_agent.core.intervals import DAY_S, MINUTE_S, minute_at
from bluezone_agent.core.matching import MATCH_TOLERANCE_S, HeardIdentifiers, match, may_match
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.core.risk import ProximityRule
from bluezone_agent.core.sightings import ContactMinute
from bluezone_agent.errors import CaseFileError, KeySourceError
from bluezone_agent.ports import CaseKeySource, SourceFile
from bluezone_agent.stores.exposures import CaseFileRecord, Matched
from bluezone_agent.stores.store import Store


@dataclass(frozen=True, slots=True)
class PinnedSource:
    """A source and the key whose signature its files must bear."""

    source: CaseKeySource
    verification_key: VerificationKey


@dataclass(slots=True)
class SourceReport:
    """What one source brought this time."""

    name: str
    files: list[CaseFileRecord] = field(default_factory=list)
    refusals: list[CaseFileError] = field(default_factory=list)
    """Why files were not believed."""
    dropped: Counter[str] = field(default_factory=Counter)
    """Keys of believed files that were left out, by reason (a text for the catalogues)."""
    error: KeySourceError | None = None
    """Why the source could not be read to its end."""

    @property
    def complete(self) -> bool:
        """Whether the source was read to its end and every file believed."""
        return self.error is None and not self.refusals


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
    revoked: list[bytes] = field(default_factory=list)
    hits: dict[DiagnosisKey, list[tuple[IdentifierSlot, int]]] = field(default_factory=dict)
    """Matched key → its slots that were heard, each with the id of the beacon."""

    def count(self, part: Part) -> None:
        """Add what is counted of a part."""
        self.keys += len(part.keys)
        self.newest_end_s = max([self.newest_end_s, *(k.key.ends_at_s for k in part.keys)])
        self.dropped.update({str(fault): count for fault, count in part.dropped.items()})
        self.revoked += part.revoked


class Check:
    """Matches case files with what one store heard."""

    def __init__(self, store: Store, rule: ProximityRule, *, assumed_tx_power_dbm: int, now_s: float) -> None:
        """``assumed_tx_power_dbm`` stands in where a frame states none; ``now_s`` is trusted time."""
        self._store = store
        self._rule = rule
        self._assumed_tx_power_dbm = assumed_tx_power_dbm
        self._now_s = now_s
        self._heard = {name: self._heard_of(protocol) for name, protocol in PROTOCOLS.items()}
        self._days = store.contacts.days()

    def _heard_of(self, protocol: ProximityProtocol) -> tuple[Sequence[int], HeardIdentifiers]:
        beacon_ids, packed = self._store.contacts.identifiers(protocol.name)
        return beacon_ids, HeardIdentifiers(packed, protocol.identifier_length)

    def run(self, sources: Sequence[PinnedSource]) -> CheckReport:
        """Check every source. One that fails, or a file that is refused, is reported; the others go on."""
        reports = tuple(self._source(pinned) for pinned in sources)
        matched = self._store.exposures.matched()
        days = day_exposures([(m.report_type, m.minutes) for m in matched], self._rule)
        with self._store.transaction():
            new = self._store.exposures.add_warnings(days, self._now_s)
            self._store.mark("check", self._now_s, complete=all(r.complete for r in reports), sources=len(reports))
        return CheckReport(reports, len(matched), tuple(days), tuple(new))

    def _source(self, pinned: PinnedSource) -> SourceReport:
        report = SourceReport(pinned.source.name)
        try:
            for file in pinned.source.files(lambda name: self._is_settled(report.name, name)):
                self._file(report, file, pinned.verification_key)
        except KeySourceError as error:
            report.error = error
        return report

    def _is_settled(self, source: str, name: str) -> bool:
        record = self._store.exposures.file(source, name)
        return record is not None and record.settled

    def _file(self, report: SourceReport, file: SourceFile, key: VerificationKey) -> None:
        before = self._store.exposures.file(report.name, file.name)
        record = CaseFileRecord(report.name, file.name, "", int(self._now_s), 0, 0, "", settled=False)
        try:
            case_file = read_case_file(file.name, file.data, file.signature, key, self._now_s)
            if before and before.digest == case_file.digest:
                if before.settled:
                    return
                record = replace(record, fetched_at_s=before.fetched_at_s)
            read = self._read(case_file)
        except CaseFileError as error:
            report.refusals.append(error)
            record, read = replace(record, refusal=str(error)), _Read()
        else:
            report.dropped.update(read.dropped)
            record = replace(
                record,
                digest=case_file.digest,
                keys=read.keys,
                dropped=read.dropped.total(),
                settled=read.newest_end_s + MATCH_TOLERANCE_S <= self._now_s,
            )
        self._write(record, read)
        report.files.append(record)

    def _read(self, case_file: CaseFile) -> _Read:
        """Read a file to its end, part by part, and match its keys on the way. Raises CaseFileError."""
        read = _Read(case_file.protocol, case_file.published_at_s)
        beacon_ids, heard = self._heard[case_file.protocol]

        def worth_matching() -> Iterator[DiagnosisKey]:
            for part in case_file.parts():
                read.count(part)
                yield from (k for k in part.keys if self._is_worth_matching(k.key))

        for diagnosis, slot, index in match(PROTOCOLS[case_file.protocol], worth_matching(), heard):
            read.hits.setdefault(diagnosis, []).append((slot, beacon_ids[index]))
        return read

    def _is_worth_matching(self, key: DailyKey) -> bool:
        """Whether the key is over, for one that is still valid can be replayed, and anybody was heard in its time."""
        if key.ends_at_s > self._now_s:
            return False
        first, last = (
            int(at_s // DAY_S) for at_s in (key.starts_at_s - MATCH_TOLERANCE_S, key.ends_at_s + MATCH_TOLERANCE_S)
        )
        return any(day in self._days for day in range(first, last + 1))

    def _write(self, record: CaseFileRecord, read: _Read) -> None:
        """Write everything that a file brings, or nothing of it; once more changes nothing."""
        # minutes are counted whole: the one in which the file was published does not count
        published_at_s = minute_at(read.published_at_s or record.fetched_at_s) * MINUTE_S
        matched = [m for m in (self._matched(k, hits, published_at_s) for k, hits in read.hits.items()) if m.minutes]
        with self._store.transaction():
            self._store.exposures.record_file(record)
            for found in matched:
                self._store.exposures.add(found)
            for data in read.revoked:
                self._store.exposures.revoke(_digest(data), read.protocol, self._now_s)

    def _matched(self, diagnosis: DiagnosisKey, hits: list[tuple[IdentifierSlot, int]], published_at_s: int) -> Matched:
        return Matched(
            _digest(diagnosis.key.data),
            diagnosis.key.protocol,
            diagnosis.report_type,
            diagnosis.days_since_onset,
            int(self._now_s),
            merge(self._heard_minutes(diagnosis, hits, published_at_s)),
        )

    def _heard_minutes(
        self, diagnosis: DiagnosisKey, hits: list[tuple[IdentifierSlot, int]], published_at_s: int
    ) -> Iterator[HeardMinute]:
        slots = {slot.identifier: slot for slot, _ in hits}
        for m in self._store.contacts.minutes_of(beacon_id for _, beacon_id in hits):
            if m.trusted and may_match(slots[m.beacon.identifier], m.minute * MINUTE_S, published_at_s):
                yield HeardMinute(m.minute, self._attenuation_db(diagnosis, m), m.count)

    def _attenuation_db(self, diagnosis: DiagnosisKey, m: ContactMinute) -> float:
        stated = PROTOCOLS[diagnosis.key.protocol].tx_power_dbm(diagnosis.key, m.beacon)
        return attenuation_db(self._assumed_tx_power_dbm if stated is None else stated, m.mean_dbm)


def _digest(key_data: bytes) -> str:
    return hashlib.sha256(key_data).hexdigest()
