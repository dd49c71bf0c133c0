"""Logs of devices that can't run the agent: btsnoop as bumble and btmon write it, pcap as sniffers do."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from struct import pack

import pytest
from bumble.hci import Address, HCI_LE_Advertising_Report_Event
from bumble.snoop import BtSnooper, Snooper
from hypothesis import given
from hypothesis import strategies as st

from bluezone_agent.core.reception import Advert
from bluezone_agent.errors import RecordingError
from bluezone_agent.radios.recorded.hci_logs import read_btsnoop, read_pcap
from bluezone_agent.radios.recorded.hci_reports import data_of_packet, reports_of_event
from bluezone_agent.trials.folder import TrialError, TrialFolder
from bluezone_agent.trials.node_log import record_log
from bluezone_agent.trials.pack import pack as pack_dataset
from bluezone_agent.trials.simulate import STARTS_AT_S
from tests.program import Program
from tests.trials.plans import PLAN, made

ADDRESS = bytes.fromhex("665544332211")
STRANGER = bytes.fromhex("0303 6ffd 1716 6ffd") + bytes(20)
DELTA_US = 0x00E03AB44A676000
"""BlueZ's src/shared/btsnoop.c: microseconds from the year 0 to 2000."""
EPOCH_2000_S = 946_684_800


def sent(trial: TrialFolder, device: str, at_s: float) -> bytes:
    """Return the advertising data of a device of the trial."""
    plan = trial.plan()
    identifiers = trial.identifiers(plan)
    key, slot = identifiers.slot(device, identifiers.rotation_at(at_s))
    return identifiers.protocol.encode(key, slot, plan.radio.tx_power_dbm).to_bytes()


def legacy(data: bytes, rssi_dbm: int) -> bytes:
    return b"\x3e" + bytes([12 + len(data), 2, 1, 3, 1]) + ADDRESS + bytes([len(data)]) + data + pack("b", rssi_dbm)


def extended(data: bytes, rssi_dbm: int) -> bytes:
    head = pack("<HB6sBBBbbHB6s", 0x10, 1, ADDRESS, 1, 0, 0xFF, 127, rssi_dbm, 0, 0, bytes(6))
    return b"\x3e" + bytes([3 + len(head) + len(data), 0x0D, 1]) + head + bytes([len(data)]) + data


def btsnoop(packets: list[tuple[float, bytes]], kind: int) -> bytes:
    """Write as BlueZ's btsnoop_write(): 1002 has the H4 byte, 2001 the index and opcode in the flags."""
    parts = [pack(">8sII", b"btsnoop\0", 1, kind)]
    for at_s, event in packets:
        data = b"\x04" + event if kind == 1002 else event
        stamp = round((at_s - EPOCH_2000_S) * 1e6) + DELTA_US
        parts.append(pack(">IIIIQ", len(data), len(data), 3, 0, stamp) + data)
    return b"".join(parts)


def pcap(packets: list[tuple[float, bytes]], link: int, order: str = "<", magic: int = 0xA1B2C3D4) -> bytes:
    unit = 1e-9 if magic == 0xA1B23C4D else 1e-6
    parts = [pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 65535, link)]
    for at_s, data in packets:
        head = (int(at_s), round(at_s % 1 / unit), len(data), len(data))
        parts.append(pack(f"{order}IIII", *head) + data)
    return b"".join(parts)


def sniffed(data: bytes, rssi_dbm: int, flags: int = 0x0C03) -> bytes:
    """Return a packet of link type 256, its checksum tested and right."""
    phdr = pack("<BbbBIH", 37, rssi_dbm, -100, 0, 0x8E89BED6, flags)
    return phdr + pack("<IBB", 0x8E89BED6, 0x42, 6 + len(data)) + ADDRESS + data + b"crc"


def seen(adverts: list[Advert]) -> list[tuple[float, int, bytes]]:
    return [(round(a.received_at_s, 6), a.rssi_dbm, a.advertising_data.to_bytes()) for a in adverts]


