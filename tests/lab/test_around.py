"""Who is near now, through the kernel's radio and through D-Bus: when it appears, where it seems, when it is gone."""

from __future__ import annotations

from typing import Any, Final

import pytest

from bluezone_agent.core.neighbours import GONE_S
from tests.lab.machine import Lab, Outcome

APPEARS_S: Final = {"kernel": 2.5, "bluez": 13.0}
"""The kernel's radio: an advertisement every 0.2 to 1.28 s and a line a second. bluetoothd with a strict duplicate
filter: a report in 11 s."""


@pytest.fixture(scope="module", params=["kernel-extended", "kernel-legacy", "bluez-extended", "bluez-legacy"])
def look(request: pytest.FixtureRequest, lab: Lab) -> Outcome:
    radio, kind = request.param.split("-")
    return lab.play("around", extended=kind == "extended", radio=radio)


def lines_with(look: Outcome, from_s: float, to_s: float) -> list[dict[str, Any]]:
    return [line for line in look.result["lines"] if from_s <= line["at_s"] < to_s]


def test_it_appears_soon(look: Outcome) -> None:
    times = look.result["times"]
    assert all(not line["neighbours"] for line in lines_with(look, 0, times["came"]))
    first = next(line for line in look.result["lines"] if line["neighbours"])
    after_s = first["at_s"] - times["came"]
    print(f"{look.options['radio']}, extended {look.options['extended']}: appears after {after_s:.1f} s")
    assert 0 <= after_s <= APPEARS_S[look.options["radio"]]


def test_near_and_far_follow_the_power(look: Outcome) -> None:
    times = look.result["times"]
    near = lines_with(look, times["came"] + 15, times["moved"])
    assert {n[1] for line in near for n in line["neighbours"]} == {"close"}
    far = lines_with(look, times["moved"] + 30, times["left"])
    assert far
    assert {n[1] for line in far for n in line["neighbours"]} == {"far"}


def test_it_is_one_device_and_gone_30_s_after_its_last_packet(look: Outcome) -> None:
    times, lines = look.result["times"], look.result["lines"]
    assert len({n[0] for line in lines for n in line["neighbours"]}) == 1
    last = [line for line in lines if line["neighbours"]][-1]
    after_s = last["at_s"] - times["left"]
    print(f"{look.options['radio']}, extended {look.options['extended']}: last shown {after_s:.1f} s after it left")
    assert GONE_S - APPEARS_S[look.options["radio"]] - 1 <= after_s <= GONE_S + 0.5
    assert last["neighbours"][0][2] <= GONE_S


def test_the_lines_say_whether_the_radio_reports_sparsely(look: Outcome) -> None:
    assert {line["sparse"] for line in look.result["lines"]} == {look.options["radio"] == "bluez"}
    assert {line["state"] for line in look.result["lines"]} == {"scanning"}
    assert [code for code, _took_s in look.result["stopped"]] == [0, 0]
