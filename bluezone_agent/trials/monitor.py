"""Watches one recorder: what it received against what its plan lets it expect, as lines for ``trial live``."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Final

import msgspec

from bluezone_agent.ports import Clock
from bluezone_agent.trials.expectation import expected_packets, silent_after_s, together_since_s
from bluezone_agent.trials.folder import Participant
from bluezone_agent.trials.live_line import LINE_EVERY_S, MarkLine, NodeLine, NodeState, SenderLine
from bluezone_agent.trials.node import Beginning, Node
from bluezone_agent.trials.plan import TrialDevice, TrialPlan
from bluezone_agent.trials.recorder import Recorder
from bluezone_agent.trials.records import NS, BothClocks

SMOOTHING: Final = 0.3
"""Weight of the newest packet of a second."""
FINGERPRINT_DIGITS: Final = 16


def fingerprint(plan: TrialPlan) -> str:
    """Return what tells one plan from another, in hex: of its settings, not of comments and blanks.

    A broker sees it, so it is not of other people's addresses.
    """
    devices = tuple(msgspec.structs.replace(device, address="", identifier="") for device in plan.devices)
    settings = msgspec.json.encode(msgspec.structs.replace(plan, devices=devices), order="deterministic")
    return hashlib.sha256(settings).hexdigest()[:FINGERPRINT_DIGITS]


class Monitor:
    """Makes the lines of one recorder."""

    def __init__(
        self, participant: Participant, clock: Clock, recorder: Recorder, node: Node, beginning: Beginning
    ) -> None:
        """All belong to one running recorder."""
        self._plan = participant.plan
        self._fingerprint = fingerprint(participant.plan)
        self._device = participant.device
        self._clock = clock
        self._recorder = recorder
        self._node = node
        self._beginning = beginning
        self._started_up_s = clock.uptime_s()
        self._levels: dict[str, tuple[int, float]] = {}
        """Device → time of the newest packet seen, smoothed RSSI."""
        self._senders = [
            other
            for other in self._plan.devices
            if other.id != self._device.id and self._device.listens and other.broadcasts
        ]
        self.ended: NodeState | None = None
        """Set when the recorder ends."""

    async def keep_looking(self) -> None:
        """Look every second, until cancelled: whether somebody watches or not."""
        while True:
            self._look()
            await asyncio.sleep(LINE_EVERY_S)

    def _look(self) -> None:
        for device, (boottime_ns, rssi_dbm) in self._recorder.latest.items():
            seen_ns, level_dbm = self._levels.get(device, (0, float(rssi_dbm)))
            if boottime_ns != seen_ns:
                self._levels[device] = boottime_ns, level_dbm + SMOOTHING * (rssi_dbm - level_dbm)

    def _since_start_s(self) -> float | None:
        began_up_s = self._beginning.up_s
        return None if began_up_s is None else self._clock.uptime_s() - began_up_s

    def line(self) -> NodeLine:
        """Return the present state."""
        self._look()
        plan, since_s, clocks = self._plan, self._since_start_s(), self._recorder.clocks
        found = None if since_s is None else plan.phase_at(since_s)
        names = [phase.name for phase in plan.phases]
        start_s = plan.trial.start_s
        over = since_s is not None and since_s >= plan.length_s
        running = NodeState.WAITING if since_s is None else NodeState.RUNNING
        return NodeLine(
            trial=plan.trial.name,
            plan=self._fingerprint,
            device=self._device.id,
            state=self.ended or running,
            phase=found[1].name if found else None,
            phase_number=names.index(found[1].name) + 1 if found else len(names) * over,
            phases=len(names),
            phase_left_s=round(found[1].length_s - found[0], 1) if found else None,
            left_s=None if since_s is None else round(max(0.0, plan.length_s - since_s), 1),
            starts_in_s=round(start_s - self._clock.now_s(), 1) if since_s is None and start_s is not None else None,
            radio=self._node.radio,
            radio_fault=self._node.fault,
            on_air=self._node.on_air,
            clock_synchronised=clocks is not None and clocks.synchronised,
            clock_error_s=_clock_error_s(clocks),
            lost=self._recorder.lost,
            senders=tuple(self._sender(other, since_s) for other in self._senders),
            marks=tuple(
                MarkLine(ago_s=round(self._ago_s(mark.boottime_ns), 1), text=mark.text, distances=mark.distances)
                for mark in self._recorder.noted
            ),
        )

    def _ago_s(self, boottime_ns: int) -> float:
        return max(0.0, self._clock.uptime_s() - boottime_ns / NS)

    def _sender(self, other: TrialDevice, since_s: float | None) -> SenderLine:
        packets, level = self._recorder.received[other.id], self._levels.get(other.id)
        received_s = None if level is None else self._ago_s(level[0])
        return SenderLine(
            device=other.id,
            packets=packets,
            phase_packets=packets - self._node.before_phase.get(other.id, 0),
            phase_expected=self._expected(other.id, since_s),
            received_s=None if received_s is None else round(received_s, 1),
            rssi_dbm=None if level is None else round(level[1], 1),
            silent=self._is_silent(other.id, since_s, received_s),
        )

    def _expected(self, sender: str, since_s: float | None) -> float | None:
        found = None if since_s is None else self._plan.phase_at(since_s)
        if found is None:
            return None
        since_phase_s, phase = found
        recording_s = min(since_phase_s, self._clock.uptime_s() - self._started_up_s)
        expected = expected_packets(self._plan, phase, self._device.id, sender, recording_s)
        return None if expected is None else round(expected, 1)

    def _is_silent(self, sender: str, since_s: float | None, received_s: float | None) -> bool:
        together_s = None if since_s is None else together_since_s(self._plan, since_s, self._device.id, sender)
        if since_s is None or together_s is None:
            return False
        waited_s = min(since_s - together_s, self._clock.uptime_s() - self._started_up_s)
        return min(waited_s, waited_s if received_s is None else received_s) > silent_after_s(self._plan)


def _clock_error_s(clocks: BothClocks | None) -> float | None:
    """Return the kernel's estimate, or its bound if it has none."""
    if clocks is None or not clocks.ntp_synchronised:
        return None
    return clocks.estimated_error_s or clocks.maximum_error_s