@pytest.mark.parametrize("kind", [1001, 1002, 2001])
def test_btsnoop_in_each_of_its_forms(kind: int, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(btsnoop([(1e9 + 0.25, legacy(STRANGER, -61)), (1e9 + 1, extended(STRANGER, -70))], kind))
    assert seen(list(read_btsnoop(path))) == [(1e9 + 0.25, -61, STRANGER), (1e9 + 1, -70, STRANGER)]


def test_btsnoop_as_another_project_writes_it(tmp_path: Path) -> None:
    file = io.BytesIO()
    report = HCI_LE_Advertising_Report_Event.Report
    event = HCI_LE_Advertising_Report_Event(
        [
            report(
                event_type=3,
                address_type=1,
                address=Address("11:22:33:44:55:66"),
                data=STRANGER,
                rssi=rssi,
            )
            for rssi in (-50, -90)
        ]
    )
    BtSnooper(file).snoop(bytes(event), Snooper.Direction.CONTROLLER_TO_HOST)
    (tmp_path / "log").write_bytes(file.getvalue())
    adverts = list(read_btsnoop(tmp_path / "log"))
    assert [(a.rssi_dbm, a.advertising_data.to_bytes()) for a in adverts] == [(-50, STRANGER), (-90, STRANGER)]
    assert abs(adverts[0].received_at_s - datetime.now(UTC).timestamp()) < 60


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("magic", [0xA1B2C3D4, 0xA1B23C4D])
def test_pcap_in_each_of_its_forms(order: str, magic: int, tmp_path: Path) -> None:
    forms: dict[int, Callable[[int], bytes]] = {
        187: lambda rssi: b"\x04" + legacy(STRANGER, rssi),
        201: lambda rssi: b"\0\0\0\x01\x04" + extended(STRANGER, rssi),
        256: lambda rssi: sniffed(STRANGER, rssi),
    }
    for link, packet in forms.items():
        path = tmp_path / f"{link}.pcap"
        path.write_bytes(pcap([(1e9 + 0.5, packet(-61))], link, order, magic))
        assert seen(list(read_pcap(path))) == [(1e9 + 0.5, -61, STRANGER)]


def test_a_packet_that_arrived_damaged_is_left_out(tmp_path: Path) -> None:
    packets = [sniffed(STRANGER, -61, 0x0403), sniffed(STRANGER, -62, 0x0001), sniffed(STRANGER, -63, 0x0003)]
    (tmp_path / "x").write_bytes(pcap([(1e9, packet) for packet in packets], 256))
    assert [a.rssi_dbm for a in read_pcap(tmp_path / "x")] == [127, -63]  # without a valid power there is none


@given(st.binary(max_size=80))
def test_any_bytes_are_reports_or_nothing(data: bytes) -> None:
    for body in (data, b"\x3e\x40\x02\x02" + data, b"\x3e\x40\x0d\x02" + data):
        for found, rssi_dbm in reports_of_event(body):
            assert found in body
            assert -128 <= rssi_dbm <= 127
    found_data = data_of_packet(b"\xd6\xbe\x89\x8e" + data)
    assert found_data is None or found_data in data


@pytest.mark.parametrize("read", [read_btsnoop, read_pcap])
@pytest.mark.parametrize("data", [b"", b"btsnoop\0", b"\xd4\xc3\xb2\xa1", b"\x0a\x0d\x0d\x0a" + bytes(40)])
def test_another_file_is_refused(read: Callable[[Path], object], data: bytes, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(RecordingError, match="is not a"):
        list(read(tmp_path / "x"))  # type: ignore[call-overload]


@pytest.mark.slow
def test_a_log_is_the_recording_of_a_device(tmp_path: Path, program: Program) -> None:
    trial = made(tmp_path / "t", PLAN.replace("[trial]\n", "[trial]\nstart = 2026-12-01T03:00:00Z\n"))
    packets = [
        (STARTS_AT_S + t / 2, legacy(sent(trial, sender, STARTS_AT_S + t / 2), -60 - t % 3))
        for t in range(160)
        for sender in ("a", "b")
    ]
    packets += [
        (STARTS_AT_S + 30, legacy(STRANGER, -70)),
        (STARTS_AT_S + 31, legacy(sent(trial, "a", STARTS_AT_S), 127)),
    ]
    log = tmp_path / "btsnoop_hci.log"
    log.write_bytes(btsnoop(sorted(packets), 1002) + b"cut off")
    done = program.run("trial", "import", "btsnoop", str(log), str(trial.path), "--node", "door", "--json")
    assert json.loads(done.stdout)["packets"] == {"a": 160, "b": 160}
    rows = pack_dataset(trial)
    assert rows["adverts"] == 320
    with pytest.raises(TrialError, match="already has a recording"):
        record_log(trial.participant("door"), "btsnoop", log, {})
    assert program.run("trial", "import", "btsnoop", str(log), str(trial.path)).returncode == 2
    assert program.run("trial", "import", "dp3t", str(log), str(trial.path), "--node", "a").returncode == 2


@pytest.mark.slow
def test_a_log_of_nobody_is_refused(tmp_path: Path) -> None:
    trial = made(tmp_path / "t")
    (tmp_path / "x").write_bytes(btsnoop([(1e9, legacy(STRANGER, -61))], 1002))
    with pytest.raises(TrialError, match="no packet of the trial"):
        record_log(trial.participant("door"), "btsnoop", tmp_path / "x", {})
    assert not trial.device("door").exists()
