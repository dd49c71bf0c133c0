"""Who is green, who is not, and that nobody counts twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluezone_agent.core.door import Direction, DoorState
from bluezone_agent.door.counted import MOST, REMEMBERED_S, Counted
from bluezone_agent.door.engine import GREEN_S, DoorEngine
from bluezone_agent.door.near import MOST_DEVICES, MOST_PACKETS, NearDevices, Packet
from bluezone_agent.door.rule import HANDOVER_S, Rule
from tests.door.walks import FAR, NEAR, QUEUE, Walk


@pytest.fixture
def walk() -> Walk:
    return Walk()


def test_a_device_held_near_is_green_for_a_while_and_counted_once(walk: Walk) -> None:
    walk.wait(8, a=QUEUE)
    assert walk.seen() == {DoorState.WAITING}
    walk.wait(3, a=NEAR)
    assert walk.passed == ["a"]
    assert DoorState.GREEN in walk.seen()
    walk.wait(60, a=NEAR)
    assert walk.passed == ["a"]
    walk.seen()
    walk.wait(1, a=NEAR)
    assert walk.seen() == {DoorState.WAITING}, "it is not called counted before while it stays"


def test_green_says_how_long_it_lasts(walk: Walk) -> None:
    walk.wait(8, a=QUEUE)
    while not walk.passed:
        walk.wait(0.25, a=NEAR)
    left_s = walk.engine.green_left_s(walk.at_s)
    assert left_s == GREEN_S
    walk.wait(GREEN_S, a=NEAR)
    assert walk.engine.green_left_s(walk.at_s) is None


def test_who_stands_at_the_level_of_the_threshold_is_not_green(walk: Walk) -> None:
    """A threshold alone lights for a strong phone in the queue."""
    strong = walk.engine.rule.threshold_dbm + 3
    walk.wait(120, a=strong)
    assert walk.passed == []


def test_who_comes_from_afar_and_stays_below_the_threshold_is_not_green(walk: Walk) -> None:
    walk.wait(8, a=FAR)
    walk.wait(30, a=walk.engine.rule.threshold_dbm - 1)
    assert walk.passed == []


def test_the_queue_behind_does_not_matter(walk: Walk) -> None:
    walk.wait(10, a=QUEUE, b=QUEUE - 2, c=QUEUE - 4)
    walk.wait(3, a=NEAR, b=QUEUE, c=QUEUE - 2)
    assert walk.passed == ["a"]


def test_two_devices_held_near_are_asked_for_one_at_a_time(walk: Walk) -> None:
    walk.wait(8, a=QUEUE, b=QUEUE)
    walk.wait(3, a=NEAR, b=NEAR - 1)
    assert walk.passed == []
    assert DoorState.ONE_AT_A_TIME in walk.seen()
    walk.wait(8, a=QUEUE, b=QUEUE)
    walk.wait(3, a=NEAR, b=QUEUE)
    assert walk.passed == ["a"]


def test_the_second_device_of_somebody_who_was_counted_is_asked_to_wait(walk: Walk) -> None:
    walk.wait(8, a=QUEUE, b=QUEUE)
    walk.wait(6, a=NEAR, b=QUEUE)
    walk.seen()
    walk.wait(3, a=NEAR, b=NEAR - 1)
    assert walk.passed == ["a"]
    assert DoorState.ONE_AT_A_TIME in walk.seen()


def test_the_next_one_is_green_within_five_seconds(walk: Walk) -> None:
    walk.wait(8, a=QUEUE, b=QUEUE - 3)
    walk.wait(2.5, a=NEAR, b=QUEUE)
    walk.wait(2.5, a=FAR, b=NEAR)
    assert walk.passed == ["a", "b"]


def test_a_device_that_comes_back_has_been_counted_already(walk: Walk) -> None:
    walk.wait(8, a=QUEUE)
    walk.wait(3, a=NEAR)
    walk.wait(15, a=QUEUE)
    walk.seen()
    walk.wait(3, a=NEAR)
    assert walk.passed == ["a"]
    assert DoorState.ALREADY_COUNTED in walk.seen()


def test_who_came_in_counts_again_when_they_leave(walk: Walk) -> None:
    walk.wait(8, a=QUEUE)
    walk.wait(3, a=NEAR)
    walk.engine.direction = Direction.OUT
    walk.wait(15, a=QUEUE)
    walk.wait(3, a=NEAR)
    assert walk.passed == ["a", "a"]


def test_a_rotation_in_front_of_the_reader_counts_nobody_twice(walk: Walk) -> None:
    walk.wait(8, a=QUEUE)
    walk.wait(5, a=NEAR)
    walk.wait(1)
    walk.wait(10, a2=NEAR)
    walk.wait(10, a2=QUEUE)
    walk.wait(5, a2=NEAR)
    assert walk.passed == ["a"]
    assert DoorState.ALREADY_COUNTED in walk.seen()


def test_a_rotation_while_the_device_is_brought_near_loses_nobody(walk: Walk) -> None:
    walk.wait(8, a=QUEUE)
    walk.wait(0.5, a=NEAR)
    walk.wait(0.5)
    walk.wait(4, a2=NEAR - 1)
    assert walk.passed == ["a2"]


def test_the_next_person_is_not_taken_for_the_next_identifier_of_the_one_before(walk: Walk) -> None:
    walk.wait(8, a=QUEUE, b=QUEUE - 3)
    walk.wait(3, a=NEAR, b=QUEUE)
    walk.wait(3, b=NEAR)  # a's device was switched off in front of the reader
    assert walk.passed == ["a", "b"]


def test_a_device_that_appears_much_later_is_another_one(walk: Walk) -> None:
    walk.wait(8, a=QUEUE)
    walk.wait(3, a=NEAR)
    walk.wait(HANDOVER_S + 1)
    walk.wait(4, b=NEAR)
    assert walk.passed == ["a", "b"]


def test_a_replayed_identifier_does_not_count_again(walk: Walk) -> None:
    walk.wait(8, a=QUEUE)
    walk.wait(3, a=NEAR)
    walk.wait(600, a=FAR)
    walk.wait(3, a=NEAR)
    assert walk.passed == ["a"]


def test_one_that_was_taken_back_counts_when_it_comes_again(walk: Walk) -> None:
    walk.wait(8, a=QUEUE)
    walk.wait(5, a=NEAR)
    walk.engine.take_back("a")
    walk.wait(5, a=NEAR)
    assert walk.passed == ["a"], "first it has to leave"
    walk.wait(15, a=QUEUE)
    walk.wait(3, a=NEAR)
    assert walk.passed == ["a", "a"]


def test_one_that_was_taken_back_after_its_rotation_counts_too(walk: Walk) -> None:
    walk.wait(8, a=QUEUE)
    walk.wait(5, a=NEAR)
    walk.wait(5, a2=NEAR)
    walk.engine.take_back("a")
    walk.wait(15, a2=QUEUE)
    walk.wait(3, a2=NEAR)
    assert walk.passed == ["a", "a2"]


def test_an_identifier_is_forgotten_when_it_can_no_longer_be_valid() -> None:
    counted = Counted()
    counted.add("a", Direction.IN, 0)
    counted.received("a", 100)
    counted.forget(100 + REMEMBERED_S)
    assert counted.has("a", Direction.IN)
    counted.forget(101 + REMEMBERED_S)
    assert not counted.has("a", Direction.IN)


def test_memory_is_bounded_whatever_is_sent() -> None:
    counted = Counted()
    for number in range(MOST + 100):
        counted.add(number, Direction.IN, 0)
    assert len(counted) == MOST
    near = NearDevices()
    for number in range(MOST_DEVICES + 100):
        near.received(number, "gaen", Packet(0, -90 + number // 10))
    assert len(near) == MOST_DEVICES
    assert near.received("weak", "gaen", Packet(0, -100)) is None
    strong = near.received("strong", "gaen", Packet(0, -30))
    assert strong is not None
    for number in range(1000):
        near.received("strong", "gaen", Packet(number / 100, -30))
    assert len(strong.packets) == MOST_PACKETS


def test_twelve_hours_of_people_leave_nothing_behind() -> None:
    """Each device comes, is counted and leaves; identifiers are not kept for longer than they may be valid."""
    walk = Walk()
    for number in range(12 * 60):
        key = f"visitor {number}"
        walk.wait(8, **{key: QUEUE})
        walk.wait(3, **{key: NEAR})
        walk.at_s += 49
    assert len(walk.passed) == 12 * 60
    assert len(walk.engine._near) <= 2
    assert len(walk.engine._counted) <= REMEMBERED_S / 60 + 1


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(-100, -20), st.floats(0, 2)), max_size=150))
def test_no_device_is_counted_twice_whatever_it_sends(packets: list[tuple[str, int, float]]) -> None:
    engine, at_s, passed = DoorEngine(Rule()), 0.0, []
    for key, rssi_dbm, later_s in packets:
        at_s += later_s
        if engine.packet(key, "gaen", rssi_dbm, at_s):
            passed.append(key)
        engine.tick(at_s)
        assert (engine.green_left_s(at_s) is not None) == (engine.state is DoorState.GREEN)
    assert len(passed) == len(set(passed))
