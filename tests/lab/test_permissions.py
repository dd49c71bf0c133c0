"""What an agent does without a free advertising instance, and with its operator's word to broadcast linkably."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.machine import Lab, Outcome


@pytest.fixture(scope="module", params=["extended", "legacy"])
def played(request: pytest.FixtureRequest, lab: Lab) -> Outcome:
    return lab.play("permissions", extended=request.param == "extended")


def case(played: Outcome, name: str) -> dict[str, Any]:
    found: dict[str, Any] = played.result[name]
    assert found["code"] == 0
    return found


def test_without_an_instance_it_listens_only_and_says_so(played: Outcome) -> None:
    found = case(played, "no instance left")
    assert found["status"]["problems"] == ["scan_only"]
    assert found["status"]["radio"]["works"]
    assert "receives but can't broadcast" in found["said"]
    scans = [
        float(at) for at, who, name, *on in played.hci if who == "0" and "SCAN_ENABLE" in name and on[0][:2] == "01"
    ]
    assert any(found["began_s"] < at < found["ended_s"] for at in scans)


@pytest.mark.parametrize("name", ["discoverable", "privacy"])
def test_what_the_operator_accepts_is_done_and_said(played: Outcome, name: str) -> None:
    found = case(played, name)
    assert found["status"]["problems"] == []
    assert found["status"]["allow_linkable"] == [name]
    assert f"allow_linkable = {name}" in found["said"]
    ours = [s for s in played.air if s.sender == "0" and s.observed and s.observed.protocol == "bluezone"]
    assert any(found["began_s"] < s.from_s < found["ended_s"] for s in ours)
