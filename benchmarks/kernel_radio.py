"""CPU of one advert on its way from the kernel's management socket to the agent: ``python -m benchmarks.kernel_radio``.

Events as the kernel sent them in the lab come through a socket pair at the pace of a crowd. Broker and agent are
processes of their own; the same events are read by a third kind of process that has the management socket itself,
as if the broker had passed it on. The difference is what the relay costs.
"""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, cast

from bluezone_agent.clocks.system import SystemClock
from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.core.identifiers import DailyKey
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.core.reception import Advert
from bluezone_agent.radios.kernel import management as wire
from bluezone_agent.radios.kernel.controller import Controller
from bluezone_agent.radios.kernel.management import EventCode, FoundAdvert, Noticed
from bluezone_agent.radios.kernel.memory import Memory
from bluezone_agent.radios.kernel.radio import KernelRadio
from bluezone_agent.radios.kernel.server import Broker, Client
from bluezone_agent.radios.kernel.socket import ManagementSocket

PEOPLE: Final = 50
SECONDS: Final = 15
RATES: Final = (200, 2_000)
"""Adverts a second: a crowd of 50, and ten such crowds."""
TICK_S: Final = 0.0025
SHORT: Final = "--short"


class Reader:
    """Decodes adverts straight from the management socket."""

    def __init__(self, received: Callable[[Advert], None]) -> None:
        self._received = received
        self._clock = SystemClock()
        self.ended = asyncio.Event()

    def found(self, found: FoundAdvert) -> None:
        self._received(Advert(AdvertisingData.from_bytes(found.data), found.rssi_dbm, self._clock.now_s()))

    def noticed(self, event: Noticed) -> None:
        """No other event is sent."""

    def all_found(self) -> None:
        """Each was decoded when it came."""

    def lost(self) -> None:
        self.ended.set()


def events() -> list[bytes]:
    """Return one event for each device of a crowd, half of it of either protocol."""
    found = []
    for number in range(PEOPLE):
        protocol = list(PROTOCOLS.values())[number % 2]
        key = DailyKey(protocol.name, os.urandom(protocol.key_length), 0, DAY_S, protocol.slots_per_day)
        data = protocol.encode(key, protocol.identifier_at(key, 0), -12).to_bytes()
        body = wire.ADVERT.pack(number.to_bytes(6, "little"), wire.RANDOM, -60 - number % 30, 0, len(data)) + data
        found.append(wire.HEADER.pack(EventCode.MONITORED_FOUND, 0, len(body) + 2) + b"\0\0" + body)
    return found


def pair() -> tuple[socket.socket, socket.socket]:
    """Return two connected sockets of packets."""
    mine, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    other.setblocking(False)
    return mine, other


async def relay(management: socket.socket, to_agent: socket.socket) -> int:
    """Be the broker until the management socket ends; return how many adverts passed."""
    with tempfile.TemporaryDirectory() as folder:
        broker = Broker(Memory(Path(folder)), frozenset())
        client = Client(to_agent, 0, 0)
        client.holds, client.listens = cast("Controller", _FirstController), True
        broker._clients.append(client)  # noqa: SLF001 - as after OPEN and LISTEN
        broker._over = over = asyncio.get_running_loop().create_future()  # noqa: SLF001
        ManagementSocket(management, broker)
        await asyncio.wait([over])
        over.exception()
    return 0


class _FirstController:
    number = 0


async def receive(connection: socket.socket) -> int:
    """Be the agent until the broker ends; return how many adverts were decoded."""
    radio, count = KernelRadio("hci0", SystemClock()), 0

    def received(_: Advert) -> None:
        nonlocal count
        count += 1

    radio._received = received  # noqa: SLF001 - as after LISTEN
    radio._connection.adopt(connection)  # noqa: SLF001
    await radio._faulted.wait()  # noqa: SLF001
    return count


async def read_directly(management: socket.socket) -> int:
    """Be an agent that has the management socket; return how many adverts were decoded."""
    count = 0

    def received(_: Advert) -> None:
        nonlocal count
        count += 1

    reader = Reader(received)
    ManagementSocket(management, reader)
    await reader.ended.wait()
    return count


def process(work: Callable[[], int], closes: list[socket.socket]) -> tuple[int, int]:
    """Run ``work`` in a process; return it and a pipe on which its count and CPU seconds will come."""
    out, into = os.pipe()
    child = os.fork()
    if child:
        os.close(into)
        return child, out
    for one in closes:
        one.close()
    before = resource.getrusage(resource.RUSAGE_SELF)
    count = work()
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    os.write(into, f"{count} {cpu_s}".encode())
    os._exit(0)


def result(child: int, out: int) -> tuple[int, float]:
    """Return count and CPU seconds of a process that ends."""
    os.waitpid(child, 0)
    count, cpu_s = os.read(out, 100).decode().split()
    os.close(out)
    return int(count), float(cpu_s)


def feed(into: socket.socket, a_second: int, seconds: float) -> int:
    """Send events at a pace; return how many."""
    crowd, sent, began_s = events(), 0, time.monotonic()
    while (at_s := time.monotonic() - began_s) < seconds:
        while sent < at_s * a_second:
            into.send(crowd[sent % PEOPLE])
            sent += 1
        time.sleep(TICK_S)
    into.close()
    return sent


def measure(a_second: int, seconds: float) -> str:
    """Measure both ways; return one line."""
    kernel, management = pair()
    to_agent, connection = pair()
    to_agent.setblocking(False)
    broker = process(lambda: asyncio.run(relay(management, to_agent)), [kernel, connection])
    agent = process(lambda: asyncio.run(receive(connection)), [kernel, management, to_agent])
    for one in (management, to_agent, connection):
        one.close()
    sent = feed(kernel, a_second, seconds)
    _, broker_s = result(*broker)
    count, agent_s = result(*agent)
    kernel, management = pair()
    direct = process(lambda: asyncio.run(read_directly(management)), [kernel])
    management.close()
    sent_directly = feed(kernel, a_second, seconds)
    count_directly, direct_s = result(*direct)
    broker_us, agent_us, direct_us = 1e6 * broker_s / sent, 1e6 * agent_s / sent, 1e6 * direct_s / sent_directly
    both_us = broker_us + agent_us
    return (
        f"{a_second:5} adverts/s: broker {broker_us:.1f} us, agent {agent_us:.1f} us, both {both_us:.1f} us per advert;"
        f" {count} of {sent} arrived. With the socket passed on: {direct_us:.1f} us, {count_directly} of"
        f" {sent_directly}. The relay's share: {1 - direct_us / both_us:.0%}"
    )


def main() -> None:
    """Measure each rate."""
    seconds = 1.0 if SHORT in sys.argv else SECONDS
    for a_second in RATES:
        print(measure(a_second, seconds), flush=True)


if __name__ == "__main__":
    main()
