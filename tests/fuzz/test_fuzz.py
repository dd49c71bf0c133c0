"""Whatever a parser is given, it reads it or refuses it by its own error, briefly, and gives nothing away."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.fuzz.targets import TARGETS

pytestmark = pytest.mark.slow

SHORT, LONG = 3_000, 400_000
"""Mutants of a cheap parser; see ``Target.cost``."""


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest, long: bool) -> dict[str, Any]:
    """The targets that are tested, one after the other in a process that may not grow."""
    tests = [item for item in request.session.items if isinstance(item, pytest.Function) and item.path == request.path]
    names = [str(test.callspec.params["name"]) for test in tests]
    command = [
        sys.executable,
        "-W",
        "ignore::UserWarning",
        "-m",
        "tests.fuzz",
        str(LONG if long else SHORT),
        "1",
        *names,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert not done.stderr, "something was logged"
    return {outcome["target"]: outcome for outcome in map(json.loads, done.stdout.splitlines())}


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("name", TARGETS)
def test_mutants_are_read_or_refused(name: str, outcomes: dict[str, Any]) -> None:
    tally, failures = outcomes[name]["tally"], outcomes[name]["failures"]
    assert not failures
    assert tally.get("refused", 0) > 0 or not TARGETS[name].refusals, "nothing was damaged enough"
    assert tally.get("read", 0) > 0, "everything was too damaged to get anywhere"
