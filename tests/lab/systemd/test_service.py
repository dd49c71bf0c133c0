"""The service as a node lives it: installed, broken, left alone for two days, cut from power twice, taken off again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import pytest

from tests.lab.systemd.computer import Computer

PRIVATE: Final = {"bluezone 700", "bluezone 600"}
WATCHDOG_S: Final = 60
RESTART_S: Final = 10

pytestmark = pytest.mark.timeout(1800)


@pytest.fixture(scope="module")
def computer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Computer]:
    with TemporaryDirectory(dir="/dev/shm") as memory:
        yield Computer(tmp_path_factory.mktemp("computer"), Path(memory, "disk.ext4"))


@pytest.fixture(scope="module")
def installed(computer: Computer) -> Any:
    return computer.boot("install")


@pytest.fixture(scope="module")
def broken(computer: Computer, installed: Any) -> Any:
    return computer.boot("faults")


@pytest.fixture(scope="module")
def encrypted(computer: Computer, installed: Any) -> Any:
    return computer.boot("encrypted", from_copy=True)


@pytest.fixture(scope="module")
def single(computer: Computer, broken: Any) -> Any:
    return computer.boot("two_days", from_copy=True)


@pytest.fixture(scope="module")
def removed(computer: Computer, broken: Any, single: Any, encrypted: Any) -> Any:
    return computer.boot("uninstall")


def test_it_is_installed_and_a_second_time_changes_nothing(installed: Any) -> None:
    assert (installed["first"]["code"], installed["second"]["code"]) == (0, 0), installed["first"]
    assert "wrote /usr/local/lib/systemd/system/bluezone-agent.service" in installed["first"]["stdout"]
    assert "wrote /etc/bluezone-agent/bluezone-agent.toml" in installed["first"]["stdout"]
    assert "wrote" not in installed["second"]["stdout"]
    assert "kept /etc/bluezone-agent/bluezone-agent.toml" in installed["second"]["stdout"]
    assert installed["configured"]
    assert installed["failed"] == ""
    assert "bluezone-check.timer" in installed["timers"]


def test_two_agents_hear_each_other_under_their_sandbox(installed: Any) -> None:
    for facts in (installed["facts"], installed["second_facts"]):
        assert (facts["ActiveState"], facts["SubState"], facts["NRestarts"]) == ("active", "running", "0")
        assert facts["CapEff"] == "0000000000000000"
        assert (facts["NoNewPrivs"], facts["Seccomp"]) == ("1", "2")
        assert facts["Uid"].split()[0] not in ("", "0")
        assert [line.split(":")[0].strip() for line in facts["interfaces"].splitlines()] == ["lo"]
    for minutes in (installed["minutes"], installed["second_minutes"]):
        assert len({minute for minute, _ in minutes}) >= 4


def test_systemctl_and_status_tell_the_truth(installed: Any) -> None:
    assert installed["status"]["problems"] == []
    assert installed["status"]["running"]
    assert installed["facts"]["StatusText"].startswith("broadcasting, newest identifier since ")
    assert installed["facts"]["StatusText"] in installed["systemctl"]["stdout"]
    assert "Active: active (running)" in installed["systemctl"]["stdout"]
    assert " 0.3 " in installed["security"]


def test_nobody_else_reads_its_files(installed: Any) -> None:
    modes: dict[str, str] = installed["modes"]
    state = {path: mode for path, mode in modes.items() if path.startswith(("/var/lib", "/run"))}
    assert {"/var/lib/bluezone-agent/agent.db", "/run/bluezone-agent/agent.sock"} <= set(state)
    assert set(state.values()) <= PRIVATE
    assert modes["/etc/bluezone-agent"] == "root 750"
    assert modes["/etc/bluezone-agent/bluezone-agent.toml"] == "root 640"
    assert installed["other_user"]["code"] == 78
    assert "can't read the configuration" in installed["other_user"]["stderr"]
    assert "with sudo" in installed["other_user"]["stderr"]


def test_it_takes_little_memory(installed: Any) -> None:
    assert int(installed["facts"]["VmRSS"].split()[0]) <= 80 * 1024  # the aim is 60 MiB, docs/systemd.md has the figure


@pytest.mark.parametrize(
    ("fault", "within_s"),
    [("SIGKILL", RESTART_S + 5), ("SIGSEGV", RESTART_S + 5), ("SIGSTOP", WATCHDOG_S + 2 * RESTART_S + 5)],
)
def test_what_dies_or_hangs_is_started_again(broken: Any, fault: str, within_s: float) -> None:
    assert broken[fault]["restarted_s"] <= within_s
    assert broken[fault]["active_s"] <= 30
    assert broken["cores"] == []


def test_a_killed_bluetoothd_is_said_and_survived(broken: Any) -> None:
    killed = broken["bluetoothd"]
    during = killed["during"]
    assert during["status"]["problems"] == ["no_radio"]
    assert during["facts"]["ActiveState"] == "active"
    assert during["facts"]["StatusText"].startswith("the radio is not available")
    assert killed["same_process"]
    assert broken["afterwards"]["problems"] == []


def test_a_bluetoothd_that_crashed_is_back_through_the_bus_at_once(broken: Any) -> None:
    crashed = broken["bluetoothd_crashed"]
    assert crashed["same_process"]
    assert crashed["gap"], "a crash leaves a gap in listening"
    assert sum(crashed["gap"]) < 60


def test_no_committed_minute_is_lost_in_two_power_cuts(installed: Any, broken: Any, removed: Any) -> None:
    for before, after in ((installed, broken), (broken, removed)):
        assert after["integrity"] == "ok"
        assert rows(before["minutes"]) - rows(after["kept"]) == set()
        assert len(rows(before["minutes"])) > 0


def rows(minutes: list[list[Any]]) -> set[tuple[Any, ...]]:
    return {tuple(row) for row in minutes}


def test_a_sealed_store_opens_from_its_credential(encrypted: Any) -> None:
    assert encrypted["encrypted"]["code"] == 0, encrypted["encrypted"]
    assert encrypted["sealed"]["encrypted"]
    assert encrypted["status"]["problems"] == []
    assert encrypted["keys"] > 0
    assert encrypted["plain"] == [], "a key lies plain in the file"
    assert any("keys_encrypted" in line for line in encrypted["journal"])
    assert encrypted["export_without"]["code"] == 2
    assert encrypted["export"]["code"] == 0, encrypted["export"]


def test_and_refuses_without_it(encrypted: Any) -> None:
    without = encrypted["without"]
    assert (without["ActiveState"], without["ExecMainStatus"]) == ("failed", "78"), without
    assert without["NRestarts"] == "0", "trying again mends nothing"
    assert any("are encrypted, and no passphrase was given" in line for line in without["journal"])
    assert not encrypted["status_without"]["running"]
    assert encrypted["listed_without"]["encrypted"]
    assert encrypted["back_s"] <= 60
    assert int(encrypted["facts"]["VmRSS"].split()[0]) <= 80 * 1024, "what the passphrase costs is given back"
    assert encrypted["purged"]["code"] == 0
    assert not encrypted["left"], "the next installation would ask for a credential that is gone"


def test_the_timer_checks_every_four_hours_whatever_the_clock_does(single: Any) -> None:
    # two days and a step of three hours over a calendar timer: 12 or 13 checks, none of them doubled
    assert 11 <= len(single["finished"]) <= 14
    assert single["check"]["Result"] == "success"
    assert "not_checking" not in single["status"]["problems"]
    assert single["status"]["complete_check_at"] is not None


def test_the_owner_is_told_once_that_nobody_listens_and_once_that_somebody_does(single: Any) -> None:
    notices = notified_since(single["began_s"], single["told"])
    assert [text.partition(":")[0] for _, text in notices] == ["bluezone-agent needs attention"]
    assert "This device has not scanned since" in notices[0][1]
    assert 1795 <= float(notices[0][0]) - single["began_s"] <= 1800 + 300
    (_, afterwards) = notified_since(single["began_s"], single["told_afterwards"])
    assert afterwards[1].startswith("bluezone-agent works again: This device is scanning again. It had stopped at ")


def notified_since(began_s: float, lines: list[str]) -> list[list[str]]:
    """Return time and text of the notices since then: the computer was off before, which the owner was told too."""
    notices = [line.split(" ", 1) for line in lines]
    return [one for one in notices if float(one[0]) >= began_s]


def test_an_agent_that_waits_for_its_radio_for_two_days_is_not_restarted(single: Any) -> None:
    assert single["facts"]["NRestarts"] == "0"
    assert single["status"]["problems"] == ["no_radio"]
    assert set(single["modes"].values()) - PRIVATE == set()


def test_nothing_is_left_but_the_state_and_with_purge_nothing(removed: Any) -> None:
    assert removed["uninstalled"]["code"] == removed["purged"]["code"] == 0
    assert [path for path in removed["left"] if not path.startswith("/var/lib/bluezone-agent")] == [
        "/etc/bluezone-agent",
        "/etc/bluezone-agent/bluezone-agent.toml",
    ]
    assert "kept /etc/bluezone-agent, which was changed" in removed["uninstalled"]["stdout"]
    assert removed["left_after_purge"] == []
    assert removed["user"] == ""
    assert removed["failed"] == ""
