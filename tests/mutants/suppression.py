"""Faults by which packets of the same identifier take a contact away."""

from __future__ import annotations

from typing import Final

from tests.mutants.mutant import Mutant

LEARNED: Final = "tests/core/test_learned_model.py"
MUTANTS: Final = (
    Mutant(
        "no-floor",
        "a replay of an identifier 12 to 24 dB weaker cancels its minutes where few packets are received",
        "core/risk/learned.py",
        "max(_counted(p, low, high), floors[t])",
        "_counted(p, low, high)",
        LEARNED + " -k takes_a_minute_from",
    ),
    Mutant(
        "floor-of-those-received",
        "while fewer than five packets were received, each weak one lowers the floor",
        "core/risk/learned.py",
        "    return tuple(n / STRONGEST for n in _counts_below(strongest))\n",
        "    return tuple(n / (STRONGEST - left) for n in _counts_below(strongest))\n",
        LEARNED + " -k lowers_no_floor",
    ),
    Mutant(
        "weak-packet-ends-a-gap",
        "a weak packet takes a minute away for which the scans before and after it stand",
        "core/risk/learned.py",
        "        for before in range(after - LONGEST_GAP_MIN - 1, after - 1):\n",
        "        for before in ():\n",
        LEARNED + " -k takes_a_minute_from",
    ),
    Mutant(
        "floor-around-it-alone",
        "the first and last minutes of an encounter have no floor",
        "core/risk/learned.py",
        "    return [max([sums[t + k] for k in steps]) / len(steps) for t in numbers]\n",
        "    return [sums[t] / len(steps) for t in numbers]\n",
        LEARNED + " -k takes_a_minute_from",
    ),
)
