"""Brokers that break the rotation's law on controller 0: ``python -m tests.lab.mutant_broker NAME …``."""

from __future__ import annotations

import asyncio
import sys
from typing import Final

from bluezone_agent.radios.kernel import broker, server
from bluezone_agent.radios.kernel import management as wire
from bluezone_agent.radios.kernel.controller import Controller
from bluezone_agent.radios.kernel.management import Opcode

OVERLAP_S: Final = 5
"""Linux shows each of several legacy instances for 2 s in turn."""
MUTATED: Final = 0


class AddFirst(Controller):
    """The new one goes on the air, as another instance, before the old one is removed."""

    _old = 0

    async def prepare(self) -> int | None:
        if self.number != MUTATED:
            return await super().prepare()
        self._require_usable()
        self._old, self._traces.instance = self._traces.instance, 3 if self._traces.instance == 4 else 4
        power_dbm = await self._set_parameters(0) if self.extended else None
        self._prepared = True
        return power_dbm

    async def commit(self, data: bytes, valid_s: float) -> None:
        await super().commit(data, valid_s)
        if self.number == MUTATED and self._old:
            await asyncio.sleep(OVERLAP_S)
            await self._call(Opcode.REMOVE_ADVERTISING, wire.instance(self._old))


class UpdateInPlace(Controller):
    """The instance that is on the air gets the new data."""

    async def prepare(self) -> int | None:
        if self.number == MUTATED and self._may_be_there:
            self._prepared = True
            return None
        return await super().prepare()

    async def commit(self, data: bytes, valid_s: float) -> None:
        if self.number == MUTATED and self._ends:
            await self._call(Opcode.ADD_DATA, wire.advertising_data(self._traces.instance, data))
        else:
            await super().commit(data, valid_s)


class NoScanPause(Controller):
    """A legacy controller scans on while the identifier changes."""

    async def _remove_monitor(self) -> None:
        if self.number != MUTATED:
            await super()._remove_monitor()


class NoTakeOff(Controller):
    """Nothing is stopped when the adapter becomes discoverable."""

    def take_off(self) -> None:
        if self.number != MUTATED:
            super().take_off()

    async def _remove_instance(self) -> None:
        if self.number == MUTATED:
            await asyncio.sleep(1)
        await super()._remove_instance()


MUTANTS: Final = {
    "add-first": AddFirst,
    "update-in-place": UpdateInPlace,
    "no-scan-pause": NoScanPause,
    "no-take-off": NoTakeOff,
}


if __name__ == "__main__":
    vars(server)["Controller"] = MUTANTS[sys.argv.pop(1)]
    broker.main()
