"""A controller on USB: the contract of every radio, with the kernel's driver and without it; and unplugged."""

from __future__ import annotations

import pytest

from tests.lab.air import linkability
from tests.lab.machine import Lab, Outcome
from tests.radio_contract import CONTRACT

NOTICED_S = 15
"""A heartbeat every 10 s, and 2 s for its answer."""


@pytest.fixture(scope="module", params=["extended", "legacy"])
def played(request: pytest.FixtureRequest, lab: Lab) -> Outcome:
    return lab.play("usb", extended=request.param == "extended", usb=True)


@pytest.mark.parametrize("radio", ["kernel", "hci"])
@pytest.mark.parametrize("rule", [rule.__name__ for rule in CONTRACT])
def test_contract(played: Outcome, radio: str, rule: str) -> None:
    assert played.result[radio][rule] == ""


def test_nothing_can_be_linked(played: Outcome) -> None:
    found = linkability(played.air)
    assert (found.addresses_with_several_payloads, found.public_addresses, found.connectable) == (0, 0, 0)


def test_an_unplugged_controller_is_noticed(played: Outcome) -> None:
    unplugged = played.result["unplugged"]
    print(f"{unplugged['took_s']:.1f} s: {unplugged['said']}")
    assert unplugged["reason"] == "lost while running"
    assert unplugged["took_s"] < NOTICED_S
