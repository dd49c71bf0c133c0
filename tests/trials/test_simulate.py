"""Every template, simulated: what is recorded is what the virtual air delivered, packet for packet."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from bluezone_agent.clocks.simulated import SimulatedClock, run_simulated
from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.core.protocols import decode
from bluezone_agent.core.reception import Advert
from bluezone_agent.errors import RadioFault, RadioUnavailableError
from bluezone_agent.radios.simulated.air import Air, VirtualRadio
from bluezone_agent.trials.append import read_json_lines
from bluezone_agent.trials.folder import CLOCK, EVENTS, MARKS, TrialError, TrialFolder
from bluezone_agent.trials.node import Node
from bluezone_agent.trials.packets import chunks, read_chunk
from bluezone_agent.trials.recorder import Recorder
from bluezone_agent.trials.records import (
    CLOCK_DECODER,
    EVENTS_DECODER,
    MARKS_DECODER,
    NS,
    MinuteCounts,
    OffAir,
    OnAir,
    PhaseBegan,
    RadioLost,
    ScanBegan,
    ScanEnded,
    TrialEnded,
    TrialEvent,
)
from bluezone_agent.trials.simulate import simulate, virtual_radio
from bluezone_agent.trials.templates import TEMPLATES, plan_text
from tests.trials.plans import HEAD, PLAN, made

SLOW = {"classroom", "continuity", "bus"}


class CountingAir(Air):
    """An air that notes what it delivers."""

    def __init__(self, *args: object, **settings: object) -> None:
        super().__init__(*args, **settings)  # type: ignore[arg-type]
        self.delivered: Counter[tuple[int, bytes]] = Counter()

    def receptions(self, receiver: object) -> Iterator[tuple[AdvertisingData, int, bytes]]:
        for data, rssi_dbm, sender in super().receptions(receiver):  # type: ignore[arg-type]
            observed = decode(data)
            assert observed is not None
            self.delivered[receiver.number, observed.identifier] += 1  # type: ignore[attr-defined]
            yield data, rssi_dbm, sender


def lines_of(folder: Path) -> list[list[str]]:
    text = b"".join(piece for chunk in chunks(folder) for piece in read_chunk(chunk)).decode()
    return [line.split(",") for line in text.splitlines() if not line.startswith("boottime")]


def events_of(trial: TrialFolder, device: str) -> list[TrialEvent]:
    return list(read_json_lines(trial.device(device) / EVENTS, EVENTS_DECODER))


@pytest.mark.parametrize("template", [pytest.param(t, marks=pytest.mark.slow if t in SLOW else ()) for t in TEMPLATES])
def test_what_the_air_delivers_is_recorded(tmp_path: Path, template: str) -> None:
    trial = made(tmp_path / "t", plan_text(template, "t", "UTC"))
    plan = trial.plan()
    airs = list[CountingAir]()

    def air(*args: object, **settings: object) -> Air:
        airs.append(CountingAir(*args, **settings))
        return airs[0]

    nodes = simulate(trial, plan, air)
    delivered: Counter[tuple[str, str]] = Counter()
    sender_of = {transmission.data[-12:]: transmission.device for transmission in airs[0].log if transmission.data}
    for (receiver, identifier), count in airs[0].delivered.items():
        delivered[plan.devices[receiver].id, plan.devices[sender_of[identifier]].id] += count
    recorded: Counter[tuple[str, str]] = Counter()
    for device in plan.devices:
        recorded.update((device.id, line[2]) for line in lines_of(trial.device(device.id)))
    assert recorded == delivered
    assert {(node.device, sender): n for node in nodes for sender, n in node.received.items()} == recorded
    expected = plan.length_s / 0.25
    for to, of in plan.pairs():
        assert 0.3 * expected < recorded[to.id, of.id] <= expected


def test_the_same_seed_gives_the_same_packets(tmp_path: Path) -> None:
    one, other = (made(tmp_path / name) for name in "ab")
    (other.path / "secret.toml").write_bytes((one.path / "secret.toml").read_bytes())
    for trial in (one, other):
        simulate(trial, trial.plan())
    for device in ("a", "b", "door"):
        assert lines_of(one.device(device)) == lines_of(other.device(device))
    assert len(lines_of(one.device("door"))) > 500


def test_events_say_what_was_on_the_air_and_when(tmp_path: Path) -> None:
    trial = made(tmp_path / "t")
    nodes = {node.device: node for node in simulate(trial, trial.plan())}
    events = events_of(trial, "a")
    on_air = [event for event in events if isinstance(event, OnAir)]
    assert len(on_air) == 10
    assert all(b.rotation == a.rotation + 1 for a, b in pairwise(on_air))
    assert all(event.power_dbm == -12 and not event.measured for event in on_air)
    assert [e.name for e in events if isinstance(e, PhaseBegan)] == ["one", "two"]
    assert isinstance(events[-1], TrialEnded)
    assert events[-1].complete
    assert events[-1].boottime_ns == pytest.approx(90 * NS, abs=NS)
    offset_s = events[-1].wall_ns / NS - 1_796_094_000 - 90
    assert offset_s == pytest.approx(nodes["a"].clock_offset_s, abs=0.1)
    assert not [event for event in events_of(trial, "door") if isinstance(event, OnAir)]
    assert not [line for line in lines_of(trial.device("a")) if line[2] == "door"]
    clocks = list(read_json_lines(trial.device("a") / CLOCK, CLOCK_DECODER))
    assert [c.boottime_ns // NS for c in clocks] == [0, 60]


def test_positions_become_received_powers(tmp_path: Path) -> None:
    trial = made(tmp_path / "t", plan_text("distance-ladder", "t", "UTC"))
    simulate(trial, trial.plan())
    begins = [event.wall_ns for event in events_of(trial, "pi-1") if isinstance(event, PhaseBegan)]
    lines = lines_of(trial.device("pi-1"))
    means = [
        sum(rssi) / len(rssi)
        for begin in begins
        if (rssi := [int(line[4]) for line in lines if begin <= int(line[1]) < begin + 180 * NS])
    ]
    assert len(means) == 8
    assert means[0] - means[-1] == pytest.approx(22 * math.log10(16), abs=8)


def test_a_schedule_is_kept_and_a_free_phase_has_no_truth(tmp_path: Path) -> None:
    text = HEAD.replace("rotation_s = 10", "scan = {on_s = 4, every_s = 60}")
    text += '[[phase]]\nname = "free"\nminutes = 5\nfree = true\n'
    trial = made(tmp_path / "t", text)
    simulate(trial, trial.plan())
    events = events_of(trial, "door")
    scans = [event.boottime_ns / NS for event in events if isinstance(event, ScanBegan | ScanEnded)]
    assert scans[:6] == pytest.approx([0, 4, 60, 64, 120, 124])
    times = {int(int(line[0]) / NS % 60) for line in lines_of(trial.device("door"))}
    assert times == {0, 1, 2, 3, 4} - ({4} - times)


class FailingRadio(VirtualRadio):
    """A virtual radio that is lost 20 s after it was opened the first time, and can't broadcast once."""

    opened = 0
    refuses = 1

    async def __aenter__(self) -> FailingRadio:
        FailingRadio.opened += 1
        if FailingRadio.opened == 2:
            raise RadioUnavailableError(RadioFault.NO_ADAPTER, "no adapter")
        return self

    async def advertise(self, advertising_data: AdvertisingData) -> None:
        if FailingRadio.opened == 3 and FailingRadio.refuses:
            FailingRadio.refuses = 0
            raise RadioUnavailableError(RadioFault.NO_BROADCAST, "can't broadcast")
        await super().advertise(advertising_data)

    async def listen(self, received: Callable[[Advert], None]) -> None:
        if FailingRadio.opened > 1:
            await super().listen(received)
        try:
            async with asyncio.timeout(20):
                await super().listen(received)
        except TimeoutError:
            raise RadioUnavailableError(RadioFault.LOST, "unplugged") from None


