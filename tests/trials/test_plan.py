"""A plan is checked completely: each mistake is one error with the line, the value and the way out."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluezone_agent.i18n import rendered
from bluezone_agent.plans.mistakes import PlanError
from bluezone_agent.plans.toml_lines import TomlLines
from bluezone_agent.trials.geometry import place_of, placed, simulated_place, true_distance_m
from bluezone_agent.trials.plan import TrialPlan
from bluezone_agent.trials.read_plan import parse_plan, read_plan
from bluezone_agent.trials.templates import TEMPLATES, plan_text
from tests.trials.plans import HEAD, PHASE, PLAN

NAME = 'name = "short"'
ONE = "positions = {a = [0, 0], b = [2, 0, 180], door = [1, 3]}"
TWO = '[["a", "b", 1.0], ["a", "door", 4]]'

MISTAKES: list[tuple[str, str, str, int, str]] = [
    # what, replaced, by, line, a part of the message
    ("no TOML", NAME, "name = short", 2, "not valid TOML"),
    ("open bracket", TWO, '[["a", "b", 1.0]', 26, "not valid TOML"),
    ("name twice", NAME, f"{NAME}\n{NAME}", 3, "not valid TOML"),
    ("no trial", HEAD.split("[radio]", maxsplit=1)[0], "", 1, 'the file needs "trial"'),
    ("unknown table", "[radio]", "[radios]", 5, '"radios"'),
    ("unknown setting of the trial", NAME, f'{NAME}\ntitel = "x"', 3, '[trial] "titel"'),
    ("unknown setting of the radio", "rotation_s", "rotation", 6, '[radio] "rotation"'),
    ("unknown setting of a device", 'id = "b"', 'id = "b"\nroll = "both"', 13, '[[device]] 2 "roll"'),
    ("unknown setting of a phase", "minutes = 0.5", "minutes = 0.5\nhours = 1", 26, '[[phase]] 2 "hours"'),
    ("unknown setting of the schedule", "rotation_s = 10", "scan = {on = 4, every_s = 240}", 6, '"on"'),
    ("no name", NAME, "", 1, '[trial] needs "name"'),
    ("a number for a name", NAME, "name = 7", 2, "[trial] name has to be text in quotes (found: 7)"),
    ("a path for a name", NAME, 'name = "../x"', 2, '[trial] name = "../x" is not a name'),
    ("unknown protocol", '"bluezone"', '"blue"', 3, '[trial] protocol = "blue" is not known'),
    ("near is nothing", NAME, f"{NAME}\nnear_m = 0", 3, "[trial] near_m = 0 is outside 0.1 to 100"),
    ("negative seed", NAME, f"{NAME}\nseed = -1", 3, "[trial] seed = -1 is outside"),
    ("unknown zone", NAME, f'{NAME}\ntimezone = "Hanoi"', 3, 'no time zone "Hanoi"'),
    ("quoted start", NAME, f'{NAME}\nstart = "tomorrow"', 3, "[trial] start has to be a date and time"),
    ("date without a time", NAME, f"{NAME}\nstart = 2026-12-01", 3, "[trial] start has to be a date and time"),
    ("too short a rotation", "rotation_s = 10", "rotation_s = 1", 6, "[radio] rotation_s = 1 is outside 5 to 900"),
    ("too long a rotation", "rotation_s = 10", "rotation_s = 901", 6, "[radio] rotation_s = 901 is outside"),
    ("impossible power", "rotation_s = 10", "tx_power_dbm = 100", 6, "[radio] tx_power_dbm = 100 is outside -50 to 20"),
    ("power as a text", "rotation_s = 10", 'tx_power_dbm = "low"', 6, "has to be a whole number"),
    ("no interval", "rotation_s = 10", "interval_s = 0", 6, "[radio] interval_s = 0 is outside 0.02 to 10.24"),
    ("unknown scan", "rotation_s = 10", 'scan = "sometimes"', 6, '[radio] scan = "sometimes" is not known'),
    ("scan as a number", "rotation_s = 10", "scan = 4", 6, '[radio] scan has to be "continuous" or a table'),
    (
        "scans longer than the period",
        "rotation_s = 10",
        "scan = {on_s = 9, every_s = 5}",
        6,
        "scan on_s = 9 is outside",
    ),
    ("half a schedule", "rotation_s = 10", "scan = {on_s = 4}", 6, '[radio] scan needs "every_s"'),
    ("unknown radio", "rotation_s = 10", 'radio = "wifi"', 6, '[radio] radio = "wifi" is not known'),
    ("a recording as a radio", "rotation_s = 10", 'radio = "replay:x.csv"', 6, "is not known"),
    ("unknown radio of a device", 'id = "b"', 'id = "b"\nradio = "hci0"', 13, '[[device]] 2 radio = "hci0"'),
    ("one device", HEAD.split('id = "a"')[1].split("[[phase")[0], "\n", 8, "at least two devices"),
    ("no id", 'id = "b"', "", 11, '[[device]] 2 needs "id"'),
    ("an id with a slash", 'id = "b"', 'id = "b/c"', 12, '[[device]] 2 id = "b/c" is not a name'),
    ("an id twice", 'id = "b"', 'id = "A"', 12, 'two devices have the id "A"'),
    ("unknown role", 'role = "listen"', 'role = "watch"', 16, '[[device]] 3 role = "watch" is not known'),
    (
        "nobody broadcasts",
        'id = "a"\n\n[[device]]\nid = "b"',
        'id = "a"\nrole = "listen"\n\n[[device]]\nid = "b"\nrole = "listen"',
        16,
        "no device broadcasts",
    ),
    (
        "nobody listens",
        'id = "a"\n\n[[device]]\nid = "b"\n\n[[device]]\nid = "door"\nrole = "listen"',
        'id = "a"\nrole = "broadcast"\n\n[[device]]\nid = "b"\nrole = "broadcast"',
        12,
        "no device listens",
    ),
    (
        "nobody else",
        'id = "a"\n\n[[device]]\nid = "b"\n\n[[device]]\nid = "door"\nrole = "listen"',
        'id = "a"\n\n[[device]]\nid = "b"\nrole = "broadcast"\n\n[[device]]\nid = "door"\nrole = "broadcast"',
        0,
        "",
    ),
    (
        "an address of a device that runs",
        'id = "b"',
        'id = "b"\naddress = "AA:BB:CC:DD:EE:FF"',
        13,
        'with role = "both"',
    ),
    ("half an address", 'role = "listen"', 'role = "beacon"\naddress = "AA:BB:CC"', 17, "is not a Bluetooth address"),
    ("half an identifier", 'role = "listen"', 'role = "beacon"\nidentifier = "00ff"', 17, "is not an identifier"),
    (
        "an identifier in words",
        'role = "listen"',
        'role = "beacon"\nidentifier = "my phone"',
        17,
        "is not an identifier",
    ),
    ("a radio of a beacon", 'role = "listen"', 'role = "beacon"\nradio = "virtual"', 17, 'with role = "beacon"'),
    (
        "two beacons with one address",
        'role = "listen"',
        'role="beacon"\naddress = "AA:BB:CC:DD:EE:FF"\n[[device]]\nid="c"\nrole="beacon"\naddress="aa:bb:cc:dd:ee:ff"',
        21,
        "have the same address",
    ),
    (
        "a broker that is none",
        "[radio]",
        '[live]\nbroker = "192.168.1.7"\n[radio]',
        6,
        "not the address of an MQTT broker",
    ),
    (
        "a broker on the web",
        "[radio]",
        '[live]\nbroker = "https://x.example"\n[radio]',
        6,
        "not the address of an MQTT",
    ),
    (
        "a broker with a bad port",
        "[radio]",
        '[live]\nbroker = "mqtt://x:port"\n[radio]',
        6,
        "not the address of an MQTT",
    ),
    (
        "a broker with a login",
        "[radio]",
        '[live]\nbroker = "mqtt://me:word@x"\n[radio]',
        6,
        "the plan is no place for it",
    ),
    ("unknown setting of live", "[radio]", '[live]\nserver = "x"\n[radio]', 6, 'unknown setting [live] "server"'),
    ("unknown pocket", 'id = "b"', 'id = "b"\ncarried = "hat"', 13, '[[device]] 2 carried = "hat" is not known'),
    ("a name for a pseudonym", 'id = "b"', 'id = "b"\nperson = "Nguyễn An"', 13, '[[device]] 2 person = "Nguyễn An"'),
    ("no phase", PHASE, "", 1, "no [[phase]]"),
    ("phase without a name", 'name = "two"', "", 23, '[[phase]] 2 needs "name"'),
    ("phase with an empty name", 'name = "two"', 'name = " "', 24, "a phase has no name"),
    ("phase twice", 'name = "two"', 'name = "one"', 24, 'two phases have the name "one"'),
    ("no minutes", "minutes = 0.5", "", 23, '[[phase]] 2 needs "minutes"'),
    ("zero minutes", "minutes = 0.5", "minutes = 0", 25, "minutes = 0 is not a duration"),
    ("minutes in words", "minutes = 0.5", 'minutes = "half"', 25, "[[phase]] 2 minutes has to be a number"),
    ("a year", "minutes = 0.5", "minutes = 525600", 25, "minutes = 525600 is not a duration"),
    ("infinite minutes", "minutes = 0.5", "minutes = inf", 25, "minutes = inf is not a duration"),
    ("no truth", f"distances = {TWO}", "", 23, "does not say how far apart"),
    ("free is false", f"distances = {TWO}", "free = false", 23, "does not say how far apart"),
    ("two truths", f"distances = {TWO}", f"distances = {TWO}\nfree = true", 27, "both distances and free"),
    ("confidence", "minutes = 0.5", "minutes = 0.5\nconfidence = 4", 26, "confidence = 4 is not on the scale"),
    ("unknown device with a position", ONE, "positions = {a = [0, 0], c = [1, 1]}", 21, 'no device "c"'),
    ("half a position", ONE, "positions = {a = [0], b = [2, 0]}", 21, "the position of a is [0.0]"),
    ("position nowhere", ONE, "positions = {a = [nan, 0], b = [2, 0]}", 21, "the position of a is [nan"),
    ("position in degrees", ONE, "positions = {a = [21028, 105], b = [2, 0]}", 21, "the position of a is [21028"),
    ("the same position", ONE, "positions = {a = [1, 1], b = [1, 1, 90]}", 21, "a and b are at the same place"),
    ("position as a text", ONE, 'positions = {a = "desk", b = [1, 1]}', 21, "has to be a list"),
    ("half a distance", TWO, '[["a", "b"]]', 26, "is not a distance"),
    ("distance without metres", TWO, '[["a", "b", "near"]]', 26, "is not a distance"),
    ("negative distance", TWO, '[["a", "b", -1]]', 26, "is not a distance"),
    ("unknown device with a distance", TWO, '[["a", "c", 1]]', 26, 'no device "c"'),
    ("distance to itself", TWO, '[["a", "a", 1]]', 26, "a device with itself"),
    ("pair twice", TWO, '[["a", "b", 1], ["b", "a", 2]]', 26, "listed twice"),
    (
        "impossible triangle",
        TWO,
        '[["a", "b", 1], ["b", "door", 1], ["a", "door", 5]]',
        26,
        "no room has these distances",
    ),
    ("half a point", f"distances = {TWO}", "paths = {a = [[0, 1]]}", 26, "not [seconds, x, y]"),
    ("no point", f"distances = {TWO}", "paths = {a = []}", 26, "not [seconds, x, y]"),
    ("backwards in time", f"distances = {TWO}", "paths = {a = [[9, 1, 1], [3, 2, 2]]}", 26, "do not ascend"),
    ("longer than the phase", f"distances = {TWO}", "paths = {a = [[0, 1, 1], [31, 2, 2]]}", 26, "not within its 30 s"),
    (
        "a position and a path",
        f"distances = {TWO}",
        "positions = {a = [0, 0]}\npaths = {a = [[0, 1, 1]]}",
        26,
        "a position and a path",
    ),
]
MISTAKES = [mistake for mistake in MISTAKES if mistake[3]]


def test_there_are_more_than_forty_kinds_of_mistakes() -> None:
    assert len({what for what, *_ in MISTAKES}) == len(MISTAKES) > 40


@pytest.mark.parametrize(("replaced", "by", "line", "part"), [m[1:] for m in MISTAKES], ids=[m[0] for m in MISTAKES])
def test_a_mistake_is_one_error_with_its_line_and_the_way_out(replaced: str, by: str, line: int, part: str) -> None:
    assert PLAN.count(replaced) == 1, replaced
    with pytest.raises(PlanError) as caught:
        parse_plan(PLAN.replace(replaced, by), Path("trial.toml"))
    message, hint = rendered(caught.value)
    assert message.startswith(f"trial.toml, line {line}: ")
    assert part in message
    assert hint
    assert not re.search(r"\{\w+\}", message + hint)
    assert "None" not in message + hint


def test_the_plan_without_mistakes_is_accepted() -> None:
    plan = parse_plan(PLAN, Path("trial.toml"))
    assert [phase.name for phase in plan.phases] == ["one", "two"]
    assert plan.length_s == 90
    assert [(r.id, s.id) for r, s in plan.pairs()] == [("a", "b"), ("b", "a"), ("door", "a"), ("door", "b")]


@pytest.mark.parametrize("data", [None, b"\xff\xfe"], ids=["missing", "no UTF-8"])
def test_a_plan_that_cant_be_read_is_an_error(tmp_path: Path, data: bytes | None) -> None:
    if data is not None:
        (tmp_path / "trial.toml").write_bytes(data)
    with pytest.raises(PlanError, match="can't read the plan"):
        read_plan(tmp_path / "trial.toml")


def test_a_start_is_in_the_trials_time_zone() -> None:
    text = PLAN.replace(NAME, f'{NAME}\ntimezone = "Asia/Ho_Chi_Minh"\nstart = 2026-12-01T09:00:00')
    assert parse_plan(text, Path("p")).trial.start_s == 1_796_090_400  # 02:00 UTC
    assert parse_plan(text.replace("09:00:00", "09:00:00Z"), Path("p")).trial.start_s == 1_796_115_600


@pytest.mark.parametrize("template", TEMPLATES)
def test_each_template_is_a_plan_whose_devices_have_places(template: str) -> None:
    plan = parse_plan(plan_text(template, "x", "Asia/Ho_Chi_Minh"), Path("trial.toml"))
    assert plan.trial.timezone == "Asia/Ho_Chi_Minh"
    names = [device.id for device in plan.devices]
    for phase in plan.phases:
        assert all(simulated_place(phase, names, name, 0.0) for name in names)
        assert all(true_distance_m(phase, r.id, s.id, 9.0) is not None for r, s in plan.pairs())


def test_the_truth_of_a_path_is_between_its_points() -> None:
    text = PLAN.replace(f"distances = {TWO}", "positions = {a = [0, 0]}\npaths = {b = [[10, 8, 0], [20, 2, 0]]}")
    phase = parse_plan(text, Path("p")).phases[1]
    metres = [true_distance_m(phase, "a", "b", at_s) for at_s in (0, 10, 15, 20, 30)]
    assert metres == [8, 8, 5, 2, 2]
    assert true_distance_m(phase, "a", "door", 0) is None
    assert place_of(phase, "door", 0) is None


def test_lines_are_found_past_texts_of_many_lines() -> None:
    text = 'a = """\n[[phase]]\nminutes = 1\n"""\n[[phase]]\n"name" = 1\n[[phase]]\nx.y = 2\n'
    lines = TomlLines(text)
    assert lines.line_of(("phase", 0)) == 5
    assert lines.line_of(("phase", 0, "name")) == 6
    assert lines.line_of(("phase", 1, "x", "y")) == 8
    assert lines.line_of(("phase", 1, "missing")) == 7
    assert lines.line_of(("nowhere",)) == 1


points = st.tuples(st.floats(-50, 50), st.floats(-50, 50))


@given(st.lists(points, min_size=2, max_size=4, unique=True))
def test_distances_that_a_room_has_are_placed(at: list[tuple[float, float]]) -> None:
    pairs = [(f"d{i}", f"d{j}", math.dist(a, b)) for i, a in enumerate(at) for j, b in enumerate(at) if i < j]
    if min(m for _a, _b, m in pairs) < max(0.1, max(m for _a, _b, m in pairs) / 50):
        return
    found = placed(tuple(pairs))
    for a, b, metres in pairs:
        assert math.dist(found[a][:2], found[b][:2]) == pytest.approx(metres, rel=0.021)


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=6), st.floats(-10, 40_000))
def test_each_moment_of_a_trial_is_in_one_phase(minutes: list[float], at_s: float) -> None:
    phases = "".join(
        f'[[phase]]\nname = "p{n}"\nminutes = {length!r}\nfree = true\n' for n, length in enumerate(minutes)
    )
    plan: TrialPlan = parse_plan(HEAD + phases, Path("p"))
    found = plan.phase_at(at_s)
    assert (found is not None) == (0 <= at_s < plan.length_s) or at_s == pytest.approx(plan.length_s)
    if found:
        since_s, phase = found
        begins = {p.name: s for s, p in plan.phase_starts_s()}[phase.name]
        assert 0 <= since_s < phase.length_s
        assert begins + since_s == pytest.approx(at_s)


@given(st.text(max_size=400))
def test_no_text_makes_reading_crash(text: str) -> None:
    for damaged in (text, PLAN[: len(text)] + text, PLAN.replace("1", text[:3])):
        try:
            parse_plan(damaged, Path("p"))
        except PlanError:
            continue
