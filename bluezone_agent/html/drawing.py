"""The parts of a drawing: ``templates/drawing.html.j2`` turns them into SVG.

Horizontal positions are shares (0 to 1) of the drawing's width, whatever that is on a display; vertical ones are
pixels. So a drawing fits every width, and its texts keep their size.
"""

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
    dx: int = 0
    """Pixels to the right of ``x``; negative ones reach into the margin."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """Lines, with bars on top of them and texts on top of the bars."""

    height: int
    title: str
    """Description for screen readers."""
    lines: tuple[Line, ...] = ()
    rects: tuple[Rect, ...] = ()
    labels: tuple[Label, ...] = ()
    margin: Literal["axis", "names"] = "axis"
    """Room at the left: for numbers, or for names, which also need a wide display: a narrow one moves sideways."""
