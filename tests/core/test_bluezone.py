"""The Bluezone derivation against what the original app's own code printed."""

import json
from typing import Any

import pytest

from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.core.bluezone import COMPANY_ID, SERVICE_UUID, Bluezone
from bluezone_agent.core.identifiers import DailyKey
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.errors import MalformedPayloadError
from tests.shared import shared_file

BLUEZONE = Bluezone()
BASE_KEY = bytes(range(32))
START = 1_600_041_600
FIRST_ID = bytes.fromhex("130cea6472130c185d8643df")
"""vectors/bluezone.json, kept here too so that this holds without the file."""


def daily_key(data: bytes = BASE_KEY, days: int = 1) -> DailyKey:
    return DailyKey("bluezone", data, START, START + days * DAY_S, 96)


@pytest.fixture(scope="module")
def vectors() -> Any:
    return json.loads(shared_file("vectors/bluezone.json").read_text())


def test_first_identifier_of_the_published_base_key() -> None:
    assert next(BLUEZONE.slots(daily_key())).identifier == FIRST_ID


def test_every_identifier_of_the_vector_days(vectors: Any) -> None:
    for day in vectors["days"]:
        slots = BLUEZONE.slots(daily_key(bytes.fromhex(day["daily_key"])))
        assert [s.identifier.hex() for s in slots] == day["ids"]


def test_a_chained_entry_is_walked_as_the_app_walks_it(vectors: Any) -> None:
    trace = vectors["trace"]
    # the app's time_end is inclusive: it goes on while slot start <= time_end
    key = DailyKey("bluezone", bytes.fromhex(trace["daily_key"]), trace["time_start"], trace["time_end"] + 1, 96)
    slots = list(BLUEZONE.slots(key))
    walked = [[s.identifier.hex(), s.starts_at_s, s.ends_at_s] for s in slots]
    assert len(walked) == trace["slots_checked"]
    assert walked[0] == trace["first"]
    assert walked[96] == trace["slot_96"]
    assert walked[-1] == trace["last"]


@pytest.mark.parametrize("at", [0, 899, 900, 86_399])
def test_identifier_at_is_the_slot_that_contains_the_time(at: int) -> None:
    slot = BLUEZONE.identifier_at(daily_key(), START + at)
    assert slot == list(BLUEZONE.slots(daily_key()))[at // 900]


@pytest.mark.parametrize("at", [-1, DAY_S])
def test_no_identifier_outside_the_key(at: int) -> None:
    with pytest.raises(ValueError, match="outside"):
        BLUEZONE.identifier_at(daily_key(), START + at)


def test_frame_is_the_apps_plus_a_tx_power_field() -> None:
    key = daily_key()
    advertising_data = BLUEZONE.encode(key, BLUEZONE.identifier_at(key, START), -12)
    assert advertising_data.to_bytes().hex() == "020102" + "0303564e" + "020af4" + "0fffb522" + FIRST_ID.hex()
    observed = BLUEZONE.decode(AdvertisingData.from_bytes(advertising_data.to_bytes()))
    assert observed is not None
    assert observed.identifier == FIRST_ID
    assert BLUEZONE.tx_power_dbm(key, observed) == -12


def test_the_apps_own_frame_states_no_power() -> None:
    raw = bytes.fromhex("02011a" + "0303564e" + "0fffb522" + FIRST_ID.hex())
    observed = BLUEZONE.decode(AdvertisingData.from_bytes(raw))
    assert observed is not None
    assert BLUEZONE.tx_power_dbm(daily_key(), observed) is None


@pytest.mark.parametrize("length", [0, 11, 13])
def test_a_wrong_length_is_malformed(length: int) -> None:
    advertising_data = AdvertisingData(service_uuids=(SERVICE_UUID,), manufacturer_data={COMPANY_ID: bytes(length)})
    with pytest.raises(MalformedPayloadError, match=f"{length} bytes"):
        BLUEZONE.decode(advertising_data)


def test_another_makers_data_is_not_ours() -> None:
    assert BLUEZONE.decode(AdvertisingData(service_uuids=(SERVICE_UUID,), manufacturer_data={76: bytes(12)})) is None
    assert BLUEZONE.decode(AdvertisingData(manufacturer_data={COMPANY_ID: bytes(12)})) is None
