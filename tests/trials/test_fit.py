"""A rule fitted to a dataset: judged by what it has not seen, and a file that the agent's configuration takes."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path
from random import Random

import pytest

from bluezone_agent.app import trial_score
from bluezone_agent.config import load, risk_model
from bluezone_agent.core.attenuation import ReceivedMinute
from bluezone_agent.core.risk import own_model
from bluezone_agent.errors import AgentError, NewFileError
from bluezone_agent.trials.folder import DATASET, TrialError
from bluezone_agent.trials.imports.recording import (
    ImportedDevice,
    ImportedPhase,
    Recording,
    adverts_table,
    fixed_truth,
    rows_table,
    write_recording,
)
from tests.program import Program

pytestmark = pytest.mark.slow
BEGAN = 1_790_000_000.0
DAY = date(2026, 11, 29)


def room(metres: tuple[float, ...], seed: int = 1) -> Recording:
    """Phases of 15 minutes at a distance each: 55 dB at 1 m, 20 dB a decade, 3 dB of scatter, a packet every 3 s."""
    random = Random(seed)
    phases = [ImportedPhase(f"{k}-{m:g}m", BEGAN + 900 * k, BEGAN + 900 * (k + 1)) for k, m in enumerate(metres)]
    rows = [
        (phase.name, (phase.begins_s or 0.0) + t, m, round(-67 - 20 * _log10(m) + random.gauss(0, 3)))
        for phase, m in zip(phases, metres, strict=True)
        for t in range(0, 900, 3)
    ]
    columns = dict(zip(("phase", "time_s", "distance_m", "rssi_dbm"), map(list, zip(*rows, strict=True)), strict=True))
    return Recording(
        {"title": "Made"},
        [ImportedDevice("a", "listen"), ImportedDevice("b", "broadcast")],
        phases,
        adverts_table({"receiver": ["a"] * len(rows), "sender": ["b"] * len(rows)} | columns),
        rows_table("truth", [fixed_truth(p, "a", "b", m) for p, m in zip(phases, metres, strict=True)]),
    )


def _log10(value: float) -> float:
    return float(len(str(int(value))) - 1) if value in (1.0, 10.0) else {1.5: 0.176, 5.0: 0.699, 7.0: 0.845}[value]


def test_a_fit_is_a_rule_that_the_configuration_takes(tmp_path: Path, program: Program) -> None:
    write_recording(room((1.0, 7.0, 1.5, 10.0, 1.0, 5.0)), tmp_path / "t", {})
    done = program.run("trial", "fit", "my-room", str(tmp_path / "t"))
    assert done.returncode == 0, done.stderr
    file = tmp_path / "t" / "rules" / "my-room.toml"
    assert f'rule = "{file}"' in done.stderr
    found = tomllib.loads(file.read_text())["provenance"]
    assert found["out_of_sample_5_min"]["windows"] == 18
    assert found["out_of_sample_5_min"]["ndcf"] < 0.5
    assert len(found["datapackage_sha256"]) == 64
    config = tmp_path / "config.toml"
    config.write_text(f'rule = "{file}"\n')
    model = risk_model(load(config).rule, config)
    near, far = ([ReceivedMinute(t, db, 20) for t in range(30)] for db in (53.0, 77.0))
    assert sum(model.weigh(near).values()) >= model.warning_minutes
    assert sum(model.weigh(far).values()) < model.warning_minutes
    scored = program.run("trial", "score", str(tmp_path / "t"), "--rule", str(file), "--rule", "learned")
    assert scored.returncode == 0, scored.stderr
    with pytest.raises(NewFileError, match="already exists"):
        trial_score.fit("my-room", tmp_path / "t", DAY)


@pytest.mark.parametrize(
    ("metres", "expected"),
    [((1.0,), "only one phase"), ((1.0, 1.5, 1.0), "too little to learn"), ((1.0, 7.0), "too little to learn")],
)
def test_what_can_t_be_judged_is_refused(metres: tuple[float, ...], expected: str, tmp_path: Path) -> None:
    """With one near and one far phase, either is missing once the other is left out."""
    write_recording(room(metres), tmp_path / "t", {})
    with pytest.raises(TrialError, match=expected):
        trial_score.fit("x", tmp_path / "t", DAY)
    assert sorted(path.name for path in (tmp_path / "t").iterdir()) == [DATASET, "secret.toml", "trial.toml"]


def test_a_name_that_is_no_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AgentError, match="is not a name"):
        trial_score.fit("../x", tmp_path, DAY)


HEAD = "[learned]\nbias = 1\nvariance_min = 1\n"


@pytest.mark.parametrize(
    "text",
    [
        HEAD,
        HEAD + "nothing_up_to = 0.5\nwhole_from = 0.4\nwindows = []",
        HEAD + "nothing_up_to = 0.2\nwhole_from = 0.4\nwindows = []\nmore = 1",
        HEAD + "nothing_up_to = 0.2\nwhole_from = 0.4\nwindows = [{half_width_min = 0, weights = [-1, 0]}]",
    ],
)
def test_a_file_that_breaks_a_law_of_the_rule_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        own_model("x.toml", text)
