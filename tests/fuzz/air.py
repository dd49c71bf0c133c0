"""What comes out of the air, and what is written down of it."""

from __future__ import annotations

import gzip
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec
from bumble import hci

from bluezone_agent.actions.calibrate import read_table
from bluezone_agent.actions.peer_report import find_own, make_report, read_report
from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.core.gaen import TX_POWER_BOUNDS_DBM
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.protocols import PROTOCOLS, decode
from bluezone_agent.core.sightings import MinuteFold, unpack_histogram
from bluezone_agent.errors import (
    CalibrationError,
    MalformedPayloadError,
    RecordingError,
    ReportError,
)
from bluezone_agent.radios.hci.radio import EVENT_PACKET, reports
from bluezone_agent.radios.kernel import management as wire
from bluezone_agent.radios.kernel import relay
from bluezone_agent.radios.kernel.management import EventCode
from bluezone_agent.radios.kernel.relay import GoneReason
from bluezone_agent.radios.recorded.measurements import read_measurements
from bluezone_agent.radios.recorded.recording import read_recording
from bluezone_agent.stores.keys import OwnKey
from tests.diagnosis_keys import NOW_S
from tests.fuzz.structures import advertised
from tests.fuzz.target import KEYS, Target, from_file


def advertising_data_seeds() -> tuple[bytes, ...]:
    advertisements = [
        PROTOCOLS[k.protocol].encode(k, next(PROTOCOLS[k.protocol].slots(k)), -12).to_bytes() for k in KEYS
    ]
    return (*advertisements, b"\x02\x01\x1a" + advertisements[0], bytes.fromhex("0303564e0fffb522") + bytes(12))


def read_advertising_data(data: bytes, _folder: Path) -> None:
    observed = decode(AdvertisingData.from_bytes(data))
    if observed is None:
        return
    protocol = PROTOCOLS[observed.protocol]
    assert len(observed.identifier) == protocol.identifier_length
    power_dbm = protocol.tx_power_dbm(KEYS[-1] if observed.protocol == "gaen" else KEYS[0], observed)
    low, high = TX_POWER_BOUNDS_DBM if observed.protocol == "gaen" else (-128, 127)
    assert power_dbm is None or low <= power_dbm <= high
    fold = MinuteFold()
    fold.add(observed, -60, NOW_S, trusted=True)
    assert [m.count for m in fold.drain()] == [1]


def hci_seeds() -> tuple[bytes, ...]:
    legacy = [b"\x02\x01" + b"\x03\x00" + bytes(6) + bytes([len(f)]) + f + b"\xc4" for f in advertising_data_seeds()]
    extended = [
        b"\x0d\x01" + b"\x10\x00\x01" + bytes(6) + b"\x01\x00\xff\x7f\xc4\x00\x00" + bytes(7) + bytes([len(f)]) + f
        for f in advertising_data_seeds()
    ]
    packets = tuple(bytes([EVENT_PACKET, hci.HCI_LE_META_EVENT, len(body)]) + body for body in (*legacy, *extended))
    assert all(reports(packet) for packet in packets)
    return packets


def read_hci(data: bytes, _folder: Path) -> None:
    for payload, rssi_dbm in reports(data):
        assert isinstance(payload, bytes)
        assert -128 <= rssi_dbm <= 127


def management_seeds() -> tuple[bytes, ...]:
    body = b"".join(wire.ADVERT.pack(bytes(6), wire.RANDOM, -60, 0, len(f)) + f for f in advertising_data_seeds()[:1])
    packets = [(EventCode.MONITORED_FOUND, b"\0\0" + body), (EventCode.DEVICE_FOUND, body)]
    packets += [(EventCode.NEW_SETTINGS, bytes(4)), (EventCode.COMMAND_COMPLETE, b"\x4b\0\0\x13\0\x02\x60\0")]
    return tuple(wire.HEADER.pack(code, 0, len(its)) + its for code, its in packets)


