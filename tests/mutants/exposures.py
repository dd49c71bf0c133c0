"""Warnings that are lost, invented, wrong or told to others (shared laws L1 to L6, L9, L10)."""

from __future__ import annotations

from typing import Final

from tests.mutants.mutant import Mutant

LATER: Final = "tests/faults/test_time_known_later.py"
PUBLICATIONS: Final = "tests/stores/test_publications.py"
DELIVERY: Final = "tests/notices"
DAYS: Final = "tests/core/test_days.py"

MUTANTS: Final = (
    Mutant(
        "final-in-unknown-time",
        "L1: a check before time is known decides for good",
        "exposure_check/check.py",
        "            final=over and not self._provisional and",
        "            final=over and",
        LATER,
    ),
    Mutant(
        "dated-and-never-compared",
        "L1: minutes that are dated after a check are never matched",
        "daemon/contact_writer.py",
        "            self._store.sources.reread(dated.oldest_at_s)\n",
        "            pass\n",
        LATER,
    ),
    Mutant(
        "fetched-by-a-wrong-clock",
        "L1: a file without a date was published when a wrong clock says",
        "stores/sources.py",
        "iif(fetched_boot_id = ?, CAST(fetched_uptime_s + ? AS INTEGER), ?)",
        "iif(fetched_boot_id = ?, fetched_at_s + 0 * ?, fetched_at_s + 0 * ?)",
        LATER,
    ),
    Mutant(
        "complete-in-unknown-time",
        "L1: a check in unknown time counts as one that was complete",
        "exposure_check/check.py",
        "        counts = complete and every and not self._provisional\n",
        "        counts = complete and every\n",
        "tests/exposure_check",
    ),
    Mutant(
        "days-of-utc",
        "L3: an encounter over midnight UTC is cut in two",
        "core/exposure.py",
        "    days = UTC_CALENDAR if model.utc_days else calendar\n",
        "    days = UTC_CALENDAR\n",
        f"{DAYS} tests/cli/test_fortnight.py",
    ),
    Mutant(
        "cut-at-midnight",
        "L3: 14 minutes before midnight and 14 after it warn nobody",
        "core/exposure.py",
        "of_day if model.utc_days else max(of_day, unbroken.get(day, of_day), key=sum)",
        "of_day",
        DAYS,
    ),
    Mutant(
        "told-under-two-days",
        "L3: one encounter over midnight warns twice",
        "core/exposure.py",
        "        most_day = max(sorted(shares), key=lambda d: round(shares[d], 9))\n",
        "        most_day = day\n",
        DAYS,
    ),
    Mutant(
        "none-detected-without-listening",
        'L4: "none detected" of a device that did not scan',
        "health/knowledge.py",
        "        Unknown.NOT_LISTENED: complete_s is not None and not listened_s,\n",
        "        Unknown.NOT_LISTENED: False,\n",
        "tests/health/test_knowledge.py",
    ),
    Mutant(
        "none-detected-without-a-check",
        'L4: "none detected" of a device whose last check is old',
        "health/knowledge.py",
        "        Unknown.CHECK_TOO_OLD: bool(sources) and late,\n",
        "        Unknown.CHECK_TOO_OLD: False,\n",
        "tests/health/test_knowledge.py",
    ),
    Mutant(
        "notice-given-once",
        "L5: a notice whose delivery failed is never tried again",
        "app/notices.py",
        "                store.notices.failed(queued.notice_id, str(error) or type(error).__name__)\n",
        "                store.notices.delivered(queued.notice_id, now_s)\n",
        DELIVERY,
    ),
    Mutant(
        "notice-in-argv",
        "L5: what a notice says is read by whoever lists processes",
        "notices/command.py",
        "            self._command,\n",
        "            [*self._command, notice.title, notice.body],\n",
        DELIVERY,
    ),
    Mutant(
        "notice-in-the-journal",
        "L5: what a command prints of a notice ends in the journal",
        "notices/command.py",
        "            stderr=subprocess.DEVNULL,\n",
        "            stderr=None,\n",
        DELIVERY,
    ),
    Mutant(
        "exposure-told-to-everybody",
        "L5: status tells an exposure to whoever reads its output",
        "cli/status.py",
        "private=private or sys.stdout.isatty()",
        "private=True",
        "tests/cli/test_fortnight.py",
    ),
    Mutant(
        "undelivered-in-metrics",
        "L5: metrics tell that a warning waits",
        "health/health.py",
        "OWNER_ONLY: Final = frozenset({Problem.NOTICE_UNDELIVERED})",
        "OWNER_ONLY: Final[frozenset[Problem]] = frozenset()",
        "tests/cli/test_status.py",
    ),
    Mutant(
        "old-exposures-shown",
        "L6: what is older than 14 days is told where no agent ran",
        "app/owner_time.py",
        "    return now.wall_s - RETENTION_DAYS * DAY_S if now.trusted else 0.0\n",
        "    return 0.0\n",
        "tests/cli/test_fortnight.py",
    ),
    Mutant(
        "old-contacts-matched",
        "L6: a check warns of contacts older than 14 days",
        "exposure_check/key_matcher.py",
        "            and m.minute * MINUTE_S >= since_s\n",
        "",
        "tests/cli/test_fortnight.py",
    ),
    Mutant(
        "revoked-by-a-stranger",
        "L9: whoever has a pinned key revokes what another published",
        "stores/exposures.py",
        "    valid = [p for p in publications if p.report_type is not ReportType.REVOKED]\n",
        "    valid = [p for p in publications if all(q.report_type is not ReportType.REVOKED for q in publications)]\n",
        PUBLICATIONS,
    ),
    Mutant(
        "dated-back-by-a-stranger",
        "L10: a file that is dated back deletes another's exposures",
        "stores/exposures.py",
        "    stated_s = max(",
        "    stated_s = min(",
        PUBLICATIONS,
    ),
    Mutant(
        "published-again",
        "L10: a key that is published again makes its replays count",
        "stores/exposures.py",
        "        min(p.verified_at_s for p in both),\n",
        "        after.verified_at_s,\n",
        PUBLICATIONS,
    ),
    Mutant(
        "own-keys-match",
        "own identifiers that somebody sends back make the owner a contact of themselves",
        "exposure_check/key_matcher.py",
        "            if key_digest(diagnosis.key.data) not in self._own:",
        "            if diagnosis.key.data not in self._own:",
        "tests/exposure_check",
    ),
    Mutant(
        "chained-key-waits",
        "a chained key of several days matches nothing before its last day is over",
        "exposure_check/key_matcher.py",
        "            days = int((self._now_s - key.starts_at_s) // DAY_S)\n",
        "            days = 0\n",
        "tests/exposure_check",
    ),
)
