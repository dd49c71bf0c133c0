"""``bluezone-agent status``: does it work, and since when."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Final

import click

from bluezone_agent.app.gap_text import gap_text
from bluezone_agent.app.own_cost import cost_text
from bluezone_agent.app.pause_text import describe
from bluezone_agent.app.status import AgentStatus, AgentVerdict, Caution, RadioStatus
from bluezone_agent.app.status import prometheus as metrics
from bluezone_agent.app.status import status as read_status
from bluezone_agent.app.status_line import CAUTIONS, PROBLEMS, VERDICTS
from bluezone_agent.cli.answer import print_answer
from bluezone_agent.cli.base import Command, age, device, exit_with, json_option, option, print_json, printable
from bluezone_agent.cli.source_text import source_lines
from bluezone_agent.cli.wrapping import wrapped
from bluezone_agent.errors import EXIT_FAULT, N_, RadioFault
from bluezone_agent.i18n import _, local_time, ngettext

GAPS_SHOWN: Final = 3
COLOURS: Final = {AgentVerdict.WORKS: "green", AgentVerdict.WORKS_BUT: "yellow", AgentVerdict.DOES_NOT_WORK: "red"}
SAID_IN_FULL: Final = frozenset({Caution.PAUSED, Caution.PROTECTED, Caution.LINKABLE})
"""Cautions that have a separate line."""


@click.command(
    cls=Command,
    answers=AgentStatus,
    help=N_("Show whether the agent works: what it sends, receives, stores and checks."),
)
@json_option
@option(
    "--private",
    is_flag=True,
    help=N_("Show your exposures too. A terminal always shows them; a pipe or a file needs this option."),
)
@option("--prometheus", is_flag=True, help=N_("Print ages and counts in the Prometheus text format."))
def status(*, as_json: bool, private: bool, prometheus: bool) -> None:
    """Print the state of the agent; exit 1 if there is a problem."""
    if prometheus:
        text, healthy = metrics(device())
        click.echo(text, nl=False)
    else:
        state = read_status(device(), private=private or sys.stdout.isatty())
        healthy = state.healthy
        if as_json:
            print_json(state)
        else:
            _print(state, datetime.now(UTC))
    if not healthy:
        exit_with(EXIT_FAULT)


def _print(state: AgentStatus, now: datetime) -> None:
    if state.exposures is not None:
        print_answer(state.exposures.result, state.exposures.days, state.exposures.authority)
    click.secho(_(VERDICTS[state.verdict]), fg=COLOURS[state.verdict])
    for problem in state.problems:
        click.secho(wrapped(f"! {_(PROBLEMS[problem])}"), fg="red")
    for caution in state.cautions:
        if caution not in SAID_IN_FULL:
            click.secho(wrapped(f"! {_(CAUTIONS[caution])}"), fg="yellow")
    lines = [
        (
            _("agent"),
            _("running on {radio}").format(radio=printable(state.radio.description) or "-")
            if state.running
            else _("not running"),
        ),
        (_("sends"), _sends(state, now)),
        (_("transmission"), _proved(state, now)),
        (_("receives"), _receives(state, now)),
        (_("scans"), _listens(state)),
        (_("stored"), _stored(state)),
        (_("your daily keys"), _own_keys(state)),
        (_("last check"), _check(state, now)),
        *([(_("costs"), cost_text(state.cost))] if state.cost else []),
        *((_("source"), f"{printable(s.name)}: {'; '.join(source_lines(s, now))}") for s in state.sources),
    ]
    width = max(len(name) for name, _text in lines)
    for name, text in lines:
        click.echo(wrapped(f"{name:<{width}}  {text}", hanging=width + 2))
    for gap in state.last_24_hours.not_listening[-GAPS_SHOWN:]:
        click.echo(wrapped(f"{'':<{width}}  {gap_text(gap)}", hanging=0))
    if state.pause:
        click.secho(wrapped(f"! {describe(state.pause)}; {_('end it with bluezone-agent resume')}"), fg="yellow")
    if state.running and not state.radio.works and state.radio.fault != RadioFault.PAUSED:
        click.secho(wrapped(f"! {_radio_fault(state.radio)}"), fg="red")
    if state.allow_linkable:
        click.secho(wrapped(f"! {_linkable(state.allow_linkable)}"), fg="yellow")


def _sends(state: AgentStatus, now: datetime) -> str:
    if state.advertised_at is None:
        return _("nothing so far")
    return _("{protocol} identifiers, {n} so far, the newest {age}").format(
        protocol=state.protocol, n=state.rotations, age=age(state.advertised_at, now)
    )


def _proved(state: AgentStatus, now: datetime) -> str:
    proof = state.proof
    if proof.at is not None:
        return _("verified {age}: {by} received it at {rssi} dBm").format(
            age=age(proof.at, now), by=printable(proof.by or "?"), rssi=proof.rssi_dbm
        )
    return (
        _("the other adapter has received nothing")
        if proof.provable
        else _("not verified (needs a second adapter or another device)")
    )


def _receives(state: AgentStatus, now: datetime) -> str:
    if state.received_at is None:
        return _("nothing so far")
    text = _("{n} advertisements since start, the last {age}").format(
        n=state.received_adverts, age=age(state.received_at, now)
    )
    if state.received_share is None:
        return text
    return text + _("; about {percent}% of what nearby devices send").format(percent=round(100 * state.received_share))


def _listens(state: AgentStatus) -> str:
    if not state.radio.scan_mode and not state.last_24_hours.listened_s:
        return _("not so far")
    text = _("{mode}; {minutes} min in the last 24 h").format(
        mode=state.radio.scan_mode or "-", minutes=state.last_24_hours.listened_s // 60
    )
    n = state.radio.scan_restarts
    return text + (
        ngettext("; the scan was restarted once", "; the scan was restarted {n} times", n).format(n=n) if n else ""
    )


def _own_keys(state: AgentStatus) -> str:
    n = state.own_keys
    return _("{n}, encrypted").format(n=n) if state.own_keys_encrypted else str(n)


def _radio_fault(radio: RadioStatus) -> str:
    return _("since {time}: {message}").format(
        time=local_time(radio.since or 0), message=printable(_(radio.message).format(**radio.fields))
    )


def _linkable(accepted: tuple[str, ...]) -> str:
    return _("your identifiers may be linkable to each other: allow_linkable = {settings}").format(
        settings=", ".join(accepted)
    )


def _stored(state: AgentStatus) -> str:
    return _("last 24 h: {minutes} min with devices nearby ({contact} device-minutes)").format(
        minutes=state.last_24_hours.minutes_with_contact, contact=state.last_24_hours.identifier_minutes
    )


def _check(state: AgentStatus, now: datetime) -> str:
    if state.checked_at is None:
        return _("never") if state.configured_sources else _("never: no [[source]] is configured")
    when = age(state.checked_at, now)
    return when if state.check_complete else _("{age}, incomplete: see bluezone-agent keys sources").format(age=when)
