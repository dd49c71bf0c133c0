"""The GAEN derivation against the vector published with google/exposure-notifications-internals."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.core.gaen import SERVICE_UUID, Gaen
from bluezone_agent.core.identifiers import DailyKey, ObservedIdentifier
from bluezone_agent.core.intervals import DAY_S, ENIN_S
from bluezone_agent.errors import MalformedPayloadError

GAEN = Gaen()
TEK = bytes.fromhex("75c734c6dd1a782de7a965da5eb93125")
ENIN = 2_642_976
KEY = DailyKey("gaen", TEK, ENIN * ENIN_S, ENIN * ENIN_S + DAY_S, 144)
RPI = bytes.fromhex("8be6cd371c5c891604bfbe49df845096")
AEM = bytes.fromhex("72033874")


def test_published_vector() -> None:
    slot = GAEN.identifier_at(KEY, KEY.starts_at_s)
    assert slot.identifier == RPI
    # metadata 40 08 00 00: version 1.0, 8 dBm
    assert GAEN.encode(KEY, slot, 8).service_data[SERVICE_UUID] == RPI + AEM


def test_frame_bytes_are_those_of_the_bluetooth_specification() -> None:
    raw = GAEN.encode(KEY, GAEN.identifier_at(KEY, KEY.starts_at_s), 8).to_bytes()
    assert raw.hex() == "02011a" + "03036ffd" + "17166ffd" + RPI.hex() + AEM.hex()


def test_both_forms_of_the_frame_are_read() -> None:
    body = bytes.fromhex("03036ffd" + "17166ffd") + RPI + AEM
    expected = ObservedIdentifier("gaen", RPI, AEM)
    assert GAEN.decode(AdvertisingData.from_bytes(body)) == expected
    assert GAEN.decode(AdvertisingData.from_bytes(bytes.fromhex("02011a") + body)) == expected


def test_slots_cover_the_day_without_gap_and_agree_with_identifier_at() -> None:
    slots = list(GAEN.slots(KEY))
    assert len({s.identifier for s in slots}) == 144
    assert [s.starts_at_s for s in slots] == list(range(KEY.starts_at_s, KEY.ends_at_s, ENIN_S))
    assert all(GAEN.identifier_at(KEY, s.ends_at_s - 1) == s for s in slots)


@given(st.integers(-128, 127))
def test_a_stated_power_is_believed_within_bounds_only(power: int) -> None:
    slot = GAEN.identifier_at(KEY, KEY.starts_at_s)
    observed = GAEN.decode(GAEN.encode(KEY, slot, power))
    assert observed is not None
    assert GAEN.tx_power_dbm(KEY, observed) == (power if -50 <= power <= 20 else None)


@pytest.mark.parametrize("version", [0x00, 0x80, 0xC0])
def test_an_unknown_metadata_version_states_no_power(version: int) -> None:
    flipped = bytes([AEM[0] ^ 0x40 ^ version]) + AEM[1:]
    assert GAEN.tx_power_dbm(KEY, ObservedIdentifier("gaen", RPI, flipped)) is None


@pytest.mark.parametrize("length", [n for n in range(30) if n != 20])
def test_a_wrong_length_is_malformed(length: int) -> None:
    with pytest.raises(MalformedPayloadError, match=f"{length} bytes"):
        GAEN.decode(AdvertisingData(service_uuids=(SERVICE_UUID,), service_data={SERVICE_UUID: bytes(length)}))
