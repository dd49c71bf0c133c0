"""Trials that the literature describes in prose, as plans that run: ``bluezone-agent trial new``.

Distance ladder and orientation: Google's and OpenTrace's calibration trials; office and continuity: Herald's method;
bus: the trials of Leith and Farrell; classroom and door: the places where Vietnam's schools and offices used the app.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from bluezone_agent.errors import N_
from bluezone_agent.i18n import _

Positions = dict[str, list[float]]


@dataclass(frozen=True, slots=True)
class PlannedDevice:
    """A device of a template."""

    id: str
    role: str = "both"
    carried: str = "hand"
    person: str = ""


@dataclass(frozen=True, slots=True)
class PlannedPhase:
    """A phase of a template."""

    name: str
    minutes: float
    positions: Positions = field(default_factory=dict)
    paths: dict[str, list[list[float]]] = field(default_factory=dict)
    posture: str = ""


@dataclass(frozen=True, slots=True)
class TrialTemplate:
    """A kind of trial."""

    title: str
    """For people (a template for the catalogues)."""
    devices: tuple[PlannedDevice, ...]
    phases: tuple[PlannedPhase, ...]
    rotation_s: int = 60


EAST, NORTH, WEST, SOUTH = 0, 90, 180, 270
LADDER_M: Final = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)
TURNS_DEG: Final = range(0, 360, 45)
DESK_M: Final = 2.0
QUEUE_S: Final = 40.0
DOOR_M: Final = 8.0


def _people(count: int, carried: str = "hand") -> tuple[PlannedDevice, ...]:
    return tuple(PlannedDevice(f"pi-{n}", carried=carried, person=f"P{n:02}") for n in range(1, count + 1))


def _grid(columns: int, rows: int, x_m: float, y_m: float, facing: int) -> Positions:
    """Return seats row by row from ``pi-1`` on."""
    return {
        f"pi-{row * columns + column + 1}": [round(column * x_m, 2), round(row * y_m, 2), facing]
        for row in range(rows)
        for column in range(columns)
    }


def _visitor(number: int) -> list[list[float]]:
    """Return the way of a visitor, who comes, stops half a metre before the door, and leaves at the side."""
    begins_s = QUEUE_S * number
    return [[begins_s, DOOR_M, 0.0], [begins_s + 15, 0.5, 0.0], [begins_s + 25, 0.5, 0.0], [begins_s + 38, 0.5, DOOR_M]]


OFFICE: Final = (
    PlannedPhase(
        "desks",
        15,
        {"pi-1": [0, 0, EAST], "pi-2": [1.4, 0, WEST], "pi-3": [0, 3, EAST], "pi-4": [6, 3, WEST]},
        posture="sitting",
    ),
    PlannedPhase(
        "meeting",
        10,
        {"pi-1": [0, 0, EAST], "pi-2": [1.2, 0, WEST], "pi-3": [0, 0.8, EAST], "pi-4": [1.2, 0.8, WEST]},
        posture="sitting",
    ),
    PlannedPhase(
        "coffee",
        5,
        {"pi-1": [0, 0, EAST], "pi-2": [0.7, 0, WEST], "pi-3": [8, 3, NORTH], "pi-4": [8, 5.5, SOUTH]},
        posture="standing",
    ),
)

TEMPLATES: Final[Mapping[str, TrialTemplate]] = {
    "distance-ladder": TrialTemplate(
        N_("Two devices, from 0.5 to 8 m apart"),
        _people(2),
        tuple(
            PlannedPhase(f"{m:g}m", 3, {"pi-1": [0, 0, EAST], "pi-2": [m, 0, WEST]}, posture="standing")
            for m in LADDER_M
        ),
    ),
    "orientation": TrialTemplate(
        N_("Two devices 2 m apart, one of which turns"),
        _people(2),
        tuple(
            PlannedPhase(f"{d}deg", 2, {"pi-1": [0, 0, EAST], "pi-2": [2, 0, d]}, posture="standing") for d in TURNS_DEG
        ),
    ),
    "office": TrialTemplate(N_("Four people in an office"), _people(4), OFFICE),
    "bus": TrialTemplate(
        N_("Six passengers on the seats of a bus"),
        _people(6, "front-pocket"),
        (
            PlannedPhase("ride", 15, _grid(2, 3, 0.5, 0.8, NORTH), posture="sitting"),
            PlannedPhase("across-the-aisle", 15, _grid(2, 3, 1.2, 0.8, NORTH), posture="sitting"),
        ),
    ),
    "classroom": TrialTemplate(
        N_("Eight pupils at desks in two columns"),
        _people(8, "bag"),
        (PlannedPhase("lesson", 30, _grid(2, 4, DESK_M, 1.2, NORTH), posture="sitting"),),
    ),
    "door": TrialTemplate(
        N_("Three visitors pass a device at a door"),
        (PlannedDevice("door", "listen", "wall"), *_people(3)),
        (
            PlannedPhase(
                "queue",
                3,
                {"door": [0, 0, EAST]},
                {f"pi-{n + 1}": _visitor(n) for n in range(3)},
                "walking",
            ),
        ),
    ),
    "continuity": TrialTemplate(
        N_("Two devices 1 m apart for 4 hours, to find gaps"),
        _people(2, "table"),
        (PlannedPhase("still", 240, {"pi-1": [0, 0, EAST], "pi-2": [1, 0, WEST]}),),
        rotation_s=0,
    ),
}
"""By the name that ``trial new`` takes."""


def plan_text(template: str, name: str, timezone: str) -> str:
    """Return the plan of a new trial, with its comments in the person's language."""
    environment = Environment(  # noqa: S701 - TOML, of our own values; ``name`` has letters, digits, - and _ only
        undefined=StrictUndefined,
        loader=PackageLoader("bluezone_agent.trials"),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals["_"] = _
    found = TEMPLATES[template]
    return environment.get_template("plan.toml.j2").render(t=found, title=_(found.title), name=name, timezone=timezone)
