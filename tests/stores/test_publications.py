"""L9 and L10: what counts of a key depends on who published it and when, never on the order in which files came."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from bluezone_agent.core.attenuation import ReceivedMinute
from bluezone_agent.core.identifiers import ReportType
from bluezone_agent.core.intervals import MINUTE_S
from bluezone_agent.scenarios.scratch import scratch_folder
from bluezone_agent.stores.exposures import UNKNOWN_SIGNER, KeyMatch, KeyPublication, counting
from bluezone_agent.stores.store import Store

HOUR_MIN = 60
RECEIVED = tuple(ReceivedMinute(m, 50.0, 4) for m in range(0, 10 * HOUR_MIN, 30))
"""Of one key, some of it long after its publication."""
SIGNERS = ("alpha", "beta", "gamma")


@st.composite
def publications(draw: st.DrawFn) -> KeyPublication:
    """One file's entry of the key, of any date, also one that lies, verified at some hour."""
    return KeyPublication(
        draw(st.sampled_from(SIGNERS)),
        draw(st.sampled_from(ReportType)),
        draw(st.none() | st.integers(-14, 14)),
        draw(st.none() | st.integers(-5, 15).map(lambda h: h * 3600)),
        draw(st.integers(1, 12)) * 3600,
    )


def counted(files: list[KeyPublication]) -> object:
    """Return what a store makes of the files, in this order."""
    with scratch_folder() as folder, Store(folder) as store:
        for p in files:
            with store.transaction():
                store.exposures.add(KeyMatch("digest", "gaen", p, RECEIVED))
        return [(m.report_type, m.days_since_onset, [r.minute for r in m.minutes]) for m in store.exposures.matched()]


def minutes(files: list[KeyPublication]) -> set[int]:
    return {minute for _, _, its in counted(files) for minute in its}  # type: ignore[attr-defined]


@settings(max_examples=150, deadline=None)
@given(st.lists(publications(), min_size=1, max_size=5), st.randoms())
def test_the_order_of_files_changes_nothing(files: list[KeyPublication], random: object) -> None:
    shuffled = list(files)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert counted(shuffled) == counted(files)
    assert counted([*files, *files]) == counted(files), "nor does reading them once more"


@settings(max_examples=150, deadline=None)
@given(st.lists(publications(), min_size=1, max_size=4), publications())
def test_nobody_else_deletes_what_a_signer_published(files: list[KeyPublication], stranger: KeyPublication) -> None:
    """Whatever a stranger says, of whatever date, an exposure stays that was known before."""
    verified_s = max(p.verified_at_s for p in files)
    late = KeyPublication("stranger", stranger.report_type, None, stranger.published_at_s, verified_s)
    assert minutes(files) <= minutes([*files, late])


@settings(max_examples=300, deadline=None)
@given(st.lists(publications(), min_size=1, max_size=5))
def test_nothing_counts_that_was_received_after_the_first_publication(files: list[KeyPublication]) -> None:
    """By the signer's own date within its files, by our own verification whoever signed."""
    revoked = {p.signer for p in files if p.report_type is ReportType.REVOKED}
    latest_s = 0
    for signer in {p.signer for p in files} - revoked:
        its = [p for p in files if p.signer == signer]
        stated = [p.published_at_s for p in its if p.published_at_s is not None]
        latest_s = max(latest_s, min(stated) if stated else min(p.verified_at_s for p in its))
    until_s = min(latest_s, *(p.verified_at_s for p in files))
    assert minutes(files) == {m.minute for m in RECEIVED if (m.minute + 1) * MINUTE_S <= until_s}


def test_a_revocation_counts_for_its_own_signer_alone() -> None:
    case = KeyPublication("alpha", ReportType.CONFIRMED_TEST, 2, 7200, 7200)
    for files in itertools.permutations([case, KeyPublication("beta", ReportType.REVOKED, None, 3600, 7200)]):
        assert minutes(list(files)) == {0, 30, 60, 90}
    for files in itertools.permutations([case, KeyPublication("alpha", ReportType.REVOKED, None, 3600, 7200)]):
        assert minutes(list(files)) == set()


def test_what_an_older_version_found_stays_until_its_file_is_read_again() -> None:
    old = KeyPublication(UNKNOWN_SIGNER, ReportType.CONFIRMED_TEST, 2, None, 7200)
    named = KeyPublication("alpha", ReportType.CONFIRMED_TEST, 2, 3600, 9000)
    revoked = KeyPublication("alpha", ReportType.REVOKED, None, 3600, 9000)
    assert minutes([old]) == {0, 30, 60, 90}
    assert minutes([old, named]) == {0, 30}
    assert minutes([old, named, revoked]) == set()
    once_revoked = KeyPublication(UNKNOWN_SIGNER, ReportType.REVOKED, None, None, 7200)
    assert counting([once_revoked, named]) is None