def test_a_radio_that_is_lost_is_noted_and_tried_again(tmp_path: Path) -> None:
    trial = made(tmp_path / "t")
    participant = trial.participant("a")
    participant.make_folder()

    async def take_part() -> bool:
        clock = SimulatedClock(1_796_094_000)
        radio = virtual_radio(participant, clock, lambda: 1_796_094_000.0)
        assert isinstance(radio, VirtualRadio)
        radio.__class__ = FailingRadio
        with Recorder(participant, clock, durable=False) as recorder:
            return await Node(participant, radio, clock, recorder).run(asyncio.Event())

    assert run_simulated(take_part())
    events = events_of(trial, "a")
    assert [event.message for event in events if isinstance(event, RadioLost)] == [
        "unplugged",
        "no adapter",
        "can't broadcast",
    ]
    assert [event.boottime_ns // NS for event in events if isinstance(event, OffAir)] == [30]
    received = {int(line[0]) // NS // 10 for line in lines_of(trial.device("a"))}
    assert received == {0, 1, 3, 4, 5, 6, 7, 8} | (received & {2, 9})


def test_strangers_are_counted_and_never_stored(tmp_path: Path) -> None:
    trial, other = made(tmp_path / "t"), made(tmp_path / "o")
    participant, stranger = trial.participant("a"), other.participant("a")
    participant.make_folder()

    async def receive_strangers() -> None:
        clock = SimulatedClock(1_796_094_000)
        radio = virtual_radio(stranger, clock, lambda: None)
        with Recorder(participant, clock, durable=False) as recorder:
            async with radio:
                listening = asyncio.create_task(radio.listen(recorder.receives))
                await asyncio.sleep(15)
                listening.cancel()

    run_simulated(receive_strangers())
    (counts,) = [event for event in events_of(trial, "a") if isinstance(event, MinuteCounts)]
    assert counts.bystander_packets > 50
    assert counts.bystanders == 2
    assert lines_of(trial.device("a")) == []


def test_a_trial_that_is_over_is_not_continued(tmp_path: Path) -> None:
    trial = made(tmp_path / "t")
    simulate(trial, trial.plan())
    with pytest.raises(ExceptionGroup) as caught:
        simulate(trial, trial.plan())
    assert caught.group_contains(TrialError, match="has recorded this trial to its end")


def test_the_recording_names_no_identifier_and_no_key(tmp_path: Path) -> None:
    trial = made(tmp_path / "t", PLAN)
    plan = trial.plan()
    airs = list[CountingAir]()

    def air(*args: object, **settings: object) -> Air:
        airs.append(CountingAir(*args, **settings))
        return airs[0]

    simulate(trial, plan, air)
    everything = b"".join(path.read_bytes() for path in trial.device("a").iterdir() if path.suffix != ".gz")
    everything += "\n".join(map(str, lines_of(trial.device("a")))).encode()
    identifiers = {identifier for _receiver, identifier in airs[0].delivered}
    assert len(identifiers) > 10
    assert not [i for i in identifiers if i in everything or i.hex().encode() in everything]
    assert list(read_json_lines(trial.device("a") / MARKS, MARKS_DECODER)) == []
