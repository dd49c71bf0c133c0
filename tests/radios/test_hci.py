"""The HCI radio on virtual controllers in this process, with extended advertising and without."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest
from bumble import hci

from bluezone_agent.clocks.simulated import SimulatedClock, run_simulated
from bluezone_agent.errors import RadioFault, RadioUnavailableError
from bluezone_agent.radios import make_radio
from bluezone_agent.radios.hci.radio import HciRadio
from tests.lab.controllers import LabController
from tests.radio_contract import CONTRACT, Bench, Change, advertisements, listening
from tests.radios.hci_air import NEAR_DBM, HciAir, Wire

EPOCH_S = 1_600_000_000.0
NONCONN_IND = 0x10
"""ADV_NONCONN_IND as event type: a legacy PDU, neither connectable nor scannable."""


@pytest.fixture(params=[True, False], ids=["extended", "legacy"])
def extended(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def clock() -> SimulatedClock:
    return SimulatedClock(EPOCH_S)


@pytest.mark.parametrize("rule", CONTRACT, ids=lambda rule: rule.__name__)
def test_contract(rule: Callable[[Bench], Awaitable[None]], extended: bool) -> None:
    async def hold() -> None:
        air = HciAir(extended=extended)
        await rule(Bench(air.radio(clock()), air.radio(clock()), lambda: list(air.log.changes.get("0", [])), 5.0))
        assert air.log.event_types <= {NONCONN_IND}

    run_simulated(hold())


def test_every_packet_is_heard_with_its_rssi(extended: bool) -> None:
    async def hold() -> int:
        air = HciAir(extended=extended)
        sender, receiver = air.radio(clock()), air.radio(clock())
        async with sender, receiver, listening(receiver) as ear:
            await sender.advertise(advertisements("gaen", 1)[0])
            await asyncio.sleep(100)
        assert {a.rssi_dbm for a in ear.adverts} == {NEAR_DBM}
        return len(ear.adverts)

    assert run_simulated(hold()) == pytest.approx(100 / 0.205, abs=3), "200 ms and 5 ms of delay, none filtered"


@pytest.mark.parametrize(
    ("protocol", "on_air"),
    [("bluezone", "0201020303564e020af40fffb522"), ("gaen", "02011a03036ffd17166ffd")],
)
def test_the_frame_goes_out_byte_for_byte(protocol: str, on_air: str, extended: bool) -> None:
    async def hold() -> bytes:
        air = HciAir(extended=extended)
        async with air.radio(clock()) as radio:
            await radio.advertise(advertisements(protocol, 1)[0])
            await asyncio.sleep(1)
        (change,) = air.log.changes["0"]
        assert change.address.endswith("/P") is False
        assert int(change.address[:2], 16) >> 6 == 0, "non-resolvable private"
        return change.data

    data = run_simulated(hold())
    assert data == advertisements(protocol, 1)[0].to_bytes()
    assert data.hex().startswith(on_air)


def test_a_rotation_sets_address_and_data_while_nothing_is_on_the_air(extended: bool) -> None:
    async def hold() -> list[str]:
        air = HciAir(extended=extended)
        async with air.radio(clock()) as radio, listening(radio):
            for advertising_data in advertisements("gaen", 2):
                await radio.advertise(advertising_data)
                await asyncio.sleep(3)
            said = [line.split(" ") for line in air.commands.getvalue().splitlines()]
        return [f"{name}{parameters[:2]}" for _, _, name, parameters in said if "ENABLE" in name or "RANDOM" in name]

    commands = run_simulated(hold())
    on = [i for i, c in enumerate(commands) if c.endswith("ADVERTISING_ENABLE_COMMAND01")]
    off = [i for i, c in enumerate(commands) if c.endswith("ADVERTISING_ENABLE_COMMAND00")]
    (rotation,) = (commands[off[0] : on[1]],)
    addresses = [i for i, c in enumerate(rotation) if "RANDOM_ADDRESS" in c]
    assert len(addresses) == 1
    scan = [c[-2:] for c in rotation if "SCAN_ENABLE" in c]
    assert scan == ([] if extended else ["00", "01"]), "only a legacy controller's scan has to pause"


@pytest.mark.parametrize("protocol", ["bluezone", "gaen"])
def test_a_hundred_rotations_while_it_scans_link_nothing(protocol: str, extended: bool) -> None:
    async def hold() -> tuple[list[Change], int]:
        air = HciAir(extended=extended)
        radio, other = air.radio(clock()), air.radio(clock())
        shown = 0
        async with radio, other, listening(radio) as ear:
            await other.advertise(advertisements("gaen", 1)[0])
            for advertising_data in advertisements(protocol, 101):
                await radio.advertise(advertising_data)
                await asyncio.sleep(2)
                shown += bool(ear.adverts)
                ear.adverts.clear()
        assert air.log.event_types == {NONCONN_IND}
        return air.log.changes["0"], shown

    changes, shown = run_simulated(hold())
    assert len(changes) == len({c.address for c in changes}) == len({c.data for c in changes}) == 101
    assert {int(c.address[:2], 16) >> 6 for c in changes} == {0}, "non-resolvable private, never public"
    assert shown == 101, "and it hears all the while"


class Stubborn(LabController):
    """An extended controller that takes no new address while it scans."""

    def on_hci_le_set_advertising_set_random_address_command(self, command: Any) -> Any:
        if self.le_scan_enable:
            return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR)
        return super().on_hci_le_set_advertising_set_random_address_command(command)


def test_the_scan_pauses_where_the_controller_insists(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)

    async def hold() -> set[str]:
        air = HciAir(extended=True)
        radio, other = air.radio(clock(), Stubborn), air.radio(clock())
        async with radio, other, listening(radio) as ear:
            await other.advertise(advertisements("bluezone", 1)[0])
            for advertising_data in advertisements("gaen", 3):
                await radio.advertise(advertising_data)
                await asyncio.sleep(3)
            ear.adverts.clear()
            await asyncio.sleep(3)
        assert ear.adverts, "and goes on"
        return {c.address for c in air.log.changes["0"]}

    assert len(run_simulated(hold())) == 3


def refusal(hold: Coroutine[Any, Any, None]) -> RadioUnavailableError:
    with pytest.raises(RadioUnavailableError) as caught:
        run_simulated(hold)
    return caught.value


def test_a_controller_that_falls_silent_is_noticed() -> None:
    async def hold() -> None:
        air = HciAir(extended=True)
        async with air.radio(clock()) as radio, asyncio.timeout(120), asyncio.TaskGroup() as group:
            group.create_task(radio.listen(lambda _: None))
            await asyncio.sleep(5)
            air.wires[0].unplugged = True
            await asyncio.sleep(60)

    with pytest.raises(ExceptionGroup) as caught:
        run_simulated(hold())
    assert caught.group_contains(RadioUnavailableError, match="hci:0 was lost")


@pytest.mark.parametrize(
    ("error", "reason", "words"),
    [
        (PermissionError(1, "Operation not permitted"), RadioFault.NOT_PERMITTED, "CAP_NET_ADMIN"),
        (OSError(16, "Device or resource busy"), RadioFault.REFUSED, "systemctl stop bluetooth"),
        (OSError(19, "No such device"), RadioFault.NO_ADAPTER, "bluezone-agent demo"),
        (OSError(132, "Operation not possible due to RF-kill"), RadioFault.POWERED_OFF, "rfkill unblock"),
        (Exception("sockets not supported"), RadioFault.NO_BLUETOOTH, "hci:usb:0"),
    ],
)
def test_what_cannot_be_opened_has_a_reason_and_a_way_out(error: Exception, reason: RadioFault, words: str) -> None:
    async def fails(_: str) -> None:
        raise error

    async def hold() -> None:
        async with HciRadio("0", clock(), connect=fails):
            pass

    fault = refusal(hold())
    assert fault.reason is reason
    assert words in fault.hint


class WithOldAnswer(Wire):
    """A USB controller that its driver has just left: the answer to the driver's HCI_Reset waits for whoever polls.

    In the lab's guest, btusb leaves it there each time (tests/lab/test_usb.py).
    """

    waits = True

    def set_packet_sink(self, host: Any) -> None:
        super().set_packet_sink(host)
        asyncio.get_running_loop().call_later(0.016, self._polled)

    def on_packet(self, packet: bytes) -> None:
        self._polled()
        super().on_packet(packet)

    def _polled(self) -> None:
        if self.waits and self.controller.host:
            self.waits = False
            self.controller.host.on_packet(bytes.fromhex("040e0401030c00"))


def test_an_answer_to_the_driver_before_it_is_not_taken_for_its_own(extended: bool) -> None:
    async def hold() -> None:
        air = HciAir(extended=extended)
        radio = air.radio(clock(), name="usb:0", wire=WithOldAnswer)
        async with radio:
            await radio.advertise(advertisements("gaen", 1)[0])

    run_simulated(hold())


def test_an_answer_that_belongs_to_nothing_is_a_fault_of_the_controller(extended: bool) -> None:
    async def hold() -> None:
        air = HciAir(extended=extended)
        with pytest.raises(RadioUnavailableError, match="does not belong") as raised:
            await air.radio(clock(), wire=WithOldAnswer).__aenter__()
        assert raised.value.reason is RadioFault.LOST

    run_simulated(hold())


def test_the_name_in_the_configuration_makes_one() -> None:
    assert make_radio("hci:usb:0", clock()).description.startswith("hci:usb:0 (")
