"""The recordings of the table, by ``trial import``."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from bluezone_agent.trials.folder import TrialFolder
from bluezone_agent.trials.imports.recording import import_recording
from bluezone_agent.trials.plan import Schedule
from bluezone_agent.trials.scoring.load import load
from bluezone_agent.trials.scoring.pairs import Pair

PHONES = Schedule(4, 240)
"""A phone's way to scan."""


def recorded(kind: str, source: Path, schedule: Schedule | None = None) -> list[Pair]:
    """Return the pairs of a recording with calibrated powers where they are known, and the stated ones elsewhere."""
    with TemporaryDirectory() as folder:
        import_recording(kind, source, Path(folder) / kind)
        return load(TrialFolder(Path(folder) / kind), schedule).with_calibration()
