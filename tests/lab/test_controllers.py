"""A virtual controller, driven by HCI commands as a kernel would, on a clock that jumps; no guest."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from io import StringIO
from typing import Any, Final

import pytest
from bumble import hci

from tests.lab.air import AirLog, HciLog
from tests.lab.controllers import LabController, LabLink

ADDRESS: Final = hci.Address("3F:00:00:00:00:01", hci.Address.RANDOM_DEVICE_ADDRESS)
DATA: Final = bytes.fromhex("03036ffd17166ffd") + bytes(20)
RSSI_DBM: Final = -60


class Jumping(selectors.DefaultSelector):
    """Waiting takes no time: the loop's clock jumps to the end of it."""

    now_s = 1000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.now_s += timeout or 0
        return super().select(0)


class JumpingLoop(asyncio.SelectorEventLoop):
    """A loop of virtual time."""

    def __init__(self) -> None:
        self._jumping = Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now_s


def run(coroutine: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(coroutine)


class Host:
    """What a kernel is to a controller: gives commands, and keeps what comes back."""

    def __init__(self, link: LabLink, name: str, *, extended: bool = True) -> None:
        self.events: list[Any] = []
        self.log = StringIO()
        self.controller = LabController(
            name, None, self, link, "C0:FF:EE:00:00:00/P", extended=extended, strict_filter=True, log=HciLog(self.log)
        )

    def on_packet(self, packet: bytes) -> None:
        self.events.append(hci.HCI_Packet.from_bytes(packet))

    async def do(self, command: Any) -> int:
        """Return the status."""
        self.controller.on_packet(bytes(command))
        await asyncio.sleep(0)
        *_, complete = (e for e in self.events if isinstance(e, hci.HCI_Command_Complete_Event))
        parameters = complete.return_parameters
        return int(parameters.status)

    def reports(self) -> list[Any]:
        kinds = (hci.HCI_LE_Extended_Advertising_Report_Event, hci.HCI_LE_Advertising_Report_Event)
        return [report for e in self.events if isinstance(e, kinds) for report in e.reports]

    def ended(self) -> list[Any]:
        return [e for e in self.events if isinstance(e, hci.HCI_LE_Advertising_Set_Terminated_Event)]

    async def prepare(self, interval: int = 0xA0) -> None:
        """Give advertising set 1 its parameters, address and data."""
        parameters = hci.HCI_LE_Set_Extended_Advertising_Parameters_Command
        await self.do(parameters(1, 0x10, interval, interval, 7, 1, 0, hci.Address.ANY, 0, 0x7F, 1, 0, 1, 0, 0))
        await self.do(hci.HCI_LE_Set_Advertising_Set_Random_Address_Command(1, ADDRESS))
        await self.do(hci.HCI_LE_Set_Extended_Advertising_Data_Command(1, 3, 1, DATA))

    async def enable(self, duration: int = 0, most_events: int = 0) -> int:
        return await self.do(hci.HCI_LE_Set_Extended_Advertising_Enable_Command(1, [1], [duration], [most_events]))

    async def scan(self, window: int = 0xA0, interval: int = 0xA0, policy: int = 0, duplicates: int = 0) -> None:
        parameters = hci.HCI_LE_Set_Extended_Scan_Parameters_Command
        assert await self.do(parameters(1, policy, 1, [0], [interval], [window])) == 0
        assert await self.do(hci.HCI_LE_Set_Extended_Scan_Enable_Command(1, duplicates, 0, 0)) == 0


class Bench:
    """A sender and a receiver on one air."""

    def __init__(self) -> None:
        self.air = StringIO()
        self.air_log = AirLog(self.air)
        link = LabLink(lambda _sender, _receiver: RSSI_DBM, self.air_log)
        self.sender, self.receiver = Host(link, "0"), Host(link, "1")


@pytest.mark.parametrize(
    ("duration", "most_events", "status", "events", "took_s"),
    [(200, 0, 0x3C, 0, 2.0), (0, 7, 0x43, 7, 0.63), (200, 5, 0x43, 5, 0.42), (30, 200, 0x3C, 3, 0.3)],
)
def test_an_advertising_set_ends_with_its_duration_or_its_last_event(
    duration: int, most_events: int, status: int, events: int, took_s: float
) -> None:
    async def play() -> None:
        bench = Bench()
        await bench.receiver.scan()
        await bench.sender.prepare()
        began_s = asyncio.get_running_loop().time()
        assert await bench.sender.enable(duration, most_events) == 0
        async with asyncio.timeout(10):
            while not bench.sender.ended():
                await asyncio.sleep(0.001)
        assert asyncio.get_running_loop().time() - began_s == pytest.approx(took_s, abs=0.04)
        received = len(bench.receiver.reports())
        await asyncio.sleep(5)
        assert len(bench.receiver.reports()) == received > 0, "it is off the air"
        (end,) = bench.sender.ended()
        assert (end.status, end.advertising_handle, end.num_completed_extended_advertising_events) == (
            status,
            1,
            events,
        )

    run(play())


def test_a_set_without_limits_goes_on_and_disabling_says_nothing() -> None:
    async def play() -> None:
        bench = Bench()
        await bench.sender.prepare()
        await bench.sender.enable()
        await asyncio.sleep(1000)
        assert bench.sender.controller.advertising_sets[1].enabled
        await bench.sender.do(hci.HCI_LE_Set_Extended_Advertising_Enable_Command(0, [1], [0], [0]))
        await asyncio.sleep(10)
        assert bench.sender.ended() == []

    run(play())


def test_enabling_once_more_starts_the_duration_afresh() -> None:
    async def play() -> None:
        bench = Bench()
        await bench.sender.prepare()
        await bench.sender.enable(duration=100)
        await asyncio.sleep(0.8)
        await bench.sender.enable(duration=100)
        await asyncio.sleep(0.8)
        assert bench.sender.ended() == []
        await asyncio.sleep(0.3)
        assert len(bench.sender.ended()) == 1

    run(play())


def test_what_the_specification_disallows_is_refused() -> None:
    async def play() -> None:
        bench = Bench()
        assert await bench.sender.enable() == hci.HCI_ErrorCode.UNKNOWN_ADVERTISING_IDENTIFIER_ERROR
        await bench.sender.prepare()
        await bench.sender.enable()
        parameters = hci.HCI_LE_Set_Extended_Advertising_Parameters_Command
        command = parameters(1, 0x10, 160, 160, 7, 1, 0, hci.Address.ANY, 0, 0x7F, 1, 0, 1, 0, 0)
        assert await bench.sender.do(command) == hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR
        await bench.receiver.scan(policy=1)
        listed = hci.HCI_LE_Add_Device_To_Filter_Accept_List_Command(1, ADDRESS)
        assert await bench.receiver.do(listed) == hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR

    run(play())


@pytest.mark.parametrize(("window", "least", "most"), [(0xA0, 0.97, 1.0), (0x50, 0.44, 0.55)])
def test_a_scan_receives_the_share_of_its_window(window: int, least: float, most: float) -> None:
    async def play() -> None:
        bench = Bench()
        await bench.receiver.scan(window=window)
        await bench.sender.prepare()
        await bench.sender.enable()
        await asyncio.sleep(120)
        packets = len(bench.air_log._now["0"][1])
        assert packets == pytest.approx(120 / 0.105, rel=0.01)
        assert least <= len(bench.receiver.reports()) / packets <= most
        assert {r.rssi for r in bench.receiver.reports()} == {RSSI_DBM}

    run(play())


def test_a_filter_policy_reports_the_accept_list_only() -> None:
    async def play() -> None:
        bench = Bench()
        await bench.sender.prepare()
        await bench.sender.enable()
        await bench.receiver.scan(policy=1)
        await asyncio.sleep(5)
        assert bench.receiver.reports() == []
        await bench.receiver.do(hci.HCI_LE_Set_Extended_Scan_Enable_Command(0, 0, 0, 0))
        await bench.receiver.do(hci.HCI_LE_Add_Device_To_Filter_Accept_List_Command(1, ADDRESS))
        await bench.receiver.scan(policy=1)
        await asyncio.sleep(5)
        assert len(bench.receiver.reports()) > 30

    run(play())


def test_a_strict_duplicate_filter_reports_an_advertiser_once_a_scan() -> None:
    async def play() -> None:
        bench = Bench()
        await bench.sender.prepare()
        await bench.sender.enable()
        for scans in (1, 2):
            await bench.receiver.scan(duplicates=1)
            await asyncio.sleep(10)
            assert len(bench.receiver.reports()) == scans
            await bench.receiver.do(hci.HCI_LE_Set_Extended_Scan_Enable_Command(0, 0, 0, 0))

    run(play())
