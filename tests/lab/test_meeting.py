"""Three agents end to end: who heard whom, what was on the air, and who is told."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest

from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.stores.store import Store
from tests.lab.air import Linkability, OnAir, linkability
from tests.lab.machine import Lab, Outcome

SENDERS: Final = {"a": "0", "b": "1", "c": "2"}
PREFIXES: Final = {"bluezone": "0303564e 0fffb522", "gaen": "03036ffd 17166ffd"}
"""Complete list of 16-bit UUIDs, then the header of company 8885's data, or of the service data of 0xFD6F."""
ROTATION_S: Final = 3.0
"""A pause of up to 2 s and some calls, or up to one interval of 1.28 s before the first packet."""
STOP_S: Final = 5.0


@pytest.fixture(scope="module", params=["bluezone-extended", "bluezone-legacy", "gaen-extended", "gaen-legacy"])
def meeting(request: pytest.FixtureRequest, lab: Lab) -> Outcome:
    protocol, kind = request.param.split("-")
    return lab.play("meeting", extended=kind == "extended", controllers=3, protocol=protocol)


def protocol_of(meeting: Outcome) -> str:
    return str(meeting.options["protocol"])


def on_air(meeting: Outcome, name: str) -> list[OnAir]:
    return [s for s in meeting.air if s.sender == SENDERS[name]]


def stored(meeting: Outcome, name: str) -> set[bytes]:
    """Return the identifiers that an agent has heard, of every protocol."""
    with Store(meeting.out / "state" / name) as store:
        return {
            bytes(i)
            for p in PROTOCOLS.values()
            for i in _split(store.contacts.identifiers(p.name)[1], p.identifier_length)
        }


def _split(packed: bytearray, length: int) -> Iterator[bytearray]:
    return (packed[at : at + length] for at in range(0, len(packed), length))


def sent_while_together(meeting: Outcome, name: str) -> set[bytes]:
    times = meeting.result["times"]
    stretches = [s for s in on_air(meeting, name) if s.to_s > times["met"] and s.from_s < times["left"]]
    assert all(s.observed for s in stretches)
    return {s.observed.identifier for s in stretches if s.observed}


def expected_advertisements(meeting: Outcome, name: str) -> Iterator[tuple[bytes, int, int]]:
    """Yield payload, start and end of every slot of an agent's own keys, from its store."""
    with Store(meeting.out / "state" / name) as store:
        keys = [own.key for own in store.keys.all()]
    protocol = PROTOCOLS[protocol_of(meeting)]
    prefix = bytes.fromhex(PREFIXES[protocol.name])
    for key in keys:
        for slot in protocol.slots(key):
            metadata = protocol.encode(key, slot, -12).service_data.get(protocol.service_uuid, b"")[16:]
            yield prefix + slot.identifier + metadata, slot.starts_at_s, slot.ends_at_s


@pytest.mark.parametrize(("listener", "sender"), [("a", "b"), ("b", "a")])
def test_each_hears_exactly_the_identifiers_that_the_other_had_on_the_air(
    meeting: Outcome, listener: str, sender: str
) -> None:
    sent = sent_while_together(meeting, sender)
    assert len(sent) == {"bluezone": 3, "gaen": 4}[protocol_of(meeting)], "two rotations or three in 30 minutes"
    assert stored(meeting, listener) == sent


def test_who_is_out_of_range_hears_nothing(meeting: Outcome) -> None:
    assert stored(meeting, "c") == set()


def test_the_one_who_was_near_is_told_the_right_minutes(meeting: Outcome) -> None:
    check = meeting.result["checks"]["check_b"]
    assert check["complete"]
    (day,) = check["days"]
    assert day["minutes_within_2m"] == pytest.approx(30, abs=1)
    assert len(check["new_warnings"]) == 1


def test_the_one_who_was_elsewhere_is_told_nothing(meeting: Outcome) -> None:
    check = meeting.result["checks"]["check_c"]
    assert check["complete"]
    assert check["matched_keys"] == 0
    assert check["days"] == []


def test_every_command_went_well(meeting: Outcome) -> None:
    failed = {name: ended for name, ended in meeting.result["commands"].items() if ended["code"]}
    assert failed == {}


def test_no_two_identifiers_can_be_linked(meeting: Outcome) -> None:
    for name in SENDERS:
        assert len({s.payload for s in on_air(meeting, name)}) >= 3
    assert linkability(meeting.air) == Linkability(0, 0, 0, 0)


@pytest.mark.parametrize("name", ["a", "b", "c"])
def test_the_frames_are_those_of_the_protocol_byte_for_byte_each_in_its_slot(meeting: Outcome, name: str) -> None:
    slots = {payload: (start_s, end_s) for payload, start_s, end_s in expected_advertisements(meeting, name)}
    for stretch in on_air(meeting, name):
        start_s, end_s = slots[stretch.payload]
        assert start_s <= stretch.from_s
        assert stretch.to_s <= end_s + ROTATION_S


@pytest.mark.parametrize("name", ["a", "b", "c"])
def test_the_air_is_never_empty_for_longer_than_a_rotation(meeting: Outcome, name: str) -> None:
    stretches = on_air(meeting, name)
    gaps_s = [after.from_s - before.to_s for before, after in pairwise(stretches)]
    assert gaps_s
    assert max(gaps_s) < 1.28 + ROTATION_S


def test_sigterm_ends_the_broadcast_and_the_agent(meeting: Outcome) -> None:
    assert [code for code, _ in meeting.result["stopped"]] == [0, 0, 0]
    assert max(s.to_s for s in meeting.air) < meeting.result["times"]["stop"] + STOP_S
    assert "Traceback" not in "".join(Path(meeting.out, f"agent-{name}.log").read_text() for name in SENDERS)


@pytest.mark.parametrize("protocol", list(PREFIXES))
def test_a_legacy_controller_gets_its_address_while_it_neither_scans_nor_broadcasts(lab: Lab, protocol: str) -> None:
    meeting = lab.play("meeting", extended=False, controllers=3, protocol=protocol)
    scanning, broadcasting = "00", "00"
    addresses = []
    for _, controller, name, parameters in meeting.hci:
        if controller != SENDERS["a"]:
            continue
        if name == "HCI_LE_SET_SCAN_ENABLE_COMMAND":
            scanning = parameters[:2]
        elif name == "HCI_LE_SET_ADVERTISING_ENABLE_COMMAND":
            broadcasting = parameters
        elif name == "HCI_LE_SET_RANDOM_ADDRESS_COMMAND":
            assert (scanning, broadcasting) == ("00", "00")
            addresses.append(parameters)
    assert len(set(addresses)) == len(addresses) == len(on_air(meeting, "a"))


def test_no_identifier_and_no_address_is_in_the_logs(meeting: Outcome) -> None:
    logs = "".join(Path(meeting.out, f"agent-{name}.log").read_text() for name in SENDERS).lower()
    assert "identifier_rotated" in logs
    for stretch in meeting.air:
        assert stretch.address.removesuffix("/P").lower() not in logs
        assert stretch.observed
        assert stretch.observed.identifier.hex() not in logs
