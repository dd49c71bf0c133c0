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
    Mutant(
        "lines-below-the-index",
        "Google's index: its lines begin at the base, not at the index",
        "key_sources/google_index.py",
        "[root] if index_path else [root, *_overlapping(root, paths)]",
        '[at.join(".")]',
        "tests/key_sources/test_google_bucket.py",
    ),
    Mutant(
        "tag-of-another-bucket",
        "DP-3T: a tag that the server does not know is refused for ever",
        "key_sources/dp3t_bundles.py",
        "if reply.status in NOT_A_TAG:",
        "if False:",
        "tests/key_sources/test_layouts.py -k tag",
    ),
    Mutant(
        "third-member-refused",
        "a zip with a member of the server's own is refused",
        "core/diagnosis_keys/key_export.py",
        "if found.count(EXPORT_NAME) != 1 or found.count(SIGNATURE_NAME) > 1:",
        "if len(found) > 2 or found.count(EXPORT_NAME) != 1 or found.count(SIGNATURE_NAME) > 1:",
        "tests/core/test_key_files.py -k members",
    ),
)
