"""``bluezone-agent status``: does it work, and since when."""

from __future__ import annotations

import time
from typing import Any, Final

import click

from bluezone_agent.cli.base import Command, age, exit_with, iso, json_option, option, print_json, printable, settings
from bluezone_agent.cli.gaps import gap_as_json, gap_text
from bluezone_agent.cli.pause import as_object, describe
from bluezone_agent.cli.sources import source_lines, source_object
from bluezone_agent.errors import EXIT_FAULT, N_, RadioFault
from bluezone_agent.health.health import Problem
from bluezone_agent.health.prometheus import exposition
from bluezone_agent.health.status import RadioState, Status
from bluezone_agent.health.status import status as read_status
from bluezone_agent.i18n import _, local_time, ngettext
from bluezone_agent.stores.store import Store

GAPS_SHOWN: Final = 3

PROBLEMS: Final = {
    Problem.NOT_RUNNING: N_("the agent is not running: start it with bluezone-agent run"),
    Problem.NO_RADIO: N_("the radio can't be used; the agent waits for it and goes on by itself"),
    Problem.SCAN_ONLY: N_(
        "the radio listens but can't broadcast: another program may use all its advertising instances"
    ),
    Problem.NOT_BROADCASTING: N_("no new identifier was put on the air in time: restart the agent"),
    Problem.NOT_PROVED: N_(
        "no other adapter has heard the own broadcast for 5 minutes: run bluezone-agent doctor, then restart the agent"
    ),
    Problem.NOT_STORING: N_("nothing was committed for minutes: look at the disk and at the agent's log"),
    Problem.NOT_CHECKING: N_(
        "checks have not succeeded for more than 30 hours: see bluezone-agent keys sources,"
        " and run bluezone-agent check"
    ),
    Problem.STORE_QUARANTINED: N_(
        "a damaged store was set aside as agent.damaged-*.db and a new one begun; delete that file when you do not need"
        " it, after 14 days it goes by itself"
    ),
    Problem.CLOCK_NOT_TRUSTED: N_(
        "the clock is not synchronised: contacts are kept but do not count; switch NTP on, or set clock_trusted = true"
    ),
}


@click.command(cls=Command, help=N_("Show whether the agent works: what it sends, hears, stores and checks."))
@json_option
@option("--prometheus", is_flag=True, help=N_("Print ages and counts in Prometheus' text format."))
@option(
    "--notify",
    is_flag=True,
    help=N_("Also tell the owner, by notify_command, when listening or checks have stopped or go on again."),
)
def status(*, as_json: bool, prometheus: bool, notify: bool) -> None:
    """Print the signs of life; exit 1 when one is missing."""
    now_s = time.time()
    with Store(settings().state_dir) as store:
        state = read_status(store, now_s)
        if notify:
            from bluezone_agent.app.outage_notices import tell_owner  # noqa: PLC0415 - reads the configuration

            tell_owner(store, settings().config(), now_s)
        metrics = exposition(store, now_s) if prometheus else ""
    if prometheus:
        click.echo(metrics, nl=False)
    elif as_json:
        print_json(_as_json(state))
    else:
        _print(state, now_s)
    if state.problems:
        exit_with(EXIT_FAULT)


def _as_json(state: Status) -> dict[str, Any]:
    return {
        "healthy": not state.problems,
        "problems": list(state.problems),
        "ages": {life: {"since": iso(age.since_s), "limit_s": age.limit_s} for life, age in state.ages.items()},
        "running": state.running,
        "radio": state.radio.description,
        "radio_works": state.radio.works,
        "radio_since": iso(state.radio.since_s),
        "radio_fault": state.radio.reason or None,
        "radio_message": state.radio.message.format(**state.radio.fields),
        "radio_opened": state.radio.sessions,
        "scan_mode": state.radio.scan_mode,
        "scan_restarts": state.radio.scan_restarts,
        "power_cycles": state.radio.power_cycles,
        "allow_linkable": list(state.allow_linkable),
        "protocol": state.protocol,
        "started_at": iso(state.started_at_s),
        "advertised_at": iso(state.advertised_at_s),
        "rotations": state.rotations,
        "provable": state.proof.provable,
        "proved_at": iso(state.proof.at_s),
        "proved_by": state.proof.by or None,
        "received_at": iso(state.received_at_s),
        "received_adverts": state.received_adverts,
        "discarded_adverts": state.discarded_adverts,
        "committed_at": iso(state.committed_at_s),
        "checked_at": iso(state.checked_at_s),
        "check_complete": state.check_complete,
        "complete_check_at": iso(state.complete_check_at_s),
        "sources": state.sources,
        "feeds": [source_object(source) for source in state.source_records],
        "last_24_hours": {
            "identifier_minutes": sum(h.identifier_minutes for h in state.last_day),
            "minutes_with_contact": sum(h.minutes for h in state.last_day),
            "listened_s": state.listened_s,
            "not_listening": [gap_as_json(gap) for gap in state.not_listening],
        },
        "pause": as_object(state.pause),
        "own_keys": state.own_keys,
        "own_keys_encrypted": state.encrypted,
        "warnings": state.warnings,
    }


