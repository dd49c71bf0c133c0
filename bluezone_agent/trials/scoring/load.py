"""The pairs of a dataset, some receivers at a time: packets counted where they lie, and the known time of each pair."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Final

import numpy as np
import pyarrow as pa

from bluezone_agent.errors import N_
from bluezone_agent.trials.dataset import Dataset
from bluezone_agent.trials.folder import DATASET, TrialError, TrialFolder
from bluezone_agent.trials.plan import Schedule, TrialPlan
from bluezone_agent.trials.scoring.counted import CountedPackets, counted
from bluezone_agent.trials.scoring.known_pairs import KnownPairs, Numbering, known_pairs
from bluezone_agent.trials.scoring.known_time import Ints
from bluezone_agent.trials.scoring.pairs import Pair

NO_BREAK_S: Final = 1.0
"""Phases that follow one another within this are one scene."""
PACKETS_AT_ONCE: Final = 2_000_000
"""Of so many receivers that they have about as many are read together; a receiver is never divided."""
RECEIVERS_AT_ONCE: Final = 64


@dataclass(frozen=True, slots=True)
class DeviceCalibrations:
    """What a dataset knows of its devices."""

    power_dbm: Mapping[str, float]
    """Of senders."""
    correction_db: Mapping[str, float]
    """Of receivers; not 0."""

    def __bool__(self) -> bool:
        """Whether a calibration of any pair is known."""
        return bool(self.power_dbm or self.correction_db)

    def applied(self, pairs: Sequence[Pair]) -> list[Pair]:
        """Return the pairs with calibrated powers, and the stated ones where there are none."""
        return [
            replace(
                pair,
                tx_power_dbm=self.power_dbm.get(pair.sender, pair.tx_power_dbm),
                correction_db=self.correction_db.get(pair.receiver, 0.0),
            )
            for pair in pairs
        ]


@dataclass(frozen=True, slots=True)
class LoadedPairs:
    """The pairs of a trial, and which powers are known of them."""

    pairs: list[Pair]
    """With the stated transmit power, or the plan's where none is stated."""
    calibration: DeviceCalibrations

    @property
    def has_calibration(self) -> bool:
        """Whether a calibration of any pair is known."""
        return bool(self.calibration)

    def with_calibration(self) -> list[Pair]:
        """Return the pairs with calibrated powers, and the stated ones where there are none."""
        return self.calibration.applied(self.pairs)


@dataclass(frozen=True, slots=True)
class ReceiverPairs:
    """The pairs of one receiver, in the order of scene and sender."""

    numbers: Ints
    """Of each pair, in the order of scene, receiver and sender among all of the trial."""
    pairs: tuple[list[Pair], ...]
    """For each schedule."""


def load(trial: TrialFolder, schedule: Schedule | None = None, *, by_phase: bool = False) -> LoadedPairs:
    """Read all pairs of a packed trial whose distance is known; only what ``schedule`` would have received.

    A scene is a stretch of phases without a break, or with ``by_phase`` each phase. Raises PlanError, TrialError.
    """
    pairs = TrialPairs(trial, Dataset(trial.path / DATASET), (schedule,), by_phase=by_phase)
    found = [pair for receiver in pairs for pair in receiver.pairs[0]]
    found.sort(key=lambda pair: (pair.scene, pair.receiver, pair.sender))
    return LoadedPairs(found, pairs.calibration)


