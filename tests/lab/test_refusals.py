"""Without a radio, or with one that would link identifiers, the agent does not start, and says why."""

from __future__ import annotations

from typing import Final

import pytest

from tests.lab.machine import Lab

EXIT_NO_RADIO: Final = 69
REFUSALS: Final = {
    "no controller": "there is no Bluetooth adapter",
    "no bus": "no D-Bus system bus",
    "no bluetoothd": "the Bluetooth service (org.bluez) is not running",
    "privacy": "/etc/bluetooth/main.conf sets Privacy = device",
    "no adapter": "there is no Bluetooth adapter hci9; there is hci0, hci1",
    "powered off": "hci0 is powered off",
    "discoverable": "hci0 is discoverable",
    "another scans": "refused RegisterAdvertisement on hci0: org.bluez.Error.Failed",
}


@pytest.fixture(scope="module", params=["extended", "legacy"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def said(stderr: str) -> list[str]:
    return [line for line in stderr.splitlines() if line.startswith("bluezone-agent: ")]


@pytest.mark.parametrize("case", REFUSALS)
def test_run_refuses_with_the_reason_and_the_way_out(lab: Lab, case: str) -> None:
    ended = lab.play("refusals", extended=False).result[case]
    assert ended["code"] == EXIT_NO_RADIO
    error, hint = said(ended["stderr"])
    assert REFUSALS[case] in error
    assert "bluezone-agent demo" in hint
    assert 'radio = "virtual"' in hint


def test_nothing_was_on_the_air_where_run_refuses(lab: Lab) -> None:
    assert [s for s in lab.play("refusals", extended=False).air if s.observed] == []


@pytest.mark.parametrize("radio", ["auto", "bluez:hci0"])
def test_sigterm_ends_broadcast_and_agent_within_5_s_of_real_time(lab: Lab, kind: str, radio: str) -> None:
    outcome = lab.play("stopping", extended=kind == "extended", controllers=1, real_time=True, radio=radio)
    ended = outcome.result
    assert ended["code"] == 0
    assert ended["took_s"] < 5
    (stretch,) = outcome.air
    assert stretch.to_s < ended["at_s"] + ended["took_s"]
    assert "Traceback" not in ended["stderr"]
