"""The door of a running agent, through its sockets: opened on request, shown at once, kept on the disk."""

from __future__ import annotations

import asyncio
import csv
import gc
import io
import re
import secrets
import tracemalloc
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta, timezone
from pathlib import Path
from typing import Final

import pytest

from bluezone_agent.app import door as doors
from bluezone_agent.app.device import Device
from bluezone_agent.app.door_paper import report_csv
from bluezone_agent.clocks.simulated import run_simulated
from bluezone_agent.core.calendars import Calendar
from bluezone_agent.core.door import CalibrationStep, Direction, DoorCounts, DoorNow, DoorState
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.packet_share import SPARSE_SCAN_MODE
from bluezone_agent.core.protocols import PROTOCOLS, decode
from bluezone_agent.daemon import control_socket
from bluezone_agent.daemon.live_feed import LEAST_S
from bluezone_agent.door.settings import DoorSettings
from bluezone_agent.door.store import FILE_NAME, DoorStore
from bluezone_agent.errors import DoorError, DoorRefusal, NoLiveFeedError
from bluezone_agent.stores.store import StateLock, Store
from tests.daemon.test_agent import NOON_S, Bench, advertisement_of_another
from tests.daemon.test_live_feed import Reader

QUEUE, NEAR = -73, -58
PURPOSE: Final = DoorSettings(label_purpose="visitors of the archive, house rules 7")
HELD_S: Final = 3


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path) as opened, StateLock(tmp_path):
        yield opened


class Door(Bench):
    """An agent whose owner may open a door."""

    def __init__(self, store: Store, settings: DoorSettings | None = None) -> None:
        super().__init__(store)
        self.agent = replace(self.agent, door=settings or DoorSettings(), random_bytes=secrets.token_bytes)
        self.device = Device(store.state_dir)

    async def ask(self, verb: str, direction: Direction | None = None, label: str = "") -> None:
        await asyncio.to_thread(doors.ask, self.device, verb, direction, label)

    async def open(self, direction: Direction | None = None) -> None:
        await self.ask(control_socket.DOOR_OPEN, direction)

    async def sends(self, seconds: float, rssi_dbm: int, number: int = 1, protocol: str = "gaen") -> None:
        chosen = PROTOCOLS[protocol]
        data = advertisement_of_another(chosen, bytes([number]) * chosen.key_length)
        for _ in range(int(4 * seconds)):
            self.radio.receive(data, rssi_dbm)
            await asyncio.sleep(0.25)

    async def visits(self, number: int = 1, protocol: str = "gaen") -> None:
        await self.sends(8, QUEUE, number, protocol)
        await self.sends(HELD_S, NEAR, number, protocol)
        await self.sends(4, QUEUE, number, protocol)

    async def now(self) -> DoorNow | None:
        reader = await Reader.of(self.store)
        line = await reader.newest()
        await reader.end()
        return line.door

    async def counts(self) -> DoorCounts:
        found = await self.now()
        assert found is not None
        return found.counts


def test_it_is_closed_until_it_is_opened_and_keeps_nothing(store: Store) -> None:
    async def life(door: Bench) -> None:
        assert isinstance(door, Door)
        assert await door.now() is None
        await door.visits()
        for verb in (control_socket.DOOR_NO_DEVICE, control_socket.DOOR_UNDO, control_socket.DOOR_CALIBRATE):
            with pytest.raises(DoorError) as error:
                await door.ask(verb)
            assert error.value.reason is DoorRefusal.CLOSED
        await door.ask(control_socket.DOOR_CLOSE)
        assert not (store.state_dir / FILE_NAME).exists()

    run_simulated(Door(store).during(life))


def test_green_is_shown_at_once_rather_than_at_the_next_second(store: Store) -> None:
    async def life(door: Bench) -> None:
        assert isinstance(door, Door)
        await door.open()
        reader = await Reader.of(store)
        await door.sends(8, QUEUE)
        sending = asyncio.create_task(door.sends(HELD_S, NEAR))
        while (line := await reader.line()).door is None or line.door.state is not DoorState.GREEN:
            pass
        assert line.door.since_s <= LEAST_S
        assert line.door.green_left_s is not None
        assert line.door.counts == DoorCounts(in_with=1)
        assert line.door.last is not None
        assert (line.door.last.protocol, line.door.last.labelled) == ("gaen", False)
        await sending
        await reader.end()

    run_simulated(Door(store).during(life))


def test_people_with_and_without_in_and_out(store: Store) -> None:
    async def life(door: Bench) -> None:
        assert isinstance(door, Door)
        await door.open()
        await door.visits(1, "gaen")
        await door.visits(2, "bluezone")
        await door.ask(control_socket.DOOR_NO_DEVICE)
        await door.ask(control_socket.DOOR_DIRECTION)
        await door.visits(1, "gaen")
        await door.ask(control_socket.DOOR_NO_DEVICE)
        assert await door.counts() == DoorCounts(in_with=2, in_without=1, out_with=1, out_without=1)
        await door.open(Direction.IN)
        now = await door.now()
        assert now is not None
        assert now.direction is Direction.IN

    run_simulated(Door(store).during(life))


