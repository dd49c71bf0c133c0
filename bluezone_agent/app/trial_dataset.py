"""What comes out of a trial: the dataset, the report, and the removal of a person."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bluezone_agent.app.result import Result
from bluezone_agent.app.trial_score import EXTRA, TrialScore, score_as_reported
from bluezone_agent.errors import N_
from bluezone_agent.extra_packages import imported
from bluezone_agent.radios.recorded.advert_tables import read_columns
from bluezone_agent.tables.names import DEFAULT_ENGINE
from bluezone_agent.trials import control
from bluezone_agent.trials.folder import DATASET, REPORT, TrialError, TrialFolder
from bluezone_agent.trials.forget import forget as forget_person
from bluezone_agent.trials.imports import KINDS
from bluezone_agent.trials.node_log import CSV, READERS, record_log
from bluezone_agent.trials.plan import Schedule

if TYPE_CHECKING:
    from bluezone_agent.trials.report import ComputedReport

PAGE_NAME: Final = "report.html"
RECORDINGS: Final = KINDS
LOGS: Final = READERS
TABLE: Final = CSV
HERALD: Final = "herald"
MOST_SCORED: Final = 20_000_000
"""Packets of a trial whose rules a report compares: they take minutes; ``trial score`` has no limit."""
PHONES: Final = "4/240"
"""How Exposure Notification's phones scan: 4 s every 4 minutes."""


class TrialDataset(Result, frozen=True, kw_only=True):
    """A packed dataset."""

    folder: Path
    rows: dict[str, int]
    """By table."""


class PairReception(Result, frozen=True, kw_only=True):
    """What one device received of another during all phases."""

    receiver: str
    sender: str
    packets: int
    packets_per_s: float | None
    """None if the recording has no times, like the two others that depend on them."""
    continuity: float | None
    """Share of the windows of 30 s with a packet."""
    mean_dbm: float | None
    deviation_db: float | None
    longest_gap_s: float | None
    expected_per_s: float | None
    """Packets per second at the protocol's own interval while it scanned; None for recordings of others."""


class TrialPathLoss(Result, frozen=True, kw_only=True):
    """RSSI as a straight line over the logarithm of the true distance."""

    at_1m_dbm: float
    at_1m_interval: tuple[float, float] | None
    """95 %, from resampling pairs."""
    decade_db: float
    """How much weaker at ten times the distance."""
    decade_interval: tuple[float, float] | None
    deviation_db: float
    """Of single packets from the line."""


class TrialReport(Result, frozen=True, kw_only=True):
    """The figures of a trial: Herald's fair efficacy, the path loss, and every pair."""

    folder: Path
    pairs: int
    detection: float
    """Share of the pairs with a packet."""
    continuity: float | None
    """Share of the windows of 30 s, over all pairs, with a packet; None if the recording has no times."""
    completeness: float | None
    """Share of the windows with a packet one way or the other that have packets both ways."""
    longevity: float | None
    """By how much the continuity of the last hour differs from the first; None for less than two hours."""
    path_loss: TrialPathLoss | None
    """None if the true distance is unknown or always the same."""
    receptions: tuple[PairReception, ...]
    scores: tuple[TrialScore, ...]
    """Rules compared with the true distances, as recorded and as a phone scans; empty if those are not known, and for
    more than 20 million packets."""


class TrialImport(Result, frozen=True, kw_only=True):
    """A published recording as a trial with its dataset."""

    folder: Path
    rows: dict[str, int]
    """By table."""
    counted_packets: int
    """Packets of the source that are in no row: of other devices, or with an impossible RSSI."""
    settings: tuple[str, ...]
    """Lines to put into Herald's TestAnalysis.R, for its recordings."""


class NodeLog(Result, frozen=True, kw_only=True):
    """The log of a device as its recording."""

    folder: Path
    packets: dict[str, int]
    """By sender."""


class HeraldExpected(Result, frozen=True, kw_only=True):
    """What Herald's TestAnalysis.R computes: shares from 0 to 1."""

    detection: float
    continuity: float
    longevity: float


class TrialExport(Result, frozen=True, kw_only=True):
    """A dataset in a form that other programs read."""

    folder: Path
    kind: str
    files: int
    settings: tuple[str, ...]
    """Lines to put into Herald's TestAnalysis.R; empty for other forms."""
    expected: HeraldExpected | None
    """What that script then finds; None for other forms."""


class TrialForgotten(Result, frozen=True, kw_only=True):
    """What was removed of a person."""

    devices: int
    packets: int
    """Packets that other devices had recorded of theirs."""
    marks: int
    derived: tuple[str, ...]
    """Folders made from the recordings that were deleted."""