def _print(state: Status, now_s: float) -> None:
    lines = [
        (
            _("agent"),
            _("running on {radio}").format(radio=printable(state.radio.description) or "-")
            if state.running
            else _("not running"),
        ),
        (_("sends"), _sends(state, now_s)),
        (_("on the air"), _proved(state, now_s)),
        (_("hears"), _receives(state, now_s)),
        (_("listens"), _listens(state)),
        (_("stored"), _stored(state)),
        (_("own keys"), _own_keys(state)),
        (_("last check"), _check(state, now_s)),
        *((_("source"), f"{printable(s.name)}: {'; '.join(source_lines(s, now_s))}") for s in state.source_records),
        (_("warnings"), str(state.warnings) if state.warnings else _("none")),
    ]
    width = max(len(name) for name, _text in lines)
    for name, text in lines:
        click.echo(f"{name:<{width}}  {text}")
    for gap in state.not_listening[-GAPS_SHOWN:]:
        click.echo(f"{'':<{width}}  {gap_text(gap)}")
    if state.pause:
        click.secho(f"! {describe(state.pause)}; {_('bluezone-agent resume ends it')}", fg="yellow")
    if state.running and not state.radio.works and state.radio.reason != RadioFault.PAUSED:
        click.secho(f"! {_radio_fault(state.radio)}", fg="red")
    if state.allow_linkable:
        click.secho(f"! {_linkable(state.allow_linkable)}", fg="yellow")
    for problem in state.problems:
        click.secho(f"! {_(PROBLEMS[problem])}", fg="red")
    if not state.problems:
        click.secho(_("all well"), fg="green")


def _sends(state: Status, now_s: float) -> str:
    if state.advertised_at_s is None:
        return _("nothing so far")
    return _("{protocol} identifiers, {n} so far, the newest {age}").format(
        protocol=state.protocol, n=state.rotations, age=age(state.advertised_at_s, now_s)
    )


def _proved(state: Status, now_s: float) -> str:
    proof = state.proof
    if proof.at_s is not None:
        return _("proved {age} by {by}, at {rssi} dBm").format(
            age=age(proof.at_s, now_s), by=printable(proof.by), rssi=proof.rssi_dbm
        )
    return _("the other adapter has heard nothing") if proof.provable else _("not provable with one adapter")


def _receives(state: Status, now_s: float) -> str:
    if state.received_at_s is None:
        return _("nobody so far")
    return _("{n} broadcasts since it started, the last {age}").format(
        n=state.received_adverts, age=age(state.received_at_s, now_s)
    )


def _listens(state: Status) -> str:
    text = _("{mode}; {minutes} minutes in 24 hours").format(
        mode=state.radio.scan_mode or "-", minutes=state.listened_s // 60
    )
    n = state.radio.scan_restarts
    return text + (
        ngettext("; the scan was restarted once", "; the scan was restarted {n} times", n).format(n=n) if n else ""
    )


def _own_keys(state: Status) -> str:
    keys = ngettext("{n} day key", "{n} day keys", state.own_keys).format(n=state.own_keys)
    return _("{keys}, sealed").format(keys=keys) if state.encrypted else keys


def _radio_fault(radio: RadioState) -> str:
    return _("since {time}: {message}").format(
        time=local_time(radio.since_s or 0), message=printable(_(radio.message).format(**radio.fields))
    )


def _linkable(accepted: tuple[str, ...]) -> str:
    return _("your identifiers may be linkable to each other: allow_linkable = {settings}").format(
        settings=", ".join(accepted)
    )


def _stored(state: Status) -> str:
    return _("{minutes} minutes near somebody in 24 hours ({contact} minutes summed over identifiers)").format(
        minutes=sum(h.minutes for h in state.last_day), contact=sum(h.identifier_minutes for h in state.last_day)
    )


def _check(state: Status, now_s: float) -> str:
    if state.checked_at_s is None:
        return _("never") if state.sources else _("never: no [[source]] is configured")
    when = age(state.checked_at_s, now_s)
    return when if state.check_complete else _("{age}, incomplete: see bluezone-agent keys sources").format(age=when)
