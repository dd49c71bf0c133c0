"""Every day is submitted, whatever number of keys there are, and no restart is told."""

from hypothesis import given
from hypothesis import strategies as st

from bluezone_agent.core.identifiers import DailyKey
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.submitted_keys import choose, until_the_days_end
from bluezone_agent.key_servers.google import MAX_KEYS, MAX_KEYS_OF_A_DAY

DAYS = st.lists(st.lists(st.integers(1, 144), min_size=1, max_size=40, unique=True), min_size=1, max_size=15)


def keys_of(days: list[list[int]]) -> list[DailyKey]:
    """Return keys of consecutive days, each of which ended in one of the intervals of its day."""
    return [
        DailyKey("gaen", bytes([day, nth]) * 8, day * DAY_S, day * DAY_S + 600 * end, 144)
        for day, ends in enumerate(days)
        for nth, end in enumerate(sorted(ends))
    ]


@given(DAYS)
def test_every_day_is_among_those_chosen_and_the_server_takes_them(days: list[list[int]]) -> None:
    keys = keys_of(days)
    chosen = choose(keys, most=MAX_KEYS, most_of_a_day=MAX_KEYS_OF_A_DAY)
    of_day = [[k for k in chosen if k.starts_at_s == day * DAY_S] for day in range(len(days))]
    assert all(1 <= len(found) <= MAX_KEYS_OF_A_DAY for found in of_day)
    assert len(chosen) == min(MAX_KEYS, sum(min(len(ends), MAX_KEYS_OF_A_DAY) for ends in days))
    assert chosen == [k for k in keys if k in chosen], "in their order"


@given(DAYS)
def test_of_a_day_those_are_chosen_that_were_on_the_air_longest(days: list[list[int]]) -> None:
    chosen = choose(keys_of(days), most=len(days), most_of_a_day=1)
    for day, key in zip(days, chosen, strict=True):
        ends = sorted(day)
        spans = [end - begin for begin, end in zip([0, *ends], ends, strict=False)]
        assert key.ends_at_s % DAY_S == 600 * ends[spans.index(max(spans))] % DAY_S


@given(DAYS, st.integers(0, 16 * DAY_S))
def test_a_key_of_a_day_that_is_over_lasts_to_its_end(days: list[list[int]], now_s: int) -> None:
    keys = keys_of(days)
    for key, submitted in zip(keys, until_the_days_end(keys, now_s), strict=True):
        over = key.starts_at_s + DAY_S <= now_s
        assert submitted == (key._replace(ends_at_s=key.starts_at_s + DAY_S) if over else key)
