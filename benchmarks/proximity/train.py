"""Make the coefficients of the ``agent`` model again, byte for byte.

    python -m benchmarks.proximity.train DATA_DIR

Learned from: the people of DP-3T's exp34, as recorded and with radios that are up to some 4 dB off; and simulated rooms
whose air scatters as theirs does, whole and thinned to a phone's schedule, likewise. The company of others is fitted,
so that it explains what it can, and then taken for nobody's. Everything else is left for judging.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from benchmarks.proximity import rooms
from benchmarks.proximity.recordings import PHONES, recorded
from bluezone_agent.core.risk import learned_coefficients
from bluezone_agent.core.risk.learned import Coefficients
from bluezone_agent.trials.scoring.fitting import Lesson, coefficients
from bluezone_agent.trials.scoring.lessons import of_people, varied
from bluezone_agent.trials.scoring.pairs import folded

SEEDS = range(11, 14)
"""Of simulated rooms; the table has others."""
MODULE = Path(learned_coefficients.__file__)

HEAD = '''\
"""Coefficients of the model "learned" (learned.py describes what they multiply).

Made by "python -m benchmarks.proximity.train DATA_DIR" from DP-3T's experiment exp34 (people acting six scenes; data
(C) EPFL and ETH Zurich, CC BY-ND 4.0, not contained here) and rooms on the simulated air. Do not edit by hand.
"""

from __future__ import annotations

from typing import Final

from bluezone_agent.core.risk.learned import Coefficients, Window

'''


def main() -> None:
    """Write the module of coefficients."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("data", type=Path)
    MODULE.write_text(made_from(options.parse_args().data), "utf-8")


def made_from(data: Path) -> str:
    """Return the text of the module."""
    people = recorded("dp3t", data / "dp3t-exp34")
    return _as_python(coefficients([*of_people(people), *of_rooms(SEEDS)]))


def of_rooms(seeds: Sequence[int]) -> list[Lesson]:
    """Return what is learned from simulated rooms."""
    whole = [pair for seed in seeds for pair in rooms.virtual(seed)]
    parts = [pair for seed in seeds for pair in rooms.virtual(seed, schedule=PHONES)]
    return [
        Lesson(tuple(folded(whole)), 1.2),
        Lesson(tuple(folded(varied(whole, 4), with_co_presence=False)), 0.6),
        Lesson(tuple(folded(parts)), 0.6),
        Lesson(tuple(folded(varied(parts, 5), with_co_presence=False)), 0.6),
    ]


def _as_python(learned: Coefficients) -> str:
    lines = [
        "COEFFICIENTS: Final = Coefficients(",
        f"    bias={learned.bias},",
        f"    nothing_up_to={learned.nothing_up_to},",
        f"    whole_from={learned.whole_from},",
        f"    variance_min={learned.variance_min},",
        "    windows=(",
        *(f"        Window({w.half_width_min}, ({', '.join(map(str, w.weights))}))," for w in learned.windows),
        "    ),",
        ")",
    ]
    return HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
