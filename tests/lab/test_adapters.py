"""Two adapters as one radio, and who proves the broadcast: the second adapter, or a peer's report."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.air import Linkability, linkability
from tests.lab.machine import Lab, Outcome

KINDS = [("bluez", True), ("bluez", False), ("hci", True), ("hci", False)]


@pytest.fixture(scope="module", params=KINDS, ids=[f"{s}-{'extended' if e else 'legacy'}" for s, e in KINDS])
def adapters(request: pytest.FixtureRequest, lab: Lab) -> Outcome:
    stack, extended = request.param
    return lab.play("adapters", extended=extended, controllers=4, stack=stack)


def second(adapters: Outcome) -> str:
    return {"bluez": "bluez:hci1", "hci": "hci:1"}[adapters.options["stack"]]


def test_a_self_test_with_two_adapters(adapters: Outcome) -> None:
    said: dict[str, Any] = adapters.result["two adapters"]
    assert (said["code"], said["proved"], said["by"], said["strongest_dbm"]) == (0, True, second(adapters), -50)
    assert adapters.result["deaf"]["code"] == 1
    assert adapters.result["deaf"]["proved"] is False


def test_status_says_proved_when_and_by_whom(adapters: Outcome) -> None:
    state = adapters.result["status"]
    assert (state["code"], state["proof"]["provable"], state["proof"]["by"]) == (0, True, second(adapters))
    assert state["proof"]["at"] > state["started_at"]


def test_the_doctor_finds_nothing_wrong_and_the_running_agent_proves_itself(adapters: Outcome) -> None:
    findings = {f["check"]: f["level"] for f in adapters.result["doctor"]["findings"]}
    assert (adapters.result["doctor"]["code"], findings["proof"]) == (0, "ok")
    assert adapters.result["running"]["proved"] is True


def test_a_second_adapter_that_hears_nothing_any_more_is_a_problem(adapters: Outcome) -> None:
    state = adapters.result["status deaf"]
    assert (state["code"], state["problems"]) == (1, ["not_proved"])


def test_a_peers_report_proves_it(adapters: Outcome) -> None:
    said = adapters.result["peer"]
    assert (said["code"], said["proved"], said["by"], said["strongest_dbm"]) == (0, True, "B", -50)
    assert adapters.result["status peer"]["proof"]["provable"] is False
    assert adapters.result["peer deaf"]["code"] == 1


def test_the_own_broadcast_is_no_contact(adapters: Outcome) -> None:
    """A hears B alone, who has two or three identifiers in these minutes."""
    assert adapters.result["codes"] == [0, 0]
    hours = adapters.result["contacts a"]["hours"]
    received_b = {s.payload for s in adapters.air if s.sender == "2"}
    assert sum(hour["identifiers"] for hour in hours) == len(received_b)


def test_only_the_first_adapter_broadcasts_and_nothing_can_be_linked(adapters: Outcome) -> None:
    assert {s.sender for s in adapters.air} == {"0", "2"}
    assert linkability(adapters.air) == Linkability(0, 0, 0, 0)
