"""Pages for print and screens: Typst templates with the fonts that are part of this package."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

import typst

HERE: Final = Path(__file__).parent
FONTS: Final = HERE / "fonts"
LETTERS: Final = FONTS / "letters.txt"
"""The code points that both fonts have, hexadecimal ranges, one a line."""
PIXELS_AT: Final = 72.0
"""Pixels an inch at which a point is a pixel."""


def typeset(template: str, data: Any, form: Literal["pdf", "png"] = "pdf", fonts: Path | None = None) -> bytes:
    """Return the one file that ``templates/TEMPLATE.typ`` makes of ``data``; an image has a pixel for each point.

    Texts in ``data`` are set as they are: nothing in them is markup. Fonts of the system are not used, so a page looks
    the same everywhere; ``fonts`` is a folder with more of them. Raises ValueError if an image would have several
    pages.
    """
    folders = [FONTS] if fonts is None else [FONTS, fonts]
    made: object = typst.compile(
        HERE / "templates" / f"{template}.typ",
        font_paths=typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=folders),
        format=form,
        ppi=PIXELS_AT,
        sys_inputs={"data": json.dumps(data)},
    )
    if not isinstance(made, bytes):
        raise ValueError(f"{template} has several pages, and an image has one")
    return made


def missing_letters(text: str) -> set[str]:
    """Return the letters of ``text`` that the fonts don't have."""
    return {letter for letter in text if letter.isprintable() and ord(letter) not in _known()}


@cache
def _known() -> frozenset[int]:
    ranges = (line.split("-") for line in LETTERS.read_text("ascii").split())
    return frozenset(point for ends in ranges for point in range(int(ends[0], 16), int(ends[-1], 16) + 1))
