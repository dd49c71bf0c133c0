"""``bluezone-agent replay``: run the agent on a recording."""

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
from bluezone_agent.cli.base import PATH, Command, argument, device, json_option, option, print_json, printable
from bluezone_agent.cli.progress import counting
from bluezone_agent.cli.table import print_table
from bluezone_agent.cli.talk import log_level
from bluezone_agent.core.names import PROTOCOL_NAMES
from bluezone_agent.errors import N_
from bluezone_agent.i18n import _, local_number

T = TypeVar("T")


@click.command(
    cls=Command,
    answers=Replay,
    help=N_(
        "Replay measurements from a room: each receiver in FILE acts as a device that receives the"
        " beacon of a case, downloads the published key and checks. Shows each device's result next"
        " to the true distance."
    ),
)
@argument("file", type=PATH)
@option(
    "--protocol",
    type=click.Choice(PROTOCOL_NAMES),
    default="bluezone",
    show_default=True,
    help=N_("Protocol of the beacon."),
)
@option("--session", metavar="NAME", help=N_("Use only this session of the file."))
@option(
    "--tx-power",
    "tx_power_dbm",
    metavar="DBM",
    type=click.IntRange(-127, 20),
    help=N_("Transmit power of the beacon in dBm (default: tx_power_dbm of the configuration)."),
)
@json_option
def replay(*, file: Path, protocol: str, session: str | None, tx_power_dbm: int | None, as_json: bool) -> None:
    """Replay and score; the exit code is always 0."""
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
        _("result"),
    )
    for session, receivers in groupby(done.receivers, key=lambda r: r.session):
        rows = [_row(r) for r in sorted(receivers, key=lambda r: r.true_distance_m)]
        print_table(names, rows, title=printable(session), right=range(1, 5))
        click.echo()
    _print_score(done.stationary_sessions)


def _row(r: Receiver) -> tuple[str, ...]:
    distance = f"{local_number(r.true_distance_m):.2f} m"
    return (
        printable(r.receiver),
        distance if r.stationary else _("from {distance}").format(distance=distance),
        str(r.packets),
        "" if r.attenuation_db is None else f"{r.attenuation_db:.0f} dB",
        _("{near:.1f} of {received}").format(near=local_number(r.minutes_within_2m), received=r.received_minutes),
        _("warned") if r.warned else "",
    )


def _print_score(score: RoomScore) -> None:
    near, far = score.warned_near + score.missed_near, score.warned_far + score.quiet_far
    if not near + far:
        click.echo(_("the beacon moved in every session: there is no single true distance to compare with"))
        return
    click.echo(
        _(
            "with the beacon stationary: {hits} of {near} receivers within 2 m warned, {false} of {far} farther away"
        ).format(hits=score.warned_near, near=near, false=score.warned_far, far=far)
    )
    click.echo(
        _("precision {precision}, recall {recall}").format(
            precision=_share(score.precision), recall=_share(score.recall)
        )
    )


def _share(value: float | None) -> str:
    return _("undefined") if value is None else f"{local_number(value):.2f}"
