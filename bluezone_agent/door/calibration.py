"""The guided minute in which a guard shows the door how strong a device is at 30 cm, and where the next visitor waits.

0 to 5 s    get ready
5 to 25 s   hold one device at 30 cm
25 to 35 s  step back to 1.5 m
35 to 55 s  stay there
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable
from statistics import median
from typing import Final

from bluezone_agent.core.door import CalibrationFailure, CalibrationStep, DoorCalibration

NEAR_S: Final = 5.0, 25.0
AWAY_S: Final = 35.0, 55.0
SHOWN_S: Final = 30.0
"""How long the result is shown."""
FEWEST: Final = 8
"""Packets without which a level is not one: a phone sends 80 in this time."""
LEAST_DB: Final = 4.0
"""At 9 dB a decade, the worst that was measured among people, 1.5 m are 6.3 dB weaker than 30 cm."""
NEAR_SHARE: Final = 0.58
"""The threshold lies so far on the way from 30 cm to 1.5 m: by the air's model that is -66 dBm of -59.5 and -74.9,
where a phone at 30 cm is missed as rarely as one at 1.5 m lights."""
MOST_DEVICES: Final = 100


class GuidedCalibration:
    """One such minute. Times are seconds since it began."""

    def __init__(self) -> None:
        self._near: dict[Hashable, list[int]] = defaultdict(list)
        self._away: list[int] = []
        self._over_s: float | None = None
        self._key: Hashable = None
        """Of the strongest device at 30 cm, once it is known."""

    def packet(self, key: Hashable, rssi_dbm: int, at_s: float) -> None:
        """Take a packet of any device."""
        if NEAR_S[0] <= at_s < NEAR_S[1] and (key in self._near or len(self._near) < MOST_DEVICES):
            self._near[key].append(rssi_dbm)
        elif AWAY_S[0] <= at_s < AWAY_S[1] and key == self._strongest():
            self._away.append(rssi_dbm)

    def _strongest(self) -> Hashable:
        if self._key is None:
            enough = {key: median(levels) for key, levels in self._near.items() if len(levels) >= FEWEST}
            self._key = max(enough, key=enough.__getitem__, default=None)
        return self._key

    def near_dbm(self, at_s: float) -> float | None:
        """Return the level at 30 cm, once it has been measured."""
        key = self._strongest() if at_s >= NEAR_S[1] else None
        return None if key is None else float(median(self._near[key]))

    def away_dbm(self, at_s: float) -> float | None:
        """Return the level at 1.5 m, once it has been measured."""
        return float(median(self._away)) if at_s >= AWAY_S[1] and len(self._away) >= FEWEST else None

    def failure(self, at_s: float) -> CalibrationFailure | None:
        """Return why it gives no threshold, as soon as that is known."""
        near, away = self.near_dbm(at_s), self.away_dbm(at_s)
        if (at_s >= NEAR_S[1] and near is None) or (at_s >= AWAY_S[1] and away is None):
            return CalibrationFailure.NOTHING_NEAR
        if near is not None and away is not None and near - away < LEAST_DB:
            return CalibrationFailure.TOO_ALIKE
        return None

    def over_for_s(self, at_s: float) -> float:
        """Return for how long there has been a result, as far as this was asked."""
        if self._over_s is None and (at_s >= AWAY_S[1] or self.failure(at_s) is not None):
            self._over_s = at_s
        return 0.0 if self._over_s is None else at_s - self._over_s

    def threshold_dbm(self, at_s: float) -> int | None:
        """Return the threshold, once it has been measured."""
        near, away = self.near_dbm(at_s), self.away_dbm(at_s)
        if near is None or away is None or self.failure(at_s) is not None:
            return None
        return round(near - (near - away) * (1 - NEAR_SHARE))

    def shown(self, at_s: float) -> DoorCalibration:
        """Return what the guard sees of it."""
        failure = self.failure(at_s)
        if failure is not None:
            step, left_s = CalibrationStep.FAILED, 0.0
        elif at_s < NEAR_S[1]:
            step, left_s = CalibrationStep.HOLD_NEAR, NEAR_S[1] - at_s
        elif at_s < AWAY_S[1]:
            step, left_s = CalibrationStep.STEP_BACK, AWAY_S[1] - at_s
        else:
            step, left_s = CalibrationStep.DONE, 0.0
        return DoorCalibration(
            step=step,
            left_s=round(left_s, 1),
            near_dbm=self.near_dbm(at_s),
            away_dbm=self.away_dbm(at_s),
            failure=failure,
        )
