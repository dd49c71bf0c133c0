"""Faults of the clock, and identifiers that come back."""

from __future__ import annotations

from typing import Final

from tests.mutants.mutant import Mutant

CLOCK: Final = "tests/clocks/test_clock_state.py tests/daemon/test_trusted_clock.py tests/faults/test_clock_scripts.py"
MUTANTS: Final = (
    Mutant(
        "jump-ahead-believed",
        "clock set forward (1970 to 2038)",
        "core/clock_state.py",
        "        if ahead_s > TOLERANCE_S:\n",
        "        if ahead_s > 1e12:\n",
        CLOCK,
    ),
    Mutant(
        "no-high-water-mark",
        "clock set back over a reboot",
        "core/clock_state.py",
        "if reading.wall_s < self.high_water_s - TOLERANCE_S:",
        "if reading.wall_s < 0:",
        CLOCK,
    ),
    Mutant(
        "unsynchronised-believed",
        "no battery, no time server",
        "core/clock_state.py",
        "if not reading.synchronised and not followed:",
        "if False:",
        CLOCK,
    ),
    Mutant(
        "wiped-at-once",
        "a jump to 2038 wipes 14 days",
        "core/clock_state.py",
        "return self.trusted and self.timeline is not None and self.timeline.steady_s >= STABLE_S",
        "return self.course is not None",
        CLOCK,
    ),
    Mutant(
        "doubted-for-ever",
        "a lie of a time server across a reboot",
        "core/clock_state.py",
        "if candidate.steady_s >= STABLE_S:",
        "if False:",
        CLOCK,
    ),
    Mutant(
        "mark-not-kept",
        "the high-water mark is lost by a kill",
        "daemon/trusted_clock.py",
        "self._store.later(lambda: self._store.timelines.keep(kept))",
        "pass",
        CLOCK,
    ),
    Mutant(
        "never-dated",
        "contacts heard before the first synchronisation",
        "daemon/contact_writer.py",
        "return self._store.contacts.date(now.boot_id, now.booted_at_s, now.wall_s)",
        "return 0",
        CLOCK,
    ),
    Mutant(
        "dated-by-what-the-clock-showed",
        "contacts heard before the first synchronisation",
        "daemon/contact_writer.py",
        "began = None if now.trusted else",
        "began = None if True else",
        CLOCK,
    ),
    Mutant(
        "future-keys-stay",
        "keys of a future that is none",
        "daemon/contact_writer.py",
        "self._store.keys.delete_after(now.wall_s + TOLERANCE_S)",
        "pass",
        CLOCK,
    ),
    Mutant(
        "untrusted-key-exported",
        "a key of a day that may be wrong",
        "daemon/identity.py",
        "self._store.keys.add(key, last_slot_s=slot_s, exportable=trusted)",
        "self._store.keys.add(key, last_slot_s=slot_s, exportable=True)",
        CLOCK,
    ),
    Mutant(
        "spans-stretched",
        "a jump to 2038 counts as years of listening",
        "daemon/contact_writer.py",
        "if last and abs(now.booted_at_s - last.booted_at_s) > STEP_S:",
        "if False:",
        CLOCK,
    ),
    Mutant(
        "listening-lost-by-a-jump",
        "a set clock costs the open span of listening",
        "daemon/contact_writer.py",
        "            self._store.listening.extend(last.wall_s)\n",
        "",
        "tests/daemon/test_trusted_clock.py",
    ),
    Mutant(
        "slot-without-end",
        "a clock that is set back keeps an identifier on the air",
        "daemon/rotation.py",
        "await self._clock.sleep_until(over_s, at_most_s=over_up_s - self._clock.uptime_s())",
        "await self._clock.sleep_until(over_s)",
        CLOCK,
    ),
    Mutant(
        "same-slot-again",
        "kill, restart within a slot",
        "daemon/identity.py",
        "and key.slot_start_s(now_s) > own.last_slot_s",
        "and key.slot_start_s(now_s) >= own.last_slot_s",
        "tests/faults/test_killed.py -k committed",
    ),
    Mutant(
        "used-before-committed",
        "kill, restart within a slot",
        "daemon/identity.py",
        "                self._store.keys.advance(own, slot_s)\n",
        "                pass\n",
        "tests/faults/test_killed.py tests/daemon/test_agent.py -k 'committed or restart or goes_back'",
    ),
    Mutant(
        "running-key-exported",
        "key export",
        "actions/export_keys.py",
        "if own.closed and own.exportable",
        "if own.exportable",
        "tests/faults/test_clock_scripts.py tests/actions/test_export_keys.py",
    ),
)
