"""The parts of a drawing, in its own units: ``templates/drawing.html.j2`` turns them into SVG."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a grid."""

    x1: float
    y1: float
    x2: float
    y2: float


@dataclass(frozen=True, slots=True)
class Rect:
    """A bar."""

    colour: str
    """A class of the style sheet."""
    x: float
    y: float
    width: float
    height: float
    title: str = ""
    """Tooltip."""
    opacity: float = 1
    radius: int = 0


@dataclass(frozen=True, slots=True)
class Label:
    """A text; ``y`` is its base line."""

    text: str
    x: float
    y: float
    anchor: Literal["start", "middle", "end"] = "start"
    style: Literal["", "soft", "in"] = ""
    """Less prominent, or inside a bar."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """Lines, with bars on top of them and texts on top of the bars."""

    width: int
    height: int
    title: str
    """Description for screen readers."""
    lines: tuple[Line, ...] = ()
    rects: tuple[Rect, ...] = ()
    labels: tuple[Label, ...] = ()
