"""Who is near now, on the simulated air: soon there, gone after 30 s, and mostly right about near and far."""

from __future__ import annotations

import pytest

from benchmarks.around import visit
from bluezone_agent.core.attenuation import Closeness
from bluezone_agent.core.neighbours import GONE_S
from bluezone_agent.core.protocols import PROTOCOLS

SEEDS = range(5)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_device_appears_within_2_s_and_is_gone_after_30_s(protocol: str) -> None:
    for seed in SEEDS:
        found = visit(seed, protocol, 1.0)
        assert found.appeared_s <= 2.0
        assert GONE_S - 2.0 <= found.gone_s <= GONE_S


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_arms_length_is_close_and_the_far_end_of_a_room_is_not(protocol: str) -> None:
    def share(distance_m: float) -> float:
        bands = [band for seed in SEEDS for band in visit(seed, protocol, distance_m).bands]
        return bands.count(Closeness.CLOSE) / len(bands)

    assert share(0.5) > 0.9
    assert share(8.0) < 0.1
    assert share(0.5) >= share(2.0) >= share(8.0)
