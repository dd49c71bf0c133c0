"""Records what happens to the radio: its present state for `status`, and its history as listening spans."""

from __future__ import annotations

from typing import Final

import structlog

from bluezone_agent.core.journal import RadioState
from bluezone_agent.errors import RadioFault, RadioUnavailableError
from bluezone_agent.ports import Clock, Radio
from bluezone_agent.stores.outbox import SpanStarts
from bluezone_agent.stores.store import Store

log: Final = structlog.get_logger()

EXPECTED: Final = frozenset({RadioFault.SILENT, RadioFault.PAUSED})
"""Nothing has failed."""


class RadioHistory:
    """Writes each change of one radio's state when it happens."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._description = ""
        self._scan_mode = ""
        self._down: RadioUnavailableError | None = None
        self._since_s = clock.now_s()
        self.state: RadioState | None = None
        """The present state; None until it is known."""
        self._first = True
        self._span_s = 0.0
        """When the open span began."""
        self.sessions = 0
        self.scan_restarts = 0
        self.power_cycles = 0

    def works(self, radio: Radio) -> None:
        """The radio is open and scans."""
        now_s = self._clock.now_s()
        changes = self._first or self._down is not None
        if changes:
            self._since_s = now_s
        changes |= self._scan_mode != radio.scan_mode
        self._down = None
        self._description, self._scan_mode = radio.description, radio.scan_mode
        if changes:
            self._begin(now_s, self._scan_mode)
        self._record(now_s)

    def fails(self, error: RadioUnavailableError) -> None:
        """The radio can't be used, or only its scan can't: nothing is received from now on."""
        now_s = self._clock.now_s()
        known = self._down
        if known is None:
            self._since_s = now_s
        elif (known.reason, str(known)) == (error.reason, str(error)):
            return
        self._down = error
        say = log.info if error.reason in EXPECTED else log.warning
        say("radio_lost", reason=str(error.reason), message=str(error))
        self._begin(now_s, "", error.reason)
        self._record(now_s)

    def scan_starts_again(self) -> None:
        """Count a scan that fell silent or was refused, and is restarted."""
        self.scan_restarts += 1
        self._record(self._clock.now_s())

    def was_deaf(self, from_s: float, to_s: float) -> None:
        """The scanner received nothing in this time although a device was near; existing gaps stay as they are."""
        if to_s <= self._span_s:
            return
        log.warning("scanner_was_silent", seconds=round(to_s - from_s))
        self._begin_before(from_s, RadioFault.SILENT)
        self._begin(to_s, self._scan_mode)

    def was_suspended(self, seconds: float) -> None:
        """The whole device was suspended until now."""
        log.warning("device_was_suspended", seconds=round(seconds))
        self._begin_before(self._clock.now_s() - seconds, RadioFault.SUSPENDED)

    def _begin(self, at_s: float, scan_mode: str, reason: str = "") -> None:
        self._span_s = at_s
        self._store.enqueue(
            SpanStarts(at_s, scan_mode, reason, resumes=self._first, utc_offset_s=self._clock.utc_offset_s(at_s))
        )
        self._first = False

    def _begin_before(self, at_s: float, reason: str) -> None:
        self._begin(max(at_s, self._span_s), "", reason)

    def _record(self, now_s: float) -> None:
        down = self._down
        self.state = RadioState(
            int(now_s),
            description=self._description,
            works=down is None,
            since_s=int(self._since_s),
            reason=str(down.reason) if down else "",
            message=str(down.message) if down else "",
            fields={name: str(value) for name, value in down.fields.items()} if down else {},
            scan_mode=self._scan_mode,
            sessions=self.sessions,
            scan_restarts=self.scan_restarts,
            power_cycles=self.power_cycles,
        )
        self._store.post(self.state)
