"""The page of a trial's report."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from bluezone_agent.app.trial_dataset import PairReception, TrialReport
from bluezone_agent.app.trial_score import TrialScore
from bluezone_agent.errors import N_
from bluezone_agent.html.page import page
from bluezone_agent.i18n import _, local_number, local_time
from bluezone_agent.trials.methods import methods
from bluezone_agent.trials.shown import MOST_PAIRS, MOST_RECEIVERS

if TYPE_CHECKING:
    from bluezone_agent.trials.report import ComputedReport

MOST_ROWS: Final = 500
"""Of a table on the page."""
FIGURES: Final = {
    "rssi-over-distance": N_(
        "RSSI over distance: each pair's median in each phase with the range of 90 % of its packets"
    ),
    "rssi-over-time": N_("RSSI over time: phases are shaded in turn, red lines are marks"),
    "received-windows": N_("Windows of 30 s with a packet, for each pair; gaps are white"),
}
"""Name of a figure → its caption."""


def report_page(found: TrialReport, made: ComputedReport) -> str:
    """Return the page: everything is in it, the figures too."""
    plan = made.plan
    return page(
        "trial",
        title_text=plan.trial.title or plan.trial.name,
        efficacy=_efficacy(found),
        fit=_fit(found),
        figures=[
            (_(caption), _image(made.figures[name]["svg"])) for name, caption in FIGURES.items() if name in made.figures
        ],
        pairs=[
            (
                *(pair.receiver, pair.sender, str(pair.packets), _number(pair.packets_per_s, 2)),
                *(
                    "" if pair.continuity is None else _percent(pair.continuity),
                    _number(pair.mean_dbm, 1),
                    _number(pair.deviation_db, 1),
                ),
                *(_number(pair.longest_gap_s, 1), _share_of_expected(pair)),
            )
            for pair in found.receptions[:MOST_ROWS]
        ],
        left_out=_left_out(found, made),
        expected=_expected(found),
        rules=[
            (title, [_rule(one) for one in of_setting]) for title, of_setting in groupby(found.scores, key=_setting)
        ],
        rules_left_out=made.scorable and not found.scores,
        near_m=_number(plan.trial.near_m, 1),
        phases=[_phase(row) for row in made.tables["phases"][:MOST_ROWS]],
        devices=[
            (
                *(row[name] or "" for name in ("device", "person", "carried", "radio", "scan_mode")),
                *(_number(row["offset_s"], 3), _number(row["offset_error_s"], 3)),
                *("–" if row[name] is None else str(row[name]) for name in ("lost_packets", "unreadable_bytes")),
            )
            for row in made.tables["devices"]
        ],
        marks=[
            (local_time(row["time_s"]), row["device"], row["text"], row["distances"]) for row in made.tables["marks"]
        ],
        methods=methods(plan),
        about=[
            (heading, text)
            for heading, text in (
                (_("Consent"), plan.trial.consent),
                (_("License"), plan.trial.license),
                (_("Citation"), plan.trial.citation),
                (_("Notes"), plan.trial.notes),
            )
            if text
        ],
    )


def _left_out(found: TrialReport, made: ComputedReport) -> str:
    """Return what a large trial's page does not show; empty for nothing."""
    receivers = len({pair.receiver for pair in found.receptions})
    if receivers <= MOST_RECEIVERS and len(found.receptions) <= MOST_PAIRS and len(made.tables["phases"]) <= MOST_ROWS:
        return ""
    return _(
        "Figures over time show the first {receivers} receivers and {pairs} pairs, and tables the first {rows} rows."
        " The files next to this page have all rows."
    ).format(receivers=MOST_RECEIVERS, pairs=MOST_PAIRS, rows=MOST_ROWS)


def _efficacy(found: TrialReport) -> list[tuple[str, str, str]]:
    """Return each measure of efficacy, its value and what it means."""
    values = [
        (_("Detection"), found.detection, _("share of the pairs with a packet")),
        (_("Continuity"), found.continuity, _("share of the windows of 30 s, over all pairs, with a packet")),
        (_("Completeness"), found.completeness, _("share of those windows with packets in both directions")),
        (_("Longevity"), found.longevity, _("difference between the continuity of the first and the last hour")),
    ]
    return [(name, "–" if value is None else _percent(value), meaning) for name, value, meaning in values]


def _fit(found: TrialReport) -> list[str]:
    fit = found.path_loss
    if fit is None:
        return [_("The distances are unknown or all the same, so there is no path loss.")]
    return [
        _("Fitted path loss: {at_1m} dBm at 1 m, and {decade} dB weaker at ten times the distance.").format(
            at_1m=_with_interval(fit.at_1m_dbm, fit.at_1m_interval),
            decade=_with_interval(fit.decade_db, fit.decade_interval),
        ),
        _("Single packets deviate from the line by {deviation} dB (standard deviation).").format(
            deviation=_number(fit.deviation_db, 1)
        ),
    ]


def _with_interval(value: float, interval: tuple[float, float] | None) -> str:
    if interval is None:
        return _number(value, 1)
    return _("{value} (95 % interval {low} to {high})").format(
        value=_number(value, 1), low=_number(interval[0], 1), high=_number(interval[1], 1)
    )


def _expected(found: TrialReport) -> str:
    known = next((pair.expected_per_s for pair in found.receptions if pair.expected_per_s is not None), None)
    if known is None:
        return ""
    return _(
        "A receiver that misses nothing while it scans gets {rate} packets per second of each sender, at the protocol's"
        " own interval; the last column is the share of these that was received."
    ).format(rate=_number(known, 2))


def _share_of_expected(pair: PairReception) -> str:
    if pair.expected_per_s is None or pair.packets_per_s is None:
        return ""
    return _percent(pair.packets_per_s / pair.expected_per_s)


def _setting(one: TrialScore) -> str:
    """Return what the rows of a table have in common."""
    on_s, _sep, every_s = one.schedule.partition("/")
    scanned = _("scanned for {on} s every {every} s").format(on=on_s, every=every_s) if every_s else _("as recorded")
    return f"{scanned}, {_('calibrated power') if one.power == 'calibrated' else _('stated power')}"


def _rule(one: TrialScore) -> tuple[str, ...]:
    """Return a row: the rule, and how right it was."""
    interval = "" if one.ndcf is None else f" ({_number(one.ndcf.low, 2)}-{_number(one.ndcf.high, 2)})"
    return (
        one.rule,
        _("whole scenes") if one.window_min is None else _("{n} min").format(n=one.window_min),
        "–" if one.ndcf is None else _number(one.ndcf.value, 2) + interval,
        *("–" if rate is None else _number(rate.value, 2) for rate in (one.precision, one.recall, one.f1)),
        *("–" if one.auc is None else _number(one.auc, 2), _number(one.minutes_off, 1)),
        *(str(one.windows), str(one.near)),
    )


def _phase(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        *(row["phase"], row["receiver"], row["sender"], _number(row["distance_m"], 2), str(row["packets"])),
        *(_number(row["median_dbm"], 0), _number(row["low_dbm"], 0), _number(row["high_dbm"], 0)),
        _number(row["deviation_db"], 1),
    )


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{local_number(value):.{digits}f}"


def _percent(share: float) -> str:
    return f"{local_number(100 * share):.1f} %"


def _image(svg: bytes) -> str:
    """Return a figure as an address: so the styles of the page do not reach into it."""
    return f"data:image/svg+xml;base64,{b64encode(svg).decode()}"
