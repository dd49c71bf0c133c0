"""BlueZ keeps the contract of every radio."""

from __future__ import annotations

import pytest

from tests.lab.machine import Lab
from tests.radio_contract import CONTRACT


@pytest.mark.parametrize("kind", ["extended", "legacy"])
@pytest.mark.parametrize("rule", [rule.__name__ for rule in CONTRACT])
def test_contract(lab: Lab, kind: str, rule: str) -> None:
    failures = lab.play("contract", extended=kind == "extended").result
    assert failures[rule] == ""
