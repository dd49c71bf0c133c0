"""The figures of Herald's TestAnalysis.R (theheraldproject/herald-analysis, at ad779cd), by its own rules.

- Times are whole seconds. The formal test lasts from ``cestart`` to ``ceend``, both included.
- Detection: the share of ordered pairs of phones, of which the first received the second between ``filtertimemin`` and
  ``filtertimemax``, or had its payload written at any time (``summary-discovery-pairs.csv``).
- Continuity: each phone's windows of 30 s begin with its own first contact in the formal test; those with the other
  phone, summed over pairs, divided by pairs times ``ceiling((ceend - cestart) / 30)``. The last window of a phone may
  be one too many.
- Longevity: in the first hour after ``filtertimemin`` and the last before ``filtertimemax``, windows of 30 s in which
  *anybody* received a phone, from the first contact of that hour on; their difference divided by 120 windows a pair.

It computes no completeness.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Any, Final

import ibis
import ibis.expr.types as ir
from ibis import _

WINDOW_S: Final = 30
HOUR_S: Final = 3600
WINDOWS_AN_HOUR: Final = 120
SETUP_S: Final = 120
"""By how much ``filtertimemin`` and ``filtertimemax`` are wider than the formal test, in the settings that we print."""
SHARED: Final = "share"
"""In the column ``adapter``: a payload that the other phone wrote, without an RSSI."""


@dataclass(frozen=True, slots=True)
class HeraldFigures:
    """Shares from 0 to 1."""

    detection: float
    continuity: float
    longevity: float


def figures(adverts: ir.Table, phones: int, begins_s: float, ends_s: float) -> HeraldFigures:
    """Return what the script computes of all packets of ``phones`` with its settings cestart and ceend."""
    pairs = phones * (phones - 1)
    whole = _whole_seconds(adverts)
    outer = (_.at_s >= begins_s - SETUP_S) & (_.at_s <= ends_s + SETUP_S)
    detected = whole.filter(outer | (_.adapter == SHARED)).select("receiver", "sender").distinct()
    continuous = windows(adverts, begins_s, ends_s)
    formal = _during(whole, begins_s, ends_s)
    first, last = (
        _anybodys(_during(formal, since_s, since_s + HOUR_S))
        for since_s in (begins_s - SETUP_S, ends_s + SETUP_S - HOUR_S)
    )
    return HeraldFigures(
        _count(detected) / pairs,
        _count(continuous) / (pairs * windows_of(begins_s, ends_s)),
        abs(_count(first) - _count(last)) / (WINDOWS_AN_HOUR * pairs),
    )


def windows(adverts: ir.Table, begins_s: float, ends_s: float) -> ir.Table:
    """Return the windows in which a receiver received a sender: receiver, sender, window."""
    formal = _during(_whole_seconds(adverts), begins_s, ends_s)
    first = _.at_s.min().over(ibis.window(group_by="receiver"))
    numbered = formal.mutate(window=((_.at_s - first) / WINDOW_S).floor().cast("int64"))
    return numbered.select("receiver", "sender", "window").distinct()


def windows_of(begins_s: float, ends_s: float) -> int:
    """Return how many windows the formal test has."""
    return ceil((ends_s - begins_s) / WINDOW_S)


def _whole_seconds(adverts: ir.Table) -> ir.Table:
    return adverts.mutate(at_s=_.time_s.floor().cast("float64"))


def _during(whole: ir.Table, begins_s: float, ends_s: float) -> ir.Table:
    return whole.filter((_.at_s >= begins_s) & (_.at_s <= ends_s))


def _anybodys(hour: ir.Table) -> ir.Table:
    since_first = hour.mutate(since_s=_.at_s.min().over(ibis.window()))
    numbered = since_first.mutate(window=((_.at_s - _.since_s) / WINDOW_S).floor().cast("int64"))
    return numbered.select("sender", "window").distinct()


def _count(rows: ir.Table) -> int:
    found: Any = rows.count().to_pyarrow().as_py()
    return int(found)