class TrialPairs:
    """The pairs of a packed trial whose distance is known, receiver by receiver."""

    def __init__(
        self, trial: TrialFolder, dataset: Dataset, schedules: Sequence[Schedule | None], *, by_phase: bool = False
    ) -> None:
        """Raises PlanError, and TrialError if no distance or no time is known."""
        self._plan, self._dataset, self._schedules = trial.plan(), dataset, schedules
        scene_of = _scenes(dataset["phases"].to_pyarrow().to_pylist(), trial, by_phase=by_phase)
        if not dataset["truth"].limit(1).to_pyarrow().num_rows:
            raise TrialError(
                N_("{path}: no distance is known"),
                N_("a rule is compared with true distances: state them in the plan, or by marks, and pack again"),
                path=trial.path,
            )
        devices = sorted(device.id for device in self._plan.devices)
        self._numbering = Numbering(scene_of, sorted(set(scene_of.values())), devices)
        self._of_phases = pa.table({"phase": list(scene_of), "scene": list(scene_of.values())})
        self._senders = self._numbers(device.id for device in self._plan.devices if device.broadcasts)
        self.calibration = _calibration(dataset, self._plan)

    def __iter__(self) -> Iterator[ReceiverPairs]:
        """Yield the pairs of each receiver that has any."""
        files = self._dataset.packets_by_receiver()
        listening = sorted(device.id for device in self._plan.devices if device.listens)
        for receivers in grouped({name: files[name].rows if name in files else 0 for name in listening}):
            known = self._known(receivers)
            paths = [path for name in receivers if name in files for path in files[name].paths]
            yield from self._of_receivers(known, self._counted(known, paths))

    def _known(self, receivers: Sequence[str]) -> KnownPairs:
        truth = self._dataset["truth"]
        rows = truth.filter(truth.one.isin(receivers) | truth.other.isin(receivers)).to_pyarrow()
        return known_pairs(rows, self._numbering, self._numbers(receivers), self._senders, self._plan.trial.near_m)

    def _counted(self, known: KnownPairs, paths: Sequence[str]) -> CountedPackets:
        if not paths or not known.times:
            return CountedPackets.none(len(self._schedules))
        names = self._numbering
        pairs = {
            "scene": [names.scenes[number] for number in known.scenes],
            "receiver": [names.devices[number] for number in known.receivers],
            "sender": [names.devices[number] for number in known.senders],
            "pair": range(len(known.times)),
            "since_s": [time.first_s for time in known.times],
        }
        return counted(self._dataset.packets(paths), pa.table(pairs), self._of_phases, self._schedules)

    def _of_receivers(self, known: KnownPairs, packets: CountedPackets) -> Iterator[ReceiverPairs]:
        numbers = self._numbering.of_pairs(known)
        edges = np.searchsorted(packets.pair, np.arange(len(known.times) + 1))
        for _receiver, of_receiver in groupby(range(len(known.times)), key=known.receivers.tolist().__getitem__):
            its = list(of_receiver)
            rows = {pair: slice(*edges[pair : pair + 2]) for pair in its}
            yield ReceiverPairs(
                numbers[its],
                tuple(self._pairs(known, packets, rows, number) for number in range(len(self._schedules))),
            )

    def _pairs(
        self, known: KnownPairs, packets: CountedPackets, rows: Mapping[int, slice], schedule: int
    ) -> list[Pair]:
        """Return the pairs of a receiver, whose packets are in these rows."""
        of_sender: dict[int, list[slice]] = {}
        for pair, its in rows.items():
            of_sender.setdefault(int(known.senders[pair]), []).append(its)
        planned_dbm, names = float(self._plan.radio.tx_power_dbm), self._numbering
        stated = {sender: packets.stated(its, schedule) for sender, its in of_sender.items()}
        return [
            Pair(
                names.scenes[known.scenes[pair]],
                names.devices[known.receivers[pair]],
                names.devices[sender := int(known.senders[pair])],
                packets.by_minute(its, schedule),
                planned_dbm if (stated_dbm := stated[sender]) is None else stated_dbm,
                known.times[pair],
            )
            for pair, its in rows.items()
        ]

    def _numbers(self, devices: Iterable[str]) -> Ints:
        return self._numbering.of_devices(pa.chunked_array([pa.array(devices, pa.string())]))


def grouped(packets: Mapping[str, int]) -> Iterator[list[str]]:
    """Yield the receivers, of whom each has so many packets, in groups of about :data:`PACKETS_AT_ONCE`."""
    group, size = list[str](), 0
    for name, count in packets.items():
        if group and (size + count > PACKETS_AT_ONCE or len(group) == RECEIVERS_AT_ONCE):
            yield group
            group, size = [], 0
        group.append(name)
        size += count
    if group:
        yield group


def _scenes(phases: Sequence[Mapping[str, Any]], trial: TrialFolder, *, by_phase: bool) -> dict[str, str]:
    """Return the scene of each phase, which has the name of its first phase."""
    if phases[0]["begins_s"] is None:
        raise TrialError(
            N_("{path} has no times: rules can't be scored on it"),
            N_("a rule counts minutes; the report shows the path loss"),
            path=trial.path,
        )
    found: dict[str, str] = {}
    ended_s, scene = -np.inf, ""
    for row in phases:
        if by_phase or not 0 <= row["begins_s"] - ended_s <= NO_BREAK_S:
            scene = row["phase"]
        found[row["phase"]], ended_s = scene, row["ends_s"]
    return found


def _calibration(dataset: Dataset, plan: TrialPlan) -> DeviceCalibrations:
    rows = {row["device"]: row for row in dataset["devices"].to_pyarrow().to_pylist()}
    known = [(device, rows[device.id]) for device in plan.devices if device.id in rows]
    return DeviceCalibrations(
        {device.id: row["power_dbm"] for device, row in known if device.broadcasts and row["power_dbm"] is not None},
        {device.id: row["rssi_correction_db"] for device, row in known if device.listens and row["rssi_correction_db"]},
    )
