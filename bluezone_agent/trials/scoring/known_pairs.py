"""The pairs whose distance is known, of some receivers, from rows of the table ``truth``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa

from bluezone_agent.trials.scoring.known_time import Ints, KnownTime, known_time

NOBODY = -1


@dataclass(frozen=True, slots=True)
class Numbering:
    """Names in their order; what stands for a name is its place."""

    scene_of: Mapping[str, str]
    """By phase."""
    scenes: Sequence[str]
    devices: Sequence[str]

    def of_scenes(self, phases: pa.ChunkedArray) -> Ints:
        """Return the number of the scene of each phase."""
        numbers = {name: number for number, name in enumerate(self.scenes)}
        return _numbers(phases, {phase: numbers[scene] for phase, scene in self.scene_of.items()})

    def of_devices(self, devices: pa.ChunkedArray) -> Ints:
        """Return the number of each device; :data:`NOBODY` where it is not in the plan."""
        return _numbers(devices, {name: number for number, name in enumerate(self.devices)})

    def of_pairs(self, known: KnownPairs) -> Ints:
        """Return a number of each pair, in the order of scene, receiver and sender."""
        return (known.scenes * len(self.devices) + known.receivers) * len(self.devices) + known.senders


@dataclass(frozen=True, slots=True)
class KnownPairs:
    """Pairs in the order of receiver, scene and sender: the number of each, and when their distance is known."""

    receivers: Ints
    scenes: Ints
    senders: Ints
    times: list[KnownTime]


def known_pairs(truth: pa.Table, numbering: Numbering, receivers: Ints, senders: Ints, near_m: float) -> KnownPairs:
    """Return the pairs of some receivers and possible senders; a row of the truth holds in both directions."""
    one, other, scene = *map(numbering.of_devices, (truth["one"], truth["other"])), numbering.of_scenes(truth["phase"])
    keys = np.column_stack((np.concatenate((one, other)), np.tile(scene, 2), np.concatenate((other, one))))
    spans = np.tile(np.column_stack([truth[name].to_numpy() for name in ("begins_s", "ends_s", "distance_m")]), (2, 1))
    wanted = np.isin(keys[:, 0], receivers) & np.isin(keys[:, 2], senders) & (keys[:, 0] != keys[:, 2])
    keys, spans = keys[wanted], spans[wanted]
    order = np.lexsort((*spans.T[::-1], *keys.T[::-1]))
    keys, (begins_s, ends_s, metres) = keys[order], spans[order].T
    near = metres <= near_m
    edges = [0, *(np.flatnonzero((keys[1:] != keys[:-1]).any(axis=1)) + 1).tolist(), len(keys)] if len(keys) else [0]
    times = [known_time(begins_s[i:k], ends_s[i:k], near[i:k]) for i, k in pairwise(edges)]
    receiver, scene, sender = keys[edges[:-1]].T
    return KnownPairs(receiver, scene, sender, times)


def _numbers(names: pa.ChunkedArray, numbers: Mapping[str, int]) -> Ints:
    encoded = names.combine_chunks().dictionary_encode()
    found = [numbers.get(name, NOBODY) for name in encoded.dictionary.to_pylist()]
    return np.asarray(np.array(found, dtype=np.int64)[encoded.indices.to_numpy()], dtype=np.int64)
