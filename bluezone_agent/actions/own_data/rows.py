"""The rows of every table, from one moment of a store."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from itertools import groupby
from typing import Final, NamedTuple, cast

from bluezone_agent.actions.own_data.columns import Row, Value
from bluezone_agent.config import Config
from bluezone_agent.core.calendars import Calendar
from bluezone_agent.core.exposure import DayExposure, day_exposures
from bluezone_agent.core.identifiers import ReportType
from bluezone_agent.core.intervals import MINUTE_S
from bluezone_agent.core.person_equivalents import IdentifierCount, PersonCount
from bluezone_agent.core.redaction import redacted
from bluezone_agent.core.risk import RiskModel
from bluezone_agent.stores.own_data import SHOWN_TO_MIN
from bluezone_agent.stores.store import Store

MEANINGFUL: Final = (
    "protocol",
    "tx_power_dbm",
    "assumed_tx_power_dbm",
    "rule",
    "check_every_hours",
    "clock_trusted",
    "radio_plan",
    "allow_linkable",
)
"""Settings that determine what the numbers mean; none of them is a secret."""
SHOWN_TO_S: Final = SHOWN_TO_MIN * MINUTE_S


class Bands(NamedTuple):
    """The mean power, dBm, from which on a minute is close or medium."""

    close_dbm: float
    middle_dbm: float


class Pseudonyms:
    """Random names, so that nothing can be compared with another export or with what somebody else received."""

    def __init__(self, kind: str) -> None:
        """``kind`` begins every name: it can't be read as a number."""
        self._kind = kind
        self._known: dict[object, str] = {}

    def __call__(self, value: object) -> str:
        """Return the name of ``value``."""
        if value not in self._known:
            self._known[value] = f"{self._kind}-{secrets.token_hex(6)}"
        return self._known[value]

    def __repr__(self) -> str:
        return f"Pseudonyms({self._kind!r}, {len(self._known)} of them)"


