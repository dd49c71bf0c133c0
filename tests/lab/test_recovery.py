"""The radio is taken away in every way that it is taken away in life: scan and broadcast come back by themselves.

Judged by the logs of the air and of the HCI commands.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pytest

from tests.lab.air import OnAir, linkability, read_air
from tests.lab.machine import Lab, Outcome
from tests.lab.scenarios.recovery import FAULTS

SENDER: Final = "1"
BACK_WITHIN_S: Final = {
    "bluetoothd_killed": 10,
    "bluetoothd_stopped": 10,
    "powered_off": 10,
    "discoverable": 10,
    "unplugged": 10,
    "scanner_deaf": 180,
    "another_scans": 40,
    "bus_killed": 60,
}
"""Signals announce the end of the first five; the others are found out by trying again, after at most 60 s."""
SAID: Final = {
    "bluetoothd_killed": "no Bluetooth",
    "bluetoothd_stopped": "no Bluetooth",
    "powered_off": "powered off",
    "discoverable": "identifiers would be linkable",
    "unplugged": "lost while running",
    "bus_killed": "no Bluetooth",
}
FLIP_S: Final = 0.15
"""How long an identifier may go out with the public address when the adapter becomes discoverable: until bluetoothd
has told the agent and has heard from it."""


@pytest.fixture(scope="module", params=["extended", "legacy"])
def recovery(request: pytest.FixtureRequest, lab: Lab) -> Outcome:
    return lab.play("recovery", extended=request.param == "extended", controllers=1)


def logs(outcome: Outcome) -> list[Path]:
    return sorted(outcome.out.glob("plug*"))


def on_air(outcome: Outcome) -> list[OnAir]:
    return [s for out in logs(outcome) for s in read_air(out / "air.jsonl") if s.sender == SENDER and s.observed]


def scan_commands(outcome: Outcome) -> list[tuple[float, bool]]:
    """Return when the agent's controller was told to scan, and to stop."""
    lines = [line for out in logs(outcome) for line in (out / "hci.log").read_text().splitlines()]
    commands = [line.split() for line in lines if "SCAN_ENABLE" in line]
    return [(float(at), on[:2] == "01") for at, who, _name, on in commands if who == SENDER]


def back_after_s(outcome: Outcome, fault: str) -> float:
    """Return how long after the fault was over an identifier was on the air that was not before, and a scan on."""
    played = outcome.result["faults"][fault]
    began_s, over_s = float(played["began_s"]), float(played["over_s"])
    if fault == "scanner_deaf":
        stops = scan_commands(outcome)
        return next(
            on_s - began_s
            for (off_s, was_on), (on_s, _) in pairwise(stops)
            if off_s > began_s and not was_on and on_s - off_s >= 0.5
        )
    old = {s.payload for s in on_air(outcome) if s.from_s < began_s}
    broadcast_s = next(s.from_s for s in on_air(outcome) if s.from_s > began_s and s.payload not in old)
    scan_s = next(at for at, on in scan_commands(outcome) if on and at > min(broadcast_s, over_s))
    return max(broadcast_s, scan_s, over_s) - over_s


@pytest.mark.parametrize("fault", BACK_WITHIN_S)
def test_scan_and_broadcast_are_back(recovery: Outcome, fault: str) -> None:
    assert set(BACK_WITHIN_S) == {f.__name__ for f in FAULTS}
    took_s = back_after_s(recovery, fault)
    print(f"{recovery.out.name} {fault}: {took_s:.1f} s")
    assert took_s <= BACK_WITHIN_S[fault]
    assert recovery.result["faults"][fault]["afterwards"]["problems"] == []


@pytest.mark.parametrize("fault", SAID)
def test_status_says_what_is_wrong_meanwhile(recovery: Outcome, fault: str) -> None:
    during: dict[str, Any] = recovery.result["faults"][fault]["during"]
    assert (during["healthy"], during["problems"]) == (False, ["no_radio"])
    assert during["radio"]["fault"] == SAID[fault]


@pytest.mark.parametrize("fault", SAID)
def test_the_gap_is_kept_with_its_reason(recovery: Outcome, fault: str) -> None:
    played = recovery.result["faults"][fault]
    gaps = recovery.result["faults"]["bus_killed"]["afterwards"]["last_24_hours"]["not_listening"]
    assert any(gap["reason"] == SAID[fault] for gap in gaps), gaps
    assert played["afterwards"]["last_24_hours"]["listened_s"] > 0


def test_no_fault_puts_two_identifiers_on_one_address(recovery: Outcome) -> None:
    unflipped = [s for s in on_air(recovery) if s.random]
    assert linkability(unflipped).addresses_with_several_payloads == 0


def test_a_flip_to_discoverable_takes_the_identifier_off_at_once_and_it_never_comes_back(recovery: Outcome) -> None:
    flips = [recovery.result["faults"][name] for name in ("discoverable", "another_scans")]
    shown = [s for s in on_air(recovery) if s.connectable or not s.random]
    assert sum(s.packets for s in shown) <= 4
    for stretch in shown:
        assert any(0 <= stretch.from_s - flip["began_s"] <= 1.5 for flip in flips)
        assert stretch.to_s - stretch.from_s < FLIP_S
        later = [s for s in on_air(recovery) if s.from_s > stretch.to_s]
        assert stretch.payload not in {s.payload for s in later}


def test_sigterm_ends_an_agent_that_lived_through_it_all(recovery: Outcome) -> None:
    assert recovery.result["code"] == 0


@pytest.mark.parametrize("kind", ["extended", "legacy"])
def test_any_sequence_of_faults_ends_healthy(lab: Lab, long: bool, kind: str) -> None:
    outcome = lab.play(
        "recovery", extended=kind == "extended", controllers=1, seeds=25 if long else 2, timeout_s=1800 if long else 900
    )
    for played in outcome.result["sequences"]:
        assert played["status"]["problems"] == [], played["faults"]
        assert any(s.to_s > played["well_s"] - 5 and s.from_s < played["well_s"] for s in on_air(outcome)), played
        (*_, (_, scans)) = (command for command in scan_commands(outcome) if command[0] < played["well_s"])
        assert scans, played["faults"]
    unflipped = [s for s in on_air(outcome) if s.random]
    assert linkability(unflipped).addresses_with_several_payloads == 0
