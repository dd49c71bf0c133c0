"""``bluezone-agent pause`` and ``resume``: stop for a while, or record without scoring."""

from __future__ import annotations

from typing import Final

import click

from bluezone_agent.app import pause as pausing
from bluezone_agent.app.pause_text import describe
from bluezone_agent.cli.base import Command, device, json_option, option, print_json, say
from bluezone_agent.cli.durations import Duration
from bluezone_agent.core.pauses import LONGEST_S, SHORTEST_S
from bluezone_agent.errors import N_
from bluezone_agent.i18n import _

DURATION: Final = Duration(
    "mhd", SHORTEST_S, LONGEST_S, N_("{value} is not a duration from 1m to 7d: write for example 30m, 8h or 1d")
)


@click.command(
    cls=Command,
    answers=pausing.Paused,
    help=N_(
        "Stop broadcasting and scanning for a while or, with --protected, keep recording but don't"
        " score these minutes. The pause ends by itself, or with bluezone-agent resume."
    ),
)
@option(
    "--for", "lasts_s", type=DURATION, required=True, metavar="TIME", help=N_("Duration: 30m, 8h or 1d; at most 7d.")
)
@option(
    "--protected",
    is_flag=True,
    help=N_("You are behind glass or wear a mask: keep recording, but don't score these minutes."),
)
@json_option
def pause(*, lasts_s: int, protected: bool, as_json: bool) -> None:
    """Pause immediately if an agent runs, else from its next start."""
    done = pausing.pause(device(), lasts_s, protected=protected)
    if as_json:
        print_json(done)
    else:
        say(describe(done.pause))


@click.command(cls=Command, answers=pausing.Resumed, help=N_("End a pause."))
@json_option
def resume(*, as_json: bool) -> None:
    """End any pause; the exit code is 0 even if there was none."""
    done = pausing.resume(device())
    if as_json:
        print_json(done)
    else:
        say(_("the pause has ended") if done.was else _("there was no pause"))
