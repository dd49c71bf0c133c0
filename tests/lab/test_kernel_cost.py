"""What a crowd costs through the kernel's radio and through D-Bus, in one run; the figures are in docs/bluez.md."""

from __future__ import annotations

from typing import Any

from tests.lab.machine import Lab


def per_thousand_s(found: dict[str, Any]) -> dict[str, float]:
    """Return the CPU seconds of each process, and of all, for 1,000 adverts."""
    adverts = found["adverts"] / found["adverts_in_s"] * found["cpu_in_s"] / 1000
    each = {name: cpu_s / adverts for name, cpu_s in found["cpu_s"].items()}
    return {**each, "all": sum(each.values())}


def test_a_crowd_through_dbus_and_through_the_kernel(lab: Lab) -> None:
    played = lab.play(
        "kernel_cost", extended=False, controllers=1, strict_filter=False, crowd=50, real_time=True, timeout_s=1200
    )
    for stack, found in played.result.items():
        each = ", ".join(f"{name} {cpu_s:.3f} s" for name, cpu_s in per_thousand_s(found).items())
        print(f"{stack}: {found['adverts']} adverts in {found['adverts_in_s']} s; per 1,000: {each}")
        assert found["adverts"] > 1000
    assert set(played.result["kernel"]["cpu_s"]) == {"agent", "bluetoothd", "broker"}
