"""``doctor`` and ``selftest`` as a person runs them, on a machine without Bluetooth."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.program import Program


def findings(program: Program) -> dict[str, dict[str, Any]]:
    out = json.loads(program.run("doctor", "--json").stdout)
    return {finding["check"]: finding for finding in out["findings"]}


def test_without_bluetooth_it_says_so_and_goes_on(program: Program) -> None:
    program.state_dir.rmdir()
    ended = program.run("doctor")
    assert ended.returncode == 1
    assert "this machine has no Bluetooth adapter" in ended.stdout
    assert "no D-Bus system bus" in ended.stdout
    assert " left" in ended.stdout
    assert not program.state_dir.exists(), "a doctor makes nothing"


def test_json_has_a_level_and_a_remedy_for_each(program: Program) -> None:
    program.config.write_text('radio = "virtual"\nclock_trusted = true\n')
    ended = program.run("doctor", "--json")
    assert ended.returncode == 0, "no fault: nothing that is needed is missing"
    found = findings(program)
    assert found["radio"]["level"] == "warning"
    assert {f["level"] for f in found.values()} == {"ok", "warning"}
    assert all(f["remedy"] for f in found.values() if f["level"] == "warning")


def test_a_broken_configuration_and_open_modes_are_faults(program: Program) -> None:
    program.config.write_text('radio = "virtual"\nclock_trusted = true\n')
    program.run("status")
    program.state_dir.chmod(0o755)
    assert "chmod -R go=" in findings(program)["state"]["remedy"]
    program.state_dir.chmod(0o700)
    assert findings(program)["state"]["level"] == "ok"
    program.config.write_text("radio = 3")
    assert findings(program)["configuration"]["level"] == "fault"


def test_it_speaks_vietnamese(program: Program) -> None:
    assert "máy này không có" in program.run("--lang", "vi", "doctor").stdout


def test_one_adapter_cannot_prove_itself(program: Program) -> None:
    program.config.write_text('radio = "virtual"\nclock_trusted = true\n')
    ended = program.run("selftest", "--json")
    assert ended.returncode == 1
    assert "one adapter can't verify its own transmission" in ended.stderr
    assert "--peer FILE" in ended.stderr


def test_a_self_test_without_a_radio_says_what_is_missing(program: Program) -> None:
    program.config.write_text('radio = ["bluez:hci0", "bluez:hci1"]\n')
    ended = program.run("selftest")
    assert ended.returncode == 69
    assert "no D-Bus system bus" in ended.stderr


def test_a_report_is_written_by_the_one_and_read_by_the_other(program: Program) -> None:
    program.config.write_text('radio = "virtual"\nclock_trusted = true\n')
    report = program.home / "report.json"
    ended = program.run("selftest", "--listen", "5", "--report", report, "--name", "peer", "--json")
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout) == {"file": str(report), "by": "peer", "identifiers": 2}
    assert report.stat().st_mode & 0o777 == 0o600
    again = program.run("selftest", "--listen", "5", "--report", report)
    assert "already exists" in again.stderr
    mine = program.run("selftest", "--peer", report)
    assert mine.returncode == 1
    assert "a time when this device did not advertise" in mine.stderr


def test_a_self_test_needs_no_agent_that_ran_before(program: Program) -> None:
    """Whoever buys a second adapter tries it first."""
    program.state_dir.rmdir()
    program.config.write_text('radio = "virtual"\nclock_trusted = true\n')
    ended = program.run("selftest", "--listen", "5", "--report", program.home / "report.json", "--json")
    assert ended.returncode == 0, ended.stderr
    program.config.write_text('radio = ["bluez:hci0", "bluez:hci1"]\n')
    ended = program.run("selftest")
    assert (ended.returncode, "no D-Bus system bus" in ended.stderr) == (69, True)


@pytest.mark.parametrize(
    "options", [("--listen", "10"), ("--report", "x"), ("--peer", "a", "--listen", "9", "--report", "x")]
)
def test_options_that_do_not_go_together_are_usage_errors(program: Program, options: tuple[str, ...]) -> None:
    assert program.run("selftest", *options).returncode == 2
