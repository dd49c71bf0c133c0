"""Inside the guest: the contract of every radio, on two of one kind."""

from __future__ import annotations

import traceback
from collections.abc import Callable

from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.ports import Radio
from tests.lab.air import OnAir, read_air
from tests.lab.guest import Guest
from tests.radio_contract import CONTRACT, Bench, Change


def data_of(stretch: OnAir) -> bytes:
    """Return everything that was sent."""
    return stretch.data


def payload_of(stretch: OnAir) -> bytes:
    """Return what was sent without flags, which BlueZ adds."""
    return stretch.payload


async def failures(
    guest: Guest,
    radio: Callable[[int], Radio],
    a_while_s: float,
    *,
    sent: Callable[[OnAir], bytes] = data_of,
    shown: Callable[[AdvertisingData], AdvertisingData] = lambda advertising_data: advertising_data,
) -> dict[str, str]:
    """Return each rule's failure, or nothing; the truth about the air is the log of the virtual controllers.

    ``radio`` makes the one of a controller; ``sent`` is what counts of a stretch on the air, ``shown`` what the radio's
    system makes of advertising data.
    """

    def air() -> list[Change]:
        return [Change(s.address, sent(s)) for s in read_air(guest.out / "air.jsonl") if s.sender == "0"]

    found = {}
    for rule in CONTRACT:
        try:
            await rule(Bench(radio(0), radio(1), air, a_while_s, shown))
            found[rule.__name__] = ""
        except Exception:  # noqa: BLE001 - the host's test says which rule failed, and how
            found[rule.__name__] = traceback.format_exc()
    return found
