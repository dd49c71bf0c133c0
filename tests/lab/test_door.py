"""A door on real kernels: who is held near is green, others are not, two are asked for one at a time."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from tests.lab.machine import Lab, Outcome
from tests.lab.scenarios.door import STEPS

GREEN_S: Final = 3.0
SETTLES_S: Final = 3.0


@pytest.fixture(scope="module", params=["extended", "legacy"])
def door(request: pytest.FixtureRequest, lab: Lab) -> Outcome:
    return lab.play("door", extended=request.param == "extended", radio="kernel", controllers=3)


@pytest.fixture(scope="module")
def slow(lab: Lab) -> Outcome:
    return lab.play("door", extended=True, radio="bluez", controllers=3)


def lines_of(door: Outcome, step: str) -> list[dict[str, Any]]:
    times = door.result["times"]
    names = [name for name, *_rest in STEPS]
    following = names[names.index(step) + 1 :]
    until_s = times[following[0]] if following else times[step] + STEPS[-1][-1]
    return [line for line in door.result["lines"] if times[step] <= line["at_s"] < until_s]


def test_a_device_held_near_is_green_and_counted(door: Outcome) -> None:
    before, held = lines_of(door, "queue"), lines_of(door, "held")
    assert {line["state"] for line in before} == {"waiting"}
    assert {line["in_with"] for line in before} == {0}
    green = next(line for line in held if line["state"] == "green")
    after_s = green["at_s"] - door.result["times"]["held"]
    print(f"extended {door.options['extended']}: green after {after_s:.2f} s")
    assert 0 < after_s <= GREEN_S
    assert (green["in_with"], green["protocol"]) == (1, "bluezone")


def test_it_is_not_counted_again(door: Outcome) -> None:
    again = lines_of(door, "again")
    assert {line["in_with"] for line in again} == {1}
    assert "already_counted" in {line["state"] for line in again}


def test_two_held_near_are_asked_for_one_at_a_time(door: Outcome) -> None:
    both = lines_of(door, "both")
    assert {line["in_with"] for line in both} == {1}
    assert "one_at_a_time" in {line["state"] for line in both}


def test_the_other_one_is_counted_when_it_is_held_near_itself(door: Outcome) -> None:
    assert lines_of(door, "gone")[-1]["in_with"] == 1
    assert lines_of(door, "other")[-1]["in_with"] == 2


def test_the_report_has_the_people(door: Outcome) -> None:
    (day,) = json.loads(door.result["report"]["stdout"])["days"]
    assert day["people"] == {"in_with": 2, "in_without": 1, "out_with": 0, "out_without": 0}
    assert {line["fast"] for line in door.result["lines"]} == {True}
    assert [code for code, _took_s in door.result["stopped"]] == [0, 0, 0]


def test_over_dbus_it_says_that_the_radio_is_too_slow(slow: Outcome) -> None:
    said = slow.result["slow"]
    lines = [json.loads(line) for line in said["stdout"].splitlines()]
    assert {line["door"]["radio_fast"] for line in lines} == {False}
    assert "11 s" in said["stderr"]
    assert "kernel" in said["stderr"]
    assert said["code"] == 0
