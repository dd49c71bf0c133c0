"""What scoring costs: 20 matched keys of 14 days, each heard all day among 200 peers, by every model.

Then what ``exposures explain`` costs over the same, the whole process, by the rule in force.

python -m benchmarks.exposures
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from msgspec.structs import replace

from bluezone_agent.core.attenuation import CoPresence, ReceivedMinute
from bluezone_agent.core.exposure import day_exposures
from bluezone_agent.core.identifiers import ReportType
from bluezone_agent.core.intervals import DAY_S, MINUTE_S
from bluezone_agent.core.risk import MODELS
from bluezone_agent.stores.store import Store
from tests.exposed import received_key

KEYS, DAYS, PEERS = 20, 14, 200
AIM_S = 2.0
EXPLAIN_AIM_S = 0.5
DAY_MIN = DAY_S // MINUTE_S


@dataclass(frozen=True, slots=True)
class Key:
    """A matched key."""

    minutes: Sequence[ReceivedMinute]
    report_type: ReportType = ReportType.CONFIRMED_TEST
    days_since_onset: int | None = 0


def main() -> None:
    """Print each model's time beside the aim; the best of three."""
    random = Random(1)
    keys = [Key([_minute(random, number % DAYS * DAY_MIN + t) for t in range(DAY_MIN)]) for number in range(KEYS)]
    print(f"{KEYS} keys, {sum(len(k.minutes) for k in keys)} minutes, aim {AIM_S:.1f} s")
    for name, model in MODELS.items():
        took_s = []
        for _ in range(3):
            began_s = time.perf_counter()
            day_exposures(keys, model)
            took_s.append(time.perf_counter() - began_s)
        print(f"{name:<16} {min(took_s):.2f} s")
    with TemporaryDirectory() as folder:
        print(f"explain {_explain_s(Path(folder), keys):>13.2f} s, aim {EXPLAIN_AIM_S:.1f} s")


def _explain_s(folder: Path, keys: Sequence[Key]) -> float:
    """Return what explaining the last whole day takes; the best of three."""
    today_min = int(time.time()) // DAY_S * DAY_MIN
    first_min = today_min - DAYS * DAY_MIN
    folder.chmod(0o700)
    with Store(folder) as store, store.transaction():
        for number, key in enumerate(keys):
            minutes = tuple(replace(m, minute=first_min + m.minute) for m in key.minutes)
            store.exposures.add(
                received_key(f"{number:064x}", key.report_type, key.days_since_onset, today_min * MINUTE_S, minutes)
            )
    day = datetime.fromtimestamp((today_min - DAY_MIN) * MINUTE_S, UTC).strftime("%Y-%m-%d")
    program = [sys.executable, "-m", "bluezone_agent", "--state-dir", str(folder), "exposures", "explain", day]
    took_s = []
    for _ in range(3):
        began_s = time.perf_counter()
        subprocess.run(program, check=True, stdout=subprocess.DEVNULL)
        took_s.append(time.perf_counter() - began_s)
    return min(took_s)


def _minute(random: Random, minute: int) -> ReceivedMinute:
    middle = random.randrange(14, 28)
    histogram = {middle + i: random.randrange(1, 80) for i in range(-3, 4)}
    others = CoPresence(PEERS, random.randrange(PEERS), random.gauss(0, 8))
    return ReceivedMinute(minute, 3.0 * middle, sum(histogram.values()), histogram, others)


if __name__ == "__main__":
    main()
