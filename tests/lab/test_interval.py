"""How often an identifier goes out, from the HCI commands and from the air."""

from __future__ import annotations

import pytest

from tests.lab.channels import ADV_DELAY_S
from tests.lab.machine import RELEASE, Lab, Outcome

EXPERIMENTAL_MS = (200.0, 270.0)
"""Exposure Notification's interval, which bluetoothd before 5.77 obeys with -E only."""
EXTENDED_ONLY_MS = (1280.0, 1280.0) if RELEASE == 12 else EXPERIMENTAL_MS
LEGACY_MS = (100.0, 150.0)
"""The kernel's, for any non-connectable broadcast."""


def intervals_ms(outcome: Outcome, extended: bool) -> tuple[float, float]:
    name = f"HCI_LE_SET_{'EXTENDED_' if extended else ''}ADVERTISING_PARAMETERS_COMMAND"
    parameters = next(bytes.fromhex(command[3]) for command in outcome.hci if command[2] == name)
    least, most = (parameters[3:6], parameters[6:9]) if extended else (parameters[:2], parameters[2:4])
    return int.from_bytes(least, "little") * 0.625, int.from_bytes(most, "little") * 0.625


@pytest.mark.parametrize(
    ("extended", "experimental", "expected"),
    [(True, True, EXPERIMENTAL_MS), (True, False, EXTENDED_ONLY_MS), (False, True, LEGACY_MS)],
)
def test_interval(lab: Lab, extended: bool, experimental: bool, expected: tuple[float, float]) -> None:
    outcome = lab.play("stopping", extended=extended, controllers=1, experimental=experimental, radio="bluez:hci0")
    assert intervals_ms(outcome, extended) == expected
    (stretch,) = outcome.air
    mean_ms = (stretch.to_s - stretch.from_s) / (stretch.packets - 1) * 1000
    assert expected[0] <= mean_ms <= expected[1] + ADV_DELAY_S * 1000
