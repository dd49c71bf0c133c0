"""``bluezone-agent trial score`` and ``fit``."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Final

import click

from bluezone_agent.app import trial_score as scoring
from bluezone_agent.app.trial_score import TrialRate, TrialScore
from bluezone_agent.cli.base import PATH, Command, argument, json_option, option, print_json, printable, say
from bluezone_agent.cli.progress import working
from bluezone_agent.cli.table import print_table
from bluezone_agent.cli.wrapping import wrapped
from bluezone_agent.errors import N_
from bluezone_agent.i18n import _, local_number, ngettext
from bluezone_agent.tables.names import DEFAULT_ENGINE, ENGINE_NAMES

folder_argument = argument("folder", metavar="DIR", type=PATH)
NUMBERS: Final = range(1, 11)
"""Columns of numbers."""


@click.command(
    cls=Command,
    answers=scoring.TrialScores,
    help=N_(
        "Compare risk rules with the true distances of the packed trial in DIR: in windows of 5 and 15 minutes, and of"
        " whole scenes, as a user would be told. Intervals are from resampling pairs."
    ),
)
@folder_argument
@option(
    "--rule",
    "rules",
    metavar="RULE",
    multiple=True,
    help=N_("A rule name, or a TOML file with your own parameters; can be given several times."),
)
@option(
    "--schedule",
    "schedules",
    metavar="SCHEDULE",
    multiple=True,
    help=N_("Also as a phone scans, such as 4/240: 4 s of every 240 s. Can be given several times."),
)
@option("--offset-db", "offsets_db", metavar="DB", type=float, multiple=True, help=N_("Add this to every RSSI."))
@option("--sweep", is_flag=True, help=N_("Offsets of -6, -3, 0, 3 and 6 dB: radios that are that far off."))
@option(
    "--engine",
    type=click.Choice(ENGINE_NAMES),
    default=DEFAULT_ENGINE,
    show_default=True,
    help=N_("What counts the packets: DuckDB in this process, or Spark as it is configured (extra [spark])."),
)
@json_option
def score(
    *,
    folder: Path,
    rules: tuple[str, ...],
    schedules: tuple[str, ...],
    offsets_db: tuple[float, ...],
    sweep: bool,
    engine: str,
    as_json: bool,
) -> None:
    """Score; the table is in scores.csv of the report, too."""
    with working(_("computing")):
        found = scoring.score(folder, rules, schedules, offsets_db + (scoring.SWEEP_DB if sweep else ()), engine)
    if as_json:
        print_json(found)
        return
    for title, rows in groupby(found.scores, key=_setting):
        _print(title, list(rows))
        click.echo()
    click.echo(
        wrapped(
            _("near: up to {near_m:g} m in half of a window, or for 15 minutes of a scene").format(
                near_m=local_number(found.near_m)
            )
        )
    )
    click.echo(wrapped(_("min: length of a window in minutes, or all: whole scenes, as a user would be told")))
    click.echo(wrapped(_("P: precision, R: recall; off: minutes by which it is wrong, on average")))
    click.echo(
        wrapped(_("nDCF: share of near ones missed plus share of far ones called near; 0 is perfect, 1 is a guess"))
    )
    say(_("written: {path}").format(path=found.file))


def _setting(one: TrialScore) -> str:
    """Return what the scores of one table have in common."""
    parts = [
        _("scanned for {on} s every {every} s").format(on=on, every=every)
        if (on := one.schedule.partition("/")[0]) and (every := one.schedule.partition("/")[2])
        else _("as recorded"),
        _("calibrated power") if one.power == "calibrated" else _("stated power"),
    ]
    if one.offset_db:
        parts.append(_("RSSI {offset:+g} dB").format(offset=local_number(one.offset_db)))
    return ", ".join(parts)


def _print(title: str, scores: list[TrialScore]) -> None:
    names = (_("rule"), _("min"), "n", _("near"), "P", "R", "F1", "nDCF", "5-95 %", "AUC", _("off"))
    print_table(
        names,
        [tuple(_cells(one)) for one in scores],
        title=title,
        right=NUMBERS,
        sentences=[_sentence(one) for one in scores],
    )


def _cells(one: TrialScore) -> Iterator[str]:
    yield printable(one.rule)
    yield _("all") if one.window_min is None else str(one.window_min)
    yield from (str(one.windows), str(one.near))
    yield from (_value(rate) for rate in (one.precision, one.recall, one.f1, one.ndcf))
    yield _interval(one.ndcf)
    yield from ("–" if one.auc is None else _number(one.auc, 2), _number(one.minutes_off, 1))


def _sentence(one: TrialScore) -> str:
    return _("{rule}, {window}: nDCF {ndcf} ({interval}), P {precision}, R {recall}, off {minutes}").format(
        rule=printable(one.rule),
        window=_("whole scenes") if one.window_min is None else _("{n} min").format(n=one.window_min),
        ndcf=_value(one.ndcf),
        interval=_interval(one.ndcf),
        precision=_value(one.precision),
        recall=_value(one.recall),
        minutes=_number(one.minutes_off, 1),
    )


def _value(rate: TrialRate | None) -> str:
    return "–" if rate is None else _number(rate.value, 2)


def _interval(rate: TrialRate | None) -> str:
    return "–" if rate is None else f"{_number(rate.low, 2)}-{_number(rate.high, 2)}"


def _number(value: float, digits: int) -> str:
    return f"{local_number(value):.{digits}f}"


@click.command(
    cls=Command,
    answers=scoring.TrialFit,
    help=N_(
        "Fit the rule learned to the packed trial in DIR and write it to DIR/rules/NAME.toml, which the setting rule"
        " takes. How right it is comes from phases that were left out of the fit."
    ),
)
@argument("name", metavar="NAME")
@folder_argument
@json_option
def fit(*, name: str, folder: Path, as_json: bool) -> None:
    """Fit; an existing file is never changed."""
    with working(_("computing")):
        done = scoring.fit(name, folder, datetime.now(UTC).date())
    if as_json:
        print_json(done)
        return
    click.echo(
        ngettext(
            "fitted to {n} phase; judged by what was left out, {folds} times",
            "fitted to {n} phases; judged by what was left out, {folds} times",
            done.phases,
        ).format(n=done.phases, folds=done.folds)
    )
    for found in done.out_of_sample:
        click.echo(wrapped(_fitted(found), hanging=2))
    say(_("written: {path}").format(path=done.file))
    say(_('in the configuration: rule = "{path}"').format(path=done.file.absolute()))


def _fitted(found: scoring.FittedWindows) -> str:
    values = {
        name: "–" if (value := getattr(found, name)) is None else _number(value, 2)
        for name in ("ndcf", "ndcf_low", "ndcf_high", "precision", "recall")
    }
    return _(
        "{minutes} min: nDCF {ndcf} ({ndcf_low}-{ndcf_high}), precision {precision}, recall {recall}, off {off} min"
    ).format(minutes=found.window_min, off=_number(found.minutes_off, 1), **values)
