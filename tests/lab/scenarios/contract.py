"""Two BlueZ radios held to the contract of every radio."""

from __future__ import annotations

from dataclasses import replace

from bluezone_agent.clocks.system import SystemClock
from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.radios.bluez.radio import BluezRadio
from tests.lab.contract import failures, payload_of
from tests.lab.guest import Guest

A_WHILE_S = 30.0
"""A strict duplicate filter lets one packet through about every 11 s."""


def without_tx_power(advertising_data: AdvertisingData) -> AdvertisingData:
    """Return what BlueZ broadcasts: a TX Power Level and flags that it is told are the parts that it does not take."""
    return replace(advertising_data, tx_power_dbm=None, flags=None)


async def play(guest: Guest) -> dict[str, str]:
    """Return each rule's failure, or nothing."""
    await guest.start()
    clock = SystemClock()
    return await failures(
        guest,
        lambda number: BluezRadio(f"hci{number}", clock),
        A_WHILE_S,
        sent=payload_of,
        shown=without_tx_power,
    )
