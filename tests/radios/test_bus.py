"""The connection to the system bus: answers, errors, silence, and what is left open."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from dbus_fast import Message, MessageFlag, Variant

from bluezone_agent.errors import RadioFault, RadioUnavailableError
from bluezone_agent.radios.bluez import bus as bus_module
from bluezone_agent.radios.bluez.adapter import BluezAdapter
from bluezone_agent.radios.bluez.bus import (
    ADAPTER,
    ADVERTISING_MANAGER,
    BLUEZ,
    PROPERTIES,
    SIGNALS,
    SystemBus,
    bluez_version,
)
from bluezone_agent.radios.bluez.inspect import read_bluetooth
from bluezone_agent.radios.bluez.signals import Signals
from tests.radios.fake_bus import FakeBus, fake_bus

ADAPTERS = {
    "/org/bluez/hci0": {ADAPTER: {"Powered": Variant("b", True), "Modalias": Variant("s", "usb:v1D6Bp0246d0542")}},
    "/org/bluez/hci0/dev_1": {"org.bluez.Device1": {"RSSI": Variant("n", -60)}},
}


@pytest.fixture
def socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "bus"
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={path}")
    monkeypatch.setattr(bus_module, "ANSWER_TIMEOUT_S", 0.2)
    return path


async def closes_all(bus: FakeBus) -> None:
    async with asyncio.timeout(2):
        while bus.clients:
            await asyncio.sleep(0.01)


def objects(call: Message) -> Message:
    """Answer as a bluetoothd with one adapter that is on."""
    if call.member == "GetManagedObjects":
        return Message.new_method_return(call, "a{oa{sa{sv}}}", [ADAPTERS])
    if call.member == "GetAll":
        return Message.new_method_return(call, "a{sv}", [ADAPTERS["/org/bluez/hci0"][ADAPTER]])
    if call.member == "NameHasOwner":
        return Message.new_method_return(call, "b", [True])
    return Message.new_method_return(call)


async def test_an_answer_is_returned_and_nothing_starts_bluetoothd(socket: Path) -> None:
    async with fake_bus(socket) as served:
        served.answer = objects
        async with SystemBus() as bus:
            (properties,) = await bus.call("hci0", "/org/bluez/hci0", PROPERTIES, "GetAll", "s", ADAPTER)
            assert properties["Powered"].value is True
            assert await bus.has_bluez("hci0")
            assert await bus.adapters("hci0") == {
                "/org/bluez/hci0": {ADAPTER: {"Powered": True, "Modalias": "usb:v1D6Bp0246d0542"}}
            }
            bus.send("/org/bluez/hci0", PROPERTIES, "Set", "s", "x")
            await bus.has_bluez("hci0")
        to_bluez = [call for call in served.calls if call.destination == BLUEZ]
        assert [call.member for call in to_bluez] == ["GetAll", "GetManagedObjects", "Set"]
        assert all(call.flags & MessageFlag.NO_AUTOSTART for call in to_bluez)
        assert to_bluez[-1].flags & MessageFlag.NO_REPLY_EXPECTED
        await closes_all(served)


async def test_an_error_is_no_answer(socket: Path) -> None:
    async with fake_bus(socket) as served:
        served.answer = lambda call: Message.new_error(call, "org.bluez.Error.NotReady", "not now")
        async with SystemBus() as bus:
            with pytest.raises(RadioUnavailableError, match="hci7 is powered off"):
                await bus.call("hci7", "/", PROPERTIES, "GetAll", "s", ADAPTER)


async def test_a_call_that_is_never_answered_ends_in_time(socket: Path) -> None:
    async with fake_bus(socket) as served:
        served.answer = lambda _: None
        async with SystemBus() as bus, asyncio.timeout(2):
            with pytest.raises(RadioUnavailableError, match=r"did not answer GetAll for hci7 within 0\.2 s"):
                await bus.call("hci7", "/", PROPERTIES, "GetAll", "s", ADAPTER)


async def test_a_connection_that_ends_is_the_loss_of_the_bus(socket: Path) -> None:
    async with fake_bus(socket) as served:

        def hang_up(_: Message) -> None:
            served.hang_up()

        served.answer = hang_up
        async with SystemBus() as bus, asyncio.timeout(2):
            with pytest.raises(RadioUnavailableError) as caught:
                await bus.call("hci7", "/", PROPERTIES, "GetAll", "s", ADAPTER)
            assert caught.value.reason is RadioFault.LOST
            await bus.lost()
            bus.send("/", PROPERTIES, "Set", "s", "nobody is there any more")


@pytest.mark.parametrize("address", ["unix:path=/nowhere/bus", "carrier-pigeon:name=x", "nonsense"])
async def test_without_a_bus_there_is_no_bluetooth(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
    with pytest.raises(RadioUnavailableError, match="no D-Bus system bus") as caught:
        async with SystemBus():
            pass
    assert caught.value.reason is RadioFault.NO_BLUETOOTH


async def test_a_bus_that_lets_nobody_in_leaves_no_connection(socket: Path) -> None:
    async with fake_bus(socket) as served:
        served.lets_in = False
        with pytest.raises(RadioUnavailableError) as caught:
            async with SystemBus():
                pass
        assert caught.value.reason is RadioFault.NOT_PERMITTED
        await closes_all(served)


async def test_signals_and_nothing_else_reach_who_subscribed(socket: Path) -> None:
    received: list[Any] = []
    async with fake_bus(socket) as served:
        served.answer = objects
        async with SystemBus() as bus:
            await bus.subscribe("hci0", received.append)
            assert [call.body[0] for call in served.calls] == [f"type='signal',{rule}" for rule in SIGNALS]
            served.emit("PropertiesChanged")
            async with asyncio.timeout(2):
                while not received:
                    await asyncio.sleep(0.01)
    assert [message.member for message in received] == ["PropertiesChanged"], "answers are no signals"


async def test_who_waits_for_a_change_sees_it_and_leaves_nothing_open(socket: Path) -> None:
    async with fake_bus(socket) as served:
        async with Signals() as signals, asyncio.timeout(2):
            served.emit("InterfacesAdded")
            await signals.change()
        await closes_all(served)
        served.answer = lambda call: Message.new_error(call, "org.freedesktop.DBus.Error.LimitsExceeded", "too many")
        with pytest.raises(RadioUnavailableError):
            async with Signals():
                pass
        await closes_all(served)


async def test_an_adapter_that_can_not_be_used_leaves_no_connection(socket: Path) -> None:
    async with fake_bus(socket) as served:
        served.answer = objects
        with pytest.raises(RadioUnavailableError, match="hci0 can't advertise"):
            async with BluezAdapter("hci0", lambda: None):
                pass
        await closes_all(served)


async def test_an_adapter_is_found_by_its_address_whatever_its_number_is(socket: Path) -> None:
    def several(call: Message) -> Message:
        """Answer as a bluetoothd whose adapters the kernel has counted the other way round since the last boot."""
        each = {"hci0": "00:AA:01:01:00:01", "hci1": "00:AA:01:01:00:02"}
        paths = {
            f"/org/bluez/{name}": {
                ADAPTER: {"Powered": Variant("b", True), "Address": Variant("s", address)},
                ADVERTISING_MANAGER: {},
            }
            for name, address in each.items()
        }
        if call.member == "GetManagedObjects":
            return Message.new_method_return(call, "a{oa{sa{sv}}}", [paths])
        if call.member == "GetAll":
            return Message.new_method_return(call, "a{sv}", [paths[call.path or ""][ADAPTER]])
        return objects(call)

    async with fake_bus(socket) as served:
        served.answer = several
        async with BluezAdapter("00:aa:01:01:00:02", lambda: None) as adapter:
            assert (adapter.name, adapter.path) == ("hci1", "/org/bluez/hci1")
        with pytest.raises(RadioUnavailableError, match="no Bluetooth adapter 00:AA:01:01:00:03; there is hci0, hci1"):
            async with BluezAdapter("00:AA:01:01:00:03", lambda: None):
                pass
        await closes_all(served)


async def test_the_doctor_sees_the_adapters_and_their_version(socket: Path, tmp_path: Path) -> None:
    async with fake_bus(socket) as served:
        served.answer = objects
        facts = await read_bluetooth(sys=tmp_path, main_conf=tmp_path / "main.conf")
        assert ([a.name for a in facts.adapters], facts.version, facts.service_fault) == (["hci0"], (5, 66), None)
        await closes_all(served)
        served.answer = lambda _: None
        facts = await read_bluetooth(sys=tmp_path, main_conf=tmp_path / "main.conf")
        assert "did not answer" in str(facts.service_fault)
        await closes_all(served)


@pytest.mark.parametrize("modalias", ["", "usb:v1D6Bp0246", "usb:v0A12p0001d0542"])
def test_another_modalias_tells_no_version(modalias: str) -> None:
    assert bluez_version({"Modalias": modalias}) is None
    assert bluez_version({}) is None
