"""A month in a busy place: nothing grows, nothing is written for nothing, nothing stays that is over."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from bluezone_agent.scenarios.scratch import scratch_folder

pytestmark = pytest.mark.slow

MIB = 2**20


@pytest.mark.timeout(7200)
def test_days_of_a_busy_place(long: bool) -> None:
    """200 people for 8 hours a day over 30 days; in the short form 50 over 2 days, and then the time passes."""
    days, peers = (30, 200) if long else (2, 50)
    with scratch_folder() as folder:
        command = [sys.executable, "-m", "tests.faults.soak", str(folder / "state"), str(days), str(peers)]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    *costs, last = [json.loads(line) for line in out.splitlines()]
    first = costs[0]
    print({what: max(cost[what] for cost in costs) for what in first}, last)
    assert len(costs) == days
    for cost in costs:
        assert cost["rss"] - first["rss"] <= 5 * MIB, cost
        assert (cost["descriptors"], cost["tasks"]) == (first["descriptors"], first["tasks"]), cost
        assert cost["store"] <= 50e6, cost
        assert cost["written"] <= 20e6, cost
    assert last["left_over"] == 0, "identifiers older than 14 days are in the files"
    assert last["kept"] > 0 or not long, "nothing is in the files at all"
