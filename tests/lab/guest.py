"""Inside the guest: D-Bus, virtual controllers, bluetoothd and agents, for a scenario to steer.

A scenario is a module of :mod:`tests.lab.scenarios` with ``async def play(guest)``. What it returns is written to
``result.json``, beside the logs; the host's tests judge by these files.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dbus_fast import BusType, Message, MessageType, Variant
from dbus_fast.aio import MessageBus

HERE: Final = Path(__file__).parent
MAIN_CONF: Final = Path("/etc/bluetooth/main.conf")
RADIO_SOCKET: Final = Path("/run/bluezone-radio.socket")
READY_S: Final = 30
STOP_S: Final = 20


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that has ended."""

    code: int
    took_s: float
    stdout: str
    stderr: str

    def as_json(self) -> dict[str, Any]:
        return {"code": self.code, "took_s": self.took_s, "stdout": self.stdout, "stderr": self.stderr}


class Agent:
    """A ``bluezone-agent run`` with a state directory and a configuration of its own, as root or as another user."""

    def __init__(self, guest: Guest, name: str, config: str, *, uid: int = 0) -> None:
        self._uid = uid
        self.state_dir = Path("/run/state") / name
        self.config = self.state_dir.with_suffix(".toml")
        self._log = guest.out / f"agent-{name}.log"
        self.config.parent.mkdir(parents=True, exist_ok=True)
        self.config.write_text(config)
        if uid:
            self.state_dir.mkdir(mode=0o700, exist_ok=True)
            os.chown(self.state_dir, uid, uid)
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it; it is on the air some virtual milliseconds later."""
        with self._log.open("a") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command("run"), stdout=log, stderr=log, **self._user()
            )

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    async def kill(self) -> None:
        """End it as nothing can prevent."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()

    async def stop(self) -> tuple[int, float]:
        """Send SIGTERM and return the exit code and how long it took; one that has ended already just says so."""
        assert self._process is not None
        started_s = time.monotonic()
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
        code = await self._wait(STOP_S)
        return code, time.monotonic() - started_s

    async def ends(self, within_s: float = STOP_S) -> int:
        """Return the exit code of an agent that stops by itself."""
        return await self._wait(within_s)

    async def _wait(self, within_s: float) -> int:
        assert self._process is not None
        async with asyncio.timeout(within_s):
            return await self._process.wait()

    def log(self) -> str:
        """Return what it said so far."""
        return self._log.read_text() if self._log.exists() else ""

    async def command(self, *arguments: str) -> Ended:
        """Run another command of the agent's on the same state."""
        return await run(*self._command(*arguments), **self._user())

    def _user(self) -> dict[str, Any]:
        return {"user": self._uid, "group": self._uid, "extra_groups": []} if self._uid else {}

    def _command(self, *arguments: str) -> tuple[str, ...]:
        return *CLI, "--state-dir", str(self.state_dir), "--config", str(self.config), *arguments


CLI: Final = (sys.executable, "-m", "bluezone_agent")


async def run(*command: str, **user: Any) -> Ended:
    """Run a command to its end."""
    started_s = time.monotonic()
    child = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **user)
    stdout, stderr = await child.communicate()
    code = await child.wait()
    return Ended(code, time.monotonic() - started_s, stdout.decode(), stderr.decode())


