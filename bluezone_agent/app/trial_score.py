"""What rules would have said of a trial: ``trial score`` and ``trial fit``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bluezone_agent.app.result import Result
from bluezone_agent.config import risk_model
from bluezone_agent.core.risk import own_model
from bluezone_agent.errors import N_, NewFileError
from bluezone_agent.extra_packages import imported
from bluezone_agent.files import create
from bluezone_agent.tables.names import DEFAULT_ENGINE
from bluezone_agent.trials.folder import DATASET, REPORT, TrialError, TrialFolder
from bluezone_agent.trials.plan import Schedule
from bluezone_agent.trials.plan_rules import NAME

if TYPE_CHECKING:
    from bluezone_agent.core.risk import RiskModel
    from bluezone_agent.trials.dataset import Dataset
    from bluezone_agent.trials.scoring.judged import Judged
    from bluezone_agent.trials.scoring.score import DatasetScore

EXTRA: Final = "trials"
"""The packages for analysis, which a recording device does not have."""
DEFAULT_RULES: Final = ("learned", "swisscovid", "lfph-narrow-v2", "lfph-wide", "bluezone")
SWEEP_DB: Final = (-6.0, -3.0, 0.0, 3.0, 6.0)
RULES: Final = "rules"
SCORES_NAME: Final = "scores.csv"
RATES: Final = ("precision", "recall", "f1", "ndcf")


class TrialRate(Result, frozen=True, kw_only=True):
    """A share from 0 to 1, or for nDCF a sum of two."""

    value: float
    low: float
    """5th percentile over samples of pairs."""
    high: float
    """95th percentile."""


class TrialScore(Result, frozen=True, kw_only=True):
    """How right a rule was; what is not defined is None, such as the recall where nobody was near."""

    rule: str
    schedule: str
    """Seconds of a scan and between scans, such as 4/240; empty for all that was received."""
    power: str
    """Which transmit power counts: calibrated, or stated."""
    offset_db: float
    """Added to every RSSI."""
    window_min: int | None
    """Length of a window; None for whole scenes, as a user would be told."""
    windows: int
    near: int
    precision: TrialRate | None
    recall: TrialRate | None
    f1: TrialRate | None
    ndcf: TrialRate | None
    """Share of near ones that were missed plus share of far ones called near: 0 is perfect, 1 is always or never."""
    auc: float | None
    minutes_off: float
    """Mean error of the minutes near."""


class TrialScores(Result, frozen=True, kw_only=True):
    """Rules compared on one dataset."""

    file: Path
    near_m: float
    scores: tuple[TrialScore, ...]


class FittedWindows(Result, frozen=True, kw_only=True):
    """How right a fit was in windows of phases that it was not fitted to."""

    window_min: int
    windows: int
    near: int
    precision: float | None
    recall: float | None
    ndcf: float | None
    ndcf_low: float | None
    """5th percentile over samples of pairs."""
    ndcf_high: float | None
    minutes_off: float


class TrialFit(Result, frozen=True, kw_only=True):
    """A rule fitted to a dataset, and its file."""

    file: Path
    phases: int
    folds: int
    """How often phases were left out for the rule's own judgement."""
    out_of_sample: tuple[FittedWindows, ...]


def fit(name: str, folder: Path, today: date) -> TrialFit:
    """Fit the rule ``learned`` to a packed trial, and write it as ``rules/NAME.toml`` in its folder.

    Raises PlanError, TrialError, NewFileError.
    """
    if not NAME.fullmatch(name):
        raise TrialError(
            N_('"{value}" is not a name'),
            N_("use up to 40 letters without accents, digits, - and _, such as my-office"),
            value=name,
        )
    trial, module = TrialFolder(folder), imported("trials.scoring.fit", EXTRA)
    path = folder / RULES / f"{name}.toml"
    if path.exists():
        raise NewFileError(
            N_("{path} already exists and is never overwritten"),
            N_("choose another name, or move the existing one away"),
            path=path,
        )
    fitted = module.fit(trial)
    text = module.rule_file(trial, fitted, today)
    own_model(str(path), text)  # nothing is written that the agent would not read
    path.parent.mkdir(mode=0o700, exist_ok=True)
    create(path, text.encode())
    return TrialFit(
        file=path,
        phases=fitted.phases,
        folds=fitted.folds,
        out_of_sample=tuple(_windows(length, judged) for length, judged in fitted.judged.items()),
    )


