"""How many of the packets on the air become adverts, in each scan mode and with each kind of duplicate filter."""

from __future__ import annotations

import pytest

from tests.lab.machine import Lab

RESTART_S = 11.5
"""bluetoothd restarts discovery about every 11 s, which empties the controller's duplicate filter."""


@pytest.mark.parametrize("kind", ["extended", "legacy"])
@pytest.mark.parametrize("experimental", [False, True], ids=["active", "active+passive"])
@pytest.mark.parametrize("strict", [True, False], ids=["strict filter", "no filter"])
@pytest.mark.parametrize("swing", [False, True], ids=["constant RSSI", "RSSI swings by 10 dB"])
def test_received_against_sent(lab: Lab, kind: str, experimental: bool, strict: bool, swing: bool) -> None:
    outcome = lab.play(
        "scans", extended=kind == "extended", experimental=experimental, strict_filter=strict, swing=int(swing)
    )
    found = outcome.result
    print(kind, "-E" if experimental else "", "strict" if strict else "none", "swing" if swing else "constant", found)
    assert found["mode"] == ("active+passive" if experimental else "active")
    if strict and not experimental:
        assert found["received"] >= 120 / RESTART_S - 1
        assert found["longest_gap_s"] <= 2 * RESTART_S
    else:
        assert found["received"] >= 0.98 * found["sent"]
        assert found["longest_gap_s"] < 3
    assert all(-70 < rssi_dbm < -40 for rssi_dbm in found["rssi_dbm"])
