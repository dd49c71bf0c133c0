"""The agent's results for measurements in a room."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from bluezone_agent.app.configuration import configuration, rule_in_force
from bluezone_agent.app.device import Device
from bluezone_agent.app.result import Result
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.errors import N_, ConfigError
from bluezone_agent.radios.recorded.measurements import read_measurements
from bluezone_agent.scenarios.room import ReceiverResult, Score, replay_room

Progress = Callable[[Iterator[ReceiverResult], int], Iterable[ReceiverResult]]


class Receiver(Result, frozen=True, kw_only=True):
    """The result of one receiver."""

    session: str
    receiver: str
    stationary: bool
    """Whether the transmitter was stationary in this session."""
    true_distance_m: float
    """The smallest distance if the transmitter moved."""
    packets: int
    attenuation_db: float | None
    """The median over its minutes; None where nothing was received."""
    received_minutes: int
    minutes_within_2m: float
    warned: bool
    near: bool
    """Whether the transmitter really came within 2 m."""


class RoomScore(Result, frozen=True, kw_only=True):
    """Comparison of the warnings with the truth, for sessions with a stationary transmitter."""

    warned_near: int
    warned_far: int
    missed_near: int
    quiet_far: int
    precision: float | None
    """Share of the warned receivers that were near; None if none was warned."""
    recall: float | None
    """Share of the near receivers that were warned; None if none was near."""


class Replay(Result, frozen=True, kw_only=True):
    """A measured room, replayed."""

    protocol: str
    tx_power_dbm: int
    rule: str
    receivers: tuple[Receiver, ...]
    stationary_sessions: RoomScore


def replay(
    device: Device,
    file: Path,
    *,
    protocol: str,
    session: str | None,
    tx_power_dbm: int | None,
    progress: Progress = lambda results, _count: results,
) -> Replay:
    """Replay a recording, or one session of it; ``progress`` passes the results on and is given their number.

    ``tx_power_dbm`` is the power that the transmitter states, None for the configured power. Raises ConfigError,
    RecordingError.
    """
    config = configuration(device)
    tracks = read_measurements(file)
    wanted = [t for t in tracks if session in (None, t.session)]
    if not wanted:
        raise ConfigError(
            N_('{path} has no session "{session}"'),
            N_("the file has: {sessions}"),
            path=file,
            session=session,
            sessions=", ".join(sorted({t.session for t in tracks})),
        )
    power_dbm = config.tx_power_dbm if tx_power_dbm is None else tx_power_dbm
    rule = rule_in_force(config)
    results = replay_room(wanted, PROTOCOLS[protocol], rule, tx_power_dbm=power_dbm)
    found = list(progress(results, len(wanted)))
    return Replay(
        protocol=protocol,
        tx_power_dbm=power_dbm,
        rule=rule.name,
        receivers=tuple(map(_receiver, found)),
        stationary_sessions=_score(Score.of(found)),
    )


def _receiver(r: ReceiverResult) -> Receiver:
    return Receiver(
        session=r.track.session,
        receiver=r.track.receiver,
        stationary=r.track.stands,
        true_distance_m=r.track.closest_m,
        packets=len(r.track.samples),
        attenuation_db=None if r.attenuation_db is None else round(r.attenuation_db, 1),
        received_minutes=r.received_minutes,
        minutes_within_2m=round(r.near_minutes, 1),
        warned=r.warned,
        near=r.is_near,
    )


def _score(score: Score) -> RoomScore:
    return RoomScore(
        warned_near=score.warned_near,
        warned_far=score.warned_far,
        missed_near=score.missed_near,
        quiet_far=score.quiet_far,
        precision=score.precision,
        recall=score.recall,
    )
