"""Plans for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from bluezone_agent.trials.folder import TrialFolder, make_folder

HEAD: Final = """\
[trial]
name = "short"
protocol = "bluezone"

[radio]
rotation_s = 10

[[device]]
id = "a"

[[device]]
id = "b"

[[device]]
id = "door"
role = "listen"
"""
PHASE: Final = """
[[phase]]
name = "one"
minutes = 1
positions = {a = [0, 0], b = [2, 0, 180], door = [1, 3]}

[[phase]]
name = "two"
minutes = 0.5
distances = [["a", "b", 1.0], ["a", "door", 4]]
"""
PLAN: Final = HEAD + PHASE


def made(folder: Path, text: str = PLAN) -> TrialFolder:
    """Return the folder of a new trial."""
    return make_folder(folder, text.encode())
