"""What a picture of one day shows: receptions of published cases, their weights, and gaps in scanning."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Final, Self

from bluezone_agent.app.explain import Explained
from bluezone_agent.app.result import Result
from bluezone_agent.core.attenuation import ReceivedMinute
from bluezone_agent.core.intervals import DAY_S, MINUTE_S
from bluezone_agent.core.sightings import HISTOGRAM_BIN_DB
from bluezone_agent.i18n import local_clock

HOUR_S: Final = 3600


class PictureStep(Result, frozen=True, kw_only=True):
    """The minute with the highest weight of a few, or else the closest one."""

    starts_s: int
    """Seconds after the day's start."""
    attenuation_db: float
    weight: float
    protected: bool


class PictureGap(Result, frozen=True, kw_only=True):
    """A period without scanning, in seconds after the day's start."""

    starts_s: int
    ends_s: int


class PictureBin(Result, frozen=True, kw_only=True):
    """Number of advertisements with an attenuation of at least ``low_db`` and less than the next bin's."""

    low_db: int
    advertisements: int


class DayPicture(Result, frozen=True, kw_only=True):
    """One day, with times rounded down to ``step_s`` seconds."""

    day: date
    step_s: int
    clocks: tuple[str, ...]
    """The owner's clock every hour from the day's start on."""
    steps: tuple[PictureStep, ...]
    gaps: tuple[PictureGap, ...]
    histogram: tuple[PictureBin, ...]

    @classmethod
    def of(cls, found: Explained, step_s: int) -> Self:
        """Return the picture for ``found``."""
        weighted = [
            one for day in found.exposures for w in day.windows for one in zip(w.minutes, w.weights, strict=True)
        ]
        starts_s = found.starts_at_s
        return cls(
            day=found.day,
            step_s=step_s,
            clocks=tuple(
                local_clock(at_s, found.calendar.offset_s(at_s))
                for at_s in range(starts_s, starts_s + DAY_S + 1, HOUR_S)
            ),
            steps=tuple(_steps(weighted, starts_s, step_s)),
            gaps=tuple(
                PictureGap(starts_s=gap.starts_at_s - starts_s, ends_s=gap.ends_at_s - starts_s) for gap in found.gaps
            ),
            histogram=tuple(_bins([minute for minute, _weight in weighted])),
        )


def _steps(weighted: list[tuple[ReceivedMinute, float]], starts_at_s: int, step_s: int) -> Iterator[PictureStep]:
    steps: dict[int, tuple[ReceivedMinute, float]] = {}
    for minute, weight in sorted(weighted, key=lambda one: (one[1], -one[0].attenuation_db)):
        steps[minute.minute * MINUTE_S // step_s] = minute, weight
    for step, (minute, weight) in sorted(steps.items()):
        yield PictureStep(
            starts_s=step * step_s - starts_at_s,
            attenuation_db=round(minute.attenuation_db, 1),
            weight=round(weight, 2),
            protected=minute.protected,
        )


def _bins(minutes: list[ReceivedMinute]) -> Iterator[PictureBin]:
    bins: Counter[int] = Counter()
    for minute in minutes:
        bins.update(minute.histogram or {int(minute.attenuation_db // HISTOGRAM_BIN_DB): minute.count})
    for number, count in sorted(bins.items()):
        yield PictureBin(low_db=number * HISTOGRAM_BIN_DB, advertisements=count)
