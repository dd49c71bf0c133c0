"""``trial import danis``: one beacon and the receivers of a room (philotuxo/Position-Annotated-BLE-RSSI-Dataset).

A CSV, gzipped or not, with session, t_s, receiver, rssi_dbm and distance_m. Each session is a phase. Its date is not
published: the sessions lie one day apart, from 1970-01-01.
"""

from __future__ import annotations

from itertools import groupby, pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np

from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.radios.recorded.measurements import Track, read_measurements
from bluezone_agent.trials.imports.recording import (
    ImportedDevice,
    ImportedPhase,
    Recording,
    adverts_table,
    fixed_truth,
    rows_table,
)

SENDER: Final = "beacon"
SENDER_DBM: Final = -8.0
"""Derived from the two walks; docs/evaluation.md says how."""


def read(source: Path) -> Recording:
    """Read the recording; raises RecordingError."""
    tracks = read_measurements(source)
    sessions = {track.session: None for track in tracks}
    begins = {session: float(number * DAY_S) for number, session in enumerate(sessions)}
    lasts = {session: max(t.samples[-1].t_s for t in tracks if t.session == session) for session in sessions}
    phases = {name: ImportedPhase(name, begins[name], begins[name] + lasts[name]) for name in sessions}
    receivers = sorted({track.receiver for track in tracks})
    return Recording(
        {
            "title": "Beacon and receivers in a room, with positions",
            "protocol": "gaen",
            "license": "CC0-1.0",
            "citation": "F. S. Daniş and others, Position-annotated BLE RSSI data set"
            " (philotuxo/Position-Annotated-BLE-RSSI-Dataset), CC0",
            "notes": "The time of day of a session is not published: the sessions lie one day apart, from 1970-01-01."
            " Nobody stated the beacon's power; it was derived from the two walks.",
        },
        [
            *(ImportedDevice(name, "listen", carried="wall") for name in receivers),
            ImportedDevice(SENDER, "broadcast", power_dbm=SENDER_DBM),
        ],
        list(phases.values()),
        adverts_table(_adverts(tracks, begins)),
        rows_table("truth", [row for track in tracks for row in _truth(track, phases[track.session])]),
    )


def _adverts(tracks: list[Track], begins: dict[str, float]) -> dict[str, Any]:
    samples = [(track, sample) for track in tracks for sample in track.samples]
    return {
        "receiver": [track.receiver for track, _ in samples],
        "sender": [SENDER] * len(samples),
        "time_s": [begins[track.session] + sample.t_s for track, sample in samples],
        "phase": [track.session for track, _ in samples],
        "distance_m": [sample.distance_m for _, sample in samples],
        "rssi_dbm": [sample.rssi_dbm for _, sample in samples],
    }


def _truth(track: Track, phase: ImportedPhase) -> list[dict[str, Any]]:
    """Return the distance of each second, that of the next packet, in stretches of the same."""
    t_s = np.array([sample.t_s for sample in track.samples])
    seconds = np.arange(0.0, t_s[-1], 1.0)
    metres = np.array([sample.distance_m for sample in track.samples])[np.searchsorted(t_s, seconds)]
    stretches = [list(group) for _, group in groupby(zip(seconds, metres, strict=True), key=lambda known: known[1])]
    starts = [float(stretch[0][0]) for stretch in stretches]
    begins_s = phase.begins_s or 0.0
    return [
        fixed_truth(phase, track.receiver, SENDER, float(stretch[0][1]))
        | {"begins_s": begins_s + begin, "ends_s": begins_s + end}
        for stretch, (begin, end) in zip(stretches, pairwise([*starts, float(t_s[-1])]), strict=True)
    ]
