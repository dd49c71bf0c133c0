"""No two identifiers can be linked, over hundreds of rotations; and the oracle that says so catches what must not be.

Judged by the log of the air alone.
"""

from __future__ import annotations

from itertools import groupby, pairwise
from statistics import median
from typing import Final

import pytest

from tests.lab.air import Linkability, OnAir, linkability
from tests.lab.machine import Lab, Outcome

ROTATIONS: Final = 100
FEW: Final = 6
CLEAN: Final = Linkability(0, 0, 0, 0)
GAP_S: Final = 2.0 + 1.28 + 0.5
"""The random pause, one interval of the slowest broadcast, and some calls."""
PACKETS_A_FLIP: Final = 4
MUTANTS: Final = [  # an update in place is harmless on extended controllers: the kernel draws a new address
    ("register-first", True, 0),
    ("register-first", False, 0),
    ("update-in-place", False, 0),
    ("no-scan-pause", False, 0),
    ("same-payload-after-a-flip", True, 1),
    ("same-payload-after-a-flip", False, 1),
]
KERNEL_MUTANTS: Final = [  # on an extended controller the new one may be added first: it has an address of its own
    ("add-first", True, 0),
    ("add-first", False, 0),
    ("update-in-place", True, 0),
    ("update-in-place", False, 0),
    ("no-scan-pause", False, 0),
    ("same-payload-after-a-flip", True, 1),
    ("same-payload-after-a-flip", False, 1),
    ("no-take-off", False, 1),
]


def play(lab: Lab, kind: str, *, rotations: int, stack: str = "bluez", mutant: str = "", flips: int = 0) -> Outcome:
    extended = kind == "extended"
    return lab.play("rotations", extended=extended, rotations=rotations, stack=stack, mutant=mutant, flips=flips)


def sent_by(outcome: Outcome, sender: str) -> list[OnAir]:
    """Return what carried an identifier; a discoverable adapter also sends frames of its own (docs/bluez.md)."""
    return [s for s in outcome.air if s.sender == sender and s.observed]


def complaints(outcome: Outcome, sender: str, rotations: int) -> list[str]:
    """Return what an eavesdropper, or somebody who waits for the next identifier, would find wrong."""
    ours = sent_by(outcome, sender)
    flips = outcome.result["flips"]
    flipped = [s for s in ours if not s.random or s.connectable]
    found = []
    if sum(s.packets for s in flipped) > PACKETS_A_FLIP * len(flips):
        found.append("more packets from the public address, or connectable, than a flip explains")
    unflipped = [s for s in ours if s not in flipped]
    if linkability(unflipped) != CLEAN:
        found.append(str(linkability(unflipped)))
    if any(s.payload == flip.payload and s.from_s > flip.to_s for flip in flipped for s in unflipped):
        found.append("the payload of a flip was on the air again")
    order = [payload for payload, _ in groupby(s.payload for s in unflipped)]
    if len(order) > len(set(order)):
        found.append("two identifiers were on the air at once")
    if len({s.payload for s in ours}) < rotations:
        found.append(f"{len({s.payload for s in ours})} identifiers instead of {rotations}")
    gaps = [b.from_s - a.to_s for a, b in pairwise(ours)]
    if max(gaps, default=99.0) > GAP_S + (20 if flips else 0):
        found.append(f"nothing on the air for {max(gaps, default=99.0):.1f} s")
    return found


@pytest.mark.parametrize("kind", ["extended", "legacy"])
@pytest.mark.parametrize("stack", ["bluez", "hci", "kernel"])
@pytest.mark.parametrize("sender", ["0", "1"], ids=["bluezone", "gaen"])
def test_a_hundred_rotations_link_nothing(lab: Lab, kind: str, stack: str, sender: str) -> None:
    outcome = play(lab, kind, rotations=ROTATIONS, stack=stack)
    assert complaints(outcome, sender, ROTATIONS) == []
    ours = sent_by(outcome, sender)
    gaps = [b.from_s - a.to_s for a, b in pairwise(ours)]
    print(
        f"{stack} {kind} {sender}: {len(ours)} identifiers, {sum(s.packets for s in ours)} packets, gap median"
        f" {median(gaps):.2f} s, worst {max(gaps):.2f} s, {linkability(ours)}"
    )


@pytest.mark.parametrize("kind", ["extended", "legacy"])
@pytest.mark.parametrize("stack", ["bluez", "kernel"])
def test_a_flip_to_discoverable_costs_the_present_identifier_only(lab: Lab, kind: str, stack: str) -> None:
    outcome = play(lab, kind, rotations=FEW, stack=stack, flips=1)
    assert complaints(outcome, "0", FEW) == []
    assert complaints(outcome, "1", FEW) == []


@pytest.mark.parametrize(
    ("stack", "mutant", "extended", "flips"),
    [("bluez", *of) for of in MUTANTS] + [("kernel", *of) for of in KERNEL_MUTANTS],
)
def test_the_oracle_catches_the_mutant(lab: Lab, stack: str, mutant: str, extended: bool, flips: int) -> None:
    kind = "extended" if extended else "legacy"
    outcome = play(lab, kind, rotations=FEW, stack=stack, mutant=mutant, flips=flips)
    found = complaints(outcome, "0", FEW)
    print(mutant, extended, found)
    assert found
    assert complaints(outcome, "1", FEW) == [], "the other agent is no mutant"
