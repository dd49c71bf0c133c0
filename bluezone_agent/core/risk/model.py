"""What every risk model answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from bluezone_agent.core.attenuation import ReceivedMinute
from bluezone_agent.core.identifiers import ReportType


class RiskModel(ABC):
    """How long somebody was near, what that weighs, and when it is enough to warn.

    A model's number is a sum of weighted minutes. It comes from the stored minutes alone, so that any model can be
    applied to the past; a minute that is unknown in some way never counts as no risk.
    """

    name: str
    """In the configuration; stored with every warning."""
    version: ClassVar[int] = 1
    """Stored with every warning: a model that changes its numbers gets the next one."""
    summary: str
    """The model in one sentence (a template for the catalogues)."""
    warning_minutes: float
    """Weighted minutes in 24 hours that warn."""
    utc_days: bool = False
    """Whether they are summed over days of UTC, as published, in place of any 24 hours."""

    @abstractmethod
    def weigh(self, minutes: Sequence[ReceivedMinute]) -> dict[int, float]:
        """Return for how many minutes near each minute counts, by its number.

        ``minutes`` are those of one key, in order, one entry each; all of them are in the answer, and unheard ones
        between them where the model makes something of them. A minute that is closer, all else being equal, should
        never count for less.
        """

    def factor(self, report_type: ReportType, days_since_onset: int | None) -> float:  # noqa: ARG002
        """Return what near minutes are multiplied by for whose key it was; 1 where the model does not care."""
        return 1.0

    def sd_minutes(self, weights: Sequence[float]) -> float | None:  # noqa: ARG002
        """Return the standard deviation of a sum of minutes' weights; None where the model states none."""
        return None
