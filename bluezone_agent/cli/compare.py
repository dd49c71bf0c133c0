"""``bluezone-agent compare``: the same history under several rules, before one of them is put in force."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from bluezone_agent.cli.base import PATH, Command, json_option, option, print_json, printable, settings
from bluezone_agent.cli.exposures import utc_day
from bluezone_agent.core.exposure import DayExposure, Degree, day_exposures
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.errors import N_
from bluezone_agent.i18n import _, local_date, ngettext
from bluezone_agent.stores.store import RETENTION_DAYS, Store

if TYPE_CHECKING:
    from bluezone_agent.core.risk import RiskModel
    from bluezone_agent.scenarios.room import Score

LEAST: Final = 2


@dataclass(frozen=True, slots=True)
class Compared:
    """One day of one degree under every rule, in the order of the rules."""

    day_start_s: int
    degree: Degree
    days: tuple[DayExposure, ...]

    @property
    def differs(self) -> bool:
        """Whether some rules warn and others don't."""
        return len({day.warns for day in self.days}) > 1

    def terms(self) -> list[tuple[tuple[float, ...], float, float, int]]:
        """Return the minutes by what each rule counts them for: (weights, lowest and highest attenuation, minutes)."""
        groups: dict[tuple[float, ...], list[float]] = {}
        for windows in zip(*(day.windows for day in self.days), strict=True):
            for at, m in enumerate(windows[0].minutes):
                weights = tuple(round(w.factor * w.weights[at], 2) for w in windows)
                groups.setdefault(weights, []).append(m.attenuation_db)
        return [(weights, min(db), max(db), len(db)) for weights, db in sorted(groups.items(), key=lambda g: min(g[1]))]

    def unheard(self) -> tuple[float, ...]:
        """Return what the unheard minutes between them count for by each rule."""
        return tuple(sum(w.factor * w.unheard_weight for w in day.windows) for day in self.days)


@click.command(
    cls=Command,
    help=N_("Compare rules over what is stored: which days would warn under which, and why. Nothing is changed."),
)
@option(
    "--rule",
    "rules",
    multiple=True,
    metavar="RULE",
    help=N_("A rule, or a TOML file with parameters of your own; twice at least."),
)
@option(
    "--days",
    type=click.IntRange(1, RETENTION_DAYS),
    default=RETENTION_DAYS,
    show_default=True,
    help=N_("How many days to look back."),
)
@option(
    "--recording",
    type=PATH,
    metavar="FILE",
    help=N_("Score the receivers of a measured room instead, as replay does."),
)
@json_option
def compare(*, rules: tuple[str, ...], days: int, recording: Path | None, as_json: bool) -> None:
    """Compare; exit 0 whatever the rules say."""
    from bluezone_agent.config import risk_model  # noqa: PLC0415

    if len(set(rules)) < LEAST:
        raise click.UsageError(_("name two rules at least: --rule A --rule B"))
    models = [risk_model(rule, "--rule") for rule in dict.fromkeys(rules)]
    if recording is not None:
        _compare_room(recording, models, as_json=as_json)
        return
    with Store(settings().state_dir) as store:
        matched = store.exposures.matched()
    since_s = time.time() - days * DAY_S
    scored = [[d for d in day_exposures(matched, m) if d.day_start_s + DAY_S > since_s] for m in models]
    compared = [Compared(its[0].day_start_s, its[0].degree, its) for its in zip(*scored, strict=True)]
    if as_json:
        print_json({"rules": [m.name for m in models], "days": [_as_json(c) for c in compared]})
        return
    if not compared:
        click.echo(_("nothing to compare: no exposure is stored of the last {days} days").format(days=days))
    for day in compared:
        for line in _lines(day):
            click.echo(line)
    if compared:
        n = sum(c.differs for c in compared)
        click.echo(ngettext("{n} day on which they differ", "{n} days on which they differ", n).format(n=n))


def _lines(compared: Compared) -> Iterator[str]:
    yield f"{local_date(compared.day_start_s)} {compared.degree}"
    for day in compared.days:
        yield _("  {rule}: {score:.2f} of {needed:g} weighted minutes, {verdict}").format(
            rule=printable(day.rule),
            score=day.near_minutes,
            needed=day.warning_minutes,
            verdict=_("would warn") if day.warns else _("would not warn"),
        )
    for weights, low_db, high_db, minutes in compared.terms():
        text = ngettext(
            "    {n} min at {low:.1f}-{high:.1f} dB count {weights}",
            "    {n} min at {low:.1f}-{high:.1f} dB count {weights}",
            minutes,
        )
        yield text.format(n=minutes, low=low_db, high=high_db, weights=_in_a_row(weights))
    if any(compared.unheard()):
        yield _("    minutes between them, in which nothing was heard, count {weights}").format(
            weights=_in_a_row(compared.unheard())
        )


def _in_a_row(numbers: Sequence[float]) -> str:
    return " / ".join(f"{number:.2f}" for number in numbers)


def _as_json(compared: Compared) -> dict[str, Any]:
    return {
        "day": utc_day(compared.day_start_s),
        "degree": str(compared.degree),
        "differs": compared.differs,
        "rules": [
            {
                "rule": day.rule,
                "rule_version": day.rule_version,
                "weighted_minutes": round(day.near_minutes, 2),
                "needed_minutes": day.warning_minutes,
                "warning": day.warns,
            }
            for day in compared.days
        ],
        "terms": [
            {"weights": weights, "lowest_db": round(low, 1), "highest_db": round(high, 1), "minutes": n}
            for weights, low, high, n in compared.terms()
        ],
        "unheard_weights": [round(weight, 2) for weight in compared.unheard()],
    }


def _compare_room(recording: Path, models: Sequence[RiskModel], *, as_json: bool) -> None:
    from bluezone_agent.app import logs  # noqa: PLC0415
    from bluezone_agent.core.protocols import PROTOCOLS  # noqa: PLC0415
    from bluezone_agent.scenarios.measurements import read_measurements  # noqa: PLC0415
    from bluezone_agent.scenarios.room import Score, replay_room  # noqa: PLC0415

    logs.to_stderr(logging.WARNING)
    config = settings().config()
    tracks, protocol = read_measurements(recording), PROTOCOLS[config.protocol]
    scores = [
        (model.name, Score.of(list(replay_room(tracks, protocol, model, tx_power_dbm=config.tx_power_dbm))))
        for model in models
    ]
    if as_json:
        print_json({"rules": [{"rule": name, **_score_as_json(score)} for name, score in scores]})
        return
    for name, score in scores:
        text = _("{rule}: warned {hits} of {near} receivers within 2 m, {false} of {far} farther off")
        click.echo(
            text.format(
                rule=printable(name),
                hits=score.warned_near,
                near=score.warned_near + score.missed_near,
                false=score.warned_far,
                far=score.warned_far + score.quiet_far,
            )
        )


def _score_as_json(score: Score) -> dict[str, Any]:
    return {
        "warned_near": score.warned_near,
        "warned_far": score.warned_far,
        "missed_near": score.missed_near,
        "quiet_far": score.quiet_far,
    }
