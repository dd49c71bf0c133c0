"""Two agents live through days of every fault there is, and tell as much of it as they can.

    python -m tests.faults.canary FOLDER DAYS

In simulated time on the virtual air, at level DEBUG through the program's own logging. ``FOLDER`` gets their stores,
what was handed to the log (``events``) and what they say of themselves (``said``); the last thing is a crash, whose
traceback goes to stderr. Prints every secret there was as one JSON object: keys, identifiers, addresses, a passphrase.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import structlog

from bluezone_agent.actions import export_keys
from bluezone_agent.app import logs
from bluezone_agent.app.agent_state import read_metrics, read_status
from bluezone_agent.clocks.simulated import SimulatedClock, run_simulated
from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.core.diagnosis_keys.key_export import write_key_export
from bluezone_agent.core.identifiers import DailyKey, DiagnosisKey
from bluezone_agent.core.intervals import DAY_S, RETENTION_DAYS
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.core.reception import Advert
from bluezone_agent.core.risk import DEFAULT_MODEL, MODELS
from bluezone_agent.daemon.agent import Agent
from bluezone_agent.errors import AgentError
from bluezone_agent.exposure_check.check import Check, PinnedSource
from bluezone_agent.key_sources import open_source
from bluezone_agent.radios.bluez import errors
from bluezone_agent.radios.simulated.air import Air, Position, VirtualRadio
from bluezone_agent.stores.store import StateLock, Store
from tests.diagnosis_keys import AUTHORITY
from tests.faults.test_disk_faults import no_file_longer_than

STARTS_AT_S = 1_806_537_600
"""2027-04-01 00:00 UTC."""
HOUR_S = 3600
PACKET_EVERY_S = 20.0
PASSPHRASE = "canary passphrase of six words"


class FaultyRadio:
    """A virtual radio that fails when it is told to, in the words of a D-Bus error that names a neighbour."""

    silent_after_s = math.inf
    description = "faulty"
    scan_mode = "faulty"

    def __init__(self, radio: VirtualRadio, words: Callable[[], str]) -> None:
        self.radio = radio
        self._words = words
        self.fails = False
        self.crashes = False

    async def __aenter__(self) -> FaultyRadio:
        self._check("StartDiscovery")
        await self.radio.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.radio.__aexit__(*error)

    async def prepare(self, valid_s: float) -> int | None:
        return None

    async def advertise(self, advertising_data: AdvertisingData) -> None:
        self._check("RegisterAdvertisement")
        await self.radio.advertise(advertising_data)

    async def withdraw(self) -> None:
        await self.radio.withdraw()

    async def listen(self, received: Callable[[Advert], None]) -> None:
        def receive(advert: Advert) -> None:
            self._check("StartDiscovery")
            if self.crashes:
                raise ValueError(f"a mistake of ours: {advert}", advert, advert.advertising_data, self._words())
            received(advert)

        await self.radio.listen(receive)

    async def becomes_usable(self) -> None:
        while self.fails:
            await asyncio.sleep(10)

    async def power_cycle(self) -> None:
        await self.radio.power_cycle()

    def _check(self, call: str) -> None:
        if self.fails:
            raise errors.refused("hci0", call, "org.bluez.Error.Failed", self._words())


class Activity:
    """The secrets of both devices, and what happens to the first of them."""

    def __init__(self, folder: Path, days: int) -> None:
        self.folder = folder
        self.days = days
        self.keys: list[DailyKey] = []
        self.said: list[str] = []
        self.events: list[str] = []
        self.strange = Random(3).randbytes(16)
        """What a malformed frame holds."""
        self.air = Air(self.true_s, seed=1, advert_interval_s=PACKET_EVERY_S)
        self.stores = [Store(folder / "a"), Store(folder / "b")]
        self.stores[1].encrypt(PASSPHRASE)
        self.drawn: list[bytes] = []
        (folder / "published").mkdir()

    def true_s(self) -> float:
        return STARTS_AT_S + asyncio.get_running_loop().time()

    def draw(self, random: Random) -> Callable[[int], bytes]:
        def randbytes(n: int) -> bytes:
            self.drawn.append(random.randbytes(n))
            return self.drawn[-1]

        return randbytes

    async def play(self) -> None:
        self.clocks = [SimulatedClock(STARTS_AT_S), SimulatedClock(STARTS_AT_S)]
        radios = [self.air.radio(self.clocks[n], lambda _, n=n: Position(float(n), 0.0)) for n in (0, 1)]  # type: ignore[misc]
        self.air.observed(lambda _: Position(0.0, 1.0), self._malformed)
        self.radio = FaultyRadio(radios[0], self._words)
        self.stop = asyncio.Event()
        one = Agent(
            self.stores[0],
            self.radio,
            self.clocks[0],
            PROTOCOLS["bluezone"],
            -12,
            self._check,
            sources=1,
            random_bytes=self.draw(Random(1)),
        )
        other = Agent(
            self.stores[1], radios[1], self.clocks[1], PROTOCOLS["gaen"], -12, None, random_bytes=self.draw(Random(2))
        )
        async with asyncio.TaskGroup() as tasks:
            neighbour = tasks.create_task(other.run(self.stop))
            tasks.create_task(self._happen())
            try:
                await one.run(self.stop)
            finally:
                self.stop.set()
                await neighbour

    async def _happen(self) -> None:
        for day in range(self.days):
            for turn, fault in enumerate((self._no_disk, self._no_radio, self._jumps, self._sleeps, self._exports)):
                await self._until(day * DAY_S + (4 * turn + 1) * HOUR_S)
                await fault()
                self._say()
                self._publish(day)
        await self._until(self.days * DAY_S + HOUR_S)
        self.radio.crashes = True

    async def _until(self, loop_s: float) -> None:
        await asyncio.sleep(max(0.0, loop_s - asyncio.get_running_loop().time()))

    async def _no_disk(self) -> None:
        with no_file_longer_than(1):
            await asyncio.sleep(30 * 60)
            self._say()

    async def _no_radio(self) -> None:
        self.radio.fails = True
        await asyncio.sleep(20 * 60)
        self._say()
        self.radio.fails = False

    async def _jumps(self) -> None:
        clock = self.clocks[0]
        for to_s in (self.true_s() + 3 * HOUR_S, 1.0, self.true_s()):
            clock.is_synchronised = to_s > 1
            clock.offset_s += to_s - clock.now_s()
            await asyncio.sleep(20 * 60)
            self._say()

    async def _sleeps(self) -> None:
        self.clocks[0].slept_s += 900
        await asyncio.sleep(60)
        self.clocks[0].offset_s -= 900  # the air did not sleep

    async def _exports(self) -> None:
        store, clock = self.stores[0], self.clocks[0]
        path = self.folder / "export.json"
        path.unlink(missing_ok=True)
        try:
            await asyncio.to_thread(export_keys.end_current_key, store)
            export_keys.write(path, export_keys.exportable(store, RETENTION_DAYS, clock.now_s()), None)
            export_keys.write(path, export_keys.exportable(store, RETENTION_DAYS, clock.now_s()), None)
        except AgentError as error:
            self.said.append(f"{error!r} {error} {error.hint} {error.fields}")

    def _publish(self, day: int) -> None:
        """Publish the neighbour's keys, and beside them what has to be refused."""
        keys = [own.key for own in self.stores[1].keys.all() if own.closed]
        if not keys:
            return
        now_s = int(self.true_s())
        data = write_key_export([DiagnosisKey(key) for key in keys], AUTHORITY, start_s=0, end_s=now_s, region="VN")
        folder = self.folder / "published"
        (folder / f"{day}.zip").write_bytes(data)
        (folder / f"{day}-flipped.zip").write_bytes(data[:-200] + bytes([data[-200] ^ 1]) + data[-199:])
        (folder / f"{day}-cut.zip").write_bytes(data[: len(data) // 2])
        (folder / f"{day}-else.json").write_bytes(keys[0].data)

    async def _check(self) -> None:
        store, now_s = self.stores[0], self.clocks[0].now_s()
        source = PinnedSource(open_source(str(self.folder / "published")), AUTHORITY.verification_key)
        try:
            report = Check(store, MODELS[DEFAULT_MODEL], assumed_tx_power_dbm=-12, now_s=now_s).run([source])
        except AgentError as error:
            self.said.append(f"{error!r} {error} {error.fields}")
        else:
            self.said.append(repr(report))

    def _say(self) -> None:
        for store, clock in zip(self.stores, self.clocks, strict=True):
            now_s = clock.now_s()
            self.said += [repr(read_status(store, now_s)), read_metrics(store, now_s), repr(store.journal.read())]

    def _malformed(self, true_s: float) -> AdvertisingData | None:
        short = self.strange[:11]
        if int(true_s) // 600 % 2:
            return AdvertisingData(service_data={0xFD6F: self.strange + b"\1\2\3"})
        return AdvertisingData(service_uuids=(0x4E56,), manufacturer_data={8885: short})

    def _words(self) -> str:
        """What BlueZ could say: an address, a payload and an identifier."""
        address = next(on.address for on in reversed(self.air.log) if on.data)
        path = f"/org/bluez/hci0/dev_{address.replace(':', '_')}"
        return f"Method on {path} ({address}) failed: {self.air.log[-1].data!r} {self.strange.hex()}"

    def secrets(self) -> dict[str, Any]:
        """Return all there are, in hexadecimal; the virtual air knows every address, the keys every identifier."""
        keys: list[DailyKey] = []
        for data in self.drawn:
            protocol = next(p for p in PROTOCOLS.values() if p.key_length == len(data))
            for day in range(-1, self.days + 2):
                start_s = STARTS_AT_S + day * DAY_S
                keys.append(DailyKey(protocol.name, data, start_s, start_s + DAY_S, protocol.slots_per_day))
        return {
            "keys": sorted({data.hex() for data in self.drawn}),
            "identifiers": sorted(
                {slot.identifier.hex() for key in keys for slot in PROTOCOLS[key.protocol].slots(key)}
            ),
            "addresses": sorted({bytes.fromhex(on.address.replace(":", "")).hex() for on in self.air.log}),
            "others": [self.strange.hex(), self.strange[:11].hex(), PASSPHRASE.encode().hex()],
        }


def main() -> None:
    folder, days = Path(sys.argv[1]), int(sys.argv[2])
    logs.to_stderr(logging.DEBUG)
    life = Activity(folder, days)

    def keep(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        life.events.append(repr(event))
        return event

    structlog.configure(processors=[keep, *logs.processors()])
    try:
        with life.stores[0], life.stores[1], StateLock(folder / "a"), StateLock(folder / "b"):
            try:
                run_simulated(life.play())
            finally:
                for store in life.stores:  # half of the days are over
                    store.expire(STARTS_AT_S + (days / 2 + RETENTION_DAYS) * DAY_S)
    finally:
        print(json.dumps(life.secrets()))
        (folder / "events").write_text("\n".join(life.events))
        (folder / "said").write_text("\n".join(life.said))


if __name__ == "__main__":
    main()
