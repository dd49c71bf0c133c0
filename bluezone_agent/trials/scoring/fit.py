"""``trial fit``: the rule ``learned`` fitted to a dataset, judged on phases that it was not fitted to."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from bluezone_agent.core.intervals import MINUTE_S
from bluezone_agent.core.risk.learned import Coefficients, LearnedProximityModel
from bluezone_agent.errors import N_
from bluezone_agent.trials.folder import DATASET, TrialError, TrialFolder
from bluezone_agent.trials.pack import PACKAGE_NAME
from bluezone_agent.trials.scoring.fitting import coefficients
from bluezone_agent.trials.scoring.judged import Judged, Weighing, judged
from bluezone_agent.trials.scoring.lessons import of_people
from bluezone_agent.trials.scoring.load import load
from bluezone_agent.trials.scoring.pairs import JudgedWindow, Pair, folded, windows
from bluezone_agent.trials.scoring.score import WINDOWS_MIN

MOST_FOLDS = 12
"""Of more phases several are left out at a time."""


@dataclass(frozen=True, slots=True)
class FittedTrial:
    """Coefficients, and how right they were where they had not been fitted."""

    coefficients: Coefficients
    phases: int
    folds: int
    """How often phases were left out."""
    judged: dict[int, Judged]
    """Length of a window in minutes → what was said of windows of left-out phases."""
    sha256: str
    """Of the dataset's datapackage.json, which has that of every file."""


def fit(trial: TrialFolder) -> FittedTrial:
    """Fit to all phases, and to all but some for their own judgement. Raises PlanError, TrialError."""
    loaded = load(trial, by_phase=True)
    pairs = loaded.with_calibration() if loaded.has_calibration else loaded.pairs
    phases = sorted({pair.scene for pair in pairs})
    folds = min(len(phases), MOST_FOLDS)
    if folds < 2:
        raise TrialError(
            N_("{path} has only one phase with known distances"),
            N_("a fit is judged by phases that it has not seen: plan at least two"),
            path=trial.path,
        )
    said: dict[int, list[tuple[Weighing, list[JudgedWindow]]]] = {length: [] for length in WINDOWS_MIN}
    for number in range(folds):
        out = set(phases[number::folds])
        rule = Weighing(LearnedProximityModel(_coefficients(trial, [p for p in pairs if p.scene not in out])))
        left_out = folded([pair for pair in pairs if pair.scene in out])
        for length in WINDOWS_MIN:
            said[length].append((rule, [w for pair in left_out for w in windows(pair, length * MINUTE_S)]))
    package = (trial.path / DATASET / PACKAGE_NAME).read_bytes()
    return FittedTrial(
        _coefficients(trial, pairs),
        len(phases),
        folds,
        {length: _together(parts) for length, parts in said.items()},
        hashlib.sha256(package).hexdigest(),
    )


def _coefficients(trial: TrialFolder, pairs: Sequence[Pair]) -> Coefficients:
    received = [pair for pair in pairs if pair.packets]
    near = [bool(pair.known.near.any()) for pair in received]
    far = [not pair.known.near.all() for pair in received]
    if not any(near) or not any(far):
        raise TrialError(
            N_("{path} has too little to learn from: without some of its phases nobody is near, or nobody is far"),
            N_("a fit needs packets from near and from far in several phases"),
            path=trial.path,
        )
    return coefficients(of_people(pairs))


def _together(parts: Sequence[tuple[Weighing, list[JudgedWindow]]]) -> Judged:
    scores = [rule.scores(windows) for rule, windows in parts]
    return judged(
        np.concatenate(scores),
        np.concatenate([rule.is_near(found) for (rule, _), found in zip(parts, scores, strict=True)]),
        np.concatenate([rule.minutes(windows) for rule, windows in parts]),
        [window for _, windows in parts for window in windows],
    )


def rule_file(trial: TrialFolder, fitted: FittedTrial, day: date) -> str:
    """Return the text of a rule file, which the setting ``rule`` of the agent takes."""
    return "\n".join(_lines(trial, fitted, day)) + "\n"


def _lines(trial: TrialFolder, fitted: FittedTrial, day: date) -> Iterator[str]:
    about, learned = trial.plan().trial, fitted.coefficients
    yield '# Made by "bluezone-agent trial fit". In the configuration: rule = "PATH OF THIS FILE"'
    yield "\n[learned]"
    for name in ("bias", "nothing_up_to", "whole_from", "variance_min"):
        yield f"{name} = {getattr(learned, name)}"
    for window in learned.windows:
        yield f"\n[[learned.windows]]\nhalf_width_min = {window.half_width_min}\nweights = {list(window.weights)}"
    yield "\n[provenance]"
    yield f'trial = "{about.name}"'
    yield f'datapackage_sha256 = "{fitted.sha256}"'
    yield f"fitted_on = {day.isoformat()}"
    yield f"near_m = {about.near_m}"
    yield f"phases = {fitted.phases}"
    for length, found in fitted.judged.items():
        rates, (low, high) = found.rates(), found.intervals()["ndcf"]
        yield f"\n# windows of {length} minutes, each in a phase that was left out of the fit"
        yield f"[provenance.out_of_sample_{length}_min]"
        yield f"windows = {len(found.near)}\nnear = {int(found.near.sum())}"
        yield from (f"{name} = {round(value, 4)}" for name, value in rates.items())
        yield f"ndcf_interval = [{round(low, 4)}, {round(high, 4)}]"
        yield f"minutes_off = {round(float(found.error_min.mean()), 4)}"
