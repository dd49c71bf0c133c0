"""Good inputs made bad: bytes flipped, cut, inserted, repeated, spliced; texts and JSON changed where it matters."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final

ODD: Final = (
    b"\x00",
    b"\xff\xfe",
    b"\xc3\x28",
    b"\x1b]0;owned\x07",
    b"\r\nINFO all is well\n",
    "\u202egnp.exe\u2066".encode(),
    b"../../etc/passwd",
    b"https://elsewhere.example/",
    b"{0.__class__}",
    b"%s%n",
    b'"',
    b"'''",
    b",,,",
    b"\\u0000\\ud800",
    b"[" * 3000,
    b'{"a":' * 3000,
    b"A" * 5000,
    b"NaN",
    b"-Infinity",
    b"1e999",
    b"\xd9\xa3",
)
"""What has broken parsers before: controls, wrong encodings, ways out of a folder, templates, depth and length."""
NUMBERS: Final = (0, -1, 1, 127, 128, 255, 65_536, 2**31 - 1, 2**31, 2**32, 2**53, 2**63 - 1, 2**63, 2**64, 10**30)
NODES: Final[tuple[Any, ...]] = (
    None,
    True,
    "",
    "\x1b[2J",
    "x" * 5000,
    [],
    {},
    [[]],
    0.5,
    1e308,
    *NUMBERS,
    *(-n for n in NUMBERS),
)


def damaged(data: bytes, random: Random) -> bytes:
    """Change, cut, insert, repeat or swap a stretch."""
    at, end = sorted((random.randrange(len(data) + 1), random.randrange(len(data) + 1)))
    match random.randrange(8):
        case 0 if at < len(data):
            return data[:at] + bytes([data[at] ^ 1 << random.randrange(8)]) + data[at + 1 :]
        case 1:
            return data[:at] + random.randbytes(random.randrange(1, 9)) + data[at:]
        case 2:
            return data[:at] + data[end:]
        case 3:
            return data[:end] + data[at:end] * random.randrange(1, 4) + data[end:]
        case 4:
            return data[:at] + random.choice((b"\0", b"\xff")) * (end - at) + data[end:]
        case 5:
            return data[:at] + random.choice(ODD) + data[at:]
        case 6:
            return data[:at] + random.choice(ODD) + data[end:]
        case _:
            return data[end:] + data[:at]


def renumbered(data: bytes, random: Random) -> bytes:
    """Put another number in the place of one that is written in digits."""
    found = list(re.finditer(rb"-?\d+", data))
    if not found:
        return damaged(data, random)
    place, number = random.choice(found), random.choice(NUMBERS) * random.choice((1, 1, -1))
    return data[: place.start()] + str(number).encode() + data[place.end() :]


def rearranged(data: bytes, random: Random) -> bytes:
    """Change one node of a JSON text: another value, gone, twice, or with a stranger beside it."""
    try:
        tree = json.loads(data)
    except (ValueError, RecursionError):
        return renumbered(data, random)
    holder: Any = tree
    while isinstance(holder, (dict, list)) and holder:
        key: Any = random.choice(list(holder)) if isinstance(holder, dict) else random.randrange(len(holder))
        if isinstance(holder[key], (dict, list)) and holder[key] and random.random() < 0.7:
            holder = holder[key]
            continue
        match random.randrange(4):
            case 0:
                del holder[key]
            case 1 if isinstance(holder, dict):
                holder[random.choice(("stranger", "__class__", ""))] = random.choice(NODES)
            case 1 if isinstance(holder, list):
                holder.extend([holder[key]] * random.randrange(1, 50))
            case _:
                holder[key] = random.choice(NODES)
        return json.dumps(tree).encode()
    return json.dumps(random.choice(NODES)).encode()


def relined(data: bytes, random: Random) -> bytes:
    """Leave a line out, or move it to another place."""
    lines = data.splitlines(keepends=True)
    if len(lines) < 2:
        return damaged(data, random)
    line = lines.pop(random.randrange(len(lines)))
    if random.random() < 0.5:
        lines.insert(random.randrange(len(lines) + 1), line)
    return b"".join(lines)


Change = Callable[[bytes, Random], bytes]


def mutant(seeds: Sequence[bytes], random: Random, inside: Sequence[Change] = ()) -> bytes:
    """Return one of the seeds, changed once to four times, or spliced with another; now and then plain noise.

    ``inside`` are changes that know the format; they come first, or not at all, since they need a whole input.
    """
    if random.random() < 0.02:
        return random.randbytes(random.randrange(300))
    data = random.choice(seeds)
    if inside and random.random() < 0.5:
        for _ in range(random.choice((1, 1, 2, 3))):
            data = random.choice(inside)(data, random)
        return data
    for _ in range(random.choice((1, 1, 1, 2, 3, 4))):
        change: Change = random.choice((damaged, damaged, renumbered, rearranged, relined))
        data = change(data, random)
    if random.random() < 0.05:
        other = random.choice(seeds)
        data = data[: random.randrange(len(data) + 1)] + other[random.randrange(len(other) + 1) :]
    return data
