"""The broker: whom it serves, what it removes, and that nothing else can be asked of it."""

from __future__ import annotations

import asyncio
import os
import random
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bluezone_agent.clocks.simulated import run_simulated
from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.errors import RadioFault, RadioUnavailableError
from bluezone_agent.radios.kernel import management as wire
from bluezone_agent.radios.kernel import relay
from bluezone_agent.radios.kernel.controller import ALWAYS, MAX_INTERVAL, MIN_INTERVAL, PATTERNS
from bluezone_agent.radios.kernel.management import Opcode, Setting
from bluezone_agent.radios.kernel.memory import Memory
from bluezone_agent.radios.kernel.radio import KernelRadio
from bluezone_agent.radios.kernel.relay import Answered, Purpose, Request, Verb
from bluezone_agent.radios.kernel.server import is_broadcast
from tests.radio_contract import advertisements, listening
from tests.radios.fake_kernel import DEFAULTS, POWER_DBM, FakeController
from tests.radios.kernel_bench import KernelBench

DATA = advertisements("gaen", 2)
MUTATIONS, MANY_MUTATIONS = 5_000, 100_000


@pytest.fixture(params=[True, False], ids=["extended", "legacy"])
def bench(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KernelBench:
    return KernelBench(tmp_path, monkeypatch, extended=bool(request.param))


def on_air(bench: KernelBench, number: int = 0) -> list[bytes]:
    """Return what a controller sends now."""
    return [i.data for i in bench.kernel.controllers[number].instances.values() if i.on_air]


def refusal(error: pytest.ExceptionInfo[RadioUnavailableError]) -> tuple[RadioFault, str]:
    return error.value.reason, str(error.value)


@asynccontextmanager
async def advertising(bench: KernelBench) -> AsyncIterator[KernelRadio]:
    """Advertise and listen with the first adapter."""
    async with bench.broker(), bench.radio() as radio:
        await radio.advertise(DATA[0])
        yield radio


async def settle() -> None:
    """Let events and commands that are under way arrive."""
    await asyncio.sleep(0.05)


# whom it serves


def test_a_second_client_is_refused_with_a_sentence_that_says_who_holds_it(bench: KernelBench) -> None:
    async def hold() -> None:
        async with advertising(bench):
            with pytest.raises(RadioUnavailableError) as refused:
                async with bench.radio():
                    pass
            assert refusal(refused) == (RadioFault.REFUSED, f"hci0 is used by the agent, process {os.getpid()}")
            assert on_air(bench) == [DATA[0].to_bytes()]
            async with bench.radio("hci1"):
                pass  # another adapter is free

    run_simulated(hold())


def test_another_user_is_refused(bench: KernelBench) -> None:
    async def hold() -> None:
        bench.uids = frozenset({os.getuid() + 1})
        async with bench.broker():
            with pytest.raises(RadioUnavailableError) as refused:
                async with bench.radio():
                    pass
        assert refusal(refused)[0] is RadioFault.NOT_PERMITTED
        opcodes = {opcode for opcode, *_ in bench.kernel.commands}
        assert opcodes == {
            Opcode.READ_COMMANDS,
            Opcode.READ_INDEX_LIST,
            Opcode.READ_CONTROLLER_INFO,
            Opcode.READ_ADVERTISING_FEATURES,
        }

    run_simulated(hold())


def test_a_command_gets_the_adapter_from_the_agent_and_gives_it_back(bench: KernelBench) -> None:
    async def hold() -> None:
        async with bench.broker():
            async with bench.radio() as agent:
                await agent.advertise(DATA[0])
                scan = asyncio.create_task(agent.listen(lambda _: None))
                await settle()
                claimant = bench.radio(purpose=Purpose.SELFTEST)
                claiming = asyncio.create_task(claimant.__aenter__())
                with pytest.raises(RadioUnavailableError) as gone:
                    await scan
                assert gone.value.reason is RadioFault.YIELDED
                await settle()
                assert on_air(bench) == []
            await claiming
            with pytest.raises(RadioUnavailableError) as held:
                async with bench.radio():
                    pass
            assert refusal(held) == (RadioFault.YIELDED, f"hci0 is used by a self-test, process {os.getpid()}")
            with pytest.raises(RadioUnavailableError, match="self-test"):
                async with bench.radio(purpose=Purpose.CALIBRATE):
                    pass
            free = asyncio.create_task(agent.becomes_usable())
            await asyncio.sleep(10)
            assert not free.done()
            await claimant.__aexit__()
            await asyncio.wait_for(free, 1)

    run_simulated(hold())


def test_an_agent_that_does_not_leave_is_disconnected(bench: KernelBench) -> None:
    async def hold() -> None:
        async with advertising(bench) as agent:
            async with bench.radio(purpose=Purpose.TRIAL):
                assert on_air(bench) == []
            with pytest.raises(RadioUnavailableError):
                await agent.advertise(DATA[1])

    run_simulated(hold())


# what it removes


def test_a_client_that_is_killed_leaves_nothing(bench: KernelBench) -> None:
    async def hold() -> None:
        async with bench.broker():
            radio = bench.radio()
            await radio.__aenter__()
            await radio.advertise(DATA[0])
            scan = asyncio.create_task(radio.listen(lambda _: None))
            await settle()
            controller = bench.kernel.controllers[0]
            assert controller.monitors
            assert controller.defaults == ALWAYS
            connection = radio._connection._socket
            assert connection is not None
            asyncio.get_running_loop().remove_reader(connection)
            connection.close()  # as the kernel does with a process that was killed
            await settle()
            assert (controller.instances, controller.monitors) == ({}, {})
            assert controller.defaults == DEFAULTS
            radio._lost()
            await asyncio.gather(scan, return_exceptions=True)

    run_simulated(hold())


def test_the_orphans_of_a_killed_broker_are_removed_before_anything_is_added(
    bench: KernelBench, tmp_path: Path
) -> None:
    async def hold() -> None:
        controller = bench.kernel.controllers[0]
        if controller.extended:  # a legacy one would not advertise
            controller.monitors[1] = b"another's"
            bench.kernel.another_advertises(0, 1)
        others = dict(controller.monitors)
        async with advertising(bench) as radio, listening(radio):
            await settle()
            remembered = Memory(tmp_path, bench.sys).of(controller.address, 0)
            assert (remembered.instance, remembered.monitor) == (5, 1 + len(others))
            left = dict(controller.instances), dict(controller.monitors), dict(controller.defaults)
            (tmp_path / "controllers.json").rename(tmp_path / "kept")
        (tmp_path / "kept").rename(tmp_path / "controllers.json")  # as if it had been killed
        controller.instances, controller.monitors, controller.defaults = left
        before = len(bench.kernel.commands)
        async with bench.broker():
            assert set(controller.instances) == set(others)
            assert controller.monitors == others
            assert controller.defaults == DEFAULTS
            opcodes = [opcode for opcode, number, _ in bench.kernel.commands[before:] if number == 0]
            assert Opcode.REMOVE_ADVERTISING in opcodes
            assert not {Opcode.ADD_DATA, Opcode.ADD_PARAMETERS, Opcode.ADD_MONITOR} & set(opcodes)

    run_simulated(hold())


def test_what_was_in_an_unplugged_adapter_is_forgotten(bench: KernelBench, tmp_path: Path) -> None:
    """Its numbers may be those of others by now."""
    memory = Memory(tmp_path, bench.sys)
    traces = memory.of("C0:FF:EE:00:00:00", 0)
    traces.monitor, traces.instance = 3, 5
    memory.keep()
    assert Memory(tmp_path, bench.sys).of("C0:FF:EE:00:00:00", 0) == traces
    bench.plugged(0)
    assert Memory(tmp_path, bench.sys).of("C0:FF:EE:00:00:00", 0).monitor == 0
    (tmp_path / "controllers.json").write_text('{"C0:FF:EE:00:00:00": 1}')
    assert Memory(tmp_path, bench.sys).of("C0:FF:EE:00:00:00", 0).instance == 0


def test_nothing_is_advertised_past_its_time(bench: KernelBench) -> None:
    async def hold() -> None:
        async with bench.broker(), bench.radio() as radio:
            power_dbm = await radio.prepare(10.0)
            assert power_dbm == (POWER_DBM if bench.kernel.controllers[0].extended else None)
            assert on_air(bench) == []
            await radio.advertise(DATA[0])
            await asyncio.sleep(9.5)
            assert on_air(bench) == [DATA[0].to_bytes()]
            await asyncio.sleep(1)
            assert on_air(bench) == []
            await radio.prepare(10.0)  # and that is no loss
            await radio.advertise(DATA[1])
            assert on_air(bench) == [DATA[1].to_bytes()]

    run_simulated(hold())


def test_a_rotation_at_the_very_end_of_the_slot_is_no_failure(bench: KernelBench) -> None:
    async def hold() -> None:
        loop = asyncio.get_running_loop()
        async with bench.broker(), bench.radio() as radio:
            for late_s in (0.0, 0.0005, 0.001, 0.0015, 0.002, 0.01):
                over_s = loop.time() + 10
                await radio.prepare(10.0)
                await radio.advertise(DATA[0])
                await asyncio.sleep(over_s + late_s - loop.time())
            await radio.withdraw()
            assert bench.kernel.controllers[0].instances == {}

    run_simulated(hold())


def test_a_legacy_advertisement_ends_with_its_identifier_even_without_a_broker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hold(*, extended: bool) -> list[int]:
        bench = KernelBench(tmp_path / str(extended), monkeypatch, extended=extended)
        async with bench.broker(), bench.radio() as radio:
            await radio.prepare(599.3)
            await radio.advertise(DATA[0])
            return [i.timeout_s for i in bench.kernel.controllers[0].instances.values()]

    for extended in (True, False):
        (tmp_path / str(extended)).mkdir()
    assert run_simulated(hold(extended=False)) == [600]
    assert run_simulated(hold(extended=True)) == [0], "the kernel wraps it at 65 s"


def test_nothing_is_sent_for_a_random_time_between_two_identifiers(bench: KernelBench) -> None:
    async def hold() -> set[int]:
        pauses = set()
        loop = asyncio.get_running_loop()
        async with bench.broker(), bench.radio() as radio:
            await radio.advertise(DATA[0])
            for _ in range(12):
                began_s = loop.time()
                await radio.advertise(DATA[1])
                pauses.add(round(1000 * (loop.time() - began_s)))
        return pauses

    pauses = run_simulated(hold())
    assert len(pauses) > 6
    assert max(pauses) - min(pauses) > 300
    assert max(pauses) <= 2100


# what happens to the adapter


@pytest.mark.parametrize("setting", [Setting.DISCOVERABLE, Setting.CONNECTABLE, Setting.PRIVACY])
def test_a_linkable_adapter_is_left_at_once_and_not_used(bench: KernelBench, setting: Setting) -> None:
    async def hold() -> None:
        async with advertising(bench) as radio:
            scan = asyncio.create_task(radio.listen(lambda _: None))
            await settle()
            bench.kernel.set(0, setting, on=True)
            await settle()
            assert on_air(bench) == []
            with pytest.raises(RadioUnavailableError) as lost:
                await scan
            assert lost.value.reason is RadioFault.LINKABLE
            await radio.__aexit__()
            with pytest.raises(RadioUnavailableError) as refused:
                async with bench.radio():
                    pass
            assert refused.value.reason is RadioFault.LINKABLE
            usable = asyncio.create_task(radio.becomes_usable())
            await asyncio.sleep(5)
            assert not usable.done()
            bench.kernel.set(0, setting, on=False)
            await asyncio.wait_for(usable, 1)

    run_simulated(hold())


def test_an_identifier_does_not_come_back_with_the_power(bench: KernelBench) -> None:
    async def hold() -> None:
        async with advertising(bench) as radio:
            scan = asyncio.create_task(radio.listen(lambda _: None))
            await settle()
            bench.kernel.power(0, on=False)
            with pytest.raises(RadioUnavailableError) as lost:
                await scan
            assert lost.value.reason is RadioFault.POWERED_OFF
            await settle()
            bench.kernel.power(0, on=True)
            await settle()
            assert on_air(bench) == []
            assert len({change.address for change in bench.kernel.air[0]}) == 1

    run_simulated(hold())


def test_an_unplugged_adapter_is_followed_by_its_address(bench: KernelBench) -> None:
    async def hold() -> None:
        async with bench.broker():
            radio = bench.radio("C0:FF:EE:00:00:00")
            async with radio:
                scan = asyncio.create_task(radio.listen(lambda _: None))
                await settle()
                controller = bench.kernel.unplug(0)
                with pytest.raises(RadioUnavailableError) as lost:
                    await scan
                assert lost.value.reason is RadioFault.LOST
            usable = asyncio.create_task(radio.becomes_usable())
            await asyncio.sleep(5)
            assert not usable.done()
            bench.plugged(0)
            bench.kernel.plug(FakeController(0, controller.extended))
            await asyncio.wait_for(usable, 1)
            async with radio:
                await radio.advertise(DATA[1])
                assert on_air(bench) == [DATA[1].to_bytes()]

    run_simulated(hold())


Happening = Callable[[KernelBench], object]


@pytest.mark.parametrize(
    ("happens", "reason"),
    [
        (lambda b: b.kernel.another_removes(0, 5), RadioFault.LOST),
        (lambda b: b.kernel.another_advertises(0, 5), RadioFault.LOST),
        (lambda b: b.kernel.suspend(0), RadioFault.SUSPENDED),
    ],
    ids=["removed by another", "number taken by another", "suspended"],
)
def test_what_others_do_to_the_advertisement_is_noticed(
    bench: KernelBench, happens: Happening, reason: RadioFault
) -> None:
    async def hold() -> None:
        async with advertising(bench) as radio:
            scan = asyncio.create_task(radio.listen(lambda _: None))
            await settle()
            happens(bench)
            with pytest.raises(RadioUnavailableError) as lost:
                await scan
            assert lost.value.reason is reason
            await settle()
            assert DATA[0].to_bytes() not in on_air(bench)

    run_simulated(hold())


def test_another_advertiser_is_never_touched(bench: KernelBench) -> None:
    async def hold() -> None:
        extended = bench.kernel.controllers[0].extended
        async with bench.broker():
            bench.kernel.another_advertises(0, 5)
            async with bench.radio() as radio:
                if extended:
                    await radio.advertise(DATA[0])
                    assert set(bench.kernel.controllers[0].instances) == {4, 5}, "the next lower number"
                else:
                    with pytest.raises(RadioUnavailableError) as refused:
                        await radio.advertise(DATA[0])
                    assert refused.value.reason is RadioFault.NO_BROADCAST
                    assert refused.value.kept_off_air
                async with listening(radio):
                    await settle()
                    assert bench.kernel.controllers[0].monitors, "it scans all the same"
        assert set(bench.kernel.controllers[0].instances) == {5}
        touched = [
            parameters
            for opcode, number, parameters in bench.kernel.commands
            if opcode in (Opcode.REMOVE_ADVERTISING, Opcode.ADD_DATA, Opcode.ADD_PARAMETERS) and parameters[0] == 5
        ]
        assert touched == []

    run_simulated(hold())


def test_another_advertiser_ends_a_legacy_broadcast_only(bench: KernelBench) -> None:
    async def hold() -> None:
        async with advertising(bench):
            bench.kernel.another_advertises(0, 1)
            await settle()
            mine = [data for data in on_air(bench) if data == DATA[0].to_bytes()]
            assert bool(mine) == bench.kernel.controllers[0].extended

    run_simulated(hold())


def test_a_legacy_adapter_that_another_program_scans_with_listens_only(bench: KernelBench) -> None:
    async def hold() -> None:
        bench.kernel.controllers[0].monitors[1] = b"another's"
        async with bench.broker(), bench.radio() as radio:
            if bench.kernel.controllers[0].extended:
                await radio.advertise(DATA[0])
                return
            with pytest.raises(RadioUnavailableError) as refused:
                await radio.advertise(DATA[0])
            assert refusal(refused)[0] is RadioFault.NO_BROADCAST
            assert refused.value.kept_off_air
            assert bench.kernel.air[0] == []
            bench.kernel.controllers[0].monitors.clear()
            await radio.advertise(DATA[0])
            assert on_air(bench) == [DATA[0].to_bytes()]

    run_simulated(hold())


def test_a_kernel_that_is_too_old_is_named(bench: KernelBench) -> None:
    async def hold() -> None:
        bench.kernel.known -= {Opcode.ADD_PARAMETERS}
        async with bench.broker():
            with pytest.raises(RadioUnavailableError, match="it lacks ADD_PARAMETERS"):
                async with bench.radio():
                    pass

    run_simulated(hold())


def test_a_kernel_that_does_not_answer_is_an_error(bench: KernelBench) -> None:
    async def hold() -> None:
        async with bench.broker(), bench.radio() as radio:
            bench.kernel.silent = {Opcode.ADD_DATA}
            with pytest.raises(RadioUnavailableError, match="ADD_DATA: TIMEOUT") as failed:
                await radio.advertise(DATA[0])
            assert not failed.value.kept_off_air
            bench.kernel.silent = set()
            await radio.advertise(DATA[1])
            assert on_air(bench) == [DATA[1].to_bytes()]

    run_simulated(hold())


def test_every_packet_of_the_two_protocols_arrives_and_no_other(bench: KernelBench) -> None:
    async def hold() -> None:
        async with bench.broker(), bench.radio() as radio, listening(radio) as ear:
            await settle()
            for number in range(200):
                bench.kernel.advert(0, "11:22:33:44:55:66", DATA[number % 2].to_bytes(), -60, discovers=number % 3 == 0)
                bench.kernel.advert(0, "11:22:33:44:55:67", b"\x03\x03\x0f\x18", -60)
                await asyncio.sleep(0.005)
            await settle()
            assert len(ear.adverts) == 200
            assert None not in ear.observed_identifiers()

    run_simulated(hold())


# nothing else can be asked of it


def test_only_advertisements_of_the_two_protocols_are_sent(bench: KernelBench) -> None:
    gaen, bluezone = DATA[0], advertisements("bluezone", 1)[0]
    assert is_broadcast(gaen.to_bytes())
    assert is_broadcast(bluezone.to_bytes())
    name = b"\x05\x09name"
    for data in (
        b"",
        name,
        gaen.to_bytes()[:-1],
        gaen.to_bytes()[3:] + b"\x00",
        gaen.to_bytes()[11:],
        name + gaen.to_bytes()[3:],
        AdvertisingData(service_uuids=(0xFD6F, 0x180F), service_data=gaen.service_data).to_bytes(),
        AdvertisingData(bluezone.service_uuids, {0x180F: b"x"}, bluezone.manufacturer_data).to_bytes(),
    ):
        assert not is_broadcast(data), data

    async def hold() -> None:
        async with bench.broker(), bench.radio() as radio:
            await radio.prepare(60)
            reply = await radio._connection.ask(Request(Verb.COMMIT, valid_ms=1000, data=name))
            assert reply.outcome is Answered.MALFORMED
            assert on_air(bench) == []

    run_simulated(hold())


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_no_request_makes_the_broker_do_anything_else(bench: KernelBench, long: bool) -> None:
    """Mutated requests: whatever is asked, the management socket sees the few commands in their one form."""
    rng = random.Random(20261129)
    seeds = [
        Request(verb, bench.kernel.controllers[0].address, Purpose.AGENT, 60_000, DATA[0].to_bytes()).to_bytes()
        for verb in Verb
    ]

    async def hold() -> None:
        loop = asyncio.get_running_loop()
        async with bench.broker():
            client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            client.connect(str(bench.path))
            client.setblocking(False)
            for _ in range(MANY_MUTATIONS if long else MUTATIONS):
                packet = bytearray(rng.choice(seeds))
                for _ in range(rng.choice([0, 0, 1, 1, 2, 5])):
                    change(packet, rng)
                await loop.sock_sendall(client, bytes(packet) or b"\0")
                while not (reply := await loop.sock_recv(client, relay.LONGEST_MESSAGE))[0] & relay.ANSWER:
                    pass
                assert relay.read_reply(reply)
            client.close()

    run_simulated(hold())
    assert_only_allowed(bench)


def change(packet: bytearray, rng: random.Random) -> None:
    """Mutate a packet."""
    kind, at = rng.randrange(4), rng.randrange(len(packet) + 1)
    if kind == 0 and packet:
        packet[at % len(packet)] ^= 1 << rng.randrange(8)
    elif kind == 1:
        packet[at:at] = rng.randbytes(rng.randrange(1, 9))
    elif kind == 2:
        del packet[at : at + rng.randrange(1, 9)]
    elif packet:
        packet[0] = rng.choice(list(Verb))


def assert_only_allowed(bench: KernelBench) -> None:
    """Every command that reached the kernel is one that the verbs need, with the broker's own parameters."""
    allowed = {
        Opcode.READ_COMMANDS: {b""},
        Opcode.READ_INDEX_LIST: {b""},
        Opcode.READ_CONTROLLER_INFO: {b""},
        Opcode.READ_ADVERTISING_FEATURES: {b""},
        Opcode.READ_DEFAULTS: {b""},
        Opcode.SET_DEFAULTS: {wire.defaults(ALWAYS), wire.defaults(DEFAULTS)},
        Opcode.ADD_MONITOR: {wire.monitor(PATTERNS)},
        Opcode.REMOVE_MONITOR: {wire.handle(1)},
        Opcode.REMOVE_ADVERTISING: {wire.instance(5)},
        Opcode.ADD_PARAMETERS: {
            wire.advertising_parameters(5, MIN_INTERVAL, MAX_INTERVAL, timeout_s=s) for s in range(901)
        },
    }
    seen = set()
    for opcode, number, parameters in bench.kernel.commands:
        seen.add(opcode)
        if opcode == Opcode.ADD_DATA:
            assert (parameters[0], parameters[2]) == (5, 0)
            assert is_broadcast(parameters[3:])
        else:
            assert parameters in allowed[Opcode(opcode)], (opcode, number, parameters)
    assert seen == {*allowed, Opcode.ADD_DATA}, "every verb was reached"
