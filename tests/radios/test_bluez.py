"""What of the BlueZ radio needs no BlueZ; the lab shows the rest (docs/lab.md)."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluezone_agent.config import parse
from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.errors import RadioFault, RadioUnavailableError
from bluezone_agent.radios.bluez import errors as faults
from bluezone_agent.radios.bluez.advertisement import Advertisement, received_advertising_data, uuid16_of, uuid_text
from bluezone_agent.radios.bluez.controller_quirks import PLANS, choose_plan
from bluezone_agent.radios.bluez.radio import require_privacy_off
from tests.radio_contract import advertisements


@pytest.mark.parametrize("text", ["", "[General]\n", "[General]\n#Privacy = device\n", "[General]\nPrivacy=off\n"])
def test_privacy_that_is_off_is_accepted(tmp_path: Path, text: str) -> None:
    path = tmp_path / "main.conf"
    path.write_text(text)
    require_privacy_off(path)


def test_no_main_conf_is_bluez_default(tmp_path: Path) -> None:
    require_privacy_off(tmp_path / "none.conf")


@pytest.mark.parametrize("value", ["device", "network", "limited-device", "network/on"])
def test_any_other_privacy_is_refused_with_file_and_value(tmp_path: Path, value: str) -> None:
    path = tmp_path / "main.conf"
    path.write_text(f"[Policy]\nAutoEnable=true\n[General]\nName = x%y\nPrivacy = {value}\n")
    with pytest.raises(RadioUnavailableError, match=f"main.conf sets Privacy = {value}") as caught:
        require_privacy_off(path)
    assert caught.value.reason is RadioFault.LINKABLE
    assert 'radio = "virtual"' in caught.value.hint


def test_a_main_conf_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    for broken in (tmp_path, tmp_path / "main.conf"):
        if broken != tmp_path:
            broken.write_text("Privacy = off\n")
        with pytest.raises(RadioUnavailableError, match="whether Privacy is off") as caught:
            require_privacy_off(broken)
        assert caught.value.reason is RadioFault.LINKABLE


@given(st.integers(0, 0xFFFF))
def test_a_16_bit_uuid_survives_bluez(uuid: int) -> None:
    assert uuid16_of(uuid_text(uuid)) == uuid
    assert uuid16_of(uuid_text(uuid).upper()) == uuid


@given(st.text() | st.from_regex(r"[0-9a-f]{8}-0000-1000-8000-00805f9b34fb", fullmatch=True))
def test_any_other_uuid_is_none_of_ours(text: str) -> None:
    uuid = uuid16_of(text)
    assert uuid is None or uuid_text(uuid) == text.lower()


@given(
    st.lists(st.text()),
    st.dictionaries(st.text(), st.binary()),
    st.dictionaries(st.integers(0, 0xFFFF), st.binary()),
    st.none() | st.integers(-128, 127),
)
def test_whatever_strangers_send_becomes_a_frame(
    uuids: list[str], data: dict[str, bytes], manufacturer_data: dict[int, bytes], tx_power_dbm: int | None
) -> None:
    assert (
        received_advertising_data(uuids, data, manufacturer_data, tx_power_dbm).manufacturer_data == manufacturer_data
    )


@pytest.mark.parametrize("protocol", ["bluezone", "gaen"])
def test_what_is_registered_is_heard_as_the_same_frame_without_its_tx_power(protocol: str) -> None:
    (advertising_data,) = advertisements(protocol, 1)
    shown = Advertisement(advertising_data, lambda: None)
    data = {uuid: variant.value for uuid, variant in shown.service_data.items()}
    manufacturer_data = {company_id: variant.value for company_id, variant in shown.manufacturer_data.items()}
    received = received_advertising_data(shown.service_uuids, data, manufacturer_data, None)
    assert received == AdvertisingData(
        advertising_data.service_uuids, advertising_data.service_data, advertising_data.manufacturer_data
    )
    assert shown.type_ == "broadcast"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("org.freedesktop.DBus.Error.ServiceUnknown", RadioFault.NO_BLUETOOTH),
        ("org.freedesktop.DBus.Error.AccessDenied", RadioFault.NOT_PERMITTED),
        ("org.freedesktop.DBus.Error.UnknownObject", RadioFault.LOST),
        ("org.bluez.Error.NotReady", RadioFault.POWERED_OFF),
        ("org.bluez.Error.NotPermitted", RadioFault.NO_BROADCAST),
        ("org.bluez.Error.InProgress", RadioFault.REFUSED),
    ],
)
def test_an_error_of_bluez_becomes_a_reason_with_a_way_out(name: str, reason: RadioFault) -> None:
    error = faults.refused("hci0", "RegisterAdvertisement", name, "because")
    assert error.reason is reason
    assert error.exit_code == 69
    assert error.hint


@pytest.mark.parametrize(
    ("call", "name", "certain"),
    [
        ("RegisterAdvertisement", "org.bluez.Error.Failed", True),
        ("RegisterAdvertisement", "org.freedesktop.DBus.Error.NoReply", False),
        ("StartDiscovery", "org.bluez.Error.Failed", False),
    ],
)
def test_bluetoothds_own_refusal_says_that_nothing_is_on_the_air(call: str, name: str, certain: bool) -> None:
    assert faults.refused("hci0", call, name, "because").kept_off_air is certain
    assert faults.unanswered("hci0", call, 5).kept_off_air is False


@pytest.mark.parametrize(
    ("extended", "manufacturer", "name"),
    [
        (True, None, "extended"),
        (True, 15, "extended"),
        (False, None, "legacy"),
        (False, 2, "legacy"),
        (False, 305, "legacy-broadcom"),
    ],
)
def test_the_plan_follows_from_what_the_controller_reports(extended: bool, manufacturer: int | None, name: str) -> None:
    plan = choose_plan("auto", extended=extended, manufacturer=manufacturer)
    assert plan.name == name
    assert plan.scan_pause is not extended


def test_the_operator_may_name_any_plan_that_there_is() -> None:
    for plan in PLANS:
        assert choose_plan(plan.name, extended=not plan.extended, manufacturer=None) is plan
        assert parse(f'radio_plan = "{plan.name}"', Path("x.toml")).radio_plan == plan.name
    with pytest.raises(ValueError, match="unknown plan"):
        choose_plan("none", extended=True, manufacturer=None)
