"""A kill or a power cut takes at most what was received since the last flush, and leaves nothing unreadable."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from bluezone_agent.scenarios.scratch import scratch_folder
from bluezone_agent.trials.append import AppendedFile, JsonLines, read_json_lines
from bluezone_agent.trials.packets import PacketWriter, chunks, read_chunk
from bluezone_agent.trials.records import MARKS_DECODER, TrialMark
from tests.faults.disk import Disk, Said
from tests.faults.disk import record as recorded
from tests.test_files import full_disk
from tests.trials.recording import A_FLUSH, marks_in, packet, packets_in, record

needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace, to see what reaches the disk")
Acknowledged = dict[tuple[str, int], int]


def heed(acknowledged: Acknowledged, text: str) -> None:
    for line in text.splitlines():
        what, first, end = line.split()
        acknowledged[what, int(first)] = int(end)


def missing(folder: Path, acknowledged: Acknowledged) -> set[tuple[str, int]]:
    """Return what was acknowledged and can't be read."""
    found = {("PACKETS", n) for n in packets_in(folder)} | {("MARKS", n) for n in marks_in(folder)}
    return {(what, n) for (what, first), end in acknowledged.items() for n in range(first, end)} - found


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_after_kills_everything_acknowledged_is_there(tmp_path: Path, long: bool) -> None:
    random, acknowledged = Random(1), Acknowledged()
    kills = 1000 if long else 25
    for run in range(kills):
        command = [sys.executable, "-m", "tests.trials.recording", str(tmp_path), str(run * 10**6), "1000000"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as recorder:
            assert recorder.stdout is not None
            said = [recorder.stdout.readline() for _ in range(random.randint(1, 60))]
            recorder.kill()
            said += recorder.stdout.readlines()
        heed(acknowledged, "".join(line for line in said if line.endswith("\n")))
        assert missing(tmp_path, acknowledged) == set()
    numbers = packets_in(tmp_path)
    assert len(numbers) == len(set(numbers)), "nothing is there twice"
    print(f"{kills} kills: {len(numbers)} packets, {len(marks_in(tmp_path))} marks, 0 missing")


@needs_strace
@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_no_power_cut_loses_what_was_acknowledged(tmp_path: Path, long: bool) -> None:
    folder = tmp_path / "device"
    folder.mkdir()
    command = [sys.executable, "-m", "tests.trials.recording", str(folder)]
    disk, acknowledged, states, random = Disk(), Acknowledged(), Counter[str](), Random(1)
    for run in range(2):
        log = tmp_path / f"{run}.log"
        for event in recorded([*command, str(run * 10**6), "120" if long else "30"], folder, log):
            disk.apply(event)
            if isinstance(event, Said):
                heed(acknowledged, event.text)
            for files in disk.after_an_early_end(random, 5):
                states["lost" if _lost(files, acknowledged) else "whole"] += 1
    print(states)
    assert states["whole"] > (4000 if long else 1000)
    assert states["lost"] == 0


def _lost(files: dict[str, bytearray], acknowledged: Acknowledged) -> bool:
    with scratch_folder() as scratch:
        for name, data in files.items():
            (scratch / name).write_bytes(data)
        lost = missing(scratch, acknowledged)
        record(scratch, 5 * 10**6, 1)  # it can be continued
        return bool(lost or missing(scratch, acknowledged | {("PACKETS", 5 * 10**6): 5 * 10**6 + A_FLUSH}))


def test_a_torn_piece_ends_its_chunk_and_the_next_run_begins_another(tmp_path: Path) -> None:
    record(tmp_path, 0, 2)
    (chunk,) = chunks(tmp_path)
    data = chunk.read_bytes()
    for length in range(len(data)):
        chunk.write_bytes(data[:length])
        torn = list[int]()
        pieces = list(read_chunk(chunk, torn.append))
        assert len(pieces) <= 1
        assert sum(torn) + len(pieces) > 0 or length == 0
    chunk.write_bytes(data[:-3])
    record(tmp_path, 100, 1)
    assert packets_in(tmp_path) == [*range(A_FLUSH), *range(100, 100 + A_FLUSH)]


def test_a_damaged_byte_is_noticed(tmp_path: Path) -> None:
    record(tmp_path, 0, 1)
    (chunk,) = chunks(tmp_path)
    data = bytearray(chunk.read_bytes())
    data[len(data) // 2] ^= 1
    chunk.write_bytes(data)
    torn = list[int]()
    assert list(read_chunk(chunk, torn.append)) == []
    assert torn == [len(data)]


def test_what_a_full_disk_refuses_waits_and_is_written_later(tmp_path: Path) -> None:
    writer = PacketWriter(tmp_path)
    for number in range(100):
        writer.add(packet(number))
    with full_disk(50), pytest.raises(OSError, match="File too large"):
        writer.flush()
    assert packets_in(tmp_path) == []
    writer.add(packet(100))
    writer.flush()
    writer.close()
    assert packets_in(tmp_path) == list(range(101))
    assert (writer.written, writer.lost) == (101, 0)


def test_a_line_that_a_full_disk_cuts_leaves_no_trace(tmp_path: Path) -> None:
    with AppendedFile(tmp_path / "f") as file:
        file.append(b"a" * 40)
        with full_disk(60), pytest.raises(OSError, match="File too large"):
            file.append(b"b" * 40)
        file.append(b"c")
    assert (tmp_path / "f").read_bytes() == b"a" * 40 + b"c"


def test_a_torn_line_is_removed_when_its_file_is_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "marks.jsonl"
    with JsonLines(path) as marks:
        marks.put(TrialMark(boottime_ns=1, wall_ns=2, text="one"))
    path.write_bytes(path.read_bytes() + b'{"boottime_ns":3,"wa')
    with JsonLines(path) as marks:
        marks.put(TrialMark(boottime_ns=5, wall_ns=6, text="two"))
    assert [mark.text for mark in read_json_lines(path, MARKS_DECODER)] == ["one", "two"]


def test_packets_are_many_before_any_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bluezone_agent.trials.packets.MOST_WAITING", 10)
    writer = PacketWriter(tmp_path)
    for number in range(12):
        writer.add(packet(number))
    writer.flush()
    writer.close()
    assert (writer.lost, packets_in(tmp_path)) == (2, list(range(10)))
