"""Breaks the code in one place at a time and says whether the tests notice.

    python -m tests.mutants [NAME ...]

Each mutant is a change of a line or two that brings back one fault (tests/MUTANTS.md). It is made in a copy of the
tree, where the test that has to catch it is run. Exit 1 when one survives.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
COPIED: Final = ("bluezone_agent", "tests", "pyproject.toml")
TIMEOUT_S: Final = 600


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault brought back."""

    name: str
    fault: str
    file: str
    old: str
    new: str
    test: str
    """What pytest is told to run."""


CLOCK: Final = "tests/clocks/test_trusted_time.py tests/service/test_timekeeping.py tests/faults/test_clock_scripts.py"
WATCHDOG: Final = "tests/service/test_watchdog.py"
HEALTH: Final = "tests/service/test_health.py"
MUTANTS: Final = (
    Mutant(
        "jump-ahead-believed",
        "clock set forward (1970 to 2038)",
        "core/trusted_time.py",
        "        if ahead_s > TOLERANCE_S:\n",
        "        if ahead_s > 1e12:\n",
        CLOCK,
    ),
    Mutant(
        "no-high-water-mark",
        "clock set back over a reboot",
        "core/trusted_time.py",
        "if reading.wall_s < self.high_water_s - TOLERANCE_S:",
        "if reading.wall_s < 0:",
        CLOCK,
    ),
    Mutant(
        "unsynchronised-believed",
        "no battery, no time server",
        "core/trusted_time.py",
        "if not reading.synchronised and not followed:",
        "if False:",
        CLOCK,
    ),
    Mutant(
        "wiped-at-once",
        "a jump to 2038 wipes 14 days",
        "core/trusted_time.py",
        "return self.trusted and self.course is not None and self.course.steady_s >= SETTLED_S",
        "return self.course is not None",
        CLOCK,
    ),
    Mutant(
        "doubted-for-ever",
        "a lie of a time server across a reboot",
        "core/trusted_time.py",
        "if rival.steady_s >= SETTLED_S:",
        "if False:",
        CLOCK,
    ),
    Mutant(
        "mark-not-kept",
        "the high-water mark is lost by a kill",
        "service/timekeeping.py",
        "self._store.later(lambda: self._store.courses.keep(kept))",
        "pass",
        CLOCK,
    ),
    Mutant(
        "never-dated",
        "contacts heard before the first synchronisation",
        "service/listening.py",
        "return self._store.contacts.date(now.boot_id, now.booted_at_s, now.wall_s)",
        "return 0",
        CLOCK,
    ),
    Mutant(
        "dated-by-what-the-clock-showed",
        "contacts heard before the first synchronisation",
        "service/listening.py",
        "began = None if now.trusted else",
        "began = None if True else",
        CLOCK,
    ),
    Mutant(
        "future-keys-stay",
        "keys of a future that is none",
        "service/listening.py",
        "self._store.keys.delete_after(now.wall_s + TOLERANCE_S)",
        "pass",
        CLOCK,
    ),
    Mutant(
        "untrusted-key-exported",
        "a key of a day that may be wrong",
        "service/identity.py",
        "self._store.keys.add(key, last_slot_s=slot_s, exportable=trusted)",
        "self._store.keys.add(key, last_slot_s=slot_s, exportable=True)",
        CLOCK,
    ),
    Mutant(
        "spans-stretched",
        "a jump to 2038 counts as years of listening",
        "service/listening.py",
        "if last and abs(now.booted_at_s - last.booted_at_s) > STEP_S:",
        "if False:",
        CLOCK,
    ),
    Mutant(
        "slot-without-end",
        "a clock that is set back keeps an identifier on the air",
        "service/rotation.py",
        "await self._clock.sleep_until(over_s, at_most_s=over_up_s - self._clock.uptime_s())",
        "await self._clock.sleep_until(over_s)",
        CLOCK,
    ),
    Mutant(
        "same-slot-again",
        "kill, restart within a slot",
        "service/identity.py",
        "and key.slot_start_s(now_s) > own.last_slot_s",
        "and key.slot_start_s(now_s) >= own.last_slot_s",
        "tests/faults/test_killed.py -k committed",
    ),
    Mutant(
        "used-before-committed",
        "kill, restart within a slot",
        "service/identity.py",
        "                self._store.keys.advance(own, slot_s)\n",
        "                pass\n",
        "tests/faults/test_killed.py tests/service/test_agent.py -k 'committed or restart or goes_back'",
    ),
    Mutant(
        "running-key-exported",
        "key export",
        "service/export.py",
        "if own.closed and own.exportable",
        "if own.exportable",
        "tests/faults/test_clock_scripts.py tests/service/test_export.py",
    ),
    Mutant(
        "sync-left-out",
        "power cut",
        "stores/database.py",
        "PRAGMA synchronous=FULL",
        "PRAGMA synchronous=NORMAL",
        "tests/faults/test_power_loss.py",
    ),
    Mutant(
        "freed-pages-kept",
        "what is deleted stays in the file",
        "stores/database.py",
        "PRAGMA secure_delete=on",
        "PRAGMA secure_delete=off",
        "tests/stores tests/faults/test_soak.py",
    ),
    Mutant(
        "log-not-emptied",
        "what is deleted stays in the log",
        "stores/store.py",
        "            self.sources.delete_before(limit_s)\n        self._truncate_log()\n",
        "            self.sources.delete_before(limit_s)\n",
        "tests/stores",
    ),
    Mutant(
        "on-the-air-uncommitted",
        "disk full: an identifier stays on the air after its slot",
        "service/rotation.py",
        "        await self._radio.withdraw()\n",
        "",
        "tests/faults/test_disk_faults.py",
    ),
    Mutant(
        "disk-error-ends-the-agent",
        "disk full",
        "service/rotation.py",
        "            except StoreWriteError as error:\n",
        "            except ZeroDivisionError as error:\n",
        "tests/faults/test_disk_faults.py",
    ),
    Mutant(
        "minutes-forgotten",
        "disk full: sightings wait",
        "service/listening.py",
        "self._backlog = minutes[-BACKLOG:]",
        "self._backlog = []",
        "tests/faults/test_disk_faults.py",
    ),
    Mutant(
        "drops-not-counted",
        "disk full: what is dropped is counted",
        "service/listening.py",
        'self._counts["dropped"] += lost',
        "pass",
        "tests/faults/test_disk_faults.py",
    ),
    Mutant(
        "transaction-left-open",
        "an I/O error within a transaction",
        "stores/store.py",
        '                self._db.execute("ROLLBACK")',
        "                pass",
        "tests/faults/test_disk_faults.py tests/stores",
    ),
    Mutant(
        "signs-lost",
        "disk full: signs of life are written later",
        "stores/store.py",
        "            self._roll_back()\n",
        "            self._roll_back()\n            self._due.clear()\n",
        "tests/faults/test_disk_faults.py",
    ),
    Mutant(
        "file-not-read",
        "damaged store: the start believes it",
        "stores/database.py",
        'if found != "ok":',
        "if False:",
        "tests/faults/test_damaged_store.py",
    ),
    Mutant(
        "keys-not-salvaged",
        "damaged store: the keys live on",
        "stores/quarantine.py",
        "    keys = _salvage(aside)\n",
        "    keys: dict[bytes, tuple[DailyKey, int]] = {}\n",
        "tests/faults/test_damaged_store.py",
    ),
    Mutant(
        "salvaged-blindly",
        "damaged store: odd keys",
        "stores/quarantine.py",
        "                    if _is_possible(key, row[-1]):\n",
        "                    if True:\n",
        "tests/faults/test_damaged_store.py",
    ),
    Mutant(
        "salvaged-key-goes-on",
        "damaged store: a slot may have been on the air",
        "stores/quarantine.py",
        "exportable=True, closed=True",
        "exportable=True, closed=False",
        "tests/faults/test_damaged_store.py",
    ),
    Mutant(
        "foreign-file-taken",
        "another program's file",
        "stores/database.py",
        '        raise StoreError(\n            N_("{path} is a SQLite file of another program"),',
        '        raise StoreDamagedError(\n            N_("{path} is a SQLite file of another program"),',
        "tests/faults/test_damaged_store.py",
    ),
    Mutant(
        "set-aside-for-ever",
        "what was set aside goes after 14 days",
        "stores/aside.py",
        "p.stat().st_mtime < limit_s",
        "p.stat().st_mtime < 0",
        "tests/faults/test_damaged_store.py",
    ),
    Mutant(
        "all-kept",
        "forged identifiers fill the card",
        "core/sightings.py",
        "MOST_A_MINUTE: Final = 400",
        "MOST_A_MINUTE: Final = 400_000",
        "tests/core/test_sightings.py tests/faults/test_flood.py",
    ),
    Mutant(
        "weakest-kept",
        "forged identifiers crowd out a real contact",
        "core/sightings.py",
        "_power_mw(tallies[beacon]), reverse=True)",
        "_power_mw(tallies[beacon]))",
        "tests/core/test_sightings.py tests/faults/test_flood.py",
    ),
    Mutant(
        "first-come",
        "forged identifiers lock out who comes later",
        "core/sightings.py",
        "            return tallied < TALLIED\n",
        "            return False\n",
        "tests/core/test_sightings.py",
    ),
    Mutant(
        "newest-deleted",
        "the store has reached its size",
        "stores/contacts.py",
        "ORDER BY u.minute IS NULL, minute LIMIT ?",
        "ORDER BY u.minute IS NULL, minute DESC LIMIT ?",
        "tests/faults/test_flood.py -k size",
    ),
    Mutant(
        "no-lock",
        "double start",
        "stores/store.py",
        "            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)\n        except BlockingIOError as error:\n",
        "            pass\n        except BlockingIOError as error:\n",
        "tests/stores",
    ),
    Mutant(
        "fed-while-stuck",
        "a part hangs, and systemd is told that all is well",
        "service/manager.py",
        "            if late:\n",
        "            if late and not late:\n",
        WATCHDOG,
    ),
    Mutant(
        "writer-not-watched",
        "the writer hangs",
        "service/listening.py",
        "            self._progress.promise(Part.WRITER, COMMIT_LATE_S)\n",
        "            pass\n",
        WATCHDOG,
    ),
    Mutant(
        "waiting-is-stuck",
        "Bluetooth is gone for hours: the watchdog kills who waits for it",
        "service/supervision.py",
        "calm_s + wait_s + STUCK_S",
        "1.0",
        WATCHDOG,
    ),
    Mutant(
        "rotation-owed-without-radio",
        "Bluetooth is gone for hours: the watchdog kills who waits for it",
        "service/supervision.py",
        "                self._progress.excuse(Part.ROTATION)\n",
        "",
        WATCHDOG,
    ),
    Mutant(
        "no-radio-no-agent",
        "no Bluetooth when the machine starts",
        "service/supervision.py",
        "if not self.started.is_set() and not self._patient:",
        "if not self.started.is_set():",
        WATCHDOG,
    ),
    Mutant(
        "ready-at-once",
        "ready before anything is heard or sent",
        "service/agent.py",
        "                await supervision.settled.wait()\n",
        "",
        WATCHDOG,
    ),
    Mutant(
        "told-again",
        "the owner is told of one silence again and again",
        "service/deadman.py",
        " and what not in told:",
        ":",
        HEALTH,
    ),
    Mutant(
        "never-well-again",
        "the owner is not told that listening goes on",
        "service/deadman.py",
        "not age.late(now_s) and what in told",
        "False",
        HEALTH,
    ),
    Mutant(
        "half-a-file",
        "Prometheus reads a file that is being written",
        "service/metrics.py",
        "    new.replace(path)\n",
        "    path.write_text(new.read_text())\n    path.chmod(READABLE)\n    new.unlink()\n",
        HEALTH,
    ),
    Mutant(
        "chaff-every-time",
        "chaff is sent at every check",
        "service/publishing.py",
        "return random() < (now_s - asked_s) / DAY_S",
        "return now_s > asked_s",
        HEALTH,
    ),
)


