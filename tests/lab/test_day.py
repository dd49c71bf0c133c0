"""Hours on a legacy controller: an identifier on the air in every slot, and the air never empty for long."""

from __future__ import annotations

from itertools import pairwise
from statistics import median

import pytest

from tests.lab.air import Linkability, linkability
from tests.lab.machine import Lab

SLOT_S = 900
PAUSE_S = 2.5
"""A random pause of up to 2 s, and some calls."""

SHORT_HOURS = {"bluez": 1, "kernel": 0.5}
"""Through the kernel each of a day's million packets arrives, which takes the guest some hours."""
LONGEST_S = 14_000


@pytest.mark.parametrize("stack", SHORT_HOURS)
def test_every_slot_has_its_identifier(lab: Lab, long: bool, stack: str) -> None:
    hours = 24 if long else SHORT_HOURS[stack]
    outcome = lab.play("day", extended=False, stack=stack, hours=hours, timeout_s=LONGEST_S if long else 900)
    result = outcome.result
    air = [s for s in outcome.air if s.sender == "0" and s.from_s < result["ended_s"]]
    on_air = {int(s.from_s) // SLOT_S for s in air}
    slots = set(range(int(result["began_s"]) // SLOT_S, int(result["ended_s"]) // SLOT_S))
    gaps = [b.from_s - a.to_s for a, b in pairwise(air)]
    print(
        f"{stack}, {hours} h: {len(air)} identifiers, {len(slots - on_air)} of {len(slots)} slots missing,"
        f" {sum(s.packets for s in air)} packets, gap median {median(gaps):.2f} s, worst {max(gaps):.2f} s"
    )
    assert slots - on_air == set()
    assert len({s.payload for s in air}) == len(air)
    assert linkability(outcome.air) == Linkability(0, 0, 0, 0)
    assert max(gaps) <= PAUSE_S
    assert result["status"]["problems"] == []
    assert result["status"]["last_24_hours"]["listened_s"] >= hours * 3600 - 60
    assert result["stopped"] == [0, 0]
