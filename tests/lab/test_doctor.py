"""The doctor on a real BlueZ: what is wrong is found, and nothing else."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.lab.machine import RELEASE, Lab

FAULTS: Final = {
    "no bus": {"adapter", "bluetoothd"},
    "no bluetoothd": {"adapter", "bluetoothd"},
    "privacy": {"privacy"},
    "well": set[str](),
    "no such adapter": {"adapter"},
    "discoverable": {"discoverable"},
    "powered off": {"power"},
}


@pytest.fixture(scope="module", params=["extended", "legacy"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def of_level(visit: dict[str, Any], level: str) -> set[str]:
    return {f["check"] for f in visit["findings"] if f["level"] == level}


@pytest.mark.parametrize("case", FAULTS)
def test_what_is_wrong_is_found_and_nothing_else(lab: Lab, kind: str, case: str) -> None:
    visit = lab.play("doctor", extended=kind == "extended").result[case]
    assert of_level(visit, "fault") == FAULTS[case], visit
    assert visit["code"] == bool(FAULTS[case])
    assert all(f["remedy"] for f in visit["findings"] if f["level"] != "ok")


def test_it_tells_the_kind_of_controller_and_bluez(lab: Lab, kind: str) -> None:
    found = {f["check"]: f for f in lab.play("doctor", extended=kind == "extended").result["well"]["findings"]}
    assert f"{kind} advertising" in found["advertising"]["message"]
    assert found["bluez"]["level"] == "warning"
    version = {12: "5.66", 13: "5.82"}[RELEASE]
    assert f"BlueZ {version} runs without its experimental interfaces" in found["bluez"]["message"]


def test_an_experimental_bluetoothd_is_recognised(lab: Lab) -> None:
    found = lab.play("doctor", extended=True, experimental=True).result["well"]["findings"]
    (bluez,) = (f for f in found if f["check"] == "bluez")
    assert bluez["level"] == "ok"
