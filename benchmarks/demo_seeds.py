"""How often the demo's verdicts are right: seeds 1 to N, both protocols, side by side.

python -m benchmarks.demo_seeds [N]
"""

from __future__ import annotations

import logging
import sys
from collections import Counter

import structlog

from bluezone_agent.scenarios.day import simulate


def main(seeds: int) -> None:
    """Print, for each protocol, the share of right verdicts, of right days, and who was judged wrongly."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    for protocol in ("bluezone", "gaen"):
        days = [simulate(seed, protocol) for seed in range(1, seeds + 1)]
        verdicts = [v for day in days for v in day.others]
        wrong = Counter(v.person.name for v in verdicts if not v.right)
        print(
            f"{protocol}: {sum(v.right for v in verdicts)} of {len(verdicts)} verdicts right,"
            f" {sum(day.right for day in days)} of {len(days)} days without a wrong one; wrong: {dict(wrong) or 'none'}"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
