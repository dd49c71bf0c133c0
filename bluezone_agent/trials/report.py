"""``trial report``: tables, figures and figures' files of a dataset."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from bluezone_agent import files
from bluezone_agent.core.packet_share import RECOMMENDED_S
from bluezone_agent.tables.names import DUCKDB
from bluezone_agent.trials import analysis, figures, herald_figures, phase_levels
from bluezone_agent.trials.common_time import PhaseTime
from bluezone_agent.trials.dataset import Dataset
from bluezone_agent.trials.folder import DATASET, REPORT, TrialFolder
from bluezone_agent.trials.path_loss import PathLoss, fitted
from bluezone_agent.trials.plan import Schedule, TrialPlan
from bluezone_agent.trials.shown import MOST_PAIRS, MOST_RECEIVERS

STEPS: Final = 240
"""Points of a figure over time, for each pair."""
LEAST_STEP_S: Final = 5.0
HOUR: Final = int(3600 / analysis.WINDOW_S)
"""Windows; Herald compares the first and the last hour."""
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Efficacy:
    """Herald's fair efficacy: shares from 0 to 1. For its own recordings they are counted as its script does."""

    pairs: int
    """A receiver and a sender that it may receive."""
    detection: float
    """Share of pairs with a packet."""
    continuity: float | None
    """Share of the windows of 30 s, over all pairs, with a packet; None without times, like what follows."""
    completeness: float | None
    """Share of the windows in which a pair received something one way or the other, and did so both ways."""
    longevity: float | None
    """By how much the continuity of the last hour differs from that of the first; None for less than two hours."""


@dataclass(frozen=True, slots=True)
class ComputedReport:
    """Everything that a page shows."""

    plan: TrialPlan
    dataset: Dataset
    """It is open: its files were read and are the ones that were packed."""
    scorable: bool
    """Whether rules can be compared with true distances."""
    efficacy: Efficacy
    fit: PathLoss | None
    tables: dict[str, list[Row]]
    figures: dict[str, dict[str, bytes]] = field(repr=False)
    """Name → format → file."""


def report(trial: TrialFolder, engine: str = DUCKDB) -> ComputedReport:
    """Compute the report of a packed trial. Raises PlanError, TrialError."""
    plan = trial.plan()
    dataset = Dataset(trial.path / DATASET, engine)
    rows = {name: _rows(dataset[name]) for name in ("phases", "devices", "marks", "pair_offsets")}
    adverts, pairs = dataset["adverts"], sorted((receiver.id, sender.id) for receiver, sender in plan.pairs())
    fit = fitted(_sums(_rows(analysis.sums_for_fit(adverts.filter(adverts.phase != "")))))
    order = [phase.name for phase in plan.phases]
    by_phase = phase_levels.by_phase(phase_levels.counted(adverts).to_pyarrow())
    by_phase.sort(key=lambda row: order.index(row["phase"]))
    drawn = {"rssi-over-distance": figures.rssi_over_distance(by_phase, fit)}
    timed = rows["phases"][0]["begins_s"] is not None
    expected = _expected_per_s(plan) if not dataset.kind else None
    if not timed:
        received = _pairs(_rows(analysis.by_pair(adverts)), pairs, None, None)
        found = Efficacy(len(pairs), sum(row["packets"] > 0 for row in received) / len(pairs), None, None, None)
    else:
        phases = [
            PhaseTime(phase, row["begins_s"], row["ends_s"])
            for phase, row in zip(plan.phases, rows["phases"], strict=True)
        ]
        found, received, over_time = _timed(adverts, pairs, phases, rows["marks"], herald=dataset.kind == "herald")
        drawn |= over_time
    for row in received:
        row["expected_per_s"] = expected
    return ComputedReport(
        plan,
        dataset,
        timed and bool(_rows(dataset["truth"].limit(1))),
        found,
        fit,
        {"pairs": received, "phases": by_phase, "devices": rows["devices"], "marks": rows["marks"]},
        {name: figures.saved(figure) for name, figure in drawn.items()},
    )


