"""A radio that is lost, or would become linkable, ends the agent with the reason."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.lab.air import OnAir, linkability
from tests.lab.machine import Lab

EXIT_NO_RADIO: Final = 69
REFUSALS: Final = {
    "no bus": "no D-Bus system bus",
    "no bluetoothd": "the Bluetooth service (org.bluez) is not running",
    "privacy": "/etc/bluetooth/main.conf says Privacy = device",
    "no adapter": "there is no Bluetooth adapter hci9; there is hci0, hci1",
    "powered off": "hci0 is powered off",
    "discoverable": "hci0 is discoverable",
    "another scans": "refused RegisterAdvertisement on hci0: org.bluez.Error.Failed",
}
LOSSES: Final = {
    "discoverable": "hci0 is discoverable",
    "powered off": "hci0 was powered off while the agent ran",
    "unplugged": "hci2 was removed",
    "bluetoothd stopped": "the Bluetooth service (org.bluez) stopped while the agent ran",
    "bluetoothd killed": "the Bluetooth service (org.bluez) stopped while the agent ran",
    "bus killed": "the connection to the D-Bus system bus was lost",
}
NOTICED_S: Final = 2.0
"""Half a second until the reason is certain; unplugging itself takes the virtual controllers up to a second."""
FLIP_S: Final = 0.1
"""How long an identifier may go out with the public address when the adapter becomes discoverable: until bluetoothd
has told the agent and has heard from it."""


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
    assert [s for s in lab.play("refusals", extended=False).air if s.beacon] == []


@pytest.mark.parametrize("loss", LOSSES)
def test_a_lost_radio_ends_the_agent_with_the_reason(lab: Lab, kind: str, loss: str) -> None:
    ended: dict[str, Any] = lab.play("losses", extended=kind == "extended").result[loss]
    assert ended["code"] == EXIT_NO_RADIO
    assert ended["took_s"] < NOTICED_S
    error, hint = said(ended["stderr"])
    assert LOSSES[loss] in error
    assert hint


def test_a_flip_to_discoverable_takes_the_identifier_off_at_once(lab: Lab, kind: str) -> None:
    outcome = lab.play("losses", extended=kind == "extended")
    at_s = outcome.result["discoverable"]["at_s"]
    next_agent_s = outcome.result["powered off"]["at_s"] - 30
    shown = [s for s in outcome.air if s.beacon and at_s < s.from_s < next_agent_s - 1]
    assert all(s.to_s < at_s + FLIP_S for s in shown)
    assert sum(s.packets for s in shown) <= 2


def test_no_loss_puts_two_identifiers_on_one_address(lab: Lab, kind: str) -> None:
    ours: list[OnAir] = [s for s in lab.play("losses", extended=kind == "extended").air if s.beacon]
    assert linkability(ours).addresses_with_several_payloads == 0


def test_sigterm_ends_broadcast_and_agent_within_5_s_of_real_time(lab: Lab, kind: str) -> None:
    outcome = lab.play("stopping", extended=kind == "extended", controllers=1, real_time=True)
    ended = outcome.result
    assert ended["code"] == 0
    assert ended["took_s"] < 5
    (stretch,) = outcome.air
    assert stretch.to_s < ended["at_s"] + ended["took_s"]
    assert "Traceback" not in ended["stderr"]
