"""The HCI radio on the kernel's user channel: the contract of every radio, and what the kernel refuses."""

from __future__ import annotations

import pytest

from tests.lab.air import Linkability, linkability
from tests.lab.machine import Lab, Outcome
from tests.radio_contract import CONTRACT

EXIT_NO_RADIO = 69


@pytest.fixture(scope="module", params=["extended", "legacy"])
def contract(request: pytest.FixtureRequest, lab: Lab) -> Outcome:
    return lab.play("hci_contract", extended=request.param == "extended")


@pytest.mark.parametrize("rule", [rule.__name__ for rule in CONTRACT])
def test_contract(contract: Outcome, rule: str) -> None:
    assert contract.result["failures"][rule] == ""


@pytest.mark.parametrize(("case", "words"), [("busy", "hci:0 is in use"), ("missing", "no Bluetooth adapter hci:7")])
def test_what_the_kernel_refuses_has_a_reason(contract: Outcome, case: str, words: str) -> None:
    assert contract.result[case]["code"] == EXIT_NO_RADIO
    assert words in contract.result[case]["stderr"]


def test_nothing_can_be_linked(contract: Outcome) -> None:
    # each rule is a device of its own with the same keys: only what one address carried can be judged over all
    assert linkability(contract.air).addresses_with_several_payloads == 0
    assert linkability(contract.air).public_addresses == 0
    assert linkability(contract.air).connectable == 0


@pytest.fixture(scope="module", params=["extended", "legacy"])
def losses(request: pytest.FixtureRequest, lab: Lab) -> Outcome:
    return lab.play("hci_losses", extended=request.param == "extended", controllers=1)


def test_an_unplugged_adapter_is_noticed(losses: Outcome) -> None:
    unplugged = losses.result["unplugged"]
    assert unplugged["reason"] == "lost while running"
    assert unplugged["took_s"] < 2


def test_an_agent_that_was_killed_comes_back_with_another_identifier_and_address(losses: Outcome) -> None:
    """Until then the controller goes on with the old one: nobody is left who could stop it (docs/adapters.md)."""
    assert losses.result["code"] == 0
    before, after = losses.air
    assert before.to_s < after.from_s
    assert linkability(losses.air) == Linkability(0, 0, 0, 0)