def _timed(
    adverts: Any, pairs: Sequence[tuple[str, str]], phases: Sequence[PhaseTime], marks: Sequence[Row], *, herald: bool
) -> tuple[Efficacy, list[Row], dict[str, Any]]:
    """Return what depends on times: the efficacy, the table of pairs, and figures over time."""
    begins_s, ends_s = min(when.begins_s for when in phases), max(when.ends_s for when in phases)
    during = analysis.within(adverts, begins_s, ends_s)
    windows = analysis.windows(during, phases)
    count, length_s = sum(map(analysis.windows_of, phases)), sum(when.ends_s - when.begins_s for when in phases)
    hits, of_count = _rows(analysis.counted(windows, count, HOUR)), count
    found = efficacy(hits, _rows(analysis.mutual(windows, _both_ways(pairs))), pairs, count)
    if herald:
        phones = len({receiver for receiver, _ in pairs})
        theirs = herald_figures.figures(adverts, phones, begins_s, ends_s)
        found = replace(found, detection=theirs.detection, continuity=theirs.continuity, longevity=theirs.longevity)
        of_count = herald_figures.windows_of(begins_s, ends_s)
        hits = _rows(analysis.counted(herald_figures.windows(adverts, begins_s, ends_s), of_count, HOUR))
    step_s, laid = max(LEAST_STEP_S, length_s / STEPS), analysis.laid_out(phases)
    receivers, drawn = sorted({receiver for receiver, _ in pairs})[:MOST_RECEIVERS], pairs[:MOST_PAIRS]
    steps = _rows(analysis.over_time(analysis.of(during, receivers), phases, step_s))
    lines = [
        at.begins_s + mark["time_s"] - when.begins_s
        for mark in marks
        for when, at in zip(phases, laid, strict=True)
        if when.begins_s <= mark["time_s"] < when.ends_s
    ]
    return (
        found,
        _pairs(_rows(analysis.by_pair(during)), pairs, _continuity(hits, of_count), length_s),
        {
            "rssi-over-time": figures.rssi_over_time(steps, step_s, laid, lines),
            "received-windows": figures.received_windows(
                _rows(analysis.of(windows, {receiver for receiver, _ in drawn})), drawn, count, analysis.WINDOW_S, laid
            ),
        },
    )


def _expected_per_s(plan: TrialPlan) -> float:
    """Return how many packets a second a receiver would get of each sender, if it missed none while it scanned."""
    scan = plan.radio.scan
    scanned = scan.on_s / scan.every_s if isinstance(scan, Schedule) else 1.0
    return scanned / RECOMMENDED_S[plan.trial.protocol]


def _continuity(hits: Sequence[Row], count: int) -> dict[tuple[str, str], float]:
    """Return the share of ``count`` windows in which each pair has a packet."""
    return {(row["receiver"], row["sender"]): row["windows"] / count for row in hits}


def _both_ways(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Return the devices that receive and are received."""
    return sorted({receiver for receiver, _ in pairs} & {sender for _, sender in pairs})


def efficacy(hits: Sequence[Row], ways: Sequence[Row], pairs: Sequence[tuple[str, str]], count: int) -> Efficacy:
    """Return the efficacy over ``count`` windows from what ``analysis.counted`` and ``analysis.mutual`` return."""
    wanted = set(pairs)
    hits = [row for row in hits if (row["receiver"], row["sender"]) in wanted]
    ((either, both),) = ((row["either"], row["both"]) for row in ways)
    longevity = None
    if count >= 2 * HOUR:
        longevity = abs(sum(row["first"] - row["last"] for row in hits)) / (HOUR * len(pairs))
    return Efficacy(
        len(pairs),
        len(hits) / len(pairs),
        sum(row["windows"] for row in hits) / (len(pairs) * count),
        both / either if either else None,
        longevity,
    )


def _pairs(
    rows: Sequence[Row],
    pairs: Sequence[tuple[str, str]],
    continuity: Mapping[tuple[str, str], float] | None,
    length_s: float | None,
) -> list[Row]:
    """Return a row for each pair, those that received nothing too; without times most of it is not known."""
    of = {(row["receiver"], row["sender"]): row for row in rows}
    table = []
    for receiver, sender in pairs:
        row = of.get((receiver, sender), {"packets": 0})
        table.append(
            {
                "receiver": receiver,
                "sender": sender,
                "packets": row["packets"],
                "packets_per_s": None if length_s is None else row["packets"] / length_s,
                "continuity": None if continuity is None else continuity.get((receiver, sender), 0.0),
                "mean_dbm": row.get("mean_dbm"),
                "deviation_db": row.get("deviation_db"),
                "longest_gap_s": row.get("longest_gap_s"),
            }
        )
    return table


def _rows(expression: Any) -> list[Row]:
    rows: list[Row] = expression.to_pyarrow().to_pylist()
    return rows


def _sums(rows: Sequence[Row]) -> Any:
    return np.array([[row[name] for name in ("n", "x", "y", "xx", "xy", "yy")] for row in rows], dtype=np.float64)


def write_files(trial: TrialFolder, made: ComputedReport) -> Path:
    """Write tables and figures as files into the folder of the report and return it; raises OSError."""
    folder = trial.path / REPORT
    folder.mkdir(mode=0o700, exist_ok=True)
    for name, rows in made.tables.items():
        write_table(folder / f"{name}.csv", rows)
    for name, formats in made.figures.items():
        for kind, data in formats.items():
            files.replace(folder / f"{name}.{kind}", data)
    return folder


def write_table(path: Path, rows: Sequence[Row]) -> None:
    """Write rows as a CSV into the folder of the report, which need not exist; raises OSError."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    files.replace(path, _as_csv(rows).encode())


def _as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return ""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
