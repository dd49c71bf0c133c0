"""Health for those who watch from outside: the dead man's switch and Prometheus."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bluezone_agent.actions.upload_keys import chaff_is_due
from bluezone_agent.health.health import CHECK_LATE_S, COMMIT_LATE_S, DEAF_S, RADIO, Activity, Problem, health
from bluezone_agent.health.outage_notices import Change, mark_notified, pending
from bluezone_agent.health.prometheus import exposition, write
from bluezone_agent.health.status import status
from bluezone_agent.stores.store import StateLock, Store

START_S = 1_600_000_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Return the store of an agent that runs and has just started."""
    with Store(tmp_path) as opened, StateLock(tmp_path):
        with opened.transaction():
            opened.mark("start", START_S, protocol="gaen", clock_trusted=True, sources=1, monitor_adapters=0)
            opened.mark("broadcast", START_S, until_s=START_S + 600, rotations=1)
            opened.listening.begin(START_S, "active")
        commit(opened, START_S)
        yield opened


def commit(store: Store, at_s: int) -> None:
    with store.transaction():
        store.mark("commit", at_s)
        store.listening.extend(at_s)


def check(store: Store, at_s: int) -> None:
    with store.transaction():
        store.mark("complete_check", at_s)


@pytest.mark.parametrize(
    ("after_s", "problems"),
    [
        (0, []),
        (COMMIT_LATE_S, []),
        (COMMIT_LATE_S + 1, [Problem.NOT_STORING]),
        (600 + 121, [Problem.NOT_BROADCASTING, Problem.NOT_STORING]),
        (CHECK_LATE_S + 1, [Problem.NOT_BROADCASTING, Problem.NOT_STORING, Problem.NOT_CHECKING]),
    ],
)
def test_each_age_has_its_limit(store: Store, after_s: int, problems: list[Problem]) -> None:
    assert list(health(store, START_S + after_s).problems) == problems


def test_an_agent_that_never_ran_is_not_late(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        state = health(store, START_S)
        assert pending(store, START_S) == []
    assert list(state.problems) == [Problem.NOT_RUNNING]
    assert not any(age.late(START_S) for age in state.ages.values())


def test_the_owner_is_told_once_when_listening_stops_and_once_when_it_goes_on(store: Store) -> None:
    stopped = Change(Activity.LISTEN, START_S, goes_on=False)
    assert pending(store, START_S + DEAF_S) == []
    assert pending(store, START_S + DEAF_S + 1) == [stopped]
    assert pending(store, START_S + DEAF_S + 2) == [stopped]  # nobody could be told so far
    mark_notified(store, [stopped], START_S + DEAF_S + 2)
    assert pending(store, START_S + 2 * DEAF_S) == []
    commit(store, START_S + 3 * DEAF_S)
    goes_on = Change(Activity.LISTEN, START_S, goes_on=True)
    assert pending(store, START_S + 3 * DEAF_S + 1) == [goes_on]
    mark_notified(store, [goes_on], START_S + 3 * DEAF_S + 1)
    assert pending(store, START_S + 3 * DEAF_S + 2) == []


def test_checks_that_stop_are_told_apart_from_listening(store: Store) -> None:
    check(store, START_S + 100)
    late_s = START_S + 100 + CHECK_LATE_S + 1
    commit(store, late_s)
    stopped = Change(Activity.CHECK, START_S + 100, goes_on=False)
    assert pending(store, late_s) == [stopped]
    mark_notified(store, [stopped], late_s)
    assert pending(store, late_s + DEAF_S + 1) == [Change(Activity.LISTEN, late_s, goes_on=False)]
    check(store, late_s)
    assert pending(store, late_s) == [Change(Activity.CHECK, START_S + 100, goes_on=True)]


def test_metrics_are_what_prometheus_reads(store: Store) -> None:
    with store.transaction():
        store.mark("heard", START_S + 5, gaen=7, malformed=2)
    lines = exposition(store, START_S + COMMIT_LATE_S + 1.5).splitlines()
    samples = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    sample = re.compile(r'[a-z_]+(\{[a-z]+="[a-z_]+"\})? -?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?')
    assert all(sample.fullmatch(line) for line in lines if not line.startswith("#"))
    names = {name.partition("{")[0] for name in samples}
    assert {line.split()[2] for line in lines if line.startswith("# TYPE")} == names
    assert samples["bluezone_agent_running"] == "1"
    assert samples["bluezone_agent_healthy"] == "0"
    assert samples['bluezone_agent_problem{problem="not_storing"}'] == "1"
    assert samples['bluezone_agent_problem{problem="no_radio"}'] == "0"
    assert samples['bluezone_agent_age_seconds{of="commit"}'] == "181.5"
    assert samples['bluezone_agent_age_limit_seconds{of="commit"}'] == "180"
    assert samples['bluezone_agent_age_limit_seconds{of="broadcast"}'] == "720"
    assert samples['bluezone_agent_adverts_total{kind="gaen"}'] == "7"
    assert 'bluezone_agent_age_seconds{of="prove"}' not in samples


def test_metrics_are_replaced_at_once_and_are_readable(tmp_path: Path) -> None:
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


@pytest.mark.parametrize("every_s", [3600, 4 * 3600, 24 * 3600])
def test_chaff_is_due_once_a_day_however_often_it_is_asked(store: Store, every_s: int) -> None:
    assert not chaff_is_due(store, START_S, lambda: 0.0)  # nothing is known of the time before
    draws = (n / 1000 for n in range(1000))
    due = sum(chaff_is_due(store, START_S + n * every_s, lambda: next(draws)) for n in range(1, 1001))
    assert abs(due - 1000 * every_s / 86_400) < 1


def test_what_another_version_says_of_the_radio_is_shown_as_far_as_it_goes(store: Store) -> None:
    detail = {"description": "bluez", "works": False, "colour": "red", "message": "{what} broke", "fields": {"it": "x"}}
    with store.transaction():
        store.mark(RADIO, START_S, **detail)
    radio = status(store, START_S).radio
    assert (radio.description, radio.works) == ("bluez", False)
    assert radio.message.format(**radio.fields) == "{what} broke"