def fails(test: str, tree: Path) -> bool:
    """Return whether a test fails in ``tree``; one that takes for ever does."""
    command = f"{sys.executable} -m pytest -q -x -p no:cacheprovider {test}"
    try:
        done = subprocess.run(
            command,
            shell=True,
            cwd=tree,
            env=os.environ | {"PYTHONPATH": str(tree)},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return True
    if done.returncode not in {0, 1}:
        raise SystemExit(f"{test} did not run\n{done.stdout}{done.stderr}")
    return done.returncode == 1


def caught(mutant: Mutant, tree: Path) -> bool:
    """Return whether the mutant's test fails in ``tree`` with the mutant in it."""
    path = tree / "bluezone_agent" / mutant.file
    text = path.read_text()
    if text.count(mutant.old) != 1:
        raise SystemExit(f"{mutant.name}: {mutant.file} has its place {text.count(mutant.old)} times; mend the mutant")
    path.write_text(text.replace(mutant.old, mutant.new))
    try:
        return fails(mutant.test, tree)
    finally:
        path.write_text(text)


def main(names: list[str]) -> int:
    """Try the named mutants, or all; return how many survived."""
    mutants = [mutant for mutant in MUTANTS if not names or mutant.name in names]
    survived = []
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        for name in COPIED:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, tree / name)
        for test in dict.fromkeys(mutant.test for mutant in mutants):
            if fails(test, tree):
                raise SystemExit(f"{test} fails without any mutant")
        for mutant in mutants:
            began_s = time.monotonic()
            found = caught(mutant, tree)
            survived += [] if found else [mutant.name]
            verdict = "caught  " if found else "SURVIVED"
            print(f"{verdict}  {mutant.name}  ({time.monotonic() - began_s:.0f} s)", flush=True)
    print(f"{len(survived)} of {len(mutants)} survived")
    return len(survived)


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
