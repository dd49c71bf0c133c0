"""The owner's page as an installed service, under a real systemd."""

from __future__ import annotations

import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import pytest

from tests.lab.systemd.computer import Computer

pytestmark = pytest.mark.timeout(1800)
SCORE: Final = 0.9
MAY: Final = {"internet", "process", "page_control", "page_read", "its_state"}
"""Everything else is forbidden. "internet" is a socket of the family, which it needs to listen."""


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with TemporaryDirectory(dir="/dev/shm") as memory:
        yield Computer(tmp_path_factory.mktemp("computer"), Path(memory, "disk.ext4")).boot("owners_page")


def test_it_is_installed_and_an_update_keeps_it(played: Any) -> None:
    assert played["installed"]["code"] == played["again"]["code"] == 0, played["installed"]
    assert "wrote /usr/local/lib/systemd/system/bluezone-web.service" in played["installed"]["stdout"]
    assert "wrote" not in played["again"]["stdout"]
    assert "bluezone-web.service" in played["again"]["stdout"], "it is started again"
    assert played["failed"] == ""


def test_only_the_address_with_the_token_opens_it(played: Any) -> None:
    assert re.fullmatch(r"http://127\.0\.0\.1:8321/\?token=[\w-]{32}", played["address"])
    assert set(played["stranger"]) == {403}
    opened, _text, headers = played["opened"]
    assert (opened, headers["location"]) == (303, "/")
    assert set(played["pages"].values()) == {200}
    assert played["other_user"]["code"] == 1
    assert "with sudo" in played["other_user"]["stderr"]
    assert played["address"].partition("=")[2] not in played["log"]


def test_today_says_what_status_says(played: Any) -> None:
    assert played["status"]["problems"] == []
    assert f'class="verdict {played["status"]["verdict"]}"' in played["today"]
    assert "no source of diagnosis keys is configured" in played["said"]
    assert re.search(r"costs [\d.]+% of a core, [\d.]+ wakeups a second, [\d.]+ MB written a day", played["said"])
    assert '"summary"' in played["near"]
    assert '"troubles":[]' in played["near"]


def test_it_is_a_separate_user_without_privileges(played: Any) -> None:
    facts = played["facts"]
    print({name: facts[name] for name in ("VmRSS", "MemoryCurrent")}, played["score"])
    assert facts["CapEff"] == "0000000000000000"
    assert (facts["NoNewPrivs"], facts["Seccomp"]) == ("1", "2")
    assert facts["Uid"].split()[0] not in ("", "0")
    assert played["score"] <= SCORE


def test_the_agent_shows_it_a_folder_and_nothing_else(played: Any) -> None:
    modes, groups = played["modes"], played["groups"]
    assert set(groups.values()) == {"bluezone-web"}
    assert modes["/run/bluezone-page"] == "bluezone 750"
    parts = {mode for path, mode in modes.items() if path.endswith(".json")}
    assert parts == {"bluezone 640"}
    assert modes["/var/lib/bluezone-web/token"] == "bluezone-web 600"
    allowed = {name for name, allowed in played["may"].items() if allowed}
    assert ("another_port" in allowed) == ("-BPF_FRAMEWORK" in played["systemd"]), "SocketBindDeny= needs it"
    assert allowed - {"another_port"} == MAY
    assert "192.0.2.1" in played["network"], "a network that it could reach"


def test_it_pauses_the_agent(played: Any) -> None:
    paused = played["paused"]
    assert paused["asked"] == paused["resumed"] == 303
    assert paused["pause"] is not None
    assert "paused until" in paused["said"]
    assert paused["pause_afterwards"] is None


def test_with_the_agent_stopped_everything_is_shown_but_who_is_near(played: Any) -> None:
    stopped = played["stopped"]
    assert set(stopped["pages"].values()) == {200}
    assert "the agent is not running" in stopped["said"]
    assert "of a core" not in stopped["said"]
    assert '"troubles":[]' not in stopped["near"]
    assert stopped["pause"] == 503
    assert stopped["same_process"]


def test_it_is_started_again_and_its_browsers_stay_known(played: Any) -> None:
    assert played["back_after_s"] < 20
    assert played["same_address"]
    assert played["known"] == 200


def test_purge_leaves_nothing(played: Any) -> None:
    assert played["purged"]["code"] == 0
    assert (played["left"], played["folder_left"], played["user"]) == ([], False, "")
    assert played["active"] == "inactive"
