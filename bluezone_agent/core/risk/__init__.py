"""Rules that turn a day's attenuations into minutes within 2 m and a warning.

A rule is one file that answers :class:`ProximityRule` and one line in :data:`RULES`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from bluezone_agent.core.attenuation import HeardMinute
from bluezone_agent.core.risk.attenuation_buckets import SWISSCOVID


class ProximityRule(Protocol):
    """How long somebody was near, and when that is long enough to warn."""

    @property
    def name(self) -> str:
        """Name in the configuration; stored with every warning that the rule gave."""

    @property
    def summary(self) -> str:
        """The rule in one sentence (a template for the catalogues)."""

    @property
    def warning_minutes(self) -> float:
        """Minutes within 2 m in one UTC day that warn."""

    def near_minutes(self, minutes: Sequence[HeardMinute]) -> float:
        """Return how many of the minutes, at most one entry each, were spent within 2 m."""


RULES: Final[dict[str, ProximityRule]] = {rule.name: rule for rule in (SWISSCOVID,)}
DEFAULT_RULE: Final = SWISSCOVID.name
