"""What an agent, or an agent and its broker, leave on the air when they are killed with the kernel's radio.

Judged by the log of the air alone.
"""

from __future__ import annotations

from typing import Final

import pytest

from tests.lab.air import OnAir, linkability
from tests.lab.machine import Lab, Outcome
from tests.lab.scenarios.kernel_killed import ORPHANED_S, SLOT_S

FEW, MANY = 8, 50
GRANULARITY_S: Final = 41
"""Of the kernel's timers of this length at 100 Hz (kernel/time/timer.c, level 5 of the wheel)."""
NONE: Final = "0000000000000000"


@pytest.fixture(scope="module", params=["extended", "legacy"])
def killed(request: pytest.FixtureRequest, lab: Lab, long: bool) -> Outcome:
    kills = MANY if long else FEW
    return lab.play("kernel_killed", extended=request.param == "extended", controllers=1, kills=kills, timeout_s=900)


def on_air(outcome: Outcome) -> list[OnAir]:
    return [s for s in outcome.air if s.observed]


def left_s(outcome: Outcome, killed_s: float) -> float:
    """Return for how long something was sent after a moment, by whoever sent at that moment."""
    return max((s.to_s - killed_s for s in on_air(outcome) if s.from_s <= killed_s), default=0.0)


def test_an_agent_that_is_killed_is_off_the_air_within_a_second(killed: Outcome) -> None:
    left = [left_s(killed, at_s) for at_s in killed.result["killed"]]
    print(f"{killed.out.name}: {len(left)} killed, on the air for at most {max(left):.3f} s more")
    assert max(left) < 1


def test_what_both_leave_is_removed_by_the_next_broker_before_anything_is_sent(killed: Outcome) -> None:
    killed_s, started_s = killed.result["together"]["killed_s"], killed.result["together"]["started_s"]
    assert left_s(killed, killed_s) > ORPHANED_S - 2, "the kernel keeps it: else this shows nothing"
    assert left_s(killed, started_s) < 3
    later = [s for s in on_air(killed) if started_s < s.from_s < killed.result["untouched_s"]]
    assert len(later) == 1


def test_a_legacy_identifier_ends_with_its_slot_without_any_process(killed: Outcome) -> None:
    last = on_air(killed)[-1]
    lasted_s = last.to_s - last.from_s
    print(f"{killed.out.name}: left alone, the last one lasted {lasted_s:.0f} s")
    if killed.options["extended"]:
        assert lasted_s > SLOT_S, "an extended controller's goes on until the next broker"
    else:
        late_s = (last.to_s - last.from_s) - (SLOT_S - last.from_s % SLOT_S)
        print(f"{killed.out.name}: {late_s:.1f} s after the end of its slot")
        assert -1 < late_s < GRANULARITY_S


def test_nothing_is_linked_however_often_they_were_killed(killed: Outcome) -> None:
    assert linkability(on_air(killed)).addresses_with_several_payloads == 0
    assert linkability(on_air(killed)).payloads_on_several_addresses == 0
    assert linkability(on_air(killed)).public_addresses == 0


def test_root_without_systemd_has_no_privilege_left(killed: Outcome) -> None:
    root = killed.result["root"]
    for held in root["privileges"]:
        assert held == {"CapPrm": NONE, "CapEff": NONE, "CapBnd": NONE, "CapAmb": NONE, "NoNewPrivs": "1"}
    assert not root["broker_left"], "the broker ends with its agent"
    assert left_s(killed, root["killed_s"]) < 1
