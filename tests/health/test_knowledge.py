"""L4: "none detected" is said only of time in which the device listened and checked with success."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bluezone_agent.core.journal import Checked, Records
from bluezone_agent.core.listening import Span
from bluezone_agent.health.health import CHECK_LATE_S
from bluezone_agent.health.knowledge import Answer, Unknown, knowledge

NOW_S = 1_800_000_000
HOUR_S = 3600

times = st.none() | st.integers(NOW_S - 20 * 24 * HOUR_S, NOW_S + 20 * 24 * HOUR_S)
spans = st.lists(
    st.tuples(st.integers(-400, 0), st.integers(0, 90), st.sampled_from(["", "active"])).map(
        lambda s: Span(NOW_S + s[0] * HOUR_S, NOW_S + min(0, s[0] + s[1]) * HOUR_S, s[2])
    ),
    max_size=4,
)


@given(times, spans, st.integers(0, 2), st.booleans(), st.booleans())
def test_none_detected_is_said_only_of_time_that_was_watched(
    complete_s: int | None, its_spans: list[Span], sources: int, trusted: bool, exposed: bool
) -> None:
    journal = Records([Checked(NOW_S, complete=True, sources=sources, complete_at_s=complete_s)])
    known = knowledge(journal, its_spans, exposed=exposed, sources=sources, clock_trusted=trusted, now_s=NOW_S)
    assert (known.answer is Answer.EXPOSED) is exposed
    assert (known.answer is Answer.NOT_KNOWN) is bool(known.reasons)
    if known.answer is Answer.NONE_DETECTED:
        assert sources
        assert trusted
        assert complete_s is not None
        assert NOW_S - CHECK_LATE_S <= complete_s <= NOW_S
        assert 0 < known.listened_share <= 1
        assert any(s.listened and s.starts_at_s < complete_s for s in its_spans)


def test_each_reason_is_said() -> None:
    def why(checked: Checked | None, *its: Span, sources: int = 1, trusted: bool = True) -> set[Unknown]:
        journal = Records([checked] if checked else [])
        known = knowledge(journal, its, exposed=False, sources=sources, clock_trusted=trusted, now_s=NOW_S)
        return set(known.reasons)

    well = Checked(NOW_S, complete=True, sources=1, complete_at_s=NOW_S - HOUR_S)
    old = Checked(NOW_S, complete=False, sources=1, complete_at_s=NOW_S - 40 * HOUR_S)
    future = Checked(NOW_S, complete=True, sources=1, complete_at_s=NOW_S + HOUR_S)
    listened = Span(NOW_S - 100 * HOUR_S, NOW_S, "active")
    paused = Span(NOW_S - 100 * HOUR_S, NOW_S, "", "paused")
    assert why(well, listened) == set()
    assert why(None, listened) == {Unknown.NEVER_CHECKED}
    assert why(None, sources=0) == {Unknown.NO_SOURCE}
    assert why(old, listened) == {Unknown.CHECK_TOO_OLD}
    assert why(future, listened) == {Unknown.CHECK_TOO_OLD, Unknown.NOT_LISTENED}
    assert why(well, paused) == {Unknown.NOT_LISTENED}
    assert why(well, listened, trusted=False) == {Unknown.CLOCK_NOT_TRUSTED}
