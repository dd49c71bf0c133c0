"""Health is judged from a journal alone, whatever the clock does: the limits, outage notices and Prometheus."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.journal import (
    Broadcasting,
    Checked,
    Committed,
    Notified,
    Proved,
    RadioState,
    Received,
    Record,
    Records,
    Refused,
    Silenced,
    Started,
)
from bluezone_agent.core.listening import Span
from bluezone_agent.core.sightings import ContactHour
from bluezone_agent.errors import RadioFault
from bluezone_agent.health.health import (
    CHECK_LATE_S,
    COMMIT_LATE_S,
    DEAF_S,
    Activity,
    AgentState,
    Caution,
    Problem,
    health,
)
from bluezone_agent.health.metrics_file import write
from bluezone_agent.health.outage_notices import Change, notified, pending
from bluezone_agent.health.prometheus import exposition
from bluezone_agent.health.status import Contents, status

START_S = 1_600_000_000
STARTED: tuple[Record, ...] = (
    Started(START_S, "gaen", sources=1),
    Broadcasting(START_S, START_S + 600, rotations=1),
    Committed(START_S),
)
"""What an agent has written that has just started."""
RUNS = AgentState(running=True, listened_until_s=START_S)


def problems(records: tuple[Record, ...], now_s: float, agent: AgentState = RUNS) -> list[Problem]:
    return list(health(Records(records), agent, now_s).problems)


@pytest.mark.parametrize(
    ("after_s", "found"),
    [
        (0, []),
        (COMMIT_LATE_S, []),
        (COMMIT_LATE_S + 1, [Problem.NOT_STORING]),
        (600 + 121, [Problem.NOT_BROADCASTING, Problem.NOT_STORING]),
        (CHECK_LATE_S + 1, [Problem.NOT_BROADCASTING, Problem.NOT_STORING, Problem.NOT_CHECKING]),
    ],
)
def test_each_age_has_its_limit(after_s: int, found: list[Problem]) -> None:
    assert problems(STARTED, START_S + after_s) == found


def test_an_agent_that_never_ran_is_not_late() -> None:
    never = AgentState(running=False)
    state = health(Records(), never, START_S)
    assert pending(Records(), never, START_S) == []
    assert list(state.problems) == [Problem.NOT_RUNNING]
    assert not any(age.late for age in state.ages.values())


@pytest.mark.parametrize(
    ("more", "agent", "found"),
    [
        ((), replace(RUNS, running=False), [Problem.NOT_RUNNING]),
        ((), replace(RUNS, quarantined=True), [Problem.STORE_QUARANTINED]),
        ((RadioState(START_S, works=False, reason="lost"), Refused(START_S, "no")), RUNS, [Problem.NO_RADIO]),
        ((RadioState(START_S, works=False, reason=RadioFault.PAUSED),), RUNS, []),
        ((Refused(START_S, "all instances are in use"),), RUNS, [Problem.SCAN_ONLY]),
        ((Refused(START_S, ""),), RUNS, []),
        ((Committed(START_S, clock_trusted=False),), RUNS, [Problem.CLOCK_NOT_TRUSTED]),
    ],
)
def test_each_problem_has_its_cause(more: tuple[Record, ...], agent: AgentState, found: list[Problem]) -> None:
    assert problems(STARTED + more, START_S + 1, agent) == found


def test_who_waits_for_the_next_slot_says_so_and_is_not_late() -> None:
    silenced = Silenced(START_S + 650, START_S + 900)
    for at_s, waits in ((649, False), (650, True), (899, True), (900, False)):
        state = health(Records((*STARTED, silenced)), RUNS, START_S + at_s)
        assert (Caution.SILENCED in state.cautions, Problem.NOT_BROADCASTING in state.problems) == (waits, at_s == 900)
    broadcasts_again = Broadcasting(START_S + 700, START_S + 900)
    state = health(Records((*STARTED, silenced, broadcasts_again)), RUNS, START_S + 750)
    assert Caution.SILENCED not in state.cautions


def test_a_restart_excuses_what_takes_its_time_but_no_source_that_always_fails() -> None:
    long_ago_s = START_S - 2 * CHECK_LATE_S
    records = (*STARTED, Proved(long_ago_s, "hci1", -40), Started(START_S, sources=1, monitor_adapters=1))
    agent = replace(RUNS, listened_until_s=long_ago_s)
    assert problems(records, START_S + 1, agent) == []
    assert pending(Records(records), agent, START_S + 1) == []
    checked = Checked(START_S - 60, complete=False, sources=1, complete_at_s=long_ago_s)
    assert problems((*records, checked), START_S + 1, agent) == [Problem.NOT_CHECKING]


class Owner:
    """Somebody who is notified of what changes."""

    def __init__(self, *records: Record, listened_until_s: int = START_S) -> None:
        self.records = [*STARTED, *records]
        self.agent = replace(RUNS, listened_until_s=listened_until_s)

    def pending(self, now_s: float) -> list[Change]:
        return pending(Records(self.records), self.agent, now_s)

    def is_notified(self, changes: list[Change], now_s: float) -> None:
        self.records.append(notified(Records(self.records), changes, now_s))


def test_the_owner_is_notified_once_when_listening_stops_and_once_when_it_resumes() -> None:
    owner = Owner()
    stopped = Change(Activity.LISTEN, START_S, resumed=False)
    assert owner.pending(START_S + DEAF_S) == []
    assert owner.pending(START_S + DEAF_S + 1) == [stopped]
    assert owner.pending(START_S + DEAF_S + 2) == [stopped]  # nobody could be notified so far
    owner.is_notified([stopped], START_S + DEAF_S + 2)
    assert owner.pending(START_S + 2 * DEAF_S) == []
    owner.agent = replace(RUNS, listened_until_s=START_S + 3 * DEAF_S)
    resumed = Change(Activity.LISTEN, START_S, resumed=True)
    assert owner.pending(START_S + 3 * DEAF_S + 1) == [resumed]
    owner.is_notified([resumed], START_S + 3 * DEAF_S + 1)
    assert owner.pending(START_S + 3 * DEAF_S + 2) == []


def test_checks_that_stop_are_reported_apart_from_listening() -> None:
    late_s = START_S + 100 + CHECK_LATE_S + 1
    owner = Owner(Checked(START_S + 100, True, 1, START_S + 100), listened_until_s=late_s)
    stopped = Change(Activity.CHECK, START_S + 100, resumed=False)
    assert owner.pending(late_s) == [stopped]
    owner.is_notified([stopped], late_s)
    assert owner.pending(late_s + DEAF_S + 1) == [Change(Activity.LISTEN, late_s, resumed=False)]
    owner.records.append(Checked(late_s, True, 1, late_s))
    assert owner.pending(late_s) == [Change(Activity.CHECK, START_S + 100, resumed=True)]


def test_after_a_jump_of_the_clock_outages_are_still_reported() -> None:
    """The clock was a year ahead for a while: nothing that was written then is young now."""
    ahead_s, now_s = START_S + 365 * DAY_S, START_S + 60
    owner = Owner(Checked(ahead_s, True, 1, ahead_s), Started(ahead_s, sources=1), listened_until_s=ahead_s)
    stopped = [Change(what, None, resumed=False) for what in (Activity.LISTEN, Activity.CHECK)]
    assert owner.pending(now_s) == stopped
    owner.is_notified(stopped, now_s)
    assert owner.pending(now_s) == []
    owner.agent = replace(RUNS, listened_until_s=now_s)
    assert owner.pending(now_s) == [Change(Activity.LISTEN, None, resumed=True)]


# -- the law on times in the future

NOW_S = START_S + 100 * DAY_S
FAR_S = 50 * DAY_S
"""Older than every limit."""
TIMES = st.integers(NOW_S - 3 * DAY_S, NOW_S + 3 * DAY_S)


def maybe(kind: Callable[..., Record], **fields: st.SearchStrategy[object]) -> st.SearchStrategy[list[Record]]:
    return st.lists(st.builds(kind, at_s=TIMES, **fields), max_size=1)


@st.composite
def situations(draw: st.DrawFn) -> tuple[list[Record], AgentState]:
    """Any journal of an agent, each time before or after now."""
    sources, adapters = st.integers(0, 1), st.integers(0, 1)
    records = [
        *draw(maybe(Started, sources=sources, monitor_adapters=adapters)),
        *draw(st.lists(TIMES.map(lambda at_s: Broadcasting(at_s, at_s + 600)), max_size=1)),
        *draw(maybe(Committed)),
        *draw(maybe(Received)),
        *draw(maybe(Proved, by=st.just("hci1"), rssi_dbm=st.just(-40))),
        *draw(maybe(Checked, complete=st.booleans(), sources=sources, complete_at_s=st.none() | TIMES)),
    ]
    return records, AgentState(running=True, listened_until_s=draw(st.none() | TIMES))


def moved(record: Record, to_s: int) -> Record:
    """Return a record of the future as one of another time, and any other as it is."""
    changes: dict[str, int] = {}
    if record.at_s > NOW_S:
        changes["at_s"] = to_s
        if isinstance(record, Broadcasting):
            changes["until_s"] = to_s + 600
    if isinstance(record, Checked) and record.complete_at_s and record.complete_at_s > NOW_S:
        changes["complete_at_s"] = to_s
    return msgspec.structs.replace(record, **changes)


def moved_state(agent: AgentState, to_s: int) -> AgentState:
    until_s = agent.listened_until_s
    return replace(agent, listened_until_s=to_s) if until_s is not None and until_s > NOW_S else agent


@given(situations())
def test_a_record_of_the_future_counts_as_older_than_every_limit(situation: tuple[list[Record], AgentState]) -> None:
    records, agent = situation
    old = Records(moved(record, NOW_S - FAR_S) for record in records), moved_state(agent, NOW_S - FAR_S)
    assert health(Records(records), agent, NOW_S).problems == health(*old, NOW_S).problems
    assert {c.what for c in pending(Records(records), agent, NOW_S)} == {c.what for c in pending(*old, NOW_S)}


@given(situations())
def test_no_jump_of_the_clock_makes_health_better(situation: tuple[list[Record], AgentState]) -> None:
    """Had the records been written a moment ago instead, as much or less would be late."""
    records, agent = situation
    found = health(Records(records), agent, NOW_S)
    young = health(Records(moved(record, NOW_S) for record in records), moved_state(agent, NOW_S), NOW_S)
    assert {what for what, age in found.ages.items() if age.late} >= {w for w, age in young.ages.items() if age.late}
    assert bool(found.problems) >= bool(young.problems)
    assert all(age.age_s is None or age.age_s >= 0 for age in found.ages.values())
    metrics = exposition(Records(records), agent, NOW_S).splitlines()
    assert not [line for line in metrics if "age_seconds{" in line and "-" in line]


# -- status and Prometheus


def test_status_counts_nothing_that_lies_in_the_future() -> None:
    spans = (
        Span(START_S - 2 * DAY_S, START_S - DAY_S + 60, "active"),
        Span(START_S - 600, START_S + 3600, "active"),
        Span(START_S + DAY_S, START_S + 2 * DAY_S, "active"),
    )
    hours = tuple(ContactHour(at_s, 1, 5, 5, -60) for at_s in (START_S - 3600, START_S + DAY_S))
    state = status(Records(STARTED), RUNS, Contents(spans, hours), START_S)
    assert state.listened_s == 60 + 600
    assert state.last_day == hours[:1]


def test_metrics_are_what_prometheus_reads() -> None:
    records = (*STARTED, Received(START_S + 5, {"gaen": 7}, malformed=2))
    text = exposition(Records(records), RUNS, START_S + COMMIT_LATE_S + 1.5)
    families = list(text_string_to_metric_families(text))
    kinds = {sample.name: family.type for family in families for sample in family.samples}
    assert {name: kind for name, kind in kinds.items() if kind == "counter"}.keys() == {
        "bluezone_agent_identifiers_total",
        "bluezone_agent_adverts_total",
        "bluezone_agent_radio_openings_total",
        "bluezone_agent_scan_restarts_total",
    }
    assert {name for name, kind in kinds.items() if kind == "gauge"} == {
        "bluezone_agent_running",
        "bluezone_agent_healthy",
        "bluezone_agent_problem",
        "bluezone_agent_paused",
        "bluezone_agent_age_seconds",
        "bluezone_agent_age_limit_seconds",
        "bluezone_agent_judged_timestamp_seconds",
    }
    assert all(family.documentation for family in families)
    samples = {(s.name, *s.labels.items()): s.value for family in families for s in family.samples}
    assert samples["bluezone_agent_running",] == 1
    assert samples["bluezone_agent_healthy",] == 0
    assert samples["bluezone_agent_judged_timestamp_seconds",] == START_S + COMMIT_LATE_S + 1.5
    assert samples["bluezone_agent_problem", ("problem", "not_storing")] == 1
    assert samples["bluezone_agent_problem", ("problem", "no_radio")] == 0
    assert samples["bluezone_agent_paused", ("mode", "protected")] == 0
    assert samples["bluezone_agent_age_seconds", ("of", "commit")] == 181.5
    assert samples["bluezone_agent_age_limit_seconds", ("of", "commit")] == 180
    assert samples["bluezone_agent_age_limit_seconds", ("of", "broadcast")] == 720
    assert samples["bluezone_agent_identifiers_total",] == 1
    assert samples["bluezone_agent_adverts_total", ("kind", "gaen")] == 7
    assert samples["bluezone_agent_adverts_total", ("kind", "malformed")] == 2
    assert ("bluezone_agent_adverts_total", ("kind", "foreign")) not in samples
    assert ("bluezone_agent_age_seconds", ("of", "prove")) not in samples


@pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool (apt: prometheus)")
def test_prometheus_has_nothing_to_say_about_the_metrics() -> None:
    text = exposition(Records(STARTED), RUNS, START_S)
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_an_age_that_is_not_known_is_infinite_for_prometheus() -> None:
    """A rule that alerts on age > limit goes off, as it must."""
    text = exposition(Records([*STARTED, Committed(START_S + DAY_S), Started(START_S + DAY_S)]), RUNS, START_S + 1)
    (ages,) = (f for f in text_string_to_metric_families(text) if f.name == "bluezone_agent_age_seconds")
    assert [s.value for s in ages.samples if s.labels == {"of": "commit"}] == [math.inf]


def test_metrics_are_replaced_in_one_step_and_are_readable(tmp_path: Path) -> None:
    path = tmp_path / "agent.prom"
    old_umask = os.umask(0o077)
    try:
        write(path, "old 1\n")
        with path.open() as reader:
            write(path, "new 1\n")
            assert reader.read() == "old 1\n"
    finally:
        os.umask(old_umask)
    assert path.read_text() == "new 1\n"
    assert path.stat().st_mode & 0o777 == 0o644
    assert [p.name for p in tmp_path.iterdir()] == ["agent.prom"]


def test_notified_survives_what_it_does_not_know() -> None:
    journal = Records([Notified(START_S, {"another activity": 5})])
    record = notified(journal, [Change(Activity.CHECK, 7, resumed=False)], START_S + 1)
    assert record == Notified(START_S + 1, {"another activity": 5, "check": 7})
