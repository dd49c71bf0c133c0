"""The check: fetch key files, accept the signed ones, match them with what was received, warn the owner."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from bluezone_agent.core.calendars import UTC_CALENDAR, Calendar
from bluezone_agent.core.diagnosis_keys import KeyFault, Trust, read_key_file
from bluezone_agent.core.diagnosis_keys.signed_index import SignedIndex
from bluezone_agent.core.exposure import DayExposure, day_exposures
from bluezone_agent.core.intervals import DAY_S, RETENTION_DAYS
from bluezone_agent.core.journal import Checked
from bluezone_agent.core.matching import MATCH_TOLERANCE_S
from bluezone_agent.core.notice import Notice
from bluezone_agent.core.risk import RiskModel
from bluezone_agent.core.sightings import BootTime
from bluezone_agent.core.source_records import KeyFileRecord, SourceRecord
from bluezone_agent.errors import N_, AgentError, CertificateDatesError, KeyFileError, KeySourceError
from bluezone_agent.exposure_check.key_matcher import KeyMatcher, ReadFile
from bluezone_agent.exposure_check.report import CheckReport, SourceReport
from bluezone_agent.key_sources.index import notes_of
from bluezone_agent.ports import KeySource, MissingFile, SourceFile, Visit
from bluezone_agent.stores.store import Store


@dataclass(frozen=True, slots=True)
class PinnedSource:
    """A source, and the keys that must sign its files."""

    source: KeySource
    trust: Trust

    def signer(self, fingerprint: str) -> str:
        """Return who published a file: the fingerprint of the key that signed it, else this source."""
        return fingerprint or f"unsigned {self.source.name}"


class Check:
    """Matches key files with what one store received.

    While wall time is not known, a check is provisional: files are fetched and verified, and nothing is decided. No
    file is final, no exposure is written, nobody is notified. The first check after time became known reads those files
    again, and knows by uptime when they were fetched.
    """

    def __init__(
        self,
        store: Store,
        rule: RiskModel,
        *,
        assumed_tx_power_dbm: int,
        now_s: float,
        untrusted_since_boot: BootTime | None = None,
        calendar: Calendar = UTC_CALENDAR,
        progress: Callable[[int], None] = lambda _: None,
        notice: Callable[[DayExposure], Notice] | None = None,
    ) -> None:
        """``assumed_tx_power_dbm`` is used for advertisements that state no power.

        ``now_s`` is wall time, and ``untrusted_since_boot`` the same by uptime if it is not trusted. ``calendar`` has
        the owner's days; ``notice`` composes the notice of a warning, which is queued with it. ``progress`` is called
        with the number of further published keys that were read.
        """
        self._store = store
        self._rule = rule
        self._now_s = now_s
        self._fetched_in = untrusted_since_boot
        self._calendar = calendar
        self._notice = notice
        self._matcher = KeyMatcher(store, assumed_tx_power_dbm=assumed_tx_power_dbm, now_s=now_s, progress=progress)

    @property
    def _provisional(self) -> bool:
        return self._fetched_in is not None

    def run(self, sources: Sequence[PinnedSource], *, every: bool = True) -> CheckReport:
        """Check the sources, which are ``every`` configured one or some of them.

        A source that fails and a file that is refused are reported; the others are processed.
        """
        reports = tuple(self._source(pinned) for pinned in sources)
        complete = all(r.complete for r in reports)
        since_s = 0.0 if self._provisional else self._now_s - RETENTION_DAYS * DAY_S
        matched = self._store.exposures.matched(since_s)
        days = day_exposures(matched, self._rule, self._calendar)
        with self._store.transaction():
            new = [] if self._provisional else self._warn(days)
            self._record(reports, complete=complete, every=every)
        return CheckReport(reports, len(matched), tuple(days), tuple(new))

    def _warn(self, days: Sequence[DayExposure]) -> list[DayExposure]:
        """Write the new warnings, and queue the notice of each with it."""
        new = self._store.exposures.add_warnings(days, self._now_s)
        if self._notice is not None:
            for day in new:
                self._store.notices.add(self._notice(day), self._now_s)
        return new

    def _record(self, reports: Sequence[SourceReport], *, complete: bool, every: bool) -> None:
        before, now_s = self._store.journal.get(Checked), int(self._now_s)
        counts = complete and every and not self._provisional
        complete_at_s = now_s if counts else before.complete_at_s if before else None
        self._store.journal.put(
            Checked(now_s, complete, len(reports), complete_at_s, clock_trusted=not self._provisional)
        )
        if every:
            self._store.sources.forget_others(r.name for r in reports)

    def _source(self, pinned: PinnedSource) -> SourceReport:
        report = SourceReport(pinned.source.name, pinned.trust.accepts_unsigned)
        before = self._store.sources.source(report.name) or SourceRecord(report.name, 0)
        try:
            for found in pinned.source.files(self._visit(pinned, before)):
                match found:
                    case SourceFile():
                        self._file(report, found, pinned)
                    case MissingFile():
                        self._fault(report, self._file_record(report.name, found.name), found.error)
                    case SignedIndex():
                        report.index = found
                        report.notes.update(notes_of(found))
        except CertificateDatesError as error:
            report.error = _dates_not_known(report.name) if self._provisional else error
        except KeySourceError as error:
            report.error = error
        with self._store.transaction():
            self._store.sources.record(self._source_record(report, before))
        return report

    def _visit(self, pinned: PinnedSource, before: SourceRecord) -> Visit:
        def known(name: str) -> bool:
            record = self._store.sources.file(before.name, name)
            return record is not None and record.final and record.fault is None

        return Visit(self._now_s, known, pinned.trust if pinned.trust.keys else None, before.notes)

    def _source_record(self, report: SourceReport, before: SourceRecord) -> SourceRecord:
        index, counts = report.index, report.complete and not self._provisional
        return replace(
            before,
            tried_at_s=int(self._now_s),
            complete_at_s=int(self._now_s) if counts else before.complete_at_s,
            fault=report.error,
            accepts_unsigned=report.accepts_unsigned,
            issued_at_s=index.issued_at if index else before.issued_at_s if report.error else None,
            expires_at_s=index.expires_at if index else before.expires_at_s if report.error else None,
            notes={**before.notes, **report.notes},
        )

    def _file_record(self, source: str, name: str) -> KeyFileRecord:
        return self._store.sources.file(source, name) or KeyFileRecord(source, name, int(self._now_s))

    def _fault(self, report: SourceReport, before: KeyFileRecord, error: AgentError) -> None:
        """Record why a file was not fetched or not accepted; what was accepted of it before still counts."""
        record = replace(before, tried_at_s=int(self._now_s), fault=error)
        with self._store.transaction():
            self._store.sources.record_file(record)
        report.files.append(record)

    def _file(self, report: SourceReport, file: SourceFile, pinned: PinnedSource) -> None:
        before = self._file_record(report.name, file.name)
        try:
            key_file = read_key_file(
                file.name,
                file.data,
                file.signature,
                pinned.trust,
                self._now_s,
                states_publication=file.states_publication,
            )
            same = before.digest == key_file.digest
            if not (same and before.final and before.fault is None):
                read = self._matcher.read(key_file, provisional=self._provisional)
                before = self._accepted(before, read, same=same)
                report.files.append(self._write(before, read, pinned.signer(key_file.signer)))
        except KeyFileError as error:
            self._fault(report, before, error)
        else:
            if before.final:
                report.notes.update(file.notes)

    def _accepted(self, before: KeyFileRecord, read: ReadFile, *, same: bool) -> KeyFileRecord:
        """Return what is known of the file now; it was fetched when these contents first arrived."""
        key_file = read.key_file
        over = read.newest_end_s + MATCH_TOLERANCE_S <= self._now_s
        return KeyFileRecord(
            before.source,
            before.name,
            tried_at_s=int(self._now_s),
            digest=key_file.digest,
            published_at_s=key_file.published_at_s,
            fetched_at_s=before.fetched_at_s if same else int(self._now_s),
            fetched_in=before.fetched_in if same else self._fetched_in,
            keys=read.keys,
            matched=before.matched if same else 0,
            dropped={} if self._provisional else read.dropped,  # which keys are too old or too new depends on time
            # a date of publication that leaves keys out may be wrong; then another check corrects it
            final=over and not self._provisional and not read.dropped[KeyFault.FUTURE],
        )

    def _write(self, record: KeyFileRecord, read: ReadFile, signer: str) -> KeyFileRecord:
        """Write everything that a file brings, or nothing of it; repeating it changes nothing. Returns its verdict."""
        if not self._provisional:
            received = list(self._matcher.received(read, signer, record.fetched_at_s))
            record = replace(record, matched=sum(bool(r.minutes) for r in received))
        else:
            received = []
        with self._store.transaction():
            self._store.sources.record_file(record)
            for key in received:
                self._store.exposures.add(key)
        return record


def _dates_not_known(name: str) -> KeySourceError:
    return KeySourceError(
        N_("{name}: can't tell whether its certificate is valid while the clock is not synchronised"),
        N_("the next check will try again: switch NTP on"),
        name=name,
    )
