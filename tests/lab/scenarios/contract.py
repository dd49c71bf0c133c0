"""Two BlueZ radios held to the contract of every radio."""

from __future__ import annotations

import traceback
from dataclasses import replace

from bluezone_agent.clocks.system import SystemClock
from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.radios.bluez.radio import BluezRadio
from tests.lab.air import read_air
from tests.lab.guest import Guest
from tests.radio_contract import CONTRACT, Bench, Change

A_WHILE_S = 30.0
"""A strict duplicate filter lets one packet through about every 11 s."""


def without_tx_power(advertising_data: AdvertisingData) -> AdvertisingData:
    """Return what BlueZ broadcasts: a TX Power Level and flags that it is told are the parts that it does not take."""
    return replace(advertising_data, tx_power_dbm=None, flags=None)


async def play(guest: Guest) -> dict[str, str]:
    """Return each rule's failure, or nothing; the truth about the air is the log of the virtual controllers."""
    await guest.start()
    clock = SystemClock()

    def air() -> list[Change]:
        stretches = read_air(guest.out / "air.jsonl")
        return [Change(s.address, s.payload) for s in stretches if s.sender == "0"]

    failures = {}
    for rule in CONTRACT:
        try:
            await rule(Bench(BluezRadio("hci0", clock), BluezRadio("hci1", clock), air, A_WHILE_S, without_tx_power))
            failures[rule.__name__] = ""
        except Exception:  # noqa: BLE001 - the host's test says which rule failed, and how
            failures[rule.__name__] = traceback.format_exc()
    return failures
