"""What the agent costs its device: as a value and in words."""

from __future__ import annotations

from typing import Self

from bluezone_agent.app.result import Result
from bluezone_agent.health.status import Cost
from bluezone_agent.i18n import _, local_number


class OwnCost(Result, frozen=True, kw_only=True):
    """What the running agent and its checks cost the device, on average since the start."""

    cpu_share: float
    """Of one core, 0 to 1."""
    wakeups_per_s: float
    written_bytes_per_day: int
    """Bytes written to files in 24 hours; 0 where the kernel does not count them."""

    @classmethod
    def of(cls, cost: Cost) -> Self:
        """Return the answer for ``cost``."""
        return cls(
            cpu_share=round(cost.cpu_share, 5),
            wakeups_per_s=round(cost.wakeups_per_s, 2),
            written_bytes_per_day=cost.written_per_day,
        )


def cost_text(cost: OwnCost) -> str:
    """Return one line: the share of a core, wakeups and bytes written."""
    return _("{percent:.2f}% of a core, {wakeups:.1f} wakeups a second, {megabytes:.1f} MB written a day").format(
        percent=local_number(100 * cost.cpu_share),
        wakeups=local_number(cost.wakeups_per_s),
        megabytes=local_number(cost.written_bytes_per_day / 1e6),
    )
