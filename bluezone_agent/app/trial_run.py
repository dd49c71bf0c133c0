"""Field trials: recording as one device, marks and the end."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from bluezone_agent.app import logs
from bluezone_agent.app.configuration import configuration
from bluezone_agent.app.device import Device
from bluezone_agent.app.owner_time import system_clock
from bluezone_agent.app.process_hardening import keep_memory_private
from bluezone_agent.app.radio import configured_radio
from bluezone_agent.app.radio_broker import require_broker
from bluezone_agent.app.result import Result
from bluezone_agent.clocks.kernel_clock import kernel_clock
from bluezone_agent.config import Config
from bluezone_agent.ports import Clock, Radio
from bluezone_agent.trials import control
from bluezone_agent.trials.folder import Participant, TrialFolder
from bluezone_agent.trials.live_line import NodeState
from bluezone_agent.trials.marks import ParsedMark, parse_distance, parse_mark
from bluezone_agent.trials.monitor import Monitor
from bluezone_agent.trials.node import Beginning, Node
from bluezone_agent.trials.plan import TrialPlan
from bluezone_agent.trials.recorder import Recorder
from bluezone_agent.trials.simulate import virtual_radio
from bluezone_agent.trials.write_device import write_device

if TYPE_CHECKING:
    from bluezone_agent.trials.broker import TrialBroker

VIRTUAL: Final = "virtual"
HEARTBEAT_S: Final = 5.0
"""Between two messages to a broker."""


class TrialRun(Result, frozen=True, kw_only=True):
    """What a device recorded."""

    device: str
    complete: bool
    """Whether the last phase ended; else the recorder was stopped, and can be started again."""
    packets: dict[str, int]
    """By sender, since the recorder was started."""
    lost: int
    """Packets that could not be written."""


class RecordersAsked(Result, frozen=True, kw_only=True):
    """Which recorders on this machine took a mark, or stopped."""

    devices: tuple[str, ...]


def run(
    device: Device,
    folder: Path,
    node: str,
    radio: str | None,
    *,
    log_level: int,
    opened: Callable[[str], None],
    entered: Callable[[str, float], None],
) -> TrialRun:
    """Record as the device ``node`` of the plan until its end, ``trial stop``, SIGTERM or SIGINT.

    ``opened`` is called with the radio's description, ``entered`` with each phase and its length in seconds. Raises
    PlanError, TrialError, RadioUnavailableError, OSError.
    """
    config, trial = configuration(device), TrialFolder(folder)
    participant = trial.participant(node)
    name = radio or participant.device.radio or participant.plan.radio.radio
    logs.to_stderr(log_level)
    keep_memory_private()
    control.require_short(participant.folder)
    require_broker((name,), folder)
    participant.make_folder()
    control.require_free(participant.folder)
    return asyncio.run(_run(config, trial, participant, name, opened=opened, entered=entered))


async def _run(
    config: Config,
    trial: TrialFolder,
    participant: Participant,
    radio: str,
    *,
    opened: Callable[[str], None],
    entered: Callable[[str, float], None],
) -> TrialRun:
    clock, stop = system_clock(config), asyncio.Event()
    plan = participant.plan
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)

    def ready(found: Radio) -> None:
        write_device(participant, found)
        opened(found.description)

    with (
        Recorder(participant, clock, kernel_clock=kernel_clock) as recorder,
        plan_broker(trial, participant.plan) as broker,
    ):
        beginning = Beginning(clock)
        used = trial_radio(config, participant, radio, clock, beginning.unix_s)
        node = Node(participant, used, clock, recorder, beginning=beginning, opened=ready, entered=entered)
        monitor = Monitor(participant, clock, recorder, node, beginning)
        background = [
            asyncio.create_task(
                control.serve(participant.folder, partial(_parsed, plan), recorder.note, stop.set, monitor.line)
            ),
            asyncio.create_task(monitor.keep_looking()),
            *([asyncio.create_task(_keep_publishing(broker, monitor))] if broker else ()),
        ]
        try:
            complete = await node.run(stop)
            monitor.ended = NodeState.OVER if complete else NodeState.STOPPED
        finally:
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
    return TrialRun(
        device=participant.device.id, complete=complete, packets=dict(recorder.received), lost=recorder.lost
    )


@contextmanager
def plan_broker(
    trial: TrialFolder, plan: TrialPlan, received: Callable[[bytes], None] | None = None
) -> Iterator[TrialBroker | None]:
    """Keep a connection to the plan's broker, None if it has none; ``received`` is called with each message.

    Raises TrialError if its package is missing, or the login in the secret is not one.
    """
    if not plan.live.broker:
        yield None
        return
    module: Any = import_module("bluezone_agent.trials.broker")  # needs the extra
    broker: TrialBroker = module.TrialBroker(trial, plan)
    if received is not None:
        broker.subscribe(received)
    broker.start()
    try:
        yield broker
    finally:
        broker.close()


async def _keep_publishing(broker: TrialBroker, monitor: Monitor) -> None:
    """Tell the broker every few seconds how far the recorder is, and once more when it ends."""
    try:
        while True:
            broker.publish(monitor.line())
            await asyncio.sleep(HEARTBEAT_S)
    finally:
        await asyncio.to_thread(broker.publish, monitor.line(), wait=True)


def mark(folder: Path, text: str, distances: tuple[str, ...] = (), nearest: str | None = None) -> RecordersAsked:
    """Note something in every recording that this machine makes for the trial; raises PlanError, TrialError."""
    trial = TrialFolder(folder)
    plan = trial.plan()
    devices = [one.id for one in plan.devices]
    known = [parse_distance(distance, devices) for distance in distances]
    pairs = [f"{one},{other}={metres:g}" for one, other, metres in known]
    words = " ".join((*([f"nearest={nearest}"] if nearest else ()), *pairs, " ".join(text.split())))
    _parsed(plan, words)
    return RecordersAsked(devices=tuple(control.tell(trial, f"mark {words}")))


def _parsed(plan: TrialPlan, words: str) -> ParsedMark:
    return parse_mark(words, [one.id for one in plan.devices], [one.id for one in plan.devices if not one.runs])


def stop(folder: Path) -> RecordersAsked:
    """Stop every recorder that runs on this machine for the trial; raises TrialError."""
    return RecordersAsked(devices=tuple(control.tell(TrialFolder(folder), "stop")))


def trial_radio(
    config: Config, participant: Participant, name: str, clock: Clock, began_s: Callable[[], float | None]
) -> Radio:
    """Return the radio with this name; ``began_s`` returns when the trial began, for a virtual one."""
    if name == VIRTUAL:
        return virtual_radio(participant, clock, began_s)
    return configured_radio(msgspec.structs.replace(config, radio=name), clock, purpose="trial")
