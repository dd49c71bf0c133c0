"""KernelRadios, a real broker and a stand-in for the kernel, all in this process: no root, no Bluetooth."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bluezone_agent.clocks.simulated import SimulatedClock
from bluezone_agent.radios.kernel.connection import SOCKET
from bluezone_agent.radios.kernel.listening import bound_socket
from bluezone_agent.radios.kernel.memory import Memory
from bluezone_agent.radios.kernel.radio import KernelRadio
from bluezone_agent.radios.kernel.relay import Purpose
from bluezone_agent.radios.kernel.server import Broker
from tests.radios.fake_kernel import FakeController, FakeKernel

EPOCH_S = 1_600_000_000.0


class KernelBench:
    """A machine whose broker can be started, stopped and killed."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, *, extended: bool, count: int = 2) -> None:
        self.path = folder / "radio.socket"
        self.folder = folder
        self.sys = folder / "sys"
        self.kernel = FakeKernel(*(FakeController(number, extended) for number in range(count)))
        for number in range(count):
            self.plugged(number)
        monkeypatch.setenv(SOCKET, str(self.path))
        self.uids = frozenset({os.getuid()})
        self._listening: socket.socket | None = None

    def plugged(self, number: int) -> None:
        """Have a directory in /sys that differs from any before it."""
        path = self.sys / f"hci{number}"
        if path.exists():
            path.rename(self.sys / f"old{len(list(self.sys.iterdir()))}")
        path.mkdir(parents=True)

    def radio(self, name: str = "hci0", purpose: Purpose = Purpose.AGENT) -> KernelRadio:
        return KernelRadio(name, SimulatedClock(EPOCH_S), purpose=purpose)

    @asynccontextmanager
    async def broker(self) -> AsyncIterator[Broker]:
        """Run a broker."""
        broker = Broker(Memory(self.folder, self.sys), self.uids)
        listening = bound_socket(self.path, os.getuid())
        listening.setblocking(False)
        management = self.kernel.open()
        try:
            async with broker.using(management):
                serving = asyncio.create_task(broker.serve([listening]))
                try:
                    yield broker
                finally:
                    serving.cancel()
                    await asyncio.gather(serving, return_exceptions=True)
        finally:
            listening.close()
