"""Advertising data as bytes and as parts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.errors import MalformedPayloadError

UUID16 = st.integers(0, 0xFFFF)
ADVERTISEMENTS = st.builds(
    AdvertisingData,
    service_uuids=st.lists(UUID16, max_size=2).map(tuple),
    service_data=st.dictionaries(UUID16, st.binary(max_size=4), max_size=1),
    manufacturer_data=st.dictionaries(UUID16, st.binary(max_size=4), max_size=1),
    tx_power_dbm=st.none() | st.integers(-128, 127),
    flags=st.none() | st.integers(0, 255),
)


@given(ADVERTISEMENTS)
def test_round_trip(advertising_data: AdvertisingData) -> None:
    assert AdvertisingData.from_bytes(advertising_data.to_bytes()) == advertising_data


def test_a_structure_longer_than_the_data_is_malformed() -> None:
    with pytest.raises(MalformedPayloadError, match="at byte 3 declares 9 bytes, but only 1 are left"):
        AdvertisingData.from_bytes(bytes.fromhex("020106" + "09ff"))


def test_a_frame_that_does_not_fit_is_our_own_mistake() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        AdvertisingData(service_data={1: bytes(28)}).to_bytes()


def test_a_frame_does_not_print_its_identifier() -> None:
    assert "2a2a" not in repr(AdvertisingData(service_uuids=(1,), service_data={1: b"**"}))
    assert "**" not in repr(AdvertisingData(service_uuids=(1,), service_data={1: b"**"}))
