"""``calibrate``: measured on a recorded radio, looked up, shown, forgotten."""

import json

import pytest

from tests.program import Program


@pytest.fixture
def peer(program: Program) -> Program:
    """A program that hears a peer with -60 dBm, ten times a second."""
    recording = program.home / "air.csv"
    advertising_data = "03036ffd17166ffd" + "ab" * 20
    recording.write_text(
        "received_at_s,rssi_dbm,data\n" + "".join(f"{i / 10},-60,{advertising_data}\n" for i in range(100))
    )
    program.config.write_text('radio = "replay:air.csv"\nclock_trusted = true\n')
    return program


def test_it_leads_through_four_positions_and_keeps_the_result(peer: Program) -> None:
    given = ["--seconds", "1", "--peer-power", "-12", "--antenna", "the short one", "--json"]
    done = peer.run("calibrate", "measure", *given, "--yes")
    assert done.returncode == 0, done.stderr
    assert [done.stderr.count(f"the {side} of this device") for side in ("front", "left side", "back")] == [1, 1, 1]
    kept = json.loads(done.stdout)
    assert (kept["radio"], kept["antenna"], kept["source"]) == ("replay:air.csv", "the short one", "measured")
    assert (kept["rssi_correction_db"], kept["margin_db"]) == (-12 + 60 - 54, 0)
    shown = json.loads(peer.run("calibrate", "show", "--json").stdout)
    assert shown["calibrations"] == [kept]
    assert "the short one (measured)" in peer.run("calibrate", "show").stdout


def test_one_from_a_table_replaces_it_and_all_can_be_forgotten(peer: Program) -> None:
    table = peer.home / "pi.csv"
    table.write_text("device,rssi_correction_db\nPi 4,-3.5\n")
    assert "-3.5 dB added to every RSSI" in peer.run("calibrate", "table", table, "Pi 4").stdout
    assert "replay:air.csv (pi.csv: Pi 4)" in peer.run("calibrate", "show").stdout
    assert "1 calibration deleted" in peer.run("calibrate", "forget").stderr
    assert "not calibrated" in peer.run("calibrate", "show").stdout


def test_what_was_not_measured_to_its_end_is_not_kept(peer: Program) -> None:
    given = ["calibrate", "measure", "--seconds", "1", "--peer-power", "-12"]
    code, _said = peer.at_terminal(*given, lines=["", "", "\x04"], asks=("press Enter ",))
    assert code == 130
    assert json.loads(peer.run("calibrate", "show", "--json").stdout) == {"calibrations": []}
