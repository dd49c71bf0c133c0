"""Published parameters of Exposure Notification's model.

Bounds are in dB of attenuation (exclusive), weights are factors, days are since the onset of symptoms.
"""

from __future__ import annotations

from typing import Final

from bluezone_agent.core.risk.gaen_v2 import GaenV2, Infectiousness, Parameters

LFPH_DAYS: Final = Infectiousness(high=(-2, -1, 0, 1, 2, 3), standard=(-4, -3, 4, 5), standard_weight=0.3)
"""From Linux Foundation Public Health."""

PRESETS: Final = (
    # 55 and 63 dB, 15 minutes a day
    GaenV2("swisscovid", Parameters(buckets=((55, 1.0), (63, 0.5)), warning_minutes=15, utc_days=True)),
    # Linux Foundation Public Health, "wider net"
    GaenV2(
        "lfph-wide",
        Parameters(
            buckets=((55, 2.0), (70, 1.0), (80, 0.25)), warning_minutes=15, infectiousness=LFPH_DAYS, utc_days=True
        ),
    ),
    # Linux Foundation Public Health, "narrower net", second edition
    GaenV2(
        "lfph-narrow-v2",
        Parameters(
            buckets=((55, 1.75), (67, 1.0), (75, 0.33)), warning_minutes=15, infectiousness=LFPH_DAYS, utc_days=True
        ),
    ),
    # Corona-Warn-App 1.15: below 63 dB counts for less than 63 to 73 dB, as published; 9 minutes or more are high
    GaenV2("cwa-1.15", Parameters(buckets=((63, 0.8), (73, 1.0), (79, 0.1)), warning_minutes=9, utc_days=True)),
)