class Guest:
    """The machine that a scenario steers."""

    def __init__(self, out: Path, options: Mapping[str, Any]) -> None:
        self.out = out
        self.options = options
        self._tools = Path(os.environ["LAB_TOOLS"])
        self._bluetoothd: asyncio.subprocess.Process | None = None
        self._dbus: asyncio.subprocess.Process | None = None
        self._broker: asyncio.subprocess.Process | None = None
        self._children: list[asyncio.subprocess.Process] = []
        self.set_range({})

    def set_range(self, table: Mapping[str, int | None]) -> None:
        """Say who hears whom: ``{"0>1": -47, "0>2": None}``; every other pair at -50 dBm."""
        path = self.out / "range.json"
        path.with_suffix(".new").write_text(json.dumps(table))
        path.with_suffix(".new").rename(path)

    async def start_dbus(self) -> None:
        """Start the system bus."""
        command = ("dbus-daemon", f"--config-file={HERE / 'dbus.conf'}", "--nofork", "--nopidfile")
        self._dbus = await asyncio.create_subprocess_exec(*command)
        await until(Path("/run/dbus/system_bus_socket").exists)

    async def stop_dbus(self) -> None:
        """Kill the system bus."""
        assert self._dbus is not None
        self._dbus.kill()
        await self._dbus.wait()

    async def start_controllers(self) -> None:
        """Attach the virtual controllers; returns when the kernel has them all."""
        await self.attach(self.out, self.options["controllers"])

    async def attach(self, out: Path, count: int, first: int = 0) -> asyncio.subprocess.Process:
        """Attach ``count`` controllers, ``hci{first}`` and on, with an air of their own that is logged to ``out``."""
        (out / "attached").unlink(missing_ok=True)
        with (out / "controllers.log").open("w") as log:
            child = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "tests.lab.attach", str(out), str(first), str(count)),
                "extended" if self.options["extended"] else "legacy",
                "msft" if self.options.get("msft") else "strict" if self.options["strict_filter"] else "none",
                str(self.options.get("crowd", 0)),
                *(["usb"] if self.options.get("usb") else []),
                stdout=log,
                stderr=log,
            )
        self._children.append(child)
        await until((out / "attached").exists)
        return child

    async def start_bluetoothd(self, *, main_conf: str = "") -> None:
        """Start bluetoothd with ``main_conf`` as its configuration; returns when it has powered the adapters."""
        MAIN_CONF.write_text(main_conf or "[Policy]\nAutoEnable=true\n")
        experimental = ["-E"] if self.options["experimental"] else []
        with (self.out / "bluetoothd.log").open("a") as log:
            self._bluetoothd = await asyncio.create_subprocess_exec(
                str(self._tools / "usr/libexec/bluetooth/bluetoothd"), "-n", *experimental, stdout=log, stderr=log
            )
        for number in range(self.options["controllers"]):
            await self.powered(number)

    async def powered(self, number: int) -> None:
        """Return when bluetoothd has powered an adapter."""
        async with asyncio.timeout(READY_S):
            while not await self._is_powered(number):
                await asyncio.sleep(0.05)

    async def stop_bluetoothd(self, signal_number: signal.Signals = signal.SIGTERM) -> None:
        """Stop it, kindly or not; one that has ended already, as 5.82 does without its bus, is fine."""
        assert self._bluetoothd is not None
        if self._bluetoothd.returncode is None:
            self._bluetoothd.send_signal(signal_number)
        await self._bluetoothd.wait()

    async def start_broker(self, uid: int = 0, *, mutant: str = "") -> None:
        """Start the kernel radio's broker as root, for ``uid``; returns when it accepts clients.

        ``mutant`` names a broken one of :mod:`tests.lab.mutant_broker`.
        """
        if uid:
            _let_others_in(self._tools)
        module = ("tests.lab.mutant_broker", mutant) if mutant else ("bluezone_agent.radios.kernel.broker",)
        command = (sys.executable, "-m", *module, "--user", str(uid))
        with (self.out / "broker.log").open("a") as log:
            self._broker = await asyncio.create_subprocess_exec(
                *command, "--socket", str(RADIO_SOCKET), stdout=log, stderr=log
            )
        await until(_accepts_clients)

    async def stop_broker(self, signal_number: signal.Signals = signal.SIGTERM) -> int:
        """Stop it, kindly or not."""
        assert self._broker is not None
        self._broker.send_signal(signal_number)
        return await self._broker.wait()

    def services(self) -> dict[str, int]:
        """Return the processes of bluetoothd and of the broker."""
        named = {"bluetoothd": self._bluetoothd, "broker": self._broker}
        return {name: process.pid for name, process in named.items() if process is not None}

    async def start(self) -> None:
        """Start everything, as on a machine that has booted."""
        await self.start_dbus()
        await self.start_controllers()
        await self.start_bluetoothd()

    async def close(self) -> None:
        """End the controllers, which write the last lines of their logs."""
        for child in self._children:
            if child.returncode is None:
                child.send_signal(signal.SIGTERM)
                await child.wait()

    async def set_adapter(self, number: int, name: str, value: Variant) -> None:
        """Set a property of an adapter, as a person with bluetoothctl would."""
        await self._properties(number, "Set", "ssv", "org.bluez.Adapter1", name, value)

    async def _is_powered(self, number: int) -> bool:
        try:
            return await self._adapter_says(number, "Powered")
        except RuntimeError:
            return False

    async def discovers(self, number: int) -> bool:
        """Return whether bluetoothd scans on an adapter."""
        return await self._adapter_says(number, "Discovering")

    async def _adapter_says(self, number: int, name: str) -> bool:
        (value,) = await self._properties(number, "Get", "ss", "org.bluez.Adapter1", name)
        return bool(value.value)

    async def _properties(self, number: int, member: str, signature: str, *body: object) -> list[Any]:
        bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
        try:
            reply = await bus.call(
                Message(
                    destination="org.bluez",
                    path=f"/org/bluez/hci{number}",
                    interface="org.freedesktop.DBus.Properties",
                    member=member,
                    signature=signature,
                    body=list(body),
                )
            )
        finally:
            bus.disconnect()
        if reply.message_type is MessageType.ERROR:
            raise RuntimeError(f"{member}: {reply.error_name}: {reply.body}")
        return reply.body


def _let_others_in(tools: Path) -> None:
    """Let other users than root reach Python, whose directory may be in root's own; the root is read-only."""
    ways = [Path(sys.base_prefix).resolve(), tools.resolve()]
    closed = next((p for p in reversed(ways[0].parents) if not p.stat().st_mode & 0o001), None)
    if closed is None:
        return
    for number, way in enumerate(ways):
        kept = Path(f"/run/way{number}")
        kept.mkdir()
        subprocess.run(["mount", "--bind", way, kept], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", closed], check=True)
    for number, way in enumerate(ways):
        if way.is_relative_to(closed):
            way.mkdir(parents=True)
            subprocess.run(["mount", "--bind", f"/run/way{number}", way], check=True)


def _accepts_clients() -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
        return client.connect_ex(str(RADIO_SOCKET)) == 0


async def until(condition: Callable[[], bool], within_s: float = READY_S) -> None:
    """Return when ``condition`` holds; raises TimeoutError."""
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.05)


async def main(out: Path) -> None:
    """Play the scenario that ``lab.json`` names."""
    options = json.loads((out / "lab.json").read_text())
    scenario = importlib.import_module(f"tests.lab.scenarios.{options['scenario']}")
    guest = Guest(out, options)
    result: dict[str, Any] = {}
    try:
        result = {"result": await scenario.play(guest)}
    except BaseException:  # whatever it was, the host has to know
        result = {"error": traceback.format_exc()}
        raise
    finally:
        await guest.close()
        (out / "result.json").write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
