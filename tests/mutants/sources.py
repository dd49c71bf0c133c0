"""Faults of key sources, formats and the authority."""

from __future__ import annotations

from typing import Final

from tests.mutants.mutant import Mutant

MUTANTS: Final = (
    Mutant(
        "wrong-dates-like-any-refusal",
        "a clock that is wrong makes a good server's certificate look bad",
        "key_sources/fetch.py",
        "kind = CertificateDatesError if is_of_dates(fault) else KeySourceError",
        "kind = KeySourceError",
        "tests/key_sources/test_untrusted_server.py -k prove_who_it_is",
    ),
)
