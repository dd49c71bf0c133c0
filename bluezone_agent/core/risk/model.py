"""The interface of every risk model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from bluezone_agent.core.attenuation import ReceivedMinute
from bluezone_agent.core.identifiers import ReportType


class RiskModel(ABC):
    """How long somebody was near, its weight, and when it is enough for a warning.

    A model's number is a sum of weighted minutes. It comes only from the stored minutes, so that any model can be
    applied to the past; an unknown value in a minute never means no risk.
    """

    name: str
    """The name in the configuration; stored with every warning."""
    version: ClassVar[int] = 1
    """Stored with every warning: a model that changes its numbers gets a new version."""
    summary: str
    """The model in one sentence (a template for the catalogues)."""
    warning_minutes: float
    """Weighted minutes in 24 hours that trigger a warning."""
    utc_days: bool = False
    """Whether they are summed over UTC days, as published, instead of any 24 hours."""

    @abstractmethod
    def weigh(self, minutes: Sequence[ReceivedMinute]) -> dict[int, float]:
        """Return how many near minutes each minute counts as, by its number.

        ``minutes`` are those of one key, in order, one entry each; the result has all of them, and the minutes without
        reception between them that the model counts. A minute that is closer, all else being equal, should never count
        for less.
        """

    def factor(self, report_type: ReportType, days_since_onset: int | None) -> float:  # noqa: ARG002
        """Return the factor for near minutes, by the type of key; 1 if the model does not use it."""
        return 1.0

    def sd_minutes(self, weights: Sequence[float]) -> float | None:  # noqa: ARG002
        """Return the standard deviation of a sum of minutes' weights; None if the model states none."""
        return None
