"""A recorder in a process of its own, which says what is on the disk; for kills and power cuts.

python -m tests.trials.recording FOLDER FIRST FLUSHES
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bluezone_agent.trials.append import JsonLines, read_json_lines
from bluezone_agent.trials.folder import MARKS
from bluezone_agent.trials.packets import PacketWriter, ReceivedPacket, chunks, read_chunk
from bluezone_agent.trials.records import MARKS_DECODER, TrialMark

A_FLUSH: Final = 7
"""Packets between two flushes."""
CHUNK_BYTES: Final = 1000


def packet(number: int) -> ReceivedPacket:
    return ReceivedPacket(number, 1_806_580_800 * 10**9 + number, "pi-2", 7, -60 - number % 30, -12, "")


def record(folder: Path, first: int, flushes: int, say: Callable[[bytes], object] = lambda _text: None) -> None:
    """Record packets and marks that are numbered from ``first`` on, and say after each flush how far it is."""
    writer = PacketWriter(folder, chunk_bytes=CHUNK_BYTES)
    with JsonLines(folder / MARKS) as marks:
        for number in range(flushes):
            for at in range(A_FLUSH):
                writer.add(packet(first + number * A_FLUSH + at))
            writer.flush()
            say(f"PACKETS {first} {first + (number + 1) * A_FLUSH}\n".encode())
            marks.put(TrialMark(boottime_ns=first + number, wall_ns=0, text="x" * 600))
            say(f"MARKS {first} {first + number + 1}\n".encode())
    writer.close()


def packets_in(folder: Path) -> list[int]:
    """Return the numbers of the packets in a device's folder, as they are read."""
    lines = [
        line
        for chunk in chunks(folder)
        for piece in read_chunk(chunk)
        for line in piece.decode().splitlines()
        if not line.startswith("boottime_ns")
    ]
    numbers = [int(line.split(",")[0]) for line in lines]
    assert lines == [packet(number).line().strip() for number in numbers], "no line is damaged"
    return numbers


def marks_in(folder: Path) -> list[int]:
    """Return the numbers of the marks."""
    return [mark.boottime_ns for mark in read_json_lines(folder / MARKS, MARKS_DECODER)]


if __name__ == "__main__":
    record(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), lambda text: os.write(1, text))
