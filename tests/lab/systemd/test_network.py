"""The installed service where it has a network: what leaves it, by whom, and who may look at the page."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.lab.systemd.computer import Computer

pytestmark = pytest.mark.timeout(1800)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with TemporaryDirectory(dir="/dev/shm") as memory:
        yield Computer(tmp_path_factory.mktemp("computer"), Path(memory, "disk.ext4")).boot("on_the_network")


def test_what_urls_need_is_installed_by_the_line_of_the_manual(played: Any) -> None:
    assert played["installed"]["code"] == 0, played["installed"]
    assert played["extra"]["code"] == 0, played["extra"]


def test_a_notice_by_url_leaves_through_the_notify_unit_alone(played: Any) -> None:
    down, up = (json.loads(played[name]["stdout"]) for name in ("test_down", "test_up"))
    (failed,), (delivered,) = down["channels"], up["channels"]
    assert failed["name"] == delivered["name"]
    assert failed["name"].startswith("ntfy-")
    assert failed["failure"] is not None
    assert delivered["failure"] is None
    assert "topic" not in played["test_down"]["stdout"] + played["test_down"]["stderr"], "a URL is a secret"
    print(played["notifier"])
    assert played["notifier"]["NRestarts"] == "0"


def test_a_notice_of_an_outage_is_delivered_once_when_its_server_is_back(played: Any) -> None:
    assert "notice_undelivered" in played["waiting"]
    assert len(played["late"]) == 1, played["late"]
    assert played["late"][0]["at_s"] - played["up_s"] < 3600
    assert "There is a new message for you" in played["late"][0]["body"], "and no more than that"


def test_the_page_submits_through_a_service_that_has_no_store(played: Any) -> None:
    assert "Submit my keys" in played["asked"]
    assert (played["wrong"], played["sent"]) == (303, 303)
    assert "code_invalid" in played["refused"]
    assert len(played["published"]) == 1, played["agent_log"]
    count = len(played["published"][0]["temporaryExposureKeys"])
    assert f"{count} published" in played["said"]
    assert played["keys"]["submitted"]["published"] == count
    assert played["secrets"] == []


def test_the_service_that_submits_may_do_nothing_else(played: Any) -> None:
    print(played["submitter"], played["submitter_score"])
    assert played["submitter"]["NRestarts"] == "0"
    assert played["submitter_score"] <= 1.2
    assert {name for name, allowed in played["submitter_may"].items() if allowed} == {
        "internet",
        "process",
        "configuration",
    }


def test_in_a_home_the_page_takes_tls_and_the_passphrase(played: Any) -> None:
    shown = "".join(played["shown"].split()).replace(":", "").lower()
    assert played["fingerprint"] in shown, played["shown"]
    assert (played["stranger"], played["wrong_phrase"], played["entered"], played["today"]) == (403, 403, 303, 200)
    assert not played["phrase_kept"]
    print(played["lan"])
    assert played["lan"]["NRestarts"] == "0"
    assert played["lan_failed"] == ""
