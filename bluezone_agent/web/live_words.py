"""A line of the live feed as the page's script shows it: in the words of the terminal, in the page's language."""

from __future__ import annotations

from typing import Final

import msgspec

from bluezone_agent.app.around_text import CLOSENESS, cautions, headline, last_received, nearness, state_text
from bluezone_agent.core.live_line import LiveLine, LiveState, Neighbour
from bluezone_agent.errors import AgentError
from bluezone_agent.i18n import _, local_number, rendered
from bluezone_agent.web.door_words import DoorWords, door_words

PERCENT: Final = 100


class NeighbourWords(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the list."""

    name: str
    detail: str
    share: int
    """Length of its bar, percent: the closer, the longer."""


class LiveWords(msgspec.Struct, frozen=True, kw_only=True):
    """What the script shows; it makes no texts of its own."""

    summary: str
    state: str
    troubles: tuple[str, ...]
    """Why nothing can be received, and what limits the list."""
    neighbours: tuple[NeighbourWords, ...]
    door: DoorWords | None = None
    """None while no door is open."""


def in_words(news: LiveLine | AgentError) -> LiveWords:
    """Return a line, or why there is none, in words."""
    if isinstance(news, AgentError):
        return LiveWords(summary="", state="", troubles=tuple(filter(None, rendered(news))), neighbours=())
    state, limits = state_text(news), tuple(cautions(news))
    door = None if news.door is None else door_words(news, news.door)
    if news.state is not LiveState.SCANNING:
        return LiveWords(summary="", state="", troubles=(state, *limits), neighbours=(), door=door)
    return LiveWords(
        summary=headline(news),
        state=state,
        troubles=limits,
        neighbours=tuple(map(_neighbour, news.neighbours)),
        door=door,
    )


def _neighbour(near: Neighbour) -> NeighbourWords:
    attenuation = f"{local_number(near.attenuation_db):.0f} dB"
    return NeighbourWords(
        name=near.pseudonym,
        detail=" · ".join((_(CLOSENESS[near.closeness]), attenuation, last_received(near))),
        share=round(PERCENT * nearness(near)),
    )
