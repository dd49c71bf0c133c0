"""A running trial as the page's script shows it: in the words of ``trial live``, in the page's language."""

from __future__ import annotations

from typing import Final

import msgspec

from bluezone_agent.app.trial_live_text import (
    age_text,
    clock_text,
    headline,
    latest_marks,
    node_text,
    problems,
    share_text,
)
from bluezone_agent.errors import AgentError
from bluezone_agent.i18n import _, local_number, rendered
from bluezone_agent.trials.live_line import LiveNode, LiveTrial, SenderLine

MARKS: Final = 5


class SenderWords(msgspec.Struct, frozen=True, kw_only=True):
    """One row: a device that a recorder should receive."""

    device: str
    cells: tuple[str, ...]
    """Received in this phase, share of the expected packets, power, last received."""
    silent: bool


class NodeWords(msgspec.Struct, frozen=True, kw_only=True):
    """One recorder."""

    device: str
    state: str
    senders: tuple[SenderWords, ...]


class TrialWords(msgspec.Struct, frozen=True, kw_only=True):
    """What the script shows; it makes no texts of its own."""

    summary: str
    troubles: tuple[str, ...]
    nodes: tuple[NodeWords, ...]
    marks: tuple[str, ...]
    """The latest of all recorders, oldest first."""


def trial_words(news: LiveTrial | AgentError) -> TrialWords:
    """Return a line, or why there is none, in words."""
    if isinstance(news, AgentError):
        return TrialWords(summary="", troubles=tuple(filter(None, rendered(news))), nodes=(), marks=())
    if not news.nodes:
        waiting = _("{trial}: no recorder has reported yet").format(trial=news.trial)
        return TrialWords(summary=waiting, troubles=tuple(problems(news)), nodes=(), marks=())
    return TrialWords(
        summary=headline(news.nodes[0].state),
        troubles=tuple(problems(news)),
        nodes=tuple(map(_node, news.nodes)),
        marks=tuple(latest_marks(news, MARKS)),
    )


def _node(node: LiveNode) -> NodeWords:
    return NodeWords(
        device=node.state.device,
        state=f"{node_text(node)}; {clock_text(node.state)}",
        senders=tuple(map(_sender, node.state.senders)),
    )


def _sender(sender: SenderLine) -> SenderWords:
    power = "" if sender.rssi_dbm is None else f"{local_number(sender.rssi_dbm):.0f} dBm"
    return SenderWords(
        device=sender.device,
        cells=(str(sender.phase_packets), share_text(sender), power, str(age_text(sender.received_s))),
        silent=sender.silent,
    )