def _windows(length: int, judged: Judged) -> FittedWindows:
    rates, (low, high) = judged.rates(), judged.intervals()["ndcf"]
    values = {name: rates[name] for name in ("precision", "recall", "ndcf")} | {"ndcf_low": low, "ndcf_high": high}
    return FittedWindows(
        window_min=length,
        windows=len(judged.near),
        near=int(judged.near.sum()),
        minutes_off=float(judged.error_min.mean()),
        **{name: None if isnan(value) else value for name, value in values.items()},
    )


def score(
    folder: Path,
    rules: Sequence[str],
    schedules: Sequence[str],
    offsets_db: Sequence[float],
    engine: str = DEFAULT_ENGINE,
) -> TrialScores:
    """Score rules on a packed trial, as recorded and with every schedule such as ``4/240``; write them as CSV.

    Raises ConfigError, PlanError, TrialError.
    """
    models = [risk_model(rule, "--rule") for rule in dict.fromkeys(rules or DEFAULT_RULES)]
    planned = [None, *map(_schedule, dict.fromkeys(schedules))]
    offsets = tuple(dict.fromkeys(offsets_db)) or (0.0,)
    dataset = imported("trials.dataset", EXTRA).Dataset(folder / DATASET, engine)
    return _scored(TrialFolder(folder), dataset, models, planned, offsets)


def score_as_reported(trial: TrialFolder, dataset: Dataset, schedules: Sequence[str]) -> TrialScores:
    """Score the default rules on a dataset that is open. Raises PlanError, TrialError."""
    models = [risk_model(rule, "--rule") for rule in DEFAULT_RULES]
    return _scored(trial, dataset, models, [None, *map(_schedule, schedules)], (0.0,))


def _scored(
    trial: TrialFolder,
    dataset: Dataset,
    models: Sequence[RiskModel],
    schedules: Sequence[Schedule | None],
    offsets_db: Sequence[float],
) -> TrialScores:
    found = imported("trials.scoring.score", EXTRA).score(trial, models, schedules, offsets_db, dataset)
    scores = tuple(_result(one) for one in found)
    path = trial.path / REPORT / SCORES_NAME
    imported("trials.report", EXTRA).write_table(path, [dict(_row(one)) for one in scores])
    return TrialScores(file=path, near_m=trial.plan().trial.near_m, scores=scores)


def _schedule(text: str) -> Schedule:
    on_s, _, every_s = text.partition("/")
    try:
        schedule = Schedule(float(on_s), float(every_s))
    except ValueError:
        schedule = Schedule(0, 0)
    if not 0 < schedule.on_s <= schedule.every_s:
        raise TrialError(
            N_('"{value}" is not a schedule'), N_("write seconds of a scan and between scans: 4/240"), value=text
        )
    return schedule


def _result(found: DatasetScore) -> TrialScore:
    values: dict[str, Any] = {name: getattr(found, name) for name in RATES}
    rates = {
        name: None if rate is None else TrialRate(value=rate.value, low=rate.low, high=rate.high)
        for name, rate in values.items()
    }
    return TrialScore(
        rule=found.rule,
        schedule="" if found.schedule is None else f"{found.schedule.on_s:g}/{found.schedule.every_s:g}",
        power=found.power,
        offset_db=found.offset_db,
        window_min=found.window_min,
        windows=found.windows,
        near=found.near,
        auc=found.auc,
        minutes_off=found.minutes_off,
        **rates,
    )


def _row(found: TrialScore) -> Iterator[tuple[str, Any]]:
    """Yield the cells of a row of the CSV."""
    for name in found.__struct_fields__:
        value = getattr(found, name)
        if name in RATES:
            for part in ("value", "low", "high"):
                yield name if part == "value" else f"{name}_{part}", None if value is None else getattr(value, part)
        else:
            yield name, value