def read_management(data: bytes, _folder: Path) -> None:
    found = wire.read_found(data)
    assert found is None or (found.data in data and -128 <= found.rssi_dbm <= 127)
    event = wire.read_event(data)
    if isinstance(event, wire.Completed):
        wire.read_defaults(event.parameters)
        for read in (wire.read_indexes, wire.read_controller, wire.read_features, wire.read_monitors, wire.read_power):
            with suppress(wire.MalformedAnswerError):
                read(event.parameters)


def relay_seeds() -> tuple[bytes, ...]:
    data = advertising_data_seeds()[0]
    found = wire.FoundAdvert(0, bytes(6), wire.RANDOM, -60, data)
    requests = [relay.Request(v, "00:00:00:00:00:00", valid_ms=1000, data=data).to_bytes() for v in relay.Verb]
    return (
        *requests,
        bytes([relay.BrokerEvent.ADVERTS]) + 2 * relay.advert_record(found),
        relay.gone(GoneReason.TAKEN),
    )


def read_relay(packet: bytes, _folder: Path) -> None:
    """As broker and as agent."""
    with suppress(relay.MalformedMessageError):
        request = relay.read_request(packet)
        assert request.to_bytes() == packet
    with suppress(relay.MalformedMessageError):
        assert all(len(data) <= len(packet) for data, _rssi_dbm, _sender in relay.read_adverts(packet))
    for read in (relay.read_reply, relay.read_gone, relay.read_adapters, relay.read_settings, relay.read_power_body):
        with suppress(relay.MalformedMessageError):
            read(packet)


def read_histogram(data: bytes, _folder: Path) -> None:
    assert all(sightings > 0 for sightings in unpack_histogram(data).values())


RECORDING: Final = b"received_at_s,rssi_dbm,data\n" + b"".join(
    b"%d.250,-70,%s\n" % (NOW_S, advertising_data.hex().encode()) for advertising_data in advertising_data_seeds()
)
MEASUREMENT: Final = b"session,t_s,receiver,rssi_dbm,distance_m\nroom,0.5,A,-70,1.5\nroom,1.5,B,-80,4\n"
TABLE: Final = b"device,rssi_correction_db,margin_db\nPixel 3,-3.5,1.5\nRaspberry Pi 4,2,\n"


def read_device(path: Path) -> None:
    read_table(path, "Pixel 3")


def report_seed() -> bytes:
    fold = MinuteFold()
    for key in KEYS:
        slot = PROTOCOLS[key.protocol].identifier_at(key, key.starts_at_s + 3600)
        observed = decode(PROTOCOLS[key.protocol].encode(key, slot, -20))
        assert observed is not None
        fold.add(observed, -70, slot.starts_at_s, trusted=True)
    return msgspec.json.encode(make_report("the gate", fold.drain(), NOW_S - 2 * DAY_S, NOW_S, bytes))


OWN: Final = [OwnKey(n, key, key.ends_at_s - 600, exportable=True, closed=True) for n, key in enumerate(KEYS)]


def read_monitor(path: Path) -> None:
    for found in find_own(read_report(path), OWN):
        assert found.received_at_s <= KEYS[0].ends_at_s


TARGETS: Final = {
    "frame": Target(advertising_data_seeds(), read_advertising_data, (MalformedPayloadError,), (advertised,)),
    "hci": Target(hci_seeds(), read_hci),
    "management": Target(management_seeds(), read_management),
    "relay": Target(relay_seeds(), read_relay),
    "histogram": Target((b"\xe4\x01\x02", b"\xe0\xff\x7f\x01"), read_histogram),
    "calibration": Target((TABLE,), from_file(read_device, "table.csv"), (CalibrationError,), cost=2),
    "recording": Target((RECORDING,), from_file(lambda p: list(read_recording(p)), "a.csv"), (RecordingError,), cost=2),
    "recording-gz": Target(
        (gzip.compress(RECORDING, mtime=0),),
        from_file(lambda p: list(read_recording(p)), "a.csv.gz"),
        (RecordingError,),
        cost=2,
    ),
    "measurement": Target((MEASUREMENT,), from_file(read_measurements, "room.csv"), (RecordingError,), cost=2),
    "witness-report": Target((report_seed(),), from_file(read_monitor, "report.json"), (ReportError,), cost=20),
}
