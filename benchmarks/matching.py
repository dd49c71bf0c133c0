"""What a published key costs to match, beside the matchers that everyone writes; and a whole check of a large export.

    python -m benchmarks.matching [KEYS]            one table, both protocols, 10k, 100k and 1M identifiers heard
    python -m benchmarks.matching --check [KEYS]    verify, parse and match one export in a process of its own

CPU microseconds a key, the least of three times. ``naive`` derives one identifier at a time with the library's HKDF and
AES and looks it up in a set; ``one call`` derives a key's identifiers at once and looks each up in a set. Both run on
fewer keys.
"""

from __future__ import annotations

import os
import resource
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES128
from cryptography.hazmat.primitives.ciphers.modes import ECB
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bluezone_agent.core.bluezone import ID_INDICES
from bluezone_agent.core.diagnosis_keys.key_export import read_key_export, write_key_export
from bluezone_agent.core.diagnosis_keys.signing import SigningKey
from bluezone_agent.core.identifiers import DailyKey, DiagnosisKey
from bluezone_agent.core.intervals import DAY_S, ENIN_S
from bluezone_agent.core.matching import ReceivedIdentifiers, match
from bluezone_agent.core.protocols import PROTOCOLS

TODAY_S = 1_600_041_600
NOW_S = TODAY_S + 12 * 3600
PLANTED = 20
REPEATS = 3


def random_keys(protocol: str, count: int) -> list[DiagnosisKey]:
    """Return keys of the last 14 days."""
    p = PROTOCOLS[protocol]
    starts = [TODAY_S - (1 + i % 14) * DAY_S for i in range(count)]
    return [
        DiagnosisKey(DailyKey(protocol, os.urandom(p.key_length), start, start + DAY_S, p.slots_per_day))
        for start in starts
    ]


def received_of(protocol: str, keys: list[DiagnosisKey], count: int) -> bytes:
    """Return ``count`` identifiers heard, one after the other, some of them of the first keys."""
    p = PROTOCOLS[protocol]
    planted = b"".join(p.identifiers(k.key)[: p.identifier_length] for k in keys[:PLANTED])
    return planted + os.urandom(count * p.identifier_length - len(planted))


def naive_gaen(key: DailyKey) -> Iterable[bytes]:
    """Derive as the specification reads: one block after the other."""
    rpik = HKDF(SHA256(), length=16, salt=None, info=b"EN-RPIK").derive(key.data)
    for enin in range(key.starts_at_s // ENIN_S, key.ends_at_s // ENIN_S):
        encryptor = Cipher(AES128(rpik), ECB()).encryptor()
        yield encryptor.update(b"EN-RPI" + bytes(6) + struct.pack("<I", enin)) + encryptor.finalize()


def naive_bluezone(key: DailyKey) -> Iterable[bytes]:
    """Walk the chain and pick each identifier's bytes."""
    sub_key = sha256(key.data + b"bluzonesubkey").digest()
    for _ in range(key.slots_per_day):
        yield bytes(sub_key[i] for i in ID_INDICES)
        sub_key = sha256(sub_key).digest()


NAIVE: dict[str, Callable[[DailyKey], Iterable[bytes]]] = {"gaen": naive_gaen, "bluezone": naive_bluezone}


def one_call(protocol: str, key: DailyKey) -> Iterable[bytes]:
    """Derive a key's identifiers at once."""
    p = PROTOCOLS[protocol]
    derived = p.identifiers(key)
    return (derived[i : i + p.identifier_length] for i in range(0, len(derived), p.identifier_length))


def cpu_us(work: Callable[[], int], count: int) -> tuple[float, int]:
    """Return CPU microseconds for each of ``count``, the least of three times, and what ``work`` found."""
    times, found = [], 0
    for _ in range(REPEATS):
        began = time.process_time()
        found = work()
        times.append(time.process_time() - began)
    return min(times) / count * 1e6, found


def compare(protocol: str, keys: list[DiagnosisKey], received_count: int) -> None:
    """Print one row."""
    p = PROTOCOLS[protocol]
    packed = received_of(protocol, keys, received_count)
    received = ReceivedIdentifiers(packed, p.identifier_length)
    as_set = {packed[i : i + p.identifier_length] for i in range(0, len(packed), p.identifier_length)}
    some, few = keys[: len(keys) // 10], keys[: max(200, len(keys) // 100)]
    ours, found = cpu_us(lambda: sum(1 for _ in match(p, keys, received)), len(keys))
    single, found_single = cpu_us(lambda: sum(i in as_set for k in some for i in one_call(protocol, k.key)), len(some))
    naive, found_naive = cpu_us(lambda: sum(i in as_set for k in few for i in NAIVE[protocol](k.key)), len(few))
    if not found == found_single == found_naive == PLANTED:
        raise SystemExit(f"planted {PLANTED}, found {found}, {found_single}, {found_naive}")
    print(
        f"{protocol:<9} {received_count:>9,} {ours:>8.1f} {single:>9.1f} {naive:>8.1f}"
        f" {single / ours:>11.1f} {naive / ours:>8.1f}"
    )


def check_an_export(count: int) -> None:
    """Write an export to disk, then verify, parse and match it as a check does; print what it took."""
    signing_key = SigningKey("452", "v1", ec.generate_private_key(ec.SECP256R1()))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "export.zip"
        child = os.fork()
        if child == 0:  # what making it costs is not measured
            path.write_bytes(
                write_key_export(random_keys("gaen", count), signing_key, start_s=1, end_s=NOW_S, region="VN")
            )
            os._exit(0)
        os.waitpid(child, 0)
        before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        received = ReceivedIdentifiers(os.urandom(100_000 * 16), 16)
        began = time.process_time()
        file = read_key_export("export.zip", path.read_bytes(), signing_key.verification_key, NOW_S)
        verified = time.process_time()
        parsed = sum(len(entries) for entries in file.entries())
        read = time.process_time()
        keys = (k for part in file.batches() for k in part.keys)
        found = sum(1 for _ in match(PROTOCOLS["gaen"], keys, received))
        ended = time.process_time()
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{parsed:,} keys, {found} found; CPU: verify {verified - began:.1f} s,")
    print(f"parse {read - verified:.1f} s ({(read - verified) / count * 1e6:.2f} us a key),")
    print(f"parse, judge and match {ended - read:.1f} s ({(ended - read) / count * 1e6:.1f} us a key);")
    print(f"whole {verified - began + ended - read:.1f} s on one core;")
    print(f"peak memory {peak_kb / 1024:.0f} MiB ({before_kb / 1024:.0f} before)")


def main(arguments: list[str]) -> None:
    """Run one of the two."""
    if arguments[:1] == ["--check"]:
        check_an_export(int(arguments[1]) if len(arguments) > 1 else 1_000_000)
        return
    count = int(arguments[0]) if arguments else 100_000
    print(f"{count:,} keys; CPU microseconds a key; ratios to ours, same run")
    print("protocol      heard     ours  one call    naive  one call/x  naive/x")
    for protocol in ("gaen", "bluezone"):
        keys = random_keys(protocol, count)
        for received_count in (10_000, 100_000, 1_000_000):
            compare(protocol, keys, received_count)


if __name__ == "__main__":
    main(sys.argv[1:])
