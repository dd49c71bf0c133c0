"""The figures of a report, for the page and for a paper: SVG, PNG and PDF."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from bluezone_agent.i18n import _
from bluezone_agent.trials.common_time import PhaseTime
from bluezone_agent.trials.path_loss import PathLoss

WIDTH_IN: Final = 5.2
"""At this width its letters are readable on a telephone, too."""
DPI: Final = 200
MOST_NAMED: Final = 12
"""Senders in a legend."""
STYLE: Final[Any] = {
    "font.size": 9,
    "svg.fonttype": "none",
    "svg.hashsalt": "bluezone-agent",
    "axes.spines.top": False,
    "axes.spines.right": False,
}
FORMATS: Final[Mapping[str, dict[str, Any]]] = {
    "svg": {"metadata": {"Date": None}},
    "png": {"dpi": DPI},
    "pdf": {"metadata": {"CreationDate": None}},
}
TICKS_M: Final = tuple(
    step * decade for decade in (0.01, 0.1, 1.0, 10.0, 100.0, 1000.0) for step in (1, 1.5, 2, 3, 4, 6, 8)
)
Row = Mapping[str, Any]


def saved(figure: Figure) -> dict[str, bytes]:
    """Return a figure in every format."""
    files = {}
    with mpl.rc_context(STYLE):
        for name, settings in FORMATS.items():
            file = io.BytesIO()
            figure.savefig(file, format=name, **settings)
            files[name] = file.getvalue()
    return files


def rssi_over_distance(phases: Sequence[Row], fit: PathLoss | None) -> Figure:
    """Draw each pair's median in each phase, with the range of 90 % of its packets, and the fitted line."""
    with mpl.rc_context(STYLE):
        figure = Figure((WIDTH_IN, 3.4), layout="constrained")
        axes = figure.subplots()
        known = [row for row in phases if row["distance_m"] is not None and row["distance_m"] > 0]
        metres = np.array([row["distance_m"] for row in known])
        medians = np.array([row["median_dbm"] for row in known])
        ranges = [[row["median_dbm"] - row["low_dbm"], row["high_dbm"] - row["median_dbm"]] for row in known]
        if known:
            axes.errorbar(metres, medians, np.array(ranges).T, fmt="o", ms=3, lw=0.6, alpha=0.6, color="#1d4ed8")
        if known and fit is not None:
            line = np.geomspace(metres.min(), metres.max(), 50)
            axes.plot(line, fit.at_1m_dbm - fit.decade_db * np.log10(line), color="#c2410c")
        if known:
            _scale_distances(axes, metres.min(), metres.max())
        axes.set_xlabel(_("distance (m)"))
        axes.set_ylabel(_("RSSI (dBm)"))
        axes.grid(alpha=0.3)
    return figure


def _scale_distances(axes: Any, least_m: float, most_m: float) -> None:
    """Scale the x axis by the logarithm, with the ticks of a ruler: as many as fit, and at least an octave wide."""
    low_m, high_m = min(least_m / 1.15, most_m / 2), max(most_m * 1.15, least_m * 2)
    axes.set_xscale("log")
    axes.set_xlim(low_m, high_m)
    axes.set_xticks([metres for metres in TICKS_M if low_m <= metres <= high_m])
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_locator(NullLocator())


def rssi_over_time(steps: Sequence[Row], step_s: float, phases: Sequence[PhaseTime], marks: Sequence[float]) -> Figure:
    """Draw what each receiver got of each sender; phases, laid out from 0 s, are shaded in turn, marks are lines."""
    receivers = sorted({row["receiver"] for row in steps})
    senders = sorted({row["sender"] for row in steps})
    with mpl.rc_context(STYLE):
        figure = Figure((WIDTH_IN, 0.8 + 1.5 * max(1, len(receivers))), layout="constrained")
        rows = figure.subplots(max(1, len(receivers)), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
        of_pair = dict[tuple[str, str], list[Row]]()
        for row in steps:
            of_pair.setdefault((row["receiver"], row["sender"]), []).append(row)
        for axes, receiver in zip(rows, receivers, strict=False):
            _shade(axes, phases, marks)
            for number, sender in enumerate(senders):
                found = of_pair.get((receiver, sender), [])
                minutes = [(row["step"] + 0.5) * step_s / 60 for row in found]
                label = sender if len(senders) <= MOST_NAMED else None
                powers = [row["mean_dbm"] for row in found]
                axes.plot(minutes, powers, ".", ms=2, color=f"C{number % 10}", label=label)
            axes.set_title(receiver, loc="left", fontsize=9)
            axes.set_ylabel(_("RSSI (dBm)"))
        rows[-1].set_xlabel(_("minutes of all phases"))
        handles = {
            label: handle for axes in rows for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
        }
        if handles:
            figure.legend(
                handles.values(), handles.keys(), loc="outside upper center", ncols=6, markerscale=4, frameon=False
            )
    return figure


def received_windows(
    found: Sequence[Row], pairs: Sequence[tuple[str, str]], count: int, window_s: float, phases: Sequence[PhaseTime]
) -> Figure:
    """Draw for each pair in which windows it has a packet; gaps are white."""
    grid = np.zeros((len(pairs), max(1, count)))
    row_of = {pair: number for number, pair in enumerate(pairs)}
    for row in found:
        if (pair := (row["receiver"], row["sender"])) in row_of and 0 <= row["window"] < count:
            grid[row_of[pair], row["window"]] = 1
    with mpl.rc_context(STYLE):
        figure = Figure((WIDTH_IN, 0.9 + 0.18 * len(pairs)), layout="constrained")
        axes = figure.subplots()
        extent = (0, count * window_s / 60, len(pairs) - 0.5, -0.5)
        axes.imshow(grid, aspect="auto", interpolation="nearest", cmap="Greens", vmin=0, vmax=1.4, extent=extent)
        axes.set_yticks(range(len(pairs)), [f"{sender} → {receiver}" for receiver, sender in pairs], fontsize=7)
        for when in phases[:-1]:
            axes.axvline(when.ends_s / 60, color="#1d2733", lw=0.8)
        axes.set_xlabel(_("minutes of all phases"))
    return figure


def _shade(axes: Any, phases: Sequence[PhaseTime], marks: Sequence[float]) -> None:
    for number, when in enumerate(phases):
        if number % 2:
            axes.axvspan(when.begins_s / 60, when.ends_s / 60, color="#1d2733", alpha=0.07)
    for at_s in marks:
        axes.axvline(at_s / 60, color="#b91c1c", lw=0.7)
