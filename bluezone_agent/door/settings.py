"""What the configuration says of a door."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from bluezone_agent.door.rule import Rule

RETENTION_DAYS: Final = 90
LABEL_RETENTION_DAYS: Final = 7


@dataclass(frozen=True, slots=True)
class DoorSettings:
    """Each has a default."""

    rule: Rule = field(default_factory=Rule)
    """Without a threshold that was measured at the door."""
    retention_days: int = RETENTION_DAYS
    """How long passages are kept."""
    label_purpose: str = ""
    """What labels are kept for; without a purpose there are none."""
    label_retention_days: int = LABEL_RETENTION_DAYS

    @property
    def kept_label_days(self) -> int:
        """Days for which labels are kept; 0: not at all."""
        return self.label_retention_days if self.label_purpose else 0
