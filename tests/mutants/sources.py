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
    Mutant(
        "dp3t-states-publication",
        "DP-3T: the time of a shuffled key taken as that of publication",
        "key_sources/dp3t_bundles.py",
        ", states_publication=False)",
        ")",
        "tests/key_sources/test_real_layouts.py -k dp3t",
    ),
    Mutant(
        "keys-start-at-midnight",
        "a key that starts at no UTC midnight is left out",
        "core/diagnosis_keys/key_export.py",
        "if not 1 <= period <= INTERVALS_PER_DAY:",
        "if start % INTERVALS_PER_DAY or not 1 <= period <= INTERVALS_PER_DAY:",
        "tests/key_sources/test_real_layouts.py -k every_layout",
    ),
    Mutant(
        "slots-drift",
        "a chained Bluezone entry whose slots do not divide the day drifts",
        "core/identifiers.py",
        "return self.starts_at_s + day * DAY_S + slot * DAY_S // self.slots_per_day",
        "return self.starts_at_s + number * self.slot_s",
        "tests/core/test_key_numbers.py -k 'slots or walk'",
    ),
    Mutant(
        "numbers-as-numbers-only",
        "a Bluezone entry with its numbers as texts is left out",
        "core/diagnosis_keys/key_file.py",
        "if isinstance(value, str) and WHOLE.fullmatch(value):",
        "if False:",
        "tests/core/test_key_numbers.py -k texts",
    ),
    Mutant(
        "impossible-publication-believed",
        "a file that states milliseconds, or a time that the store can't hold",
        "core/diagnosis_keys/key_file.py",
        "number is not None and EARLIEST_S <= number <= read_at_s + CLOCKS_DIFFER_S",
        "number",
        "tests/core/test_key_numbers.py -k publication",
    ),
    Mutant(
        "identifiers-without-limit",
        "a file of 29 KB costs 9 million identifiers",
        "core/diagnosis_keys/bluezone_json.py",
        "entry if left >= 0 else KeyFault.COSTLY",
        "entry",
        "tests/core/test_key_numbers.py -k few_bytes",
    ),
    Mutant(
        "batches-by-keys-only",
        "128 chained entries are 68 MB of identifiers at once",
        "core/matching.py",
        "identifiers + count > IDENTIFIERS_IN_BATCH or ",
        "",
        "tests/core/test_key_numbers.py -k at_a_time",
    ),
)
