"""The wire format of the management socket and of the relay: as documented, and robust against anything."""

from __future__ import annotations

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluezone_agent.radios.kernel import management as wire
from bluezone_agent.radios.kernel import relay
from bluezone_agent.radios.kernel.controller import ALWAYS, PATTERNS
from bluezone_agent.radios.kernel.management import Completed, EventCode, FoundAdvert, Noticed, Opcode, Setting
from bluezone_agent.radios.kernel.relay import AdapterListed, Answered, BrokerReply, GoneReason, Purpose, Request, Verb
from tests.radio_contract import advertisements

ADDRESS = bytes.fromhex("0100effec000")
FOUND = FoundAdvert(1, ADDRESS, wire.RANDOM, -61, advertisements("gaen", 1)[0].to_bytes())


def event(code: int, body: bytes, index: int = 1) -> bytes:
    return wire.HEADER.pack(code, index, len(body)) + body


def advert(found: FoundAdvert) -> bytes:
    return wire.ADVERT.pack(found.address, found.address_type, found.rssi_dbm, 0, len(found.data)) + found.data


@pytest.mark.parametrize(
    ("packet", "documented"),
    [
        (wire.command(Opcode.READ_INDEX_LIST), "0300 ffff 0000"),
        (wire.command(Opcode.REMOVE_ADVERTISING, 2, wire.instance(5)), "3f00 0200 0100 05"),
        (wire.command(Opcode.REMOVE_MONITOR, 0, wire.handle(3)), "5300 0000 0200 0300"),
        (
            wire.command(Opcode.ADD_PARAMETERS, 0, wire.advertising_parameters(5, 320, 432, timeout_s=600)),
            "5400 0000 1200 05 00700000 5802 5802 40010000 b0010000 7f",
        ),
        (wire.command(Opcode.ADD_DATA, 0, wire.advertising_data(5, b"\x02\x01\x1a")), "5500 0000 0600 05 03 00 02011a"),
        (
            wire.command(Opcode.SET_DEFAULTS, 0, wire.defaults(ALWAYS)),
            "4c00 0000 0e00 130002 6000 140002 6000 1f0001 00",
        ),
        (
            wire.command(Opcode.ADD_MONITOR, 0, wire.monitor(PATTERNS)),
            "5200 0000 4500 02 16 00 02 6ffd" + "00" * 29 + "ff 00 02 b522" + "00" * 29,
        ),
    ],
)
def test_commands_are_as_documented(packet: bytes, documented: str) -> None:
    assert packet.hex() == documented.replace(" ", "")


def test_zero_would_mean_those_of_others_and_is_refused() -> None:
    with pytest.raises(ValueError, match="of others"):
        wire.handle(0)
    with pytest.raises(ValueError, match="of others"):
        wire.instance(0)


def test_adverts_are_read_from_both_events() -> None:
    assert wire.read_found(event(EventCode.DEVICE_FOUND, advert(FOUND))) == FOUND
    assert wire.read_found(event(EventCode.MONITORED_FOUND, b"\0\0" + advert(FOUND))) == FOUND
    classic = FOUND._replace(address_type=0)
    assert wire.read_found(event(EventCode.DEVICE_FOUND, advert(classic))) is None


def test_answers_and_events_are_read() -> None:
    answer = event(EventCode.COMMAND_COMPLETE, struct.pack("<HB", Opcode.ADD_MONITOR, 0) + b"\x07\0")
    completed = wire.read_event(answer)
    assert completed == Completed(1, Opcode.ADD_MONITOR, 0, b"\x07\0")
    assert wire.read_handle(b"\x07\0") == 7
    settings = Setting.POWERED | Setting.DISCOVERABLE
    changed = wire.read_event(event(EventCode.NEW_SETTINGS, struct.pack("<I", settings)))
    assert changed == Noticed(1, EventCode.NEW_SETTINGS, settings)
    assert wire.read_event(event(EventCode.INDEX_REMOVED, b"")) == Noticed(1, EventCode.INDEX_REMOVED)
    assert wire.read_event(event(0x0007, b"abc")) is None, "no event that is used here"


def test_a_truncated_event_is_no_event() -> None:
    whole = [
        event(EventCode.MONITORED_FOUND, b"\0\0" + advert(FOUND)),
        event(EventCode.NEW_SETTINGS, b"\x01\x02\0\0"),
        event(EventCode.COMMAND_STATUS, b"\x52\0\x0a"),
    ]
    for packet in whole:
        assert (wire.read_found(packet) or wire.read_event(packet)) is not None
        for length in range(len(packet)):
            assert wire.read_found(packet[:length]) is None
            assert wire.read_event(packet[:length]) is None


