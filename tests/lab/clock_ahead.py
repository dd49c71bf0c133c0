"""The agent with a clock that is so many seconds ahead: ``python -m tests.lab.clock_ahead SECONDS COMMAND…``.

The guest has one wall clock, and time namespaces shift CLOCK_MONOTONIC and CLOCK_BOOTTIME only (time_namespaces(7)). So
one process gets another wall clock where the agent reads it, in ``SystemClock``; everything else is the agent's own.
"""

from __future__ import annotations

import sys
import time

from bluezone_agent.cli import main
from bluezone_agent.clocks.system import SystemClock


def set_ahead(seconds: float) -> None:
    """Let every wall clock of this process be ahead of the machine's."""

    def now_s(self: SystemClock) -> float:
        return time.time() + seconds

    SystemClock.now_s = now_s  # type: ignore[method-assign]


if __name__ == "__main__":
    set_ahead(float(sys.argv.pop(1)))
    main()
