"""A line of the live feed in words, for a terminal and for a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from bluezone_agent.app.pause_text import describe
from bluezone_agent.app.shown_pause import ShownPause
from bluezone_agent.app.status_line import PROBLEMS
from bluezone_agent.core.attenuation import Closeness
from bluezone_agent.core.live_line import LiveLine, LiveState, Neighbour
from bluezone_agent.core.pauses import Mode
from bluezone_agent.errors import N_
from bluezone_agent.health.health import Problem
from bluezone_agent.i18n import _, ngettext

CLOSENESS: Final = {Closeness.CLOSE: N_("close"), Closeness.MEDIUM: N_("medium"), Closeness.FAR: N_("far")}
FULL_DB: Final = 35.0
"""At this attenuation the bar is full: closer than an arm's length."""
EMPTY_DB: Final = 80.0
"""Here it is empty: at the power assumed for phones, weaker packets are hardly received."""


def headline(line: LiveLine) -> str:
    """Return how many devices are near, and in which bands."""
    n = len(line.neighbours) + line.not_shown
    bands = Counter(neighbour.closeness for neighbour in line.neighbours)
    counts = ", ".join(f"{_(word)} {bands[closeness]}" for closeness, word in CLOSENESS.items())
    return ngettext("{n} device nearby: {counts}", "{n} devices nearby: {counts}", n).format(n=n, counts=counts)


def state_text(line: LiveLine) -> str:
    """Return whether the radio scans, or else why not."""
    if line.state is LiveState.SCANNING:
        text = _("scanning on {radio}").format(radio=line.radio.description)
        return text + (_("; your code {code}").format(code=line.own_code) if line.own_code else "")
    if line.state is LiveState.STARTING:
        return _("the agent is starting")
    if line.state is LiveState.PAUSED and (pause := pause_of(line)):
        return f"{describe(pause)}; {_('end it with bluezone-agent resume')}"
    return _("not scanning: {message}").format(message=_(line.radio.message).format(**line.radio.fields))


def cautions(line: LiveLine) -> Iterator[str]:
    """Yield what limits the line."""
    if line.state is LiveState.SCANNING:
        if line.own_code is None:
            yield _("nothing is advertised at present, so others don't see you")
        if line.radio.sparse:
            yield _(
                "through bluetoothd some adapters report a device only once in 11 s: it may appear late, and its"
                " distance may be old"
            )
        if line.protected and (pause := pause_of(line)):
            yield describe(pause)
    if not line.clock_trusted:
        yield _(PROBLEMS[Problem.CLOCK_NOT_TRUSTED])
    if line.not_shown:
        yield _("more identifiers than people can have: someone may be flooding the channel")


def pause_of(line: LiveLine) -> ShownPause | None:
    """Return the pause in force; None if there is none."""
    if line.pause_left_s is None:
        return None
    mode = Mode.PROTECTED if line.protected else Mode.PAUSED
    return ShownPause(mode=mode, until=line.at + timedelta(seconds=line.pause_left_s))


def nearness(neighbour: Neighbour) -> float:
    """Return how full a neighbour's bar is, 0 to 1: the fuller, the nearer."""
    return min(1.0, max(0.0, (EMPTY_DB - neighbour.attenuation_db) / (EMPTY_DB - FULL_DB)))


def last_received(neighbour: Neighbour) -> str:
    """Return how long ago its last packet was received."""
    seconds = round(neighbour.received_s)
    return _("{n} s ago").format(n=seconds) if seconds else _("now")