def test_the_counts_of_the_day_are_there_after_a_restart_and_begin_again_at_midnight(store: Store) -> None:
    async def first(door: Bench) -> None:
        assert isinstance(door, Door)
        door.clock.zone = timezone(timedelta(hours=7))
        await door.open()
        await door.visits()

    async def second(door: Bench) -> None:
        assert isinstance(door, Door)
        door.clock.zone = timezone(timedelta(hours=7))
        await door.open()
        assert await door.counts() == DoorCounts(in_with=1)
        await asyncio.sleep(5 * 3600)  # from noon UTC past midnight in Vietnam
        assert await door.counts() == DoorCounts()

    run_simulated(Door(store).during(first))
    run_simulated(Door(store).during(second))


def test_the_last_is_taken_back_and_the_device_counts_when_it_comes_again(store: Store) -> None:
    async def life(door: Bench) -> None:
        assert isinstance(door, Door)
        await door.open()
        await door.visits()
        await door.ask(control_socket.DOOR_NO_DEVICE)
        await door.ask(control_socket.DOOR_UNDO)
        assert await door.counts() == DoorCounts(in_with=1)
        await door.ask(control_socket.DOOR_UNDO)
        assert await door.counts() == DoorCounts()
        with pytest.raises(DoorError) as error:
            await door.ask(control_socket.DOOR_UNDO)
        assert error.value.reason is DoorRefusal.NO_PASSAGE
        await door.visits()
        assert await door.counts() == DoorCounts(in_with=1)

    run_simulated(Door(store).during(life))


def test_labels_only_for_a_stated_purpose(store: Store) -> None:
    async def without(door: Bench) -> None:
        assert isinstance(door, Door)
        await door.open()
        await door.ask(control_socket.DOOR_NO_DEVICE)
        with pytest.raises(DoorError) as error:
            await door.ask(control_socket.DOOR_LABEL, label="badge 1")
        assert error.value.reason is DoorRefusal.NO_LABELS

    async def with_one(door: Bench) -> None:
        assert isinstance(door, Door)
        await door.open()
        with pytest.raises(DoorError) as error:
            await door.ask(control_socket.DOOR_LABEL, label="badge 1")
        assert error.value.reason is DoorRefusal.NO_PASSAGE
        await door.ask(control_socket.DOOR_NO_DEVICE)
        for wrong in ("", "x" * 81, "two\nlines"):
            with pytest.raises(DoorError) as error:
                await door.ask(control_socket.DOOR_LABEL, label=wrong)
            assert error.value.reason is DoorRefusal.BAD_LABEL
        await door.ask(control_socket.DOOR_LABEL, label="badge 1")
        now = await door.now()
        assert now is not None
        assert now.last is not None
        assert (now.last.labelled, now.label_purpose) == (True, PURPOSE.label_purpose)

    run_simulated(Door(store).during(without))
    with DoorStore(store.state_dir) as kept:
        assert [stored.label for stored in kept.passages()] == [None]
    run_simulated(Door(store, PURPOSE).during(with_one))
    with DoorStore(store.state_dir) as kept:
        assert [stored.label for stored in kept.passages()] == [None, "badge 1"]


@pytest.mark.parametrize("is_open", [True, False])
def test_labels_are_gone_after_their_time_from_the_files_too(store: Store, is_open: bool) -> None:
    def raw() -> bytes:
        return b"".join(path.read_bytes() for path in store.state_dir.glob("door.db*"))

    async def life(door: Bench) -> None:
        assert isinstance(door, Door)
        await door.open()
        await door.ask(control_socket.DOOR_NO_DEVICE)
        await door.ask(control_socket.DOOR_LABEL, label="badge 4711")
        assert b"badge 4711" in raw()
        await door.ask(control_socket.DOOR_CLOSE)
        await asyncio.sleep(DAY_S - 60)
        assert b"badge 4711" in raw()
        if is_open:
            await door.open()
        await asyncio.sleep(3700)
        assert b"badge 4711" not in raw()
        with DoorStore(store.state_dir) as kept:
            assert len(kept.passages()) == 1

    run_simulated(Door(store, replace(PURPOSE, label_retention_days=1)).during(life))


def test_a_calibration_at_the_door_is_in_force_at_once_and_after_a_restart(store: Store) -> None:
    async def life(door: Bench) -> None:
        assert isinstance(door, Door)
        steps: list[DoorNow] = []

        async def guide() -> None:
            async with aclosing(doors.calibration(door.device)) as each:
                steps.extend([shown async for shown in each])

        guided = asyncio.create_task(guide())
        await door.sends(28, -50)
        await door.sends(40, -70)
        await guided
        last = steps[-1]
        assert last.calibration is not None
        assert (last.calibration.step, last.threshold_dbm, last.threshold_calibrated) == (
            CalibrationStep.DONE,
            -58,
            True,
        )
        assert await door.now() is None, "it was closed before, and is closed again"

    async def again(door: Bench) -> None:
        assert isinstance(door, Door)
        await door.open()
        now = await door.now()
        assert now is not None
        assert (now.threshold_dbm, now.threshold_calibrated) == (-58, True)

    run_simulated(Door(store).during(life))
    run_simulated(Door(store).during(again))


