"""``bluezone-agent replay``: what the agent makes of a recording."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import TypeVar

import click

from bluezone_agent.app import logs
from bluezone_agent.app.replay import Receiver, Replay, RoomScore
from bluezone_agent.app.replay import replay as replay_file
from bluezone_agent.cli.base import PATH, Command, device, json_option, option, print_json, printable
from bluezone_agent.cli.progress import counting
from bluezone_agent.cli.table import print_table
from bluezone_agent.cli.talk import log_level
from bluezone_agent.core.names import PROTOCOL_NAMES
from bluezone_agent.errors import N_
from bluezone_agent.i18n import _

T = TypeVar("T")


@click.command(
    cls=Command,
    answers=Replay,
    help=N_(
        "Replay a measured room: every receiver in FILE becomes an agent that hears a case's beacon, fetches the"
        " published key and checks. Shows what each would have told its owner beside the true distance."
    ),
)
@click.argument("file", type=PATH)
@option(
    "--protocol",
    type=click.Choice(PROTOCOL_NAMES),
    default="bluezone",
    show_default=True,
    help=N_("What the beacon broadcasts."),
)
@option("--session", metavar="NAME", help=N_("Only this session of the file."))
@option(
    "--tx-power",
    "tx_power_dbm",
    type=click.IntRange(-127, 20),
    metavar="DBM",
    help=N_("The transmit power that the beacon states, in dBm; else tx_power_dbm of the configuration."),
)
@json_option
def replay(*, file: Path, protocol: str, session: str | None, tx_power_dbm: int | None, as_json: bool) -> None:
    """Replay and score; exit 0 whatever the score is."""
    logs.to_stderr(log_level(logging.WARNING))
    done = replay_file(
        device(), file, protocol=protocol, session=session, tx_power_dbm=tx_power_dbm, progress=_with_progress
    )
    if as_json:
        print_json(done)
    else:
        _print(done)


def _with_progress(results: Iterator[T], count: int) -> Iterator[T]:
    with counting(_("replaying"), count) as advance:
        for result in results:
            yield result
            advance(1)


def _print(done: Replay) -> None:
    names = (
        *(_("receiver"), _("true distance"), _("packets"), _("attenuation"), _("minutes within 2 m")),
        _("told"),
    )
    for session, receivers in groupby(done.receivers, key=lambda r: r.session):
        rows = [_row(r) for r in sorted(receivers, key=lambda r: r.true_distance_m)]
        print_table(names, rows, title=printable(session), right=range(1, 5))
        click.echo()
    _print_score(done.stationary_sessions)


def _row(r: Receiver) -> tuple[str, ...]:
    distance = f"{r.true_distance_m:.2f} m"
    return (
        printable(r.receiver),
        distance if r.stationary else _("from {distance}").format(distance=distance),
        str(r.packets),
        "" if r.attenuation_db is None else f"{r.attenuation_db:.0f} dB",
        _("{near:.1f} of {received}").format(near=r.minutes_within_2m, received=r.received_minutes),
        _("warned") if r.warned else "",
    )


def _print_score(score: RoomScore) -> None:
    near, far = score.warned_near + score.missed_near, score.warned_far + score.quiet_far
    if not near + far:
        click.echo(_("the beacon moved in every session: there is no single true distance to compare with"))
        return
    click.echo(
        _(
            "while the beacon stood still: {hits} of {near} receivers within 2 m warned, {false} of {far} farther off"
        ).format(hits=score.warned_near, near=near, false=score.warned_far, far=far)
    )
    click.echo(
        _("precision {precision}, recall {recall}").format(
            precision=_share(score.precision), recall=_share(score.recall)
        )
    )


def _share(value: float | None) -> str:
    return _("undefined") if value is None else f"{value:.2f}"
