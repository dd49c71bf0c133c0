"""Durations as users write them."""

from __future__ import annotations

import re
from typing import Any, Final

import click

from bluezone_agent.core.intervals import DAY_S, MINUTE_S
from bluezone_agent.i18n import _

UNITS_S: Final = {"s": 1, "m": MINUTE_S, "h": 3600, "d": DAY_S}


class Duration(click.ParamType[int]):
    """A duration in some of the units of :data:`UNITS_S`, as seconds: 30m, 8h, 1d."""

    name = "duration"

    def __init__(self, units: str, shortest_s: int, longest_s: int, mistake: str) -> None:
        """``mistake`` is a text for a ``{value}`` that is no such duration."""
        self._form = re.compile(rf"([0-9]{{1,5}})([{units}])")
        self._shortest_s, self._longest_s = shortest_s, longest_s
        self._mistake = mistake

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        found = self._form.fullmatch(str(value))
        seconds = int(found[1]) * UNITS_S[found[2]] if found else 0
        if not self._shortest_s <= seconds <= self._longest_s:
            self.fail(_(self._mistake).format(value=value), param, ctx)
        return seconds
