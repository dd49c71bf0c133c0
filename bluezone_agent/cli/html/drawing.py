"""What a drawing consists of, in its own units: ``templates/drawing.html.j2`` makes SVG of it."""

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
    """A class of the style: what it stands for."""
    x: float
    y: float
    width: float
    height: float
    title: str = ""
    """Shown to who points at it."""
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
    """Soft, or inside of a bar."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """Lines, bars over them, texts over these."""

    width: int
    height: int
    title: str
    """What it shows, for who can't see it."""
    lines: tuple[Line, ...] = ()
    rects: tuple[Rect, ...] = ()
    labels: tuple[Label, ...] = ()
