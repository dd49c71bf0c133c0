"""A line of ``trial live`` in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bluezone_agent.errors import N_
from bluezone_agent.i18n import _, local_number, ngettext
from bluezone_agent.trials.live_line import LiveNode, LiveTrial, MarkLine, NodeLine, NodeState, SenderLine

MINUTE_S: Final = 60
SAME_MOMENT_S: Final = 8.0
"""A broker tells of a mark up to a heartbeat later."""
STATES: Final = {
    NodeState.WAITING: N_("not begun"),
    NodeState.RUNNING: N_("recording"),
    NodeState.STOPPED: N_("stopped"),
    NodeState.OVER: N_("over"),
}


def headline(node: NodeLine) -> str:
    """Return which phase it is, and how long it and the trial still last."""
    name = node.trial
    if node.state is NodeState.OVER:
        return _("{trial}: over").format(trial=name)
    if node.state is NodeState.STOPPED:
        return _("{trial}: stopped before the end").format(trial=name)
    if node.phase is None or node.phase_left_s is None or node.left_s is None:
        if node.starts_in_s is not None:
            return _("{trial}: begins in {time}").format(trial=name, time=duration(node.starts_in_s))
        return _("{trial}: not begun").format(trial=name)
    return _("{trial}: phase {n} of {all}, {phase}: {left} left; in all {total}").format(
        trial=name,
        n=node.phase_number,
        all=node.phases,
        phase=node.phase,
        left=duration(node.phase_left_s),
        total=duration(node.left_s),
    )


def duration(seconds: float) -> str:
    """Return seconds as ``m:ss`` or ``h:mm:ss``."""
    minutes, rest_s = divmod(max(0, round(seconds)), MINUTE_S)
    hours, minutes = divmod(minutes, MINUTE_S)
    return f"{hours}:{minutes:02}:{rest_s:02}" if hours else f"{minutes}:{rest_s:02}"


def problems(line: LiveTrial) -> Iterator[str]:
    """Yield what is wrong, the worst first."""
    for node in line.nodes:
        if node.dead:
            yield _("{device}: its recorder has said nothing for {time}").format(
                device=node.state.device, time=duration(node.age_s)
            )
    for device in line.missing:
        yield _("{device}: no recorder has reported").format(device=device)
    yield from _silent(line)
    for node in line.nodes:
        state = node.state
        if state.radio_fault:
            yield _("{device}: {problem}").format(device=state.device, problem=state.radio_fault)
        if state.lost:
            yield ngettext(
                "{device}: {n} packet could not be written", "{device}: {n} packets could not be written", state.lost
            ).format(device=state.device, n=state.lost)
        if not state.clock_synchronised:
            yield _("{device}: its clock is not synchronised").format(device=state.device)
    if line.broker_connected is False:
        yield _("the MQTT broker does not answer: only this machine's recorders are shown")


def _silent(line: LiveTrial) -> Iterator[str]:
    receivers: dict[str, list[str]] = {}
    ages: dict[str, list[float]] = {}
    for node in line.nodes:
        if node.dead or node.state.state is not NodeState.RUNNING:
            continue
        for sender in node.state.senders:
            if sender.silent:
                receivers.setdefault(sender.device, []).append(node.state.device)
                ages.setdefault(sender.device, []).extend([] if sender.received_s is None else [sender.received_s])
    for device, names in receivers.items():
        by = ", ".join(names)
        if ages[device]:
            yield _("{device}: not received for {time} by {receivers}").format(
                device=device, time=duration(min(ages[device])), receivers=by
            )
        else:
            yield _("{device}: not received yet by {receivers}").format(device=device, receivers=by)


def clock_text(node: NodeLine) -> str:
    """Return how good the clock is."""
    if not node.clock_synchronised:
        return _("clock: not synchronised")
    if node.clock_error_s is None:
        return _("clock: synchronised")
    return _("clock: synchronised, within about {ms:.0f} ms").format(ms=local_number(1000 * node.clock_error_s))


def node_text(node: LiveNode) -> str:
    """Return how another device's recorder is, in some words."""
    if node.dead:
        return _("silent for {time}").format(time=duration(node.age_s))
    expected = [sender for sender in node.state.senders if sender.phase_expected is not None]
    received = [sender for sender in expected if sender.received_s is not None and not sender.silent]
    text = _(STATES[node.state.state])
    if node.state.state is NodeState.RUNNING and expected:
        text += ", " + _("receives {n} of {all}").format(n=len(received), all=len(expected))
    return text


def share_text(sender: SenderLine) -> str:
    """Return received packets as a share of the expected ones; empty if none are expected."""
    if not sender.phase_expected:
        return ""
    return f"{local_number(100 * sender.phase_packets / sender.phase_expected):.0f} %"


def age_text(seconds: float | None) -> str:
    """Return when the last packet was received."""
    if seconds is None:
        return _("never")
    return _("now") if seconds < 1.5 else _("{n} s ago").format(n=round(seconds))


def mark_text(mark: MarkLine) -> str:
    """Return a mark: how long ago, distances, text."""
    pairs = [f"{one},{other}={metres:g}" for one, other, metres in mark.distances]
    return " ".join([_("{time} ago:").format(time=duration(mark.ago_s)), *pairs, mark.text])


def latest_marks(line: LiveTrial, most: int) -> list[str]:
    """Return the latest marks of all devices, oldest first; one that several took at the same moment is one."""
    found: list[tuple[MarkLine, list[str]]] = []
    taken = [(mark, node.state.device) for node in line.nodes for mark in node.state.marks]
    for mark, device in sorted(taken, key=lambda each: -each[0].ago_s):
        for same, devices in found:
            alike = (same.text, same.distances) == (mark.text, mark.distances)
            if alike and device not in devices and same.ago_s - mark.ago_s < SAME_MOMENT_S:
                devices.append(device)
                break
        else:
            found.append((mark, [device]))
    return [f"{mark_text(mark)} ({', '.join(sorted(devices))})" for mark, devices in found[-most:]]
