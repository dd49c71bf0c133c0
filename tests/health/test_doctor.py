"""The doctor's judgements, by table: a healthy device with one thing changed, and the finding that must follow."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from bluezone_agent.core.journal import RadioState, Records
from bluezone_agent.errors import N_, ConfigError, StoreError
from bluezone_agent.health.broadcast_proof import Proof
from bluezone_agent.health.doctor.checks import Facts, PathFacts, judge
from bluezone_agent.health.doctor.finding import Finding, Level
from bluezone_agent.health.health import AgentState, Problem
from bluezone_agent.health.status import Contents, Status, status
from bluezone_agent.radios.bluez import errors
from bluezone_agent.radios.bluez.facts import AdapterFacts, BluetoothFacts, BrokerFacts, RfkillFacts
from bluezone_agent.radios.bluez.inspect import kernel_adapters, read_rfkill
from bluezone_agent.radios.kernel.errors import no_broker

ADAPTER = AdapterFacts(
    "hci0",
    powered=True,
    discoverable=False,
    advertises=True,
    extended=True,
    monitors=True,
    instances_used=1,
    instances_free=4,
)
BLUETOOTH = BluetoothFacts(
    kernel_adapters=("hci0",),
    rfkill=(RfkillFacts("hci0", soft=False, hard=False),),
    version=(5, 66),
    adapters=(ADAPTER,),
)


@pytest.fixture(scope="module")
def well() -> Facts:
    """Return a device with which nothing is wrong."""
    empty = status(Records(), AgentState(running=False), Contents(), 1000.0)
    running = msgspec.structs.replace(
        empty,
        running=True,
        radio=RadioState(0, "bluez:hci0"),
        proof=Proof(True, 990, "bluez:hci1", -40),
        started_at_s=100,
        advertised_at_s=900,
        received_at_s=995,
        committed_at_s=961,
        complete_check_at_s=500,
        sources=1,
        problems=(),
    )
    return Facts(
        radios=("bluez:hci0",),
        bluetooth=BLUETOOTH,
        clock_trusted=True,
        sources=1,
        free_bytes=10**10,
        state_dir="/state",
        state=(PathFacts("/state", 0o700, mine=True),),
        status=running,
    )


def bad(facts: Facts) -> list[Finding]:
    return [finding for finding in judge(facts) if finding.level is not Level.OK]


def test_a_healthy_device_has_no_finding_but_ok(well: Facts) -> None:
    assert bad(well) == []
    assert {f.check for f in judge(well)} == {
        *(
            "configuration",
            "adapter",
            "rfkill",
            "bluez",
            "power",
            "advertising",
            "instances",
            "discoverable",
            "privacy",
        ),
        *("clock", "disk", "state", "agent", "broadcast", "proof", "hearing", "storing", "sources"),
    }


def adapter(**changes: object) -> dict[str, object]:
    return {"bluetooth": replace(BLUETOOTH, adapters=(replace(ADAPTER, **changes),))}  # type: ignore[arg-type]


def bluetooth(**changes: object) -> dict[str, object]:
    return {"bluetooth": replace(BLUETOOTH, **changes)}  # type: ignore[arg-type]


NO_BROKER = BrokerFacts(fault=no_broker("/run/x", ConnectionRefusedError(111, "Connection refused")))
NO_BUS = errors.no_bus("No such file or directory")
CASES: list[tuple[str, dict[str, object], str, Level, str, str]] = [
    (
        "config",
        {"config_error": ConfigError(N_("line 3 is wrong"), N_("mend it"))},
        "configuration",
        Level.FAULT,
        "line 3",
        "mend it",
    ),
    ("no adapter", bluetooth(kernel_adapters=(), rfkill=()), "adapter", Level.FAULT, "no Bluetooth adapter", "demo"),
    (
        "unknown",
        {"radios": ("bluez:hci3",)},
        "adapter",
        Level.FAULT,
        "no Bluetooth adapter hci3; there is hci0",
        "bluez:hci0",
    ),
    (
        "bluetoothd sees none",
        bluetooth(adapters=(), version=None),
        "adapter",
        Level.FAULT,
        "no Bluetooth adapter hci0",
        "restart bluetooth",
    ),
    (
        "rfkill",
        bluetooth(rfkill=(RfkillFacts("hci0", soft=True, hard=False),)),
        "rfkill",
        Level.FAULT,
        "by rfkill",
        "rfkill unblock bluetooth",
    ),
    (
        "slider",
        bluetooth(rfkill=(RfkillFacts("hci0", soft=False, hard=True),)),
        "rfkill",
        Level.FAULT,
        "by a hardware switch",
        "wireless switch",
    ),
    ("no bus", bluetooth(service_fault=NO_BUS), "bluetoothd", Level.FAULT, "no D-Bus system bus", "apt install bluez"),
    (
        "forbidden",
        bluetooth(service_fault=errors.forbidden("no")),
        "bluetoothd",
        Level.FAULT,
        "not permitted",
        "usermod -aG bluetooth",
    ),
    ("plain BlueZ", adapter(monitors=False), "bluez", Level.WARNING, "BlueZ 5.66 runs without", "bluetoothd -E"),
    ("off", adapter(powered=False), "power", Level.FAULT, "powered off", "bluetoothctl power on"),
    (
        "no LE",
        adapter(advertises=False),
        "advertising",
        Level.FAULT,
        "does not support Bluetooth Low Energy advertising",
        "another adapter",
    ),
    (
        "discoverable",
        adapter(discoverable=True),
        "discoverable",
        Level.FAULT,
        "linkable",
        "bluetoothctl discoverable off",
    ),
    (
        "privacy",
        bluetooth(privacy_fault=errors.privacy_on(Path("/etc/m.conf"), "device")),
        "privacy",
        Level.FAULT,
        "Privacy = device",
        "Privacy = off",
    ),
    ("virtual", {"radios": ("virtual",)}, "radio", Level.WARNING, "simulated", 'radio = "auto"'),
    ("bumble", {"radios": ("hci:0",)}, "hci", Level.FAULT, "bumble", "bluezone-agent[hci]"),
    ("capability", {"radios": ("hci:0",), **bluetooth(has_bumble=True)}, "hci", Level.FAULT, "CAP_NET_ADMIN", "root"),
    ("clock", {"clock_trusted": False}, "clock", Level.FAULT, "not synchronised", "timedatectl set-ntp true"),
    ("disk", {"free_bytes": 10**7}, "disk", Level.FAULT, "has 10 MB left", "free some"),
    ("disk soon", {"free_bytes": 10**8}, "disk", Level.WARNING, "has 100 MB left", "free some"),
    (
        "modes",
        {"state": (PathFacts("/state/agent.db", 0o644, mine=True),)},
        "state",
        Level.FAULT,
        "mode 644",
        "chmod -R go= /state",
    ),
    (
        "owner",
        {"state": (PathFacts("/state", 0o700, mine=False),)},
        "state",
        Level.WARNING,
        "a different user",
        "the user who runs",
    ),
    (
        "store",
        {"store_error": StoreError(N_("no SQLite file"), N_("move it"))},
        "state",
        Level.FAULT,
        "no SQLite file",
        "move it",
    ),
    (
        "no broker",
        {"radios": ("auto",), "broker": NO_BROKER},
        "broker",
        Level.WARNING,
        "can't reach the radio broker at /run/x: Connection refused; so bluetoothd is used",
        "sudo scripts/install",
    ),
    (
        "no broker for kernel",
        {"radios": ("kernel:hci0",), "broker": NO_BROKER},
        "broker",
        Level.FAULT,
        "can't reach the radio broker",
        "systemctl start bluezone-radio.socket",
    ),
    (
        "the broker's adapter is off",
        {"radios": ("auto",), "broker": BrokerFacts((replace(ADAPTER, powered=False),))},
        "power",
        Level.FAULT,
        "hci0 is powered off",
        "bluetoothctl power on",
    ),
    (
        "the broker's adapter is another one",
        {"radios": ("auto:hci3",), "broker": BrokerFacts((ADAPTER,))},
        "adapter",
        Level.FAULT,
        "no Bluetooth adapter hci3; there is hci0",
        'radio = "auto:hci0"',
    ),
    (
        "the broker knows no adapter",
        {"radios": ("kernel:hci3",), "broker": BrokerFacts()},
        "adapter",
        Level.FAULT,
        "no Bluetooth adapter hci3",
        "plug in",
    ),
    ("never ran", {"status": None}, "agent", Level.WARNING, "not running", "bluezone-agent run"),
    ("no source", {"sources": 0}, "sources", Level.WARNING, "no source", "[[source]]"),
]


@pytest.mark.parametrize(
    ("changes", "check", "level", "message", "remedy"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_finding(well: Facts, changes: dict[str, object], check: str, level: Level, message: str, remedy: str) -> None:
    found = [f for f in bad(replace(well, **changes)) if f.check == check]  # type: ignore[arg-type]
    assert [f.level for f in found] == [level]
    assert message in found[0].message.format(**found[0].fields)
    assert remedy in found[0].remedy.format(**found[0].fields)


RUNNING_CASES: list[tuple[Problem | None, dict[str, object], str, Level, str]] = [
    (
        Problem.NO_RADIO,
        {"radio": RadioState(0, works=False, message="{a} is off", fields={"a": "hci0"})},
        "radio",
        Level.FAULT,
        "hci0 is off",
    ),
    (Problem.NOT_BROADCASTING, {}, "broadcast", Level.FAULT, "the identifier did not change"),
    (Problem.NOT_PROVED, {}, "proof", Level.FAULT, "no other adapter receives"),
    (Problem.NOT_STORING, {}, "storing", Level.FAULT, "no data has been saved"),
    (Problem.NOT_CHECKING, {}, "sources", Level.FAULT, "30 hours"),
    (None, {"complete_check_at_s": None}, "sources", Level.WARNING, "no check has succeeded"),
    (None, {"complete_check_at_s": 1001}, "sources", Level.WARNING, "no check has succeeded"),
    (None, {"proof": Proof(at_s=1001, by="peer")}, "proof", Level.WARNING, "nothing verifies"),
    (None, {"proof": Proof()}, "proof", Level.WARNING, "nothing verifies"),
]


@pytest.mark.parametrize(("problem", "changes", "check", "level", "message"), RUNNING_CASES)
def test_finding_on_a_running_agent(
    well: Facts, problem: Problem | None, changes: dict[str, object], check: str, level: Level, message: str
) -> None:
    assert isinstance(well.status, Status)
    problems = (problem,) if problem else ()
    state = msgspec.structs.replace(well.status, problems=problems, **changes)
    (found,) = bad(replace(well, status=state))
    assert (found.check, found.level) == (check, level)
    assert message in found.message.format(**found.fields)


@pytest.mark.parametrize("ahead_s", [120, 86_400, 400 * 86_400])
def test_a_time_in_the_future_is_never_well(well: Facts, ahead_s: int) -> None:
    assert well.status is not None
    later = int(well.status.judged_at_s) + ahead_s
    times = ("advertised_at_s", "received_at_s", "committed_at_s", "complete_check_at_s")
    changed = msgspec.structs.replace(
        well.status, proof=Proof(True, later, "bluez:hci1", -40), **dict.fromkeys(times, later)
    )
    found = judge(replace(well, status=changed))
    assert [f.check for f in found if f.at_s == later] == []
    assert [f.check for f in found if f.level is not Level.OK] == ["sources"], "no check has succeeded so far"


@pytest.mark.parametrize("used", [5, 0], ids=["all in use", "a controller without any"])
def test_advertisements_in_use_are_a_fault_unless_they_are_ours(well: Facts, used: int) -> None:
    full = replace(well, **adapter(instances_used=used, instances_free=0))  # type: ignore[arg-type]
    assert bad(full) == []
    others = replace(full, status=None)
    assert "instances" in {f.check for f in bad(others) if f.level is Level.FAULT}


def test_what_the_operator_accepts_is_a_warning(well: Facts) -> None:
    privacy = errors.privacy_on(Path("/etc/m.conf"), "device")
    seen = replace(BLUETOOTH, adapters=(replace(ADAPTER, discoverable=True),), privacy_fault=privacy)
    facts = replace(well, bluetooth=seen, allow_linkable=("privacy", "discoverable"))
    assert [(f.check, f.level) for f in bad(facts)] == [("discoverable", Level.WARNING), ("privacy", Level.WARNING)]


def test_a_second_adapter_only_has_to_listen(well: Facts) -> None:
    second = replace(ADAPTER, name="hci1", instances_free=0)
    both = replace(BLUETOOTH, adapters=(ADAPTER, second))
    assert bad(replace(well, radios=("bluez:hci0", "bluez:hci1"), bluetooth=both, status=None))[0].check == "agent"
    off = replace(both, adapters=(ADAPTER, replace(second, powered=False)))
    (found,) = bad(replace(well, radios=("bluez:hci0", "bluez:hci1"), bluetooth=off))
    assert found.fields == {"adapter": "hci1"}


def test_with_the_broker_bluetoothd_need_not_run(well: Facts) -> None:
    facts = replace(
        well, radios=("auto",), broker=BrokerFacts((ADAPTER,)), bluetooth=BluetoothFacts(service_fault=NO_BUS)
    )
    assert [f.check for f in bad(facts)] == ["adapter"], "the kernel shows none in this case"
    facts = replace(facts, bluetooth=replace(facts.bluetooth, kernel_adapters=("hci0",)))
    assert bad(facts) == []


def test_a_machine_without_bluetooth_whose_radio_is_virtual_has_no_fault(well: Facts) -> None:
    facts = replace(well, radios=("virtual",), bluetooth=BluetoothFacts(service_fault=NO_BUS))
    assert [f.level for f in bad(facts)] == [Level.WARNING]


def test_every_text_is_filled(well: Facts) -> None:
    for changes in [c[1] for c in CASES]:
        for finding in judge(replace(well, **changes)):  # type: ignore[arg-type]
            for text in (finding.message, finding.remedy):
                assert not re.search(r"\{\w", text.format(**finding.fields))


def test_what_the_kernel_says(tmp_path: Path) -> None:
    assert kernel_adapters(tmp_path / "none") == ()
    for name in ("hci1", "hci0", "hci0:64", "other"):
        (tmp_path / "bluetooth" / name).mkdir(parents=True)
    assert kernel_adapters(tmp_path / "bluetooth") == ("hci0", "hci1")
    for number, kind in enumerate(("wlan", "bluetooth")):
        switch = tmp_path / "rfkill" / f"rfkill{number}"
        switch.mkdir(parents=True)
        for name, value in (("type", kind), ("name", f"hci{number}"), ("soft", "1"), ("hard", "0")):
            (switch / name).write_text(f"{value}\n")
    (tmp_path / "rfkill" / "rfkill2").mkdir()
    assert read_rfkill(tmp_path / "rfkill") == (RfkillFacts("hci1", soft=True, hard=False),)
