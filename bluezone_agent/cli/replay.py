"""``bluezone-agent replay``: what the agent makes of a recording."""

from __future__ import annotations

import logging
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bluezone_agent.cli.base import PATH, Command, is_person, json_option, option, print_json, printable, settings
from bluezone_agent.errors import N_, ConfigError
from bluezone_agent.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bluezone_agent.scenarios.room import ReceiverResult, Score


@click.command(
    cls=Command,
    help=N_(
        "Replay a measured room: every receiver in FILE becomes an agent that hears a case's beacon, fetches the"
        " published key and checks. Shows what each would have told its owner beside the true distance."
    ),
)
@click.argument("file", type=PATH)
@option(
    "--protocol",
    type=click.Choice(["bluezone", "gaen"]),
    default="bluezone",
    show_default=True,
    help=N_("What the beacon broadcasts."),
)
@option("--session", metavar="NAME", help=N_("Only this session of the file."))
@option(
    "--tx-power",
    "tx_power_dbm",
    type=click.IntRange(-127, 20),
    help=N_("The transmit power that the beacon states, in dBm; else tx_power_dbm of the configuration."),
)
@json_option
def replay(*, file: Path, protocol: str, session: str | None, tx_power_dbm: int | None, as_json: bool) -> None:
    """Replay and score; exit 0 whatever the score is."""
    from bluezone_agent.app import logs  # noqa: PLC0415 - a usage error needs none of these
    from bluezone_agent.config import risk_model  # noqa: PLC0415
    from bluezone_agent.core.protocols import PROTOCOLS  # noqa: PLC0415
    from bluezone_agent.scenarios.measurements import read_measurements  # noqa: PLC0415
    from bluezone_agent.scenarios.room import Score, replay_room  # noqa: PLC0415

    logs.to_stderr(logging.WARNING)
    config = settings().config()
    tracks = read_measurements(file)
    wanted = [t for t in tracks if session in (None, t.session)]
    if not wanted:
        raise ConfigError(
            N_('{path} has no session "{session}"'),
            N_("it has: {sessions}"),
            path=file,
            session=session,
            sessions=", ".join(sorted({t.session for t in tracks})),
        )
    power = config.tx_power_dbm if tx_power_dbm is None else tx_power_dbm
    results = replay_room(wanted, PROTOCOLS[protocol], risk_model(config.rule, "rule"), tx_power_dbm=power)
    received = list(_with_progress(results, len(wanted)))
    if as_json:
        print_json(_as_json(received, Score.of(received), protocol, power, config.rule))
    else:
        _print(received, Score.of(received))


def _with_progress(results: Iterator[ReceiverResult], count: int) -> Iterable[ReceiverResult]:
    if not is_person():
        return results
    from rich.console import Console  # noqa: PLC0415 - only for people
    from rich.progress import track  # noqa: PLC0415

    return track(results, _("replaying"), total=count, console=Console(stderr=True), transient=True)


def _as_json(
    received: list[ReceiverResult], score: Score, protocol: str, tx_power_dbm: int, rule: str
) -> dict[str, Any]:
    return {
        "protocol": protocol,
        "tx_power_dbm": tx_power_dbm,
        "rule": rule,
        "receivers": [
            {
                "session": h.track.session,
                "receiver": h.track.receiver,
                "stands": h.track.stands,
                "true_distance_m": h.track.closest_m,
                "packets": len(h.track.samples),
                "attenuation_db": None if h.attenuation_db is None else round(h.attenuation_db, 1),
                "received_minutes": h.received_minutes,
                "minutes_within_2m": round(h.near_minutes, 1),
                "warned": h.warned,
                "near": h.is_near,
            }
            for h in received
        ],
        "standing_sessions": {
            "warned_near": score.warned_near,
            "warned_far": score.warned_far,
            "missed_near": score.missed_near,
            "quiet_far": score.quiet_far,
            "precision": score.precision,
            "recall": score.recall,
        },
    }


def _print(received: list[ReceiverResult], score: Score) -> None:
    from rich.console import Console  # noqa: PLC0415 - only for people
    from rich.table import Table  # noqa: PLC0415

    console = Console()
    for session, receivers in groupby(received, key=lambda h: h.track.session):
        table = Table(box=None, title=printable(session), title_justify="left")
        table.add_column(_("receiver"))
        for name in (_("true distance"), _("packets"), _("attenuation"), _("minutes within 2 m")):
            table.add_column(name, justify="right")
        table.add_column(_("told"), min_width=len(_("warned")))
        for h in sorted(receivers, key=lambda h: h.track.closest_m):
            table.add_row(*_row(h))
        console.print(table)
        console.print()
    _print_score(score)


def _row(h: ReceiverResult) -> tuple[str, ...]:
    distance = f"{h.track.closest_m:.2f} m"
    return (
        printable(h.track.receiver),
        distance if h.track.stands else _("from {distance}").format(distance=distance),
        str(len(h.track.samples)),
        "" if h.attenuation_db is None else f"{h.attenuation_db:.0f} dB",
        _("{near:.1f} of {received}").format(near=h.near_minutes, received=h.received_minutes),
        _("warned") if h.warned else "",
    )


def _print_score(score: Score) -> None:
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
