"""Phones and other senders that do not run the agent: how they are recognised, and that nothing of theirs is kept."""

from __future__ import annotations

import gzip
import re
from collections import Counter
from pathlib import Path
from random import Random
from typing import Final

import pyarrow.parquet as pq
import pytest

from bluezone_agent.clocks.simulated import SimulatedClock, run_simulated
from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.core.identifiers import ObservedIdentifier
from bluezone_agent.core.reception import Advert
from bluezone_agent.radios.sender import sender_digest
from bluezone_agent.trials.append import read_json_lines
from bluezone_agent.trials.folder import EVENTS, TrialError, TrialFolder
from bluezone_agent.trials.followed import FollowedDevices, Recognition
from bluezone_agent.trials.forget import forget
from bluezone_agent.trials.marks import parse_mark
from bluezone_agent.trials.monitor import fingerprint
from bluezone_agent.trials.pack import pack
from bluezone_agent.trials.plan import TrialPlan
from bluezone_agent.trials.read_plan import parse_plan
from bluezone_agent.trials.recorder import Recorder
from bluezone_agent.trials.records import EVENTS_DECODER, DeviceFound
from bluezone_agent.trials.simulate import simulate
from bluezone_agent.trials.simulated_phone import SimulatedPhone
from tests.trials.plans import HEAD, made

ADDRESS: Final = "5A:11:22:33:44:55"
PHONES: Final = """
[[device]]
id = "phone-1"
role = "beacon"
person = "P07"
address = "5a:11:22:33:44:55"

[[device]]
id = "phone-2"
role = "beacon"

[[phase]]
name = "table"
minutes = 40
positions = {a = [0, 0], b = [2, 0, 180], door = [1, 3], phone-1 = [0.5, 0.5], phone-2 = [6, 4]}
"""
TEXT: Final = HEAD.replace("rotation_s = 10", "rotation_s = 60") + PHONES


class Observer:
    """One receiver that follows the phones of a plan; times are its uptime."""

    def __init__(self, plan: TrialPlan) -> None:
        self.said: list[tuple[str, int, Recognition]] = []
        self.followed = FollowedDevices(plan, lambda *what: self.said.append(what))
        self.at_s = 0.0

    def receives(self, identifier: bytes, rssi_dbm: int = -60, address: str = "") -> str | None:
        observed = ObservedIdentifier("gaen", identifier, b"\x40\x00\x00\x00")
        sender = sender_digest(address) if address else b""
        known = self.followed.find(observed, Advert(AdvertisingData(), rssi_dbm, 0.0, sender=sender), self.at_s)
        return known.device if known else None

    def passes(self, seconds: int, *packets: tuple[bytes, int]) -> None:
        """Let so many seconds pass, with a packet of each of these a second."""
        for _second in range(seconds):
            self.at_s += 1
            for identifier, rssi_dbm in packets:
                self.receives(identifier, rssi_dbm)
            self.followed.look(self.at_s)


@pytest.fixture
def observer() -> Observer:
    return Observer(parse_plan(TEXT, Path("p")))


ONE, TWO, THREE, STRANGER = (bytes([n] * 16) for n in range(1, 5))


def test_an_address_tells_a_phone_until_both_change(observer: Observer) -> None:
    assert observer.receives(ONE) is None
    assert observer.receives(ONE, address=ADDRESS) == "phone-1"
    assert observer.receives(ONE) == "phone-1", "a radio that tells no address knows the identifier now"
    assert observer.receives(TWO, address=ADDRESS) == "phone-1", "the address outlived the identifier"
    assert observer.receives(TWO, address="5A:00:00:00:00:01") == "phone-1", "the identifier outlived the address"
    assert observer.receives(THREE, address="5A:00:00:00:00:01") == "phone-1"
    assert observer.receives(STRANGER, address="5A:00:00:00:00:02") is None
    assert observer.receives(STRANGER, address=ADDRESS) is None, "nobody has that address any more"
    assert [(number, how) for _d, number, how in observer.said] == [
        (1, Recognition.ADDRESS),
        (2, Recognition.SAME_ADDRESS),
        (3, Recognition.SAME_ADDRESS),
    ]


def test_the_strongest_sender_of_a_marked_minute(observer: Observer) -> None:
    observer.followed.expect_nearest("phone-2", 0.0)
    observer.passes(59, (ONE, -40), (STRANGER, -47))
    assert observer.said == []
    observer.passes(2, (ONE, -40), (STRANGER, -47))
    assert observer.said == [("phone-2", 1, Recognition.STRONGEST)]
    assert observer.receives(ONE) == "phone-2"
    assert observer.receives(STRANGER) is None


