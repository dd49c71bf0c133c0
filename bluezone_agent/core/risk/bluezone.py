"""The Bluezone app's threshold, with the 15 minutes of the Ministry of Health."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bluezone_agent.core.attenuation import ASSUMED_TX_POWER_DBM, ReceivedMinute
from bluezone_agent.core.risk.model import RiskModel
from bluezone_agent.core.sightings import HISTOGRAM_BIN_DB
from bluezone_agent.errors import N_

NEAR_RSSI_DBM: Final = -86
"""Android receiving Android; the app had other values for iPhones, -69, -74 and -88 (bluezone-app, configApp). An
advertisement does not state the sender's kind."""
NEAR_DB: Final = ASSUMED_TX_POWER_DBM - NEAR_RSSI_DBM


class BluezoneRule(RiskModel):
    """A minute is near when one packet's power reaches the app's threshold, as in the app, which stores packets.

    15 minutes trigger a warning (the Ministry's wording).
    """

    name = "bluezone"
    version = 2
    summary = N_(
        "the Bluezone app's threshold: a minute with a packet at up to 61 dB counts in full; 15 "
        "minutes in 24 hours give a warning"
    )
    warning_minutes = 15.0

    def weigh(self, minutes: Sequence[ReceivedMinute]) -> dict[int, float]:
        """Return 1 for minutes whose strongest packet had at most 61 dB, else 0; weaker packets do not reduce it."""
        return {m.minute: float(_least_db(m) <= NEAR_DB) for m in minutes}


def _least_db(m: ReceivedMinute) -> float:
    """Return the attenuation of the strongest packet, with the precision of a histogram bin."""
    return min(m.histogram) * HISTOGRAM_BIN_DB if m.histogram else m.attenuation_db