def pack(folder: Path) -> TrialDataset:
    """Write the dataset of a trial. Raises PlanError, TrialError."""
    rows: dict[str, int] = imported("trials.pack", EXTRA).pack(TrialFolder(folder))
    return TrialDataset(folder=folder / DATASET, rows=rows)


def report(folder: Path, engine: str = DEFAULT_ENGINE) -> tuple[TrialReport, ComputedReport]:
    """Compute a report on an engine, and write its tables and figures as files; the page is the caller's.

    Raises PlanError, TrialError.
    """
    module = imported("trials.report", EXTRA)
    trial = TrialFolder(folder)
    made: ComputedReport = module.report(trial, engine)
    module.write_files(trial, made)
    schedules = [] if isinstance(made.plan.radio.scan, Schedule) else [PHONES]
    scored = made.scorable and sum(row["packets"] for row in made.tables["pairs"]) <= MOST_SCORED
    scores = score_as_reported(trial, made.dataset, schedules).scores if scored else ()
    return _result(folder, made, scores), made


def import_recording(
    kind: str, source: Path, folder: Path, begins: datetime | None = None, ends: datetime | None = None
) -> TrialImport:
    """Make the folder of a trial from a published recording, which is read in place.

    ``kind`` is one of :data:`RECORDINGS`; ``begins`` and ``ends`` of the formal test are for ``herald`` alone.
    Raises TrialError, RecordingError, NewFileError.
    """
    options = {name: at for name, at in (("begins", begins), ("ends", ends)) if at is not None}
    if options and kind != HERALD:
        raise TrialError(
            N_("--from and --until are for recordings of Herald"),
            N_("leave them out: {kind} has its own times"),
            kind=kind,
        )
    rows, recording = imported("trials.imports.recording", EXTRA).import_recording(kind, source, folder, **options)
    settings = imported("trials.export", EXTRA).herald_settings(source, TrialFolder(folder)) if kind == HERALD else ()
    counted = sum(row["bystander_packets"] + row["impossible_rssi"] for row in recording.minutes)
    return TrialImport(folder=folder, rows=rows, counted_packets=counted, settings=tuple(settings))


def import_log(kind: str, source: Path, folder: Path, node: str, columns: str = "") -> NodeLog:
    """Make the log of a device that can't run the agent its recording; ``kind`` is one of :data:`LOGS`.

    ``columns`` says what the columns of a table are called.

    Raises PlanError, TrialError, RecordingError.
    """
    participant = TrialFolder(folder).participant(node)
    return NodeLog(folder=participant.folder, packets=record_log(participant, kind, source, read_columns(columns)))


def export(folder: Path, kind: str, to: Path) -> TrialExport:
    """Write a packed trial into a new folder, as ``csv``, ``herald`` or ``sqlite``.

    Raises PlanError, TrialError, NewFileError.
    """
    done = imported("trials.export", EXTRA).export(TrialFolder(folder), kind, to)
    expected = done.expected and HeraldExpected(
        detection=done.expected.detection, continuity=done.expected.continuity, longevity=done.expected.longevity
    )
    return TrialExport(folder=to, kind=kind, files=done.files, settings=done.settings, expected=expected)


def forget(folder: Path, person: str) -> TrialForgotten:
    """Remove a person from a trial. Raises PlanError, TrialError if they are not in it, or a recorder runs."""
    trial = TrialFolder(folder)
    for device in trial.plan().devices:
        control.require_free(trial.device(device.id))
    receipt = forget_person(trial, person, time.time())
    return TrialForgotten(
        devices=receipt.devices, packets=receipt.packets, marks=receipt.marks, derived=receipt.derived
    )


def _result(folder: Path, made: ComputedReport, scores: tuple[TrialScore, ...]) -> TrialReport:
    fit, efficacy = made.fit, made.efficacy
    return TrialReport(
        folder=folder / REPORT,
        pairs=efficacy.pairs,
        detection=efficacy.detection,
        continuity=efficacy.continuity,
        completeness=efficacy.completeness,
        longevity=efficacy.longevity,
        path_loss=None
        if fit is None
        else TrialPathLoss(
            at_1m_dbm=fit.at_1m_dbm,
            at_1m_interval=fit.at_1m_interval,
            decade_db=fit.decade_db,
            decade_interval=fit.decade_interval,
            deviation_db=fit.deviation_db,
        ),
        receptions=tuple(PairReception(**row) for row in made.tables["pairs"]),
        scores=scores,
    )