def test_two_senders_about_as_strong_are_not_told_apart(observer: Observer) -> None:
    observer.followed.expect_nearest("phone-2", 0.0)
    observer.passes(61, (ONE, -40), (STRANGER, -45))
    assert observer.said == [("phone-2", 0, Recognition.UNCLEAR)]
    assert observer.receives(ONE) is None
    observer.followed.expect_nearest("phone-2", observer.at_s)
    observer.passes(61)
    assert observer.said[-1] == ("phone-2", 0, Recognition.SILENT)


def marked(observer: Observer) -> None:
    observer.followed.expect_nearest("phone-2", observer.at_s)
    observer.passes(61, (ONE, -40))
    assert observer.said.pop() == ("phone-2", 1, Recognition.STRONGEST)


def test_after_a_change_the_one_new_sender_is_likely_it(observer: Observer) -> None:
    marked(observer)
    observer.passes(600, (ONE, -55), (STRANGER, -56))
    observer.passes(20, (TWO, -57), (STRANGER, -56))
    assert observer.said == [("phone-2", 2, Recognition.LIKELY)]
    assert observer.receives(TWO) == "phone-2"
    assert observer.receives(STRANGER) is None


@pytest.mark.parametrize(
    ("packets", "how"),
    [
        (((TWO, -57), (THREE, -52)), Recognition.UNCLEAR),
        (((TWO, -80),), Recognition.SILENT),
        (((STRANGER, -56),), Recognition.SILENT),
        ((), Recognition.SILENT),
    ],
    ids=["two new ones", "much weaker", "nobody new", "nobody"],
)
def test_a_phone_is_lost_rather_than_taken_for_another(
    observer: Observer, packets: tuple[tuple[bytes, int], ...], how: Recognition
) -> None:
    marked(observer)
    observer.passes(600, (ONE, -55), (STRANGER, -56))
    observer.passes(120, *packets)
    assert observer.said == [("phone-2", 1, how)]
    assert observer.receives(TWO) is None
    assert observer.receives(ONE) == "phone-2", "it was only out of range"


def test_two_phones_that_change_at_once_are_not_swapped(observer: Observer) -> None:
    marked(observer)
    assert observer.receives(THREE, -54, ADDRESS) == "phone-1"
    observer.passes(100, (ONE, -55), (THREE, -54))
    observer.said.clear()
    observer.passes(60, (b"x" * 16, -55), (b"y" * 16, -54))
    assert sorted((device, how) for device, _n, how in observer.said) == [
        ("phone-1", Recognition.UNCLEAR),
        ("phone-2", Recognition.UNCLEAR),
    ]


def test_an_identifier_that_never_changes(observer: Observer) -> None:
    text = TEXT.replace('address = "5a:11:22:33:44:55"', f'identifier = "{ONE.hex()}"')
    fixed = Observer(parse_plan(text, Path("p")))
    assert fixed.receives(ONE) == "phone-1"
    assert fixed.receives(TWO) is None
    assert fixed.said == [("phone-1", 1, Recognition.IDENTIFIER)]


def test_random_strangers_never_crash_it_and_are_forgotten(observer: Observer) -> None:
    random = Random(1)
    for _n in range(3000):
        observer.at_s += random.random()
        observer.receives(random.randbytes(16), random.randint(-100, -20), random.choice(("", ADDRESS, "x")))
        if random.random() < 0.1:
            observer.followed.expect_nearest(random.choice(("phone-1", "phone-2")), observer.at_s)
        observer.followed.look(observer.at_s)
    assert len(observer.followed._strangers) < 200


def events_of(trial: TrialFolder, device: str) -> list[DeviceFound]:
    events = read_json_lines(trial.device(device) / EVENTS, EVENTS_DECODER)
    return [event for event in events if isinstance(event, DeviceFound)]


def test_what_was_found_in_the_last_second_is_written_at_the_end(tmp_path: Path) -> None:
    trial = made(tmp_path / "t", TEXT.replace('address = "5a:11:22:33:44:55"', f'identifier = "{ONE.hex()}"'))
    participant = trial.participant("a")
    participant.make_folder()
    data = SimulatedPhone(participant.plan.devices[3], 1).advertising_data_at(0.0)
    with Recorder(participant, SimulatedClock(1_796_094_000), durable=False) as recorder:
        run_simulated(_received(recorder, Advert(data, -60, 1_796_094_000.0)))
    assert [(event.device, event.how) for event in events_of(trial, "a")] == [("phone-1", "identifier")]


