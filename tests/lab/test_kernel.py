"""The kernel's radio, with a stock bluetoothd: the contract of every radio, and what it sends."""

from __future__ import annotations

import pytest

from tests.lab.air import linkability
from tests.lab.machine import Lab, Outcome
from tests.radio_contract import CONTRACT


@pytest.fixture(scope="module", params=["extended", "legacy"])
def contract(request: pytest.FixtureRequest, lab: Lab) -> Outcome:
    return lab.play("kernel_contract", extended=request.param == "extended")


@pytest.mark.parametrize("rule", [rule.__name__ for rule in CONTRACT])
def test_contract(contract: Outcome, rule: str) -> None:
    assert contract.result["failures"][rule] == ""
    assert contract.result["broker"] == 0


def test_nothing_can_be_linked(contract: Outcome) -> None:
    # each rule is a device of its own with the same keys: only what one address carried can be judged over all
    assert linkability(contract.air).addresses_with_several_payloads == 0
    assert linkability(contract.air).public_addresses == 0
    assert linkability(contract.air).connectable == 0
    assert {s.event_type for s in contract.air} == {0x10}, "ADV_NONCONN_IND"
