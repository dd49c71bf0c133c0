"""The owner's keys on their way out: which, when, and into what file."""

import asyncio
import os
import resource
import signal
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from bluezone_agent.actions import export_keys
from bluezone_agent.authority import publish
from bluezone_agent.clocks.simulated import SimulatedClock, run_simulated
from bluezone_agent.core.diagnosis_keys.submission import read_submission
from bluezone_agent.core.exposure import Degree
from bluezone_agent.core.identifiers import DailyKey, IdentifierSlot, ReportType
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.core.risk import DEFAULT_MODEL, MODELS
from bluezone_agent.core.sightings import MinuteFold
from bluezone_agent.daemon.agent import Agent
from bluezone_agent.daemon.identity import Identity
from bluezone_agent.daemon.trusted_clock import TrustedClock
from bluezone_agent.errors import ExportError, NewFileError, StateInUseError
from bluezone_agent.exposure_check.check import Check, PinnedSource
from bluezone_agent.exposure_check.report import CheckReport
from bluezone_agent.files import create
from bluezone_agent.key_sources import open_source
from bluezone_agent.stores.store import StateLock, Store
from tests.diagnosis_keys import AUTHORITY, NOW_S, TODAY_S, daily_key
from tests.fakes import SteeredRadio, numbered_bytes

BOTH = pytest.mark.parametrize("protocol", sorted(PROTOCOLS))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "state") as opened:
        yield opened


async def no_check() -> None:
    """Check nothing."""


def broadcast(store: Store, protocol: str, seconds: float, then: Callable[[float], None] = lambda _: None) -> None:
    """Have an agent broadcast from NOW_S on, and ``then`` act in a thread while it does."""

    async def live() -> None:
        clock, stop = SimulatedClock(NOW_S), asyncio.Event()
        agent = Agent(
            store, SteeredRadio(clock), clock, PROTOCOLS[protocol], -12, no_check, random_bytes=numbered_bytes()
        )
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(agent.run(stop))
            await asyncio.sleep(seconds)
            await asyncio.to_thread(then, clock.now_s())
            stop.set()
            await running

    with StateLock(store.state_dir):
        run_simulated(live())


@BOTH
def test_the_running_key_is_cut_and_replaced_on_the_air_at_once(store: Store, protocol: str) -> None:
    broadcast(store, protocol, 1500, lambda _: export_keys.end_current_key(store))
    old, new = store.keys.all()
    slot_s = old.key.slot_s
    assert (old.closed, new.closed) == (True, False)
    assert old.last_slot_s == new.last_slot_s == (NOW_S + 1500) // slot_s * slot_s
    assert old.key.ends_at_s == old.last_slot_s + slot_s
    assert [k.data for k in export_keys.exportable(store, 1, NOW_S + 1500)] == [old.key.data]


def test_without_an_agent_the_key_is_cut_and_the_next_start_draws_a_new_one(store: Store) -> None:
    broadcast(store, "gaen", 600)
    export_keys.end_current_key(store)
    (old,) = store.keys.all()
    assert old.closed
    clock = SimulatedClock(NOW_S)

    async def start() -> IdentifierSlot:
        time = TrustedClock(clock, store)
        identity = Identity(store, time, PROTOCOLS["gaen"], tx_power_dbm=-12, random_bytes=os.urandom)
        on_air = identity.take()
        assert on_air is not None
        return on_air.slot

    slot = run_simulated(start())
    assert slot.identifier not in {s.identifier for s in PROTOCOLS["gaen"].slots(old.key)}


def test_when_the_agent_does_not_answer_nothing_is_cut(store: Store) -> None:
    broadcast(store, "gaen", 600)
    with StateLock(store.state_dir), pytest.raises(StateInUseError, match="does not answer"):
        export_keys.end_current_key(store)
    assert [own.closed for own in store.keys.all()] == [False]


def test_exactly_the_closed_keys_of_the_days_asked_for_are_exported(store: Store) -> None:
    with store.transaction():
        for days_ago in range(13, -3, -1):
            key = daily_key(days_ago=days_ago, number=days_ago + 10)
            store.keys.add(key, last_slot_s=key.ends_at_s - 600, exportable=days_ago != 3)
            if days_ago != 0:
                running = store.keys.running()
                assert running is not None
                store.keys.close(running)

    def days_ago_of(days: int) -> list[int]:
        return [(TODAY_S - k.starts_at_s) // DAY_S for k in export_keys.exportable(store, days, NOW_S)]

    assert days_ago_of(14) == [13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 2, 1], "not the untrusted, running or future ones"
    assert days_ago_of(2) == [1]


def test_the_file_is_the_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        export_keys.write(tmp_path / "out", [daily_key()], date(2020, 9, 20))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o600
    (read,) = read_submission("out", (tmp_path / "out").read_bytes())
    assert (read.key, read.days_since_onset) == (daily_key(), 3)


@pytest.mark.parametrize("what", ["file", "link", "dangling link", "folder"])
def test_nothing_is_ever_overwritten(tmp_path: Path, what: str) -> None:
    path, target = tmp_path / "out", tmp_path / "diary"
    target.write_text("my diary")
    if what == "file":
        path.write_text("my diary")
    elif what == "folder":
        path.mkdir()
    else:
        path.symlink_to(target if what == "link" else tmp_path / "nowhere")
    with pytest.raises(NewFileError, match=f"{path} already exists and is never overwritten") as caught:
        export_keys.write(path, [daily_key()], None)
    assert caught.value.hint
    assert target.read_text() == "my diary"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("link", [False, True])
def test_a_file_that_appears_at_the_last_moment_is_not_overwritten_either(tmp_path: Path, link: bool) -> None:
    path, target = tmp_path / "out", tmp_path / "diary"
    target.write_text("my diary")
    if link:
        path.symlink_to(target)
    else:
        target.rename(path)
    with pytest.raises(FileExistsError):
        create(path, b"keys")
    assert path.read_text() == "my diary"


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NewFileError, match=f"can't write {tmp_path}/no/out: No such file") as caught:
        export_keys.write(tmp_path / "no" / "out", [daily_key()], None)
    assert caught.value.hint