async def _received(recorder: Recorder, advert: Advert) -> None:
    recorder.receives(advert)


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> TrialFolder:
    trial = made(tmp_path_factory.mktemp("phones") / "t", TEXT)
    simulate(trial, trial.plan())
    return trial


@pytest.mark.slow
def test_a_simulated_trial_with_phones_is_packed_without_a_trace_of_them(simulated: TrialFolder) -> None:
    """Two phones change every 10 to 20 minutes, and are recognised again when the simulated phones really changed."""
    trial, plan = simulated, simulated.plan()
    rows = pack(trial)
    assert rows["found"] >= 6
    adverts = [
        row
        for path in (trial.path / "dataset" / "adverts").iterdir()
        for row in pq.read_table(path).to_pylist()
        if row["sender"].startswith("phone")
    ]
    received = Counter((row["receiver"], row["sender"]) for row in adverts)
    assert set(received) == {(r, s) for r in ("a", "b", "door") for s in ("phone-1", "phone-2")}
    for receiver in ("a", "b", "door"):
        assert received[receiver, "phone-1"] > 0.7 * 4 * 2400
    assert all(row["distance_m"] for row in adverts if row["phase"])
    for device in ("a", "b", "door"):
        how = Counter(event.how for event in events_of(trial, device) if event.device == "phone-1")
        assert how["address"] == 1
        assert how["likely"] >= 1
        for event in events_of(trial, device):
            if event.how == "likely":
                phone = SimulatedPhone(next(d for d in plan.devices if d.id == event.device), plan.trial.seed)
                at_s = event.boottime_ns / 1e9
                before, after = phone.advertising_data_at(at_s - 25), phone.advertising_data_at(at_s)
                assert before.service_data != after.service_data
    devices = pq.read_table(trial.path / "dataset" / "devices" / "devices.parquet").to_pylist()
    assert {row["device"]: row["role"] for row in devices}["phone-1"] == "beacon"
    written = b"".join(
        path.read_bytes() for path in trial.path.rglob("*") if path.is_file() and path.name != "trial.toml"
    )
    written += b"".join(repr(table.to_pydict()).encode() for table in map(pq.read_table, trial.path.rglob("*.parquet")))
    for phone in (SimulatedPhone(device, plan.trial.seed) for device in plan.devices if not device.runs):
        for since_s in range(0, 2400, 60):
            identifier = next(iter(phone.advertising_data_at(since_s).service_data.values()))[:16]
            address = phone.address_at(since_s)
            for never in (identifier, identifier.hex().encode(), address.encode(), address.lower().encode()):
                assert never not in written


def test_a_phone_is_forgotten_with_its_address(tmp_path: Path) -> None:
    trial = made(tmp_path / "t", TEXT.replace("minutes = 40", "minutes = 1"))
    simulate(trial, trial.plan())
    assert events_of(trial, "a")
    receipt = forget(trial, "P07", 0.0)
    assert receipt.packets > 100
    for path in (path for path in trial.path.rglob("*") if path.is_file()):
        data = path.read_bytes() if path.suffix != ".gz" else gzip.decompress(path.read_bytes())
        assert not re.search(rb"phone-1|P07|5[aA]:11:22", data), path
    assert [device.role for device in trial.plan().devices if device.id.startswith("removed")] == ["beacon"]


def test_the_fingerprint_of_a_plan_does_not_depend_on_an_address() -> None:
    one, other = (parse_plan(TEXT.replace("5a:11", start), Path("p")) for start in ("5a:11", "5a:12"))
    assert fingerprint(one) == fingerprint(other)
    assert fingerprint(one) != fingerprint(parse_plan(TEXT.replace("minutes = 40", "minutes = 41"), Path("p")))


def test_marks_name_the_nearest_phone() -> None:
    devices, phones = ("a", "b", "phone-1"), ("phone-1",)
    assert parse_mark("nearest=phone-1 in my hand", devices, phones) == ("in my hand", (), "phone-1")
    assert parse_mark("nearest=phone-1", devices, phones).nearest == "phone-1"
    with pytest.raises(TrialError, match='"a" is not a device with role = "beacon"'):
        parse_mark("nearest=a", devices, phones)


def test_a_phone_does_not_run(tmp_path: Path) -> None:
    with pytest.raises(TrialError, match='phone-1 has role = "beacon"'):
        made(tmp_path / "t", TEXT).participant("phone-1")
