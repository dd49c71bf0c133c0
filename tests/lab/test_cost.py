"""What the daemon costs in a crowd of 50 broadcasters, 200 adverts a second. The guest is slower than a Pi."""

from __future__ import annotations

from tests.lab.machine import Lab

CROWD = 50
MOST_RESIDENT_KIB = 100 * 1024


def test_a_crowd_of_fifty(lab: Lab) -> None:
    found = lab.play("cost", extended=False, controllers=1, strict_filter=False, crowd=CROWD, real_time=True).result
    a_second = found["adverts"] / found["adverts_in_s"]
    per_1000_s = found["cpu_s"] / found["cpu_in_s"] / a_second * 1000
    print(f"{a_second:.0f} adverts/s, {per_1000_s:.2f} CPU-s per 1,000, {found['resident_kib'] / 1024:.1f} MiB", found)
    assert found["adverts"] > 1000
    assert found["resident_kib"] < MOST_RESIDENT_KIB
