"""The kernel's radio is taken away in every way: what it does beside bluetoothd, and when processes are killed.

The agent is an unprivileged user's, the broker root's. Judged by the logs of the air and of the HCI commands.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Final

import pytest

from tests.lab.air import linkability
from tests.lab.machine import Lab, Outcome
from tests.lab.scenarios.recovery import KERNEL_FAULTS, RESTART_S
from tests.lab.test_recovery import back_after_s as rescanned_after_s
from tests.lab.test_recovery import on_air, scan_commands

BACK_WITHIN_S: Final = {
    "bluetoothd_stopped": 10,
    "powered_off": 10,
    "discoverable": 10,
    "unplugged": 10,
    "scanner_deaf": 180,
    "another_monitor": 30,
    "another_advertises": 30,
    "broker_killed": 10,
    "agent_killed": 10,
    "both_killed": 10,
}
"""A bluetoothd that is stopped switches the adapters off. Where another program prevents advertising, the agent tries
again after 5, 15 and 35 s."""
UNTOUCHED: Final = ("bluetoothd_killed", "bus_killed", "another_scans")
"""These do not end a broadcast; but another_scans makes the adapter discoverable for a second."""
LOGGED_S: Final = 0.01
"""The HCI log has milliseconds; a legacy scan pauses for some while an address is set."""
SAID: Final = {
    "powered_off": "powered off",
    "discoverable": "identifiers would be linkable",
    "unplugged": "lost while running",
}


@pytest.fixture(scope="module", params=["extended", "legacy"])
def recovery(request: pytest.FixtureRequest, lab: Lab) -> Outcome:
    return lab.play("recovery", extended=request.param == "extended", controllers=1, stack="kernel", timeout_s=1500)


def test_every_fault_is_judged(recovery: Outcome) -> None:
    assert {f.__name__ for f in KERNEL_FAULTS} == {*BACK_WITHIN_S, *UNTOUCHED}
    for fault, played in recovery.result["faults"].items():
        assert played["afterwards"]["problems"] == [], fault


@pytest.mark.parametrize("fault", BACK_WITHIN_S)
def test_scan_and_broadcast_are_back(recovery: Outcome, fault: str) -> None:
    played = recovery.result["faults"][fault]
    if fault == "another_advertises" and recovery.options["extended"]:
        assert off_air_s(recovery, fault) < 3, "an extended controller has a set for each"
        return
    took_s = back_after_s(recovery, fault)
    print(f"{recovery.out.name} {fault}: {took_s:.1f} s, {played['during']['problems']}")
    assert took_s <= BACK_WITHIN_S[fault]


def back_after_s(outcome: Outcome, fault: str) -> float:
    """Return how long after a fault was over another identifier was on the air, and a scan on."""
    if fault == "scanner_deaf":
        return rescanned_after_s(outcome, fault)
    began_s, over_s = (float(outcome.result["faults"][fault][name]) for name in ("began_s", "over_s"))
    old = {s.payload for s in on_air(outcome) if s.from_s < began_s}
    both_s = max(over_s, next(s.from_s for s in on_air(outcome) if s.from_s > began_s and s.payload not in old))
    (*_, (_, scans)) = (command for command in scan_commands(outcome) if command[0] < both_s + LOGGED_S)
    if not scans:
        both_s = next(at for at, on in scan_commands(outcome) if on and at > both_s)
    return both_s - over_s


def off_air_s(outcome: Outcome, fault: str) -> float:
    """Return the longest time without a broadcast during a fault and its aftermath."""
    played = outcome.result["faults"][fault]
    began_s, until_s = float(played["began_s"]), float(played["over_s"]) + 60
    stretches = [s for s in on_air(outcome) if s.to_s > began_s and s.from_s < until_s]
    edges = [(max(s.from_s, began_s), min(s.to_s, until_s)) for s in stretches]
    gaps = [later[0] - earlier[1] for earlier, later in pairwise(edges)]
    return max([*gaps, edges[0][0] - began_s, until_s - edges[-1][1]])


@pytest.mark.parametrize("fault", UNTOUCHED)
def test_the_broadcast_continues(recovery: Outcome, fault: str) -> None:
    gap_s = off_air_s(recovery, fault)
    print(f"{recovery.out.name} {fault}: off the air for {gap_s:.1f} s")
    assert gap_s < (40 if fault == "another_scans" else 10)
    assert scan_commands(recovery)


@pytest.mark.parametrize("fault", SAID)
def test_status_says_what_is_wrong_meanwhile(recovery: Outcome, fault: str) -> None:
    during: dict[str, Any] = recovery.result["faults"][fault]["during"]
    assert (during["healthy"], during["problems"]) == (False, ["no_radio"])
    assert during["radio"]["fault"] == SAID[fault]


def test_no_fault_links_two_identifiers(recovery: Outcome) -> None:
    found = linkability(s for s in on_air(recovery) if s.random)
    assert found.addresses_with_several_payloads == 0
    assert found.payloads_on_several_addresses == 0


def test_discoverable_costs_a_packet_at_most(recovery: Outcome) -> None:
    shown = [s for s in on_air(recovery) if s.connectable or not s.random]
    print(f"{recovery.out.name}: {[s.packets for s in shown]} packets from the public address")
    assert sum(s.packets for s in shown) <= 2
    for stretch in shown:
        later = [s for s in on_air(recovery) if s.from_s > stretch.to_s]
        assert stretch.payload not in {s.payload for s in later}


def test_a_killed_agent_leaves_nothing_and_a_killed_broker_nothing_past_its_restart(recovery: Outcome) -> None:
    for fault in ("agent_killed", "broker_killed", "both_killed"):
        began_s = float(recovery.result["faults"][fault]["began_s"])
        *_, last = (s for s in on_air(recovery) if s.from_s < began_s)
        left_s = max(s.to_s for s in on_air(recovery) if s.payload == last.payload) - began_s
        print(f"{recovery.out.name} {fault}: on the air for another {left_s:.2f} s")
        assert left_s < (1 if fault == "agent_killed" else RESTART_S + 3)


def test_sigterm_ends_an_agent_that_lived_through_it_all(recovery: Outcome) -> None:
    assert recovery.result["code"] == 0


def refusals(outcome: Outcome) -> list[str]:
    """Return what the agents' logs say of radios that did not do what they were asked."""
    logs = [line for log in sorted(outcome.out.glob("agent-*.log")) for line in log.read_text().splitlines()]
    return [line for line in logs if "level='warning'" in line or "error" in line]


@pytest.mark.parametrize("kind", ["extended", "legacy"])
def test_any_sequence_of_faults_ends_healthy(lab: Lab, long: bool, kind: str) -> None:
    outcome = lab.play(
        "recovery",
        extended=kind == "extended",
        controllers=1,
        stack="kernel",
        seeds=25 if long else 2,
        timeout_s=2400 if long else 1200,
    )
    for played in outcome.result["sequences"]:
        assert played["status"]["problems"] == [], (played, refusals(outcome))
        assert any(s.to_s > played["well_s"] - 5 and s.from_s < played["well_s"] for s in on_air(outcome)), played
    found = linkability(s for s in on_air(outcome) if s.random)
    assert found.addresses_with_several_payloads == 0
    assert found.payloads_on_several_addresses == 0
