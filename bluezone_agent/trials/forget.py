"""``trial forget``: removes a person from everything that was recorded, and writes a receipt."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from bluezone_agent.errors import N_
from bluezone_agent.files import replace
from bluezone_agent.trials.append import JsonLines, read_json_lines
from bluezone_agent.trials.folder import ARRIVING, DATASET, DEVICES, EVENTS, MARKS, REPORT, TrialError, TrialFolder
from bluezone_agent.trials.packets import COLUMNS, chunks, member, read_chunk
from bluezone_agent.trials.plan import TrialPlan
from bluezone_agent.trials.read_plan import parse_plan
from bluezone_agent.trials.records import EVENTS_DECODER, MARKS_DECODER, DeviceFound

RECEIPTS: Final = "forgotten.jsonl"
REMOVED: Final = "removed"
HEAD: Final = COLUMNS[0].encode()


class RemovalReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """What was removed; it does not say who it was."""

    at_unix_s: int
    devices: int
    packets: int
    """Packets that other devices had recorded of theirs."""
    marks: int
    """Marks that named them."""
    derived: tuple[str, ...]
    """Folders made from the recordings that were deleted, to be made again."""


@dataclass(frozen=True, slots=True)
class _Forgotten:
    person: str
    devices: tuple[str, ...]

    def named(self, text: str) -> bool:
        """Return whether a text names the person or a device."""
        return any(_word(name).search(text) for name in (self.person, *self.devices))


def forget(trial: TrialFolder, person: str, now_s: float) -> RemovalReceipt:
    """Remove a person's devices, the packets that others recorded of them, and what names them.

    The plan keeps its form: their devices become ``removed-1`` and so on. Dataset and report are deleted, because they
    are made from the recordings. Raises PlanError, TrialError, OSError.
    """
    plan = trial.plan()
    devices = tuple(device.id for device in plan.devices if device.person == person)
    if not person or not devices:
        raise TrialError(
            N_('nobody in the plan is "{person}"'),
            N_("the plan has: {people}"),
            person=person,
            people=", ".join(sorted({device.person for device in plan.devices if device.person})),
        )
    forgotten = _Forgotten(person, devices)
    derived = [name for name in (DATASET, REPORT) if (trial.path / name).exists()]
    for path in [trial.path / name for name in (*derived, ARRIVING)] + [trial.device(device) for device in devices]:
        shutil.rmtree(path, ignore_errors=not path.exists())
    packets = marks = 0
    for folder in sorted((trial.path / DEVICES).glob("*")):
        packets += sum(_without_packets(path, devices) for path in chunks(folder))
        marks += _without_marks(folder / MARKS, forgotten)
        _without_found(folder / EVENTS, devices)
    replace(trial.plan_path, _without_person(trial, plan, forgotten).encode())
    receipt = RemovalReceipt(
        at_unix_s=int(now_s), devices=len(devices), packets=packets, marks=marks, derived=tuple(derived)
    )
    with JsonLines(trial.path / RECEIPTS) as receipts:
        receipts.put(receipt)
    return receipt


def _without_packets(path: Path, devices: Sequence[str]) -> int:
    """Rewrite a chunk without the packets of ``devices``; return how many there were."""
    names = [device.encode() for device in devices]
    removed = 0
    pieces = list[bytes]()
    for piece in read_chunk(path):
        lines = piece.splitlines(keepends=True)
        kept = [line for line in lines if line.startswith(HEAD) or line.split(b",")[2] not in names]
        removed += len(lines) - len(kept)
        pieces.append(member(b"".join(kept)))
    if removed:
        replace(path, b"".join(pieces))
    return removed


def _without_marks(path: Path, forgotten: _Forgotten) -> int:
    marks = list(read_json_lines(path, MARKS_DECODER))
    kept = [
        mark
        for mark in marks
        if not forgotten.named(mark.text)
        and mark.nearest not in forgotten.devices
        and not any(d in forgotten.devices for pair in mark.distances for d in pair)
    ]
    if len(kept) < len(marks):
        replace(path, b"".join(msgspec.json.encode(mark) + b"\n" for mark in kept))
    return len(marks) - len(kept)


def _without_found(path: Path, devices: Sequence[str]) -> None:
    """Remove how others recognised ``devices``."""
    events = list(read_json_lines(path, EVENTS_DECODER))
    kept = [event for event in events if not (isinstance(event, DeviceFound) and event.device in devices)]
    if len(kept) < len(events):
        replace(path, b"".join(msgspec.json.encode(event) + b"\n" for event in kept))


def _without_person(trial: TrialFolder, plan: TrialPlan, forgotten: _Forgotten) -> str:
    """Return the plan's text with other names in place of the person's; it stays a plan."""
    text = trial.plan_path.read_text("utf-8")
    unused = _unused(plan)
    for device in forgotten.devices:
        text = _word(device).sub(next(unused), text)
    text = _word(forgotten.person).sub(REMOVED, text)
    theirs = [device for device in plan.devices if device.id in forgotten.devices]
    for value in filter(None, (value for one in theirs for value in (one.address, one.identifier))):
        text = re.sub(rf"([\"']){re.escape(value)}\1", '""', text)
    parse_plan(text, trial.plan_path)
    return text


def _unused(plan: TrialPlan) -> Iterator[str]:
    taken = {device.id for device in plan.devices}
    number = 0
    while True:
        number += 1
        if (name := f"{REMOVED}-{number}") not in taken:
            yield name


def _word(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])")
