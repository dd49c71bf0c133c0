"""What a commune, a province and a country cost: measured constants, and the arithmetic from them.

    python -m benchmarks.scale [KEYS]        publish and check KEYS keys (1,000,000), then the table

Measured here: what ``authority publish`` takes for KEYS daily keys of 14 days, first and once more with nothing new;
bytes a key in the files; what a device's ``check`` takes of CPU a key, beside 50,000 identifiers received. Assumed, and
named in the table's head: cases, adoption, daily keys of a case, checks a day.
"""

from __future__ import annotations

import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bluezone_agent.authority.publish import init, publish
from bluezone_agent.core.diagnosis_keys.key_export import read_key_export
from bluezone_agent.core.diagnosis_keys.submission import write_submission
from bluezone_agent.core.identifiers import DailyKey, ReportType
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.matching import ReceivedIdentifiers, match
from bluezone_agent.core.protocols import PROTOCOLS

KEYS: Final = 1_000_000
KEYS_OF_A_CASE: Final = 14
CASES_A_MILLION: Final = 100
"""New cases a day in a million people: 9,700 in a country of 97 million."""
CHECKS_A_DAY: Final = 6
REQUESTS_A_CHECK: Final = 1
"""The signed index; a file that is new is one more, and is fetched once."""
INDEX_BYTES: Final = 700
HEADERS_BYTES: Final = 6_000
"""A TLS 1.3 handshake with a certificate chain, and HTTP's headers: the order of size."""
RECEIVED: Final = 50_000
KEYS_A_FILE: Final = 30_000
PI_TIMES: Final = 6.0
"""How much slower a core of a Raspberry Pi 3B+ is than this machine's; see docs/scale.md."""
PI_WATT: Final = 0.8
"""One busy core more: a Raspberry Pi 3B+ takes 1.9 W idle and 5.1 W with four busy cores (pidramble.com)."""
PLACES: Final = (("a commune", 10_000), ("a province", 1_200_000), ("a country", 97_000_000))
ADOPTIONS: Final = (0.06, 0.60)


@dataclass(frozen=True, slots=True)
class Measured:
    """The constants."""

    publish_s: float
    publish_again_s: float
    publish_peak_mib: float
    bytes_a_key: float
    files: int
    check_us_a_key: float


def in_child(work: Callable[[], object]) -> tuple[float, float]:
    """Run ``work`` in a process of its own; return wall seconds and its peak memory in MiB."""
    began = time.perf_counter()
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    _pid, status, usage = os.wait4(child, 0)
    if status:
        raise SystemExit(f"the process ended with {status}")
    return time.perf_counter() - began, usage.ru_maxrss / 1024


def write_submissions(folder: Path, keys: int, today_s: int) -> None:
    """Write what KEYS / 14 cases submit, a file each."""
    slots = PROTOCOLS["gaen"].slots_per_day
    for number in range(keys // KEYS_OF_A_CASE):
        starts = (today_s - (1 + day) * DAY_S for day in range(KEYS_OF_A_CASE))
        own = [DailyKey("gaen", os.urandom(16), start, start + DAY_S, slots) for start in starts]
        (folder / f"{number:07}.json").write_bytes(write_submission(own, None))


def measure(keys: int) -> Measured:
    """Publish and check ``keys`` daily keys."""
    now_s = time.time()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        submissions, public = folder / "submissions", folder / "public"
        submissions.mkdir()
        write_submissions(submissions, keys, int(now_s) // DAY_S * DAY_S)
        key = init(folder / "signing", "452", "v1")

        def publishing() -> None:
            publish([submissions], key, public, now_s, report_type=ReportType.CONFIRMED_TEST, region="VN")

        first_s, peak_mib = in_child(publishing)
        again_s, _ = in_child(publishing)
        files = sorted(public.rglob("*.zip"))
        size = sum(file.stat().st_size for file in files)
        check_us = _check_cpu_s(files, key.verification_key, now_s) / keys * 1e6
        shutil.rmtree(submissions)
    return Measured(first_s, again_s, peak_mib, size / keys, len(files), check_us)


def _check_cpu_s(files: list[Path], verification_key: object, now_s: float) -> float:
    """Return the CPU seconds in which a device verifies, reads and matches ``files``."""
    received = ReceivedIdentifiers(os.urandom(RECEIVED * 16), 16)
    began = time.process_time()
    for path in files:
        file = read_key_export(path.name, path.read_bytes(), verification_key, now_s)  # type: ignore[arg-type]
        for _ in match(PROTOCOLS["gaen"], (k for part in file.batches() for k in part.keys), received):
            raise SystemExit("a random key matched")
    return time.process_time() - began


def table(found: Measured) -> None:
    """Print one row for each place and adoption."""
    print(f"\n{CASES_A_MILLION} new cases a day in a million people; a case publishes {KEYS_OF_A_CASE} daily keys;")
    print(f"a device checks {CHECKS_A_DAY} times a day; Raspberry Pi: {PI_TIMES:.0f} times this CPU, {PI_WATT} W\n")
    print("place        adoption   devices    keys a day  files  MB/device·day  requests/s    CDN       CPU    energy")
    print("                                                                               Gbit/s  s/Pi·day  J/Pi·day")
    for name, people in PLACES:
        for adoption in ADOPTIONS:
            _row(name, people, adoption, found)


def _row(name: str, people: int, adoption: float, found: Measured) -> None:
    devices = people * adoption
    keys = devices * CASES_A_MILLION / 1e6 * KEYS_OF_A_CASE
    published = max(keys, 1000.0)  # smaller files are padded
    files = -(-published // KEYS_A_FILE)
    requests = CHECKS_A_DAY * REQUESTS_A_CHECK + files
    transferred = published * found.bytes_a_key + CHECKS_A_DAY * INDEX_BYTES + CHECKS_A_DAY * HEADERS_BYTES
    cpu_s = published * found.check_us_a_key / 1e6 * PI_TIMES
    print(
        f"{name:<12} {adoption:>8.0%} {devices:>10,.0f} {keys:>12,.0f} {files:>6,.0f} {transferred / 1e6:>13.2f}"
        f" {devices * requests / DAY_S:>12,.1f} {devices * transferred * 8 / DAY_S / 1e9:>8.4f}"
        f" {cpu_s:>8.1f} {cpu_s * PI_WATT:>9.1f}"
    )


def main(arguments: list[str]) -> None:
    """Measure, and print the table."""
    keys = int(arguments[0]) if arguments else KEYS
    found = measure(keys)
    print(f"{keys:,} keys: authority publish {found.publish_s:.0f} s, peak {found.publish_peak_mib:.0f} MiB;")
    print(f"once more with nothing new {found.publish_again_s:.0f} s; {found.files} files,")
    print(f"{found.bytes_a_key:.1f} bytes a key; a device's check {found.check_us_a_key:.1f} us of CPU a key;")
    print(f"peak of this process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")
    table(found)


if __name__ == "__main__":
    main(sys.argv[1:])
