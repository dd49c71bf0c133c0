"""Marks as people and buttons write them: ``mark pi-1,pi-2=1.0 1 m, facing``."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final, NamedTuple

from bluezone_agent.errors import N_
from bluezone_agent.trials.folder import TrialError

DISTANCE: Final = re.compile(r"([A-Za-z0-9_-]+),([A-Za-z0-9_-]+)=(\d+(?:\.\d+)?)")
LONGEST_TEXT: Final = 500

NEAREST: Final = re.compile(r"nearest=([A-Za-z0-9_-]+)")
PairDistance = tuple[str, str, float]


def parse_distance(text: str, devices: Collection[str]) -> PairDistance:
    """Read ``pi-1,pi-2=1.0``; raises TrialError."""
    found = DISTANCE.fullmatch(text)
    if found is None or found[1] == found[2] or not 0 < float(found[3]) <= 1000:
        raise TrialError(
            N_('"{value}" is not a distance between two devices'),
            N_("write two devices and the metres between them: pi-1,pi-2=1.0"),
            value=text,
        )
    for device in (found[1], found[2]):
        if device not in devices:
            raise TrialError(
                N_('there is no device "{value}" in the plan'),
                N_("the plan has: {devices}"),
                value=device,
                devices=", ".join(devices),
            )
    return found[1], found[2], float(found[3])


class ParsedMark(NamedTuple):
    """What a mark says."""

    text: str
    distances: tuple[PairDistance, ...] = ()
    nearest: str = ""


def require_phone(device: str, phones: Collection[str]) -> None:
    """Raise TrialError unless a device of the plan does not run the agent itself."""
    if device not in phones:
        raise TrialError(
            N_('"{value}" is not a device with role = "beacon" in the plan'),
            N_("the plan has: {devices}"),
            value=device,
            devices=", ".join(phones) or "-",
        )


def parse_mark(words: str, devices: Collection[str], phones: Collection[str] = ()) -> ParsedMark:
    """Read what follows ``mark``: distances, or the nearest beacon, if any, then a text. Raises TrialError."""
    distances, nearest = list[PairDistance](), ""
    text = words.strip()
    if text and (found := NEAREST.fullmatch(text.split(maxsplit=1)[0])):
        nearest, text = found[1], text[len(found[0]) :].strip()
        require_phone(nearest, phones)
    while text and DISTANCE.fullmatch(text.split(maxsplit=1)[0]):
        first, *rest = text.split(maxsplit=1)
        distances.append(parse_distance(first, devices))
        text = rest[0] if rest else ""
    if not (text or distances or nearest) or len(text) > LONGEST_TEXT:
        raise TrialError(
            N_("a mark needs a text of up to {most} characters, or a distance"),
            N_('for example: "2 m, facing"'),
            most=LONGEST_TEXT,
        )
    return ParsedMark(text, tuple(distances), nearest)
