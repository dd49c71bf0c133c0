"""What ``selftest --radio`` measures on a real kernel, against what was really sent; and which radio ``auto`` is."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.machine import Lab, Outcome

KINDS = ("extended", "legacy")


def play(lab: Lab, radio: str, kind: str) -> Outcome:
    return lab.play("radio_test", extended=kind == "extended", radio=radio)


def others(outcome: Outcome) -> list[dict[str, Any]]:
    for one in outcome.result["reports"]:
        assert one["report"] is not None, one["said"]
    found = [one["report"]["other"] for one in outcome.result["reports"]]
    assert None not in found
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("radio", ["kernel", "auto"])
def test_two_devices_measure_each_other(lab: Lab, radio: str, kind: str) -> None:
    outcome = play(lab, radio, kind)
    assert [one["code"] for one in outcome.result["reports"]] == [0, 0]
    for report in (one["report"] for one in outcome.result["reports"]):
        other = report["other"]
        print(radio, kind, report["radio"], report["known_dbm"], other)
        assert report["scan_mode"] == "kernel"
        assert other["identifiers"] >= 4
        assert other["share"] >= 0.97
        assert 190 <= other["interval_ms"] <= 280 if kind == "extended" else 95 <= other["interval_ms"] <= 160
        assert other["longest_gap_s"] < 2
        assert 0 <= other["shortest_pause_s"] <= other["longest_pause_s"] <= 2.6
        assert (other["overlaps"], other["addresses_per_identifier"], other["identifiers_per_address"]) == (0, 1, 1)
        assert other["advertising_data"] == "02011a03036ffd17166ffd" + 20 * "00"
    powers = [one["report"]["known_dbm"] for one in outcome.result["reports"]]
    stated = [other["stated_dbm"] for other in others(outcome)]
    assert stated == ([-12, -12] if kind == "legacy" else powers[::-1])


@pytest.mark.parametrize("kind", KINDS)
def test_through_bluetoothd_few_packets_arrive(lab: Lab, kind: str) -> None:
    outcome = play(lab, "bluez", kind)
    for other in others(outcome):
        print("bluez", kind, other)
        assert other["addresses_per_identifier"] is None
        assert other["share"] is None or other["share"] < 0.25


@pytest.mark.parametrize("kind", KINDS)
def test_auto_is_the_kernels_radio_while_there_is_a_broker(lab: Lab, kind: str) -> None:
    result = play(lab, "auto", kind).result
    assert result["agent"]["description"].startswith("kernel:hci0")
    assert result["agent_again"]["description"].startswith("kernel:hci0")
    assert result["agent_again"]["works"], "the agent has left its radio to the self-test, and continues"
    assert result["agent_again"]["opened"] > result["agent"]["opened"]
    assert result["doctor"]["level"] == "ok"
    assert result["agent_without"]["description"].startswith("bluez:hci0")
    assert result["agent_without"]["works"]
    assert result["doctor_without"]["level"] == "warning"