def test_nobody_is_counted_during_a_calibration(store: Store) -> None:
    async def life(door: Bench) -> None:
        assert isinstance(door, Door)
        await door.open()
        await door.ask(control_socket.DOOR_CALIBRATE)
        await door.visits()
        with pytest.raises(DoorError) as error:
            await door.ask(control_socket.DOOR_NO_DEVICE)
        assert error.value.reason is DoorRefusal.BUSY
        assert await door.counts() == DoorCounts()
        await door.ask(control_socket.DOOR_CALIBRATE)
        await door.ask(control_socket.DOOR_NO_DEVICE)
        assert await door.counts() == DoorCounts(in_without=1)

    run_simulated(Door(store).during(life))


def test_a_radio_that_reports_each_device_once_in_11_s_is_named(store: Store) -> None:
    async def life(door: Bench) -> None:
        assert isinstance(door, Door)
        await door.open()
        now = await door.now()
        assert now is not None
        assert not now.radio_fast

    door = Door(store)
    door.radio.scan_mode = SPARSE_SCAN_MODE
    run_simulated(door.during(life))


def test_a_person_whom_the_disk_does_not_accept_is_not_counted(store: Store) -> None:
    async def life(door: Bench) -> None:
        assert isinstance(door, Door)
        await door.open()
        kept = next(found for found in gc.get_objects() if isinstance(found, DoorStore))
        kept._db.execute("PRAGMA query_only=on")  # as a disk that has become read-only
        with pytest.raises(DoorError) as error:
            await door.ask(control_socket.DOOR_NO_DEVICE)
        assert error.value.reason is DoorRefusal.NOT_WRITTEN
        await door.visits()
        kept._db.execute("PRAGMA query_only=off")
        assert await door.counts() == DoorCounts()
        await door.ask(control_socket.DOOR_NO_DEVICE)
        assert await door.counts() == DoorCounts(in_without=1)

    run_simulated(Door(store).during(life))


def test_the_gate_ends_when_no_agent_runs(tmp_path: Path) -> None:
    async def look() -> None:
        async with aclosing(doors.gate(Device(tmp_path))) as lines:
            await anext(lines)

    with pytest.raises(NoLiveFeedError):
        asyncio.run(look())


def test_no_identifier_or_address_is_in_the_store_or_the_table(store: Store) -> None:
    async def life(door: Bench) -> None:
        assert isinstance(door, Door)
        await door.open()
        for number in range(1, 9):
            await door.visits(number, list(PROTOCOLS)[number % 2])

    run_simulated(Door(store).during(life))
    kept = b"".join(path.read_bytes() for path in store.state_dir.glob("door.db*"))
    day = Calendar().day(NOON_S)
    table = report_csv(doors.report(Device(store.state_dir), day, day, passages=True)).decode("utf-8-sig")
    assert len(list(csv.reader(io.StringIO(table)))) == 9
    for number in range(1, 9):
        protocol = list(PROTOCOLS.values())[number % 2]
        observed = decode(advertisement_of_another(protocol, bytes([number]) * protocol.key_length))
        assert observed is not None
        for secret in (observed.identifier, observed.identifier[:4], observed.identifier[-4:]):
            assert secret not in kept
            assert secret.hex() not in table.lower()
    assert not re.search(rb"([0-9A-Fa-f]{2}:){5}", kept + table.encode())


@pytest.mark.slow
def test_hours_grow_neither_the_memory_nor_the_file_beyond_the_counts(store: Store, long: bool) -> None:
    """One visitor a minute, each with an identifier of their own; 12 hours in the long form."""
    sizes: list[int] = []
    hours = 12 if long else 3

    async def life(door: Bench) -> None:
        assert isinstance(door, Door)
        await door.open()
        for hour in range(hours):
            for minute in range(60):
                number = 60 * hour + minute
                chosen = PROTOCOLS["gaen"]
                data = advertisement_of_another(chosen, number.to_bytes(chosen.key_length, "big"))
                for rssi_dbm, packets in ((QUEUE, 12), (NEAR, 10)):
                    for _ in range(packets):
                        door.radio.receive(data, rssi_dbm)
                        await asyncio.sleep(0.25)
                await asyncio.sleep(54.5)
            sizes.append(tracemalloc.get_traced_memory()[0])

    tracemalloc.start()
    try:
        run_simulated(Door(store).during(life))
    finally:
        tracemalloc.stop()
    with DoorStore(store.state_dir) as kept:
        assert len(kept.passages()) == 60 * hours
    size = (store.state_dir / FILE_NAME).stat().st_size
    print(f"memory by hour: {sizes}; file {size} bytes")
    assert size <= 60 * hours * 64 + 32 * 1024
    assert sizes[-1] - sizes[1] <= 200_000
