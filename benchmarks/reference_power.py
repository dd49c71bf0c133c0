"""The transmit power that a beacon of a measured room should state, from the sessions in which it moved.

    python -m benchmarks.reference_power ROOM.csv.gz

A straight line of RSSI over log10(distance) is fitted by least squares to the moving sessions; the sessions in which
the beacon stood still, which ``bluezone-agent replay`` scores, are not looked at. The stated power is then what makes
the attenuation at 1 m that of carried phones: 54 dB, the median of 2,971 sightings at 0.8 to 1.2 m in DP-3T's
experiment exp34, after the phones' published calibration.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from bluezone_agent.radios.recorded.measurements import read_measurements

ATTENUATION_AT_1M_DB = 54


def main(path: Path) -> None:
    """Print the fit and the power."""
    samples = [s for track in read_measurements(path) if not track.stands for s in track.samples]
    distances_m = np.array([s.distance_m for s in samples])
    rssi_dbm = np.array([s.rssi_dbm for s in samples])
    slope, at_1m_dbm = np.polyfit(np.log10(distances_m), rssi_dbm, 1)
    scatter = (rssi_dbm - slope * np.log10(distances_m) - at_1m_dbm).std()
    print(f"{len(samples)} packets of moving sessions: {at_1m_dbm:.1f} dBm at 1 m, {slope:.1f} dB a decade")
    print(f"scatter {scatter:.1f} dB; stated power {at_1m_dbm + ATTENUATION_AT_1M_DB:.0f} dBm")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
