"""The kernel's radio as a service: the broker and two agents under a real systemd, and what each may do."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import pytest

from tests.lab.systemd.computer import Computer

pytestmark = pytest.mark.timeout(1800)
AGENT, BROKER = "bluezone-agent.service", "bluezone-radio.service"
SCORES: Final = {AGENT: 0.3, BROKER: 1.5, "bluezone-check.service": 1.2}
MAY: Final = {
    AGENT: {"state", "configuration", "bus", "process", "broker"},
    BROKER: {"bluetooth"},
}
"""Everything else is forbidden. The agent's bus is for BlueZ, and its processes are the commands that it starts."""


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with TemporaryDirectory(dir="/dev/shm") as memory:
        yield Computer(tmp_path_factory.mktemp("computer"), Path(memory, "disk.ext4")).boot("kernel_radio")


def test_two_agents_receive_each_other_through_the_broker(played: Any) -> None:
    assert played["installed"]["code"] == 0, played["installed"]
    assert played["failed"] == ""
    assert played["status"]["problems"] == []
    assert played["status"]["radio"]["description"].startswith("kernel:hci0 (")
    for minutes in (played["minutes"], played["second_minutes"]):
        assert len({minute for minute, _ in minutes}) >= 2


def test_neither_process_has_a_privilege(played: Any) -> None:
    for facts in (played["facts"], played["broker_facts"]):
        assert facts["CapEff"] == "0000000000000000"
        assert (facts["NoNewPrivs"], facts["Seccomp"]) == ("1", "2")
        assert facts["Uid"].split()[0] not in ("", "0")
    assert played["facts"]["Uid"] != played["broker_facts"]["Uid"]


def test_others_may_not_use_the_socket(played: Any) -> None:
    assert played["socket"] == "root bluezone 660"
    assert "PermissionError" in played["other_user"]["stderr"]


@pytest.mark.parametrize("unit", SCORES)
def test_the_sandbox_is_as_tight_as_promised(played: Any, unit: str) -> None:
    assert played["security"][unit] <= SCORES[unit]


@pytest.mark.parametrize("unit", MAY)
def test_what_a_process_may_do_if_it_is_taken_over(played: Any, unit: str) -> None:
    assert {name for name, may in played["may"][unit].items() if may} == MAY[unit]


def test_a_killed_broker_is_back_and_so_is_the_agent(played: Any) -> None:
    print(played["broker_back_after_s"], played["healthy_after_s"])
    assert played["broker_back_after_s"] < 5
    assert played["healthy_after_s"] < 60
    assert '"defaults": {}' in played["memory"], "its settings are back, and it remembers nothing more"
    assert '"monitor": 0' in played["memory"]
