"""What a monitor of the kernel receives: scan duty, a bonded device that is away, monitors in the controller."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.lab.machine import RELEASES, Lab, Outcome

SCAN_PARAMETERS: Final = ("HCI_LE_SET_EXTENDED_SCAN_PARAMETERS_COMMAND", "HCI_LE_SET_SCAN_PARAMETERS_COMMAND")


KINDS: Final = [(kind, debian) for debian in RELEASES for kind in ("extended", "legacy")]
IDS: Final = [f"{kind}-debian{debian}" for kind, debian in KINDS]


@pytest.fixture(scope="module", params=KINDS, ids=IDS)
def monitors(request: pytest.FixtureRequest, lab: Lab) -> Outcome:
    kind, debian = request.param
    return lab.play("monitors", extended=kind == "extended", debian=debian, experimental=True)


@pytest.fixture(scope="module", params=KINDS, ids=IDS)
def offloaded(request: pytest.FixtureRequest, lab: Lab) -> Outcome:
    kind, debian = request.param
    return lab.play("monitors", extended=kind == "extended", debian=debian, experimental=True, msft=True)


def share(outcome: Outcome, step: str) -> float:
    found = outcome.result[step]
    print(
        f"{outcome.out.name} {step}: {found['received']} of {found['sent']},"
        f" longest gap {found['longest_gap_s']:.1f} s, handles {found['handles']}"
    )
    return float(found["received"] / found["sent"])


def scans(outcome: Outcome, step: str) -> list[tuple[int, int, int]]:
    """Return filter policy, interval and window of each scan during a step, the one that it began with included."""
    found: dict[str, Any] = outcome.result[step]
    before: list[tuple[int, int, int]] = []
    during: list[tuple[int, int, int]] = []
    for at, who, name, *rest in outcome.hci:
        if who != "1" or name not in SCAN_PARAMETERS or float(at) >= found["ended_s"] - 0.01:
            continue
        data = bytes.fromhex(rest[0])
        policy, interval, window = (data[1], 4, 6) if name == SCAN_PARAMETERS[0] else (data[6], 1, 3)
        asked = policy, _u16(data, interval), _u16(data, window)
        (before if float(at) < found["began_s"] else during).append(asked)
    return [before[-1], *during]


def _u16(data: bytes, start: int) -> int:
    return int.from_bytes(data[start : start + 2], "little")


def test_linux_listens_half_of_the_time(monitors: Outcome) -> None:
    assert set(scans(monitors, "as the kernel has it")) == {(0, 0x60, 0x30)}
    assert 0.45 < share(monitors, "as the kernel has it") < 0.55


def test_all_of_the_time_is_nearly_every_packet(monitors: Outcome) -> None:
    assert set(scans(monitors, "all the time")) == {(0, 0x60, 0x60)}
    assert share(monitors, "all the time") >= 0.97
    assert monitors.result["all the time"]["longest_gap_s"] < 1


def test_a_bonded_device_that_is_away_costs_nothing_by_default(monitors: Outcome) -> None:
    """Linux 6.1 and 6.12 have interleaving (type 0x001f) off: the scan goes on for everybody."""
    assert {policy for policy, *_ in scans(monitors, "bonded device away")} == {0}
    assert share(monitors, "bonded device away") >= 0.97


def test_interleaved_a_bonded_device_takes_three_eighths(monitors: Outcome) -> None:
    """300 ms for the accept list, 500 ms for everybody (types 0x001d and 0x001e)."""
    step = "bonded device away, interleaved"
    policies = [policy for policy, *_ in scans(monitors, step)]
    assert policies.count(0) == pytest.approx(120 / 0.8, rel=0.1)
    assert policies.count(1) == pytest.approx(120 / 0.8, rel=0.1)
    assert 0.55 < share(monitors, step) < 0.66


def test_a_monitor_in_the_controller_reports_as_often_as_it_is_told(offloaded: Outcome) -> None:
    assert share(offloaded, "sampling 0") >= 0.97
    assert share(offloaded, "all the time") >= 0.97, "a monitor without a period is one with period 0"
    assert offloaded.result["sampling 5"]["received"] == pytest.approx(120 / 0.5, rel=0.1)
    assert offloaded.result["sampling 255"]["received"] <= 1
    for step in ("sampling 0", "sampling 5"):
        share(offloaded, step)
        assert {policy for policy, *_ in scans(offloaded, step)} == {1}, "the controller adds whom it monitors"


def test_the_kernel_gave_the_monitor_to_the_controller(offloaded: Outcome) -> None:
    commands = [bytes.fromhex(rest[0]) for _, who, name, *rest in offloaded.hci if who == "1" and name == "MSFT"]
    assert {command[0] for command in commands} == {0, 3, 4, 5}
    assert {command[4] for command in commands if command[0] == 3} == {0, 5, 0xFF}