@pytest.mark.parametrize("answer", [b"", b"\x05", b"\x05\0\0"])
def test_a_short_answer_is_malformed(answer: bytes) -> None:
    for read in (wire.read_indexes, wire.read_controller, wire.read_features, wire.read_monitors, wire.read_commands):
        with pytest.raises(wire.MalformedAnswerError):
            read(answer)


def test_unknown_power_is_none() -> None:
    assert wire.read_power(b"\x05\x7f\x1f\x1f") is None
    assert wire.read_power(b"\x05\xf4\x1f\x1f") == -12


@given(st.binary(max_size=80))
def test_no_event_from_the_kernel_ends_the_broker(body: bytes) -> None:
    for code in EventCode:
        packet = event(code, body)
        wire.read_found(packet)
        wire.read_event(packet)
    wire.read_defaults(body)


REQUESTS = [
    Request(Verb.ADAPTERS),
    Request(Verb.OPEN, "C0:FF:EE:00:00:01"),
    Request(Verb.CLAIM, "C0:FF:EE:00:00:01", Purpose.SELFTEST),
    Request(Verb.LISTEN),
    Request(Verb.STOP_LISTENING),
    Request(Verb.PREPARE),
    Request(Verb.COMMIT, valid_ms=600_000, data=FOUND.data),
    Request(Verb.WITHDRAW),
    Request(Verb.SETTINGS),
]


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda r: r.verb.name)
def test_requests_are_read_as_they_were_written(request_: Request) -> None:
    packet = request_.to_bytes()
    assert relay.read_request(packet) == request_
    with pytest.raises(relay.MalformedMessageError):
        relay.read_request(packet + bytes(40))
    if request_.verb is not Verb.COMMIT:  # whose data may be shorter
        for length in range(len(packet)):
            with pytest.raises(relay.MalformedMessageError):
                relay.read_request(packet[:length])


@pytest.mark.parametrize("valid_ms", [0, 900_001, 2**32 - 1])
def test_no_advertisement_is_longer_than_a_slot(valid_ms: int) -> None:
    with pytest.raises(relay.MalformedMessageError):
        relay.read_request(Request(Verb.COMMIT, valid_ms=valid_ms, data=FOUND.data).to_bytes())


def test_answers_and_events_of_the_relay_are_read_as_they_were_written() -> None:
    held = BrokerReply(Answered.HELD, (4711, 1000), Purpose.CALIBRATE)
    assert relay.read_reply(held.to_bytes(Verb.OPEN)) == held
    done = BrokerReply(Answered.DONE, body=relay.power_body(None))
    assert relay.read_power_body(relay.read_reply(done.to_bytes(Verb.PREPARE)).body) is None
    adapters = [AdapterListed(3, "C0:FF:EE:00:00:01", 305, Setting.POWERED, extended=True, held=False)]
    assert relay.read_adapters(relay.adapters_body(adapters)) == adapters
    assert relay.read_gone(relay.gone(GoneReason.LINKABLE, Setting.DISCOVERABLE)) == (
        GoneReason.LINKABLE,
        Setting.DISCOVERABLE,
    )
    key = bytes(16)
    other = FOUND._replace(address=bytes(6))
    packet = bytes([relay.BrokerEvent.ADVERTS_BY_SENDER]) + b"".join(
        relay.sender_digest(key, found) + relay.advert_record(found) for found in (FOUND, other, FOUND)
    )
    first, second, third = (sender for _data, _rssi_dbm, sender in relay.read_adverts(packet))
    assert first == third != second
    assert ADDRESS[:4] not in first
    packet = bytes([relay.BrokerEvent.ADVERTS]) + 2 * relay.advert_record(FOUND)
    assert list(relay.read_adverts(packet)) == 2 * [(FOUND.data, -61, b"")]
    assert ADDRESS not in packet


@given(st.binary(max_size=60))
def test_no_message_ends_either_side_otherwise(packet: bytes) -> None:
    for read in (relay.read_request, relay.read_reply, relay.read_gone, relay.read_adapters, relay.read_settings):
        with suppress(relay.MalformedMessageError):
            read(packet)
    with suppress(relay.MalformedMessageError):
        list(relay.read_adverts(packet))