class OwnData:
    """What an export contains, table by table; the caller holds one read transaction."""

    def __init__(
        self, store: Store, config: Config, rule: RiskModel, calendar: Calendar, *, bands: Bands, since_s: float
    ) -> None:
        """``since_s``: the beginning of the time for which contacts are summed up by hour and day."""
        self._store = store
        self._config = config
        self._rule = rule
        self._calendar = calendar
        self._bands = bands
        self._since_s = since_s
        self._stored = store.own_data(calendar)
        self._devices, self._keys = Pseudonyms("device"), Pseudonyms("key")
        self._counts = store.contact_summaries.identifier_counts(since_s)
        self._matched = store.exposures.matched()
        self._days = day_exposures(self._matched, rule, calendar)

    def rows(self, table: str) -> Iterator[Row]:
        """Yield the rows of a table of ``tables.TABLES``."""
        rows = {
            "contact_minutes": self._contact_minutes,
            "contact_hours": self._contact_hours,
            "contact_days": self._contact_days,
            "exposed_keys": self._exposed_keys,
            "publications": self._publications,
            "exposure_minutes": self._exposure_minutes,
            "exposure_days": self._exposure_days,
            "exposure_windows": self._exposure_windows,
            "warnings": self._warnings,
            "sources": self._stored.sources,
            "key_files": self._stored.key_files,
            "listening": self._listening,
            "pauses": self._pauses,
            "calibrations": self._calibrations,
            "diary": self._diary,
            "notices": self._stored.notices,
            "own_keys": self._own_keys,
            "settings": self._settings,
        }
        return cast("Iterator[Row]", rows[table]())

    def _contact_minutes(self) -> Iterator[tuple[object, ...]]:
        return self._stored.contact_minutes(self._devices)

    def _contact_hours(self) -> Iterator[Row]:
        hours = self._store.contact_summaries.hours(
            self._since_s, close_dbm=self._bands.close_dbm, middle_dbm=self._bands.middle_dbm
        )
        persons = {hour: PersonCount.of(its) for hour, its in groupby(self._counts, _hour)}
        for h in hours:
            count = persons[h.starts_at_s // 3600]
            yield (
                self._calendar.day(h.starts_at_s),
                self._calendar.local(h.starts_at_s),
                h.identifiers,
                count.person_minutes,
                round(count.person_equivalents, 2),
                count.at_least,
                h.minutes,
                h.close_minutes,
                h.middle_minutes,
                h.far_minutes,
            )

    def _contact_days(self) -> Iterator[Row]:
        for day, its in groupby(self._counts, lambda count: self._calendar.day(count.minute * MINUTE_S)):
            count = PersonCount.of(its)
            yield day, count.minutes, round(count.person_equivalents, 2), count.at_least

    def _exposed_keys(self) -> Iterator[tuple[object, ...]]:
        counting = {matched.key_digest for matched in self._matched}
        for digest, row in self._stored.exposed_keys(self._keys):
            yield (*row, digest in counting)

    def _publications(self) -> Iterator[tuple[object, ...]]:
        for key, signer, report_type, *others in self._stored.publications(self._keys):
            yield key, signer, ReportType(cast("int", report_type)).name.lower(), *others

    def _exposure_minutes(self) -> Iterator[tuple[object, ...]]:
        return self._stored.exposure_minutes(self._keys)

    def _exposure_days(self) -> Iterator[Row]:
        for d in self._days:
            yield (
                *(d.day, d.degree.value, d.rule, d.rule_version, round(d.near_minutes, 2), float(d.warning_minutes)),
                *(d.warns, d.received_minutes, d.keys),
            )

    def _exposure_windows(self) -> Iterator[Row]:
        for day in self._days:
            yield from self._windows(day)

    def _windows(self, day: DayExposure) -> Iterator[Row]:
        for w in day.windows:
            yield (
                day.day,
                day.degree.value,
                self._calendar.local(w.starts_at_s // SHOWN_TO_S * SHOWN_TO_S),
                self._calendar.local(-(-w.ends_at_s // SHOWN_TO_S) * SHOWN_TO_S),
                w.report_type.name.lower(),
                w.days_since_onset,
                len(w.minutes),
                round(w.weight, 2),
                float(w.factor),
                round(w.score, 2),
            )

    def _warnings(self) -> Iterator[Row]:
        for w in self._store.exposures.warned():
            yield w.day, w.degree, w.rule, w.rule_version, w.near_minutes, self._calendar.local(w.warned_at_s)

    def _listening(self) -> Iterator[Row]:
        for span in self._store.listening.since(0):
            yield *self._span(span.starts_at_s, span.ends_at_s), span.scan_mode, span.reason

    def _pauses(self) -> Iterator[Row]:
        pause = self._store.pauses.current()
        if pause is not None:
            yield pause.mode.value, self._calendar.local(int(pause.ends_at_s))

    def _calibrations(self) -> Iterator[Row]:
        for c in self._store.calibrations.all():
            measured = c.calibration
            yield (
                *(redacted(c.radio), c.antenna, c.source, measured.rssi_correction_db, measured.margin_db),
                *(measured.decade_db, measured.decade_margin_db, measured.packets),
                *self._span(c.made_at_s, c.expires_at_s),
            )

    def _diary(self) -> Iterator[Row]:
        for entry in self._store.diary.since():
            yield entry.entry_id, entry.day, entry.text, self._calendar.local(entry.written_at_s)

    def _own_keys(self) -> Iterator[Row]:
        for key in self._store.keys.listed():
            yield key.protocol, *self._span(key.starts_at_s, key.ends_at_s), key.closed, key.exportable

    def _settings(self) -> Iterator[Row]:
        for name in MEANINGFUL:
            yield name, _as_configured(getattr(self._config, name))
        yield "rule_version", str(self._rule.version)

    def _span(self, starts_at_s: float, ends_at_s: float) -> tuple[Value, Value]:
        return self._calendar.local(starts_at_s), self._calendar.local(ends_at_s)


def _as_configured(value: object) -> str:
    """Return a setting as the configuration spells it, without quotation marks."""
    if isinstance(value, tuple):
        return ", ".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _hour(count: IdentifierCount) -> int:
    return count.minute * MINUTE_S // 3600
