"""How many of the packets on the air become adverts, in each scan mode and with each kind of duplicate filter."""

from __future__ import annotations

from typing import Final

import pytest

from tests.lab.machine import Lab

RESTART_S = 11.5
"""bluetoothd restarts discovery about every 11 s, which empties the controller's duplicate filter."""
UNFILTERED: Final = 0.93
"""Discovery scans 0x12 in 0x12 (11.25 ms), and so changes its channel within 10 % of the events: 3.5 % are lost
(tests/lab/test_channels.py). The restarts cost another 1 %."""


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
        assert UNFILTERED * found["sent"] <= found["received"] <= found["sent"]
        assert found["longest_gap_s"] < 3
        assert found["rssi_dbm"] == ([-60, -50] if swing else [-50])
    assert set(found["rssi_dbm"]) <= {-60, -50}