def test_half_a_file_is_not_left_behind(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(NewFileError, match=f"can't write {tmp_path}/out: File too large"):
            export_keys.write(tmp_path / "out", [daily_key()], None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert list(tmp_path.iterdir()) == []


def test_no_keys_are_no_file(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="no keys"):
        export_keys.write(tmp_path / "out", [], None)
    assert list(tmp_path.iterdir()) == []


def test_symptoms_begin_in_the_past() -> None:
    export_keys.require_past(None, NOW_S)
    export_keys.require_past(date(2020, 9, 24), NOW_S)
    with pytest.raises(ExportError, match="2020-12-01, which is in the future") as caught:
        export_keys.require_past(date(2020, 12, 1), NOW_S)
    assert caught.value.hint


# from F0 to F2


class Person:
    """A device that has broadcast one key since yesterday's midnight."""

    def __init__(self, store: Store, key: DailyKey) -> None:
        self.store, self.key = store, key
        with store.transaction():
            store.keys.add(key, last_slot_s=key.ends_at_s - key.slot_s, exportable=True)

    def meet(self, other: "Person", hour: int) -> None:
        """Stand a metre from ``other`` for 20 minutes, and hear each other."""
        for listener, speaker in ((self, other), (other, self)):
            protocol, fold = PROTOCOLS[speaker.key.protocol], MinuteFold()
            for at_s in range(self.key.starts_at_s + hour * 3600, self.key.starts_at_s + hour * 3600 + 1200, 20):
                advertising_data = protocol.encode(speaker.key, protocol.identifier_at(speaker.key, at_s), -20)
                observed = protocol.decode(advertising_data)
                assert observed is not None
                fold.add(observed, -70, at_s, trusted=True)
            with listener.store.transaction():
                listener.store.contacts.add(fold.drain())

    def export(self, path: Path) -> None:
        export_keys.end_current_key(self.store)
        export_keys.write(path, export_keys.exportable(self.store, 14, NOW_S), None)

    def check(self, folder: Path, now_s: float) -> CheckReport:
        pinned = PinnedSource(open_source(str(folder)), AUTHORITY.verification_key)
        return Check(self.store, MODELS[DEFAULT_MODEL], assumed_tx_power_dbm=-25, now_s=now_s).run([pinned])


@BOTH
def test_near_a_case_makes_f1_and_near_a_published_f1_makes_f2(tmp_path: Path, protocol: str) -> None:
    with ExitStack() as opened:
        people = [
            Person(opened.enter_context(Store(tmp_path / str(n))), daily_key(protocol, number=n + 1)) for n in range(4)
        ]
        case, contact, contacts_contact, stranger = people
        case.meet(contact, 9)
        contact.meet(contacts_contact, 17)
        folder = tmp_path / "published"

        def publish_keys_of(person: Person, now_s: float, *, is_contact: bool) -> None:
            path = tmp_path / f"{now_s}.json"
            person.export(path)
            publish.publish(
                [path],
                AUTHORITY,
                folder,
                now_s,
                report_type=ReportType.RECURSIVE if is_contact else ReportType.CONFIRMED_TEST,
                region="VN",
            )

        def verdicts(now_s: float) -> list[list[Degree]]:
            return [[day.degree for day in p.check(folder, now_s).new_warnings] for p in people[1:]]

        publish_keys_of(case, NOW_S, is_contact=False)
        assert verdicts(NOW_S + 60) == [[Degree.F1], [], []]
        publish_keys_of(contact, NOW_S + 120, is_contact=True)
        assert verdicts(NOW_S + 180) == [[], [Degree.F2], []]
        assert stranger.check(folder, NOW_S + 240).days == ()


def test_symptoms_begin_on_the_owners_own_day_at_the_latest(monkeypatch: pytest.MonkeyPatch) -> None:
    at_s = datetime(2020, 9, 24, 20, tzinfo=UTC).timestamp()
    for zone, today in (("ICT-7", date(2020, 9, 25)), ("UTC0", date(2020, 9, 24)), ("EST12", date(2020, 9, 24))):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        export_keys.require_past(today, at_s)
        with pytest.raises(ExportError):
            export_keys.require_past(today + timedelta(days=1), at_s)
    monkeypatch.undo()
    time.tzset()
