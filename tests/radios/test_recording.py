"""What is recorded is replayed as it was."""

import asyncio
import gzip
from pathlib import Path

import pytest

from bluezone_agent.clocks.simulated import SimulatedClock, run_simulated
from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.core.reception import Advert
from bluezone_agent.errors import RecordingError
from bluezone_agent.radios import make_radio
from bluezone_agent.radios.recorded.recording import RecordingRadio, read_recording
from bluezone_agent.radios.recorded.replay import ReplayRadio
from tests.radio_contract import advertisements, listening

EPOCH_S = 1_600_000_000.0
ADVERTS = [Advert(advertisements("gaen", 1)[0], -60 - i, EPOCH_S + i / 2) for i in range(20)]


def record(adverts: list[Advert], path: Path) -> None:
    async def listen() -> None:
        radio = RecordingRadio(ReplayRadio(adverts, SimulatedClock(adverts[0].received_at_s), "test"), path)
        async with radio:
            await radio.listen(lambda _: None)

    run_simulated(listen())


def test_a_recording_comes_back_as_it_was_heard(tmp_path: Path) -> None:
    path = tmp_path / "air.csv"
    record(ADVERTS, path)
    assert list(read_recording(path)) == ADVERTS
    packed = tmp_path / "air.csv.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert list(read_recording(packed)) == ADVERTS


def test_a_recording_is_the_owners_alone_and_is_continued(tmp_path: Path) -> None:
    path = tmp_path / "air.csv"
    record(ADVERTS[:3], path)
    record(ADVERTS[3:], path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(read_recording(path)) == ADVERTS


def test_a_frame_that_is_longer_than_any_is_heard_and_left_out(tmp_path: Path) -> None:
    path = tmp_path / "air.csv"
    record([Advert(AdvertisingData(service_data={1: bytes(2000)}), -60, EPOCH_S), *ADVERTS], path)
    assert list(read_recording(path)) == ADVERTS


def test_replay_keeps_the_pace_from_now_on(tmp_path: Path) -> None:
    path = tmp_path / "air.csv"
    record(ADVERTS, path)

    async def listen() -> list[Advert]:
        await asyncio.sleep(1000)
        radio = make_radio(f"replay:{path}", SimulatedClock(EPOCH_S + 5e6))
        async with radio, listening(radio) as ear:
            await asyncio.sleep(5.1)
        return ear.adverts

    received = run_simulated(listen())
    assert [a.rssi_dbm for a in received] == [-60 - i for i in range(11)]
    assert [a.received_at_s - EPOCH_S - 5e6 - 1000 for a in received] == [i / 2 for i in range(11)]


def test_a_line_cut_off_by_a_power_failure_is_left_out_and_harms_nothing_later(tmp_path: Path) -> None:
    path = tmp_path / "air.csv"
    record(ADVERTS[:10], path)
    path.write_bytes(path.read_bytes()[:-7])
    assert list(read_recording(path)) == ADVERTS[:9]
    record(ADVERTS[9:], path)
    assert list(read_recording(path)) == ADVERTS


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a recording"),
        ("a,b\n1,2\n", "not a recording"),
        ("received_at_s,rssi_dbm,data\n1,loud,00\n2,-60,00\n", r"line 2: .*loud.* \(found: 1,loud,00\)"),
        ("received_at_s,rssi_dbm,data\n1,-60,0xyz\n2,-60,00\n", "line 2"),
        ("received_at_s,rssi_dbm,data\n1,-60,09ff\n2,-60,00\n", "line 2: the advertising structure"),
        ("received_at_s,rssi_dbm,data\n1,-60\n2,-60,00\n", "line 2"),
    ],
)
def test_what_is_no_recording_is_named_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "air.csv"
    path.write_text(text)
    with pytest.raises(RecordingError, match=message) as caught:
        list(read_recording(path))
    assert str(path) in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("name", "data"), [("a.gz", b"plain"), ("b.gz", gzip.compress(b"cut" * 99, mtime=0)[:-9]), ("c", b"\xff\n")]
)
def test_what_cannot_be_read_is_named(tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(RecordingError, match="can't read the recording"):
        list(read_recording(path))


def test_a_recording_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"can't read the recording .*none\.csv: No such file"):
        list(read_recording(tmp_path / "none.csv"))
    with pytest.raises(RecordingError, match=r"can't write the recording .*: No such file"):
        record(ADVERTS, tmp_path / "no" / "air.csv")
