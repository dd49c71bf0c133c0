"""``bluezone-agent pause`` and ``resume``: the device is silent for a while, or what it hears does not count."""

from __future__ import annotations

import re
from typing import Any, Final

import click

from bluezone_agent.cli.base import Command, iso, json_option, option, print_json, say, settings
from bluezone_agent.core.intervals import DAY_S, MINUTE_S
from bluezone_agent.core.pauses import LONGEST_S, SHORTEST_S, Mode, Pause
from bluezone_agent.errors import N_
from bluezone_agent.i18n import _, local_time
from bluezone_agent.stores.store import Store

UNITS_S: Final = {"m": MINUTE_S, "h": 3600, "d": DAY_S}
MODES: Final = {
    Mode.PAUSED: N_("paused until {time}: nothing is broadcast, nobody is heard"),
    Mode.PROTECTED: N_("protected until {time}: all goes on, and what is heard does not count"),
}


def describe(pause: Pause) -> str:
    """Return what is paused and until when."""
    return _(MODES[pause.mode]).format(time=local_time(pause.ends_at_s))


def as_object(pause: Pause | None) -> dict[str, Any] | None:
    """Return the same for ``--json``."""
    return None if pause is None else {"mode": str(pause.mode), "until": iso(int(pause.ends_at_s))}


class _Duration(click.ParamType[int]):
    """How long: 30m, 8h, 1d."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        found = re.fullmatch(r"([0-9]{1,5})([mhd])", str(value))
        seconds = int(found[1]) * UNITS_S[found[2]] if found else 0
        if not SHORTEST_S <= seconds <= LONGEST_S:
            self.fail(_("{value} is not a time from 1m to 7d: write 30m, 8h, 1d").format(value=value), param, ctx)
        return seconds


@click.command(
    cls=Command,
    help=N_(
        "Neither broadcast nor listen for a while, or, with --protected, let what is heard not count. It ends by"
        " itself, or by bluezone-agent resume."
    ),
)
@option(
    "--for", "lasts_s", type=_Duration(), required=True, metavar="TIME", help=N_("How long: 30m, 8h, 1d; at most 7d.")
)
@option(
    "--protected",
    is_flag=True,
    help=N_("You are behind glass or wear a mask: broadcast and listen on, and count no minute of it."),
)
@json_option
def pause(*, lasts_s: int, protected: bool, as_json: bool) -> None:
    """Pause, at once where an agent runs, else from its start on."""
    from bluezone_agent.clocks.system import SystemClock  # noqa: PLC0415
    from bluezone_agent.daemon import pause_control  # noqa: PLC0415 - imports asyncio

    clock = SystemClock(always_trusted=settings().config().clock_trusted)
    with Store(settings().state_dir) as store:
        asked = pause_control.pause(store, clock, Mode.PROTECTED if protected else Mode.PAUSED, lasts_s)
    if as_json:
        print_json({"pause": as_object(asked)})
    else:
        say(describe(asked))


@click.command(cls=Command, help=N_("End a pause now."))
@json_option
def resume(*, as_json: bool) -> None:
    """End any pause; exit 0 also when there was none."""
    from bluezone_agent.daemon import pause_control  # noqa: PLC0415

    with Store(settings().state_dir) as store:
        was = pause_control.resume(store)
    if as_json:
        print_json({"was": as_object(was)})
    else:
        say(_("the pause is over") if was else _("nothing was paused"))
