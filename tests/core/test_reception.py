"""Whatever is on the air becomes a sighting or is discarded for a reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.core.bluezone import COMPANY_ID
from bluezone_agent.core.protocols import PROTOCOLS, decode
from bluezone_agent.core.reception import Advert, Discarded, DiscardReason, Sighting, receive
from bluezone_agent.core.sightings import PLAUSIBLE_RSSI_DBM
from bluezone_agent.errors import MalformedPayloadError
from tests.radio_contract import advertisements

AT_S = 1_600_000_000.5
OF_A_PROTOCOL = [advertisements(name, 1)[0] for name in PROTOCOLS]
NUMBERS = st.sampled_from([p.service_uuid for p in PROTOCOLS.values()] + [76, 0x0F4E]) | st.integers(0, 0xFFFF)
PAYLOADS = st.binary(max_size=30)
PARTS = st.builds(
    AdvertisingData,
    st.lists(NUMBERS, max_size=3).map(tuple),
    st.dictionaries(NUMBERS, PAYLOADS, max_size=3),
    st.dictionaries(NUMBERS, PAYLOADS, max_size=3),
    st.none() | st.integers(-128, 127),
    st.none() | st.integers(0, 255),
)


@st.composite
def changed(draw: st.DrawFn) -> AdvertisingData:
    """A protocol's own bytes, a few of them others."""
    data = bytearray(draw(st.sampled_from(OF_A_PROTOCOL)).to_bytes())
    for at, byte in draw(st.lists(st.tuples(st.integers(0, len(data) - 1), st.integers(0, 255)), max_size=4)):
        data[at] = byte
    return from_air(bytes(data))


def from_air(data: bytes) -> AdvertisingData:
    """Read bytes as a radio does: what is no advertising data never becomes an advert."""
    try:
        return AdvertisingData.from_bytes(data)
    except MalformedPayloadError:
        return AdvertisingData()


@given(PARTS | changed() | st.binary(max_size=40).map(from_air), st.integers(-200, 200), st.sampled_from(["", "b"]))
def test_any_bytes_are_a_sighting_or_discarded(data: AdvertisingData, rssi_dbm: int, received_by: str) -> None:
    received = receive(Advert(data, rssi_dbm, AT_S, received_by))
    if isinstance(received, Sighting):
        assert received[1:] == (rssi_dbm, AT_S, received_by)
        assert rssi_dbm in PLAUSIBLE_RSSI_DBM
        assert len(received.observed.identifier) == PROTOCOLS[received.observed.protocol].identifier_length
    else:
        assert isinstance(received, Discarded)
        assert (received.observed is not None) == (received.reason is DiscardReason.WITHOUT_RSSI)
        assert received.reason is not DiscardReason.WITHOUT_RSSI or rssi_dbm not in PLAUSIBLE_RSSI_DBM


@pytest.mark.parametrize("data", OF_A_PROTOCOL, ids=list(PROTOCOLS))
@given(rssi_dbm=st.integers(-200, 200))
def test_an_identifier_without_a_plausible_rssi_is_discarded_and_still_known(
    data: AdvertisingData, rssi_dbm: int
) -> None:
    known, received = receive(Advert(data, -60, AT_S)), receive(Advert(data, rssi_dbm, AT_S))
    assert isinstance(known, Sighting)
    if rssi_dbm in range(-120, 0):
        assert received == Sighting(known.observed, rssi_dbm, AT_S, "")
    else:
        assert received == Discarded(DiscardReason.WITHOUT_RSSI, known.observed)


def test_the_reason_says_whose_fault_it_is() -> None:
    malformed = AdvertisingData(service_data={PROTOCOLS["gaen"].service_uuid: b"short"})
    foreign = AdvertisingData(service_uuids=(0x180F,), manufacturer_data={76: b"x"})
    assert receive(Advert(malformed, 127, AT_S)) == Discarded(DiscardReason.MALFORMED)
    assert receive(Advert(foreign, 127, AT_S)) == Discarded(DiscardReason.FOREIGN)


def test_neither_prints_an_identifier() -> None:
    for data in OF_A_PROTOCOL:
        for rssi_dbm in (-60, 127):
            received = receive(Advert(data, rssi_dbm, AT_S))
            assert received.observed
            for shown in (received.observed.identifier.hex(), repr(received.observed.identifier)):
                assert shown not in repr(received)


def test_a_malformed_frame_of_one_protocol_takes_none_of_another_away() -> None:
    """BlueZ keeps what came from one address in one object: somebody may add a broken part to a neighbour's frame."""
    (gaen,) = advertisements("gaen", 1)
    bluezone = PROTOCOLS["bluezone"].service_uuid
    merged = AdvertisingData(
        service_uuids=(*gaen.service_uuids, bluezone),
        service_data=dict(gaen.service_data),
        manufacturer_data={COMPANY_ID: b"x"},
    )
    with pytest.raises(MalformedPayloadError):
        decode(AdvertisingData(service_uuids=(bluezone,), manufacturer_data={COMPANY_ID: b"x"}))
    assert decode(merged) == decode(gaen)
