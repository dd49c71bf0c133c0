"""Minutes weighted by the bucket that their attenuation falls into."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bluezone_agent.core.attenuation import HeardMinute
from bluezone_agent.errors import N_


@dataclass(frozen=True, slots=True)
class AttenuationBuckets:
    """A minute counts with the weight of the first bucket whose bound lies above its attenuation."""

    name: str
    summary: str
    buckets: tuple[tuple[float, float], ...]
    """(upper bound in dB, exclusive; weight 0..1), bounds ascending, weights descending; beyond the last, 0."""
    warning_minutes: float

    def near_minutes(self, minutes: Sequence[HeardMinute]) -> float:
        """Return the sum of the minutes' weights."""
        return sum(self.weight(m.attenuation_db) for m in minutes)

    def weight(self, attenuation_db: float) -> float:
        """Return the share of a minute at this attenuation that counts as within 2 m."""
        return next((weight for bound, weight in self.buckets if attenuation_db < bound), 0.0)


SWISSCOVID: Final = AttenuationBuckets(
    "swisscovid",
    N_("a minute below 55 dB counts whole, one from 55 to 63 dB half; 15 minutes in a day warn"),
    ((55.0, 1.0), (63.0, 0.5)),
    15.0,
)
"""SwissCovid's published thresholds of 55 and 63 dB and 15 minutes."""
