"""Faults of what a person reads."""

from __future__ import annotations

from typing import Final

from tests.mutants.mutant import Mutant

SHOWN: Final = "tests/cli/test_what_is_shown.py"
MUTANTS: Final = (
    Mutant(
        "unscanned-day-is-clear",
        "a day on which the device did not scan is called free of exposures",
        "app/explain_text.py",
        "    if not found.exposures and not found.listened_share:\n",
        "    if False:\n",
        f"{SHOWN} -k did_not_scan",
    ),
    Mutant(
        "identifiers-for-people",
        "a flatmate is told as 83 close contacts a day",
        "app/contacts.py",
        "minutes = sum(h.minutes_with_close for h in hours)\n    return",
        "minutes = sum(bool(h.minutes_with_close) for h in hours)\n    return",
        f"{SHOWN} -k flatmate",
    ),
    Mutant(
        "more-minutes-than-received",
        '"all 23 of 16 minutes"',
        "app/sentences.py",
        "    if near > received:\n",
        "    if False:\n",
        f"{SHOWN} -k without_a_reason",
    ),
    Mutant(
        "one-minutes",
        '"1 minutes" in status',
        "cli/status.py",
        "{mode}; {minutes} min in the last 24 h",
        "{mode}; {minutes} minutes in the last 24 h",
        f"{SHOWN} -k one_of_anything",
    ),
    Mutant(
        "doctor-of-the-future",
        "after a jump of the clock doctor is content with a check of next year",
        "health/doctor/checks.py",
        "not is_known(status.judged_at_s, status.complete_check_at_s)",
        "status.complete_check_at_s is None",
        "tests/health/test_doctor.py -k future",
    ),
    Mutant(
        "malformed-part-hides-the-rest",
        "a broken part under a neighbour's address hides its identifier",
        "core/protocols.py",
        "            continue\n",
        "            raise\n",
        "tests/core/test_reception.py -k malformed_frame",
    ),
    Mutant(
        "gaps-are-the-interval",
        "share of packets: the gaps that a duplicate filter makes pass for the neighbour's interval",
        "core/packet_share.py",
        " if short_s <= SLOWEST_S else None",
        "",
        "tests/health/test_reception.py -k eleven",
    ),
    Mutant(
        "share-of-another-run",
        "status: an estimate of a run with another radio is shown",
        "health/status.py",
        "if found is None or started is None or found.at_s < started.at_s:",
        "if found is None or started is None:",
        "tests/health/test_reception.py -k another_run",
    ),
)
