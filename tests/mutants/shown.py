"""Faults of what a person reads."""

from __future__ import annotations

from typing import Final

from tests.mutants.mutant import Mutant

SHOWN: Final = "tests/cli/test_what_is_shown.py"
MUTANTS: Final = (
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
)
