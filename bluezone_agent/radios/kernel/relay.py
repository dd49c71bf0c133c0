"""What the agent may ask of the broker, and what it is sent; both ends use this codec.

A message is one packet of a Unix SOCK_SEQPACKET socket: a code, then a body of a fixed form, little endian. The agent
sends a request and awaits its answer; events come at any time. There is no other request: the agent can't name a
command of the kernel, an instance, a monitor, a pattern, an interval or a setting.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from hashlib import blake2s
from typing import Final, NamedTuple

from bluezone_agent.core.advertising_data import LEGACY_DATA_LENGTH
from bluezone_agent.radios.kernel.management import UNKNOWN_POWER, FoundAdvert, Setting, written

PATH: Final = "/run/bluezone-radio.socket"
"""Where the broker listens."""
LONGEST_MESSAGE: Final = 32 * 1024
LONGEST_VALID_S: Final = 900
"""The longest slot of a protocol; no advertisement lasts longer."""


class Verb(IntEnum):
    """The requests."""

    ADAPTERS = 1
    """List the adapters. The only one that is answered before OPEN."""
    OPEN = 2
    """Use this adapter, which nobody else does."""
    CLAIM = 3
    """The same; whoever uses it is asked to leave."""
    LISTEN = 4
    """Send an event for every advert of the two protocols."""
    STOP_LISTENING = 5
    PREPARE = 6
    """Stop the present advertisement, and find out the transmit power of the next one."""
    COMMIT = 7
    """Advertise these data until then."""
    WITHDRAW = 8
    SETTINGS = 9


class Purpose(IntEnum):
    """Who uses an adapter: its answer to others."""

    AGENT = 0
    TRIAL = 1
    CALIBRATE = 2
    SELFTEST = 3


class Answered(IntEnum):
    """The outcome of a request."""

    DONE = 0
    MALFORMED = 1
    """Not a request, or not one in this state."""
    NO_ADAPTER = 2
    HELD = 3
    """Somebody else uses the adapter."""
    TOO_OLD = 4
    """The kernel lacks a command."""
    POWERED_OFF = 5
    LINKABLE = 6
    """A setting of the adapter would make identifiers linkable."""
    NO_INSTANCE = 7
    """Other programs use all advertising instances."""
    OTHERS = 8
    """Another program advertises or scans, and this controller can't do both without linking identifiers."""
    REFUSED = 9
    """The kernel refused a command."""
    LOST = 10
    """The adapter is gone."""


class BrokerEvent(IntEnum):
    """The events."""

    ADVERTS = 0x40
    SETTINGS = 0x41
    GONE = 0x42
    """The adapter can't be used any more, and nothing is advertised."""
    CHANGED = 0x43
    """Something has changed: an adapter, its settings, or who uses it."""
    ADVERTS_BY_SENDER = 0x44
    """Adverts for a self-test, each after a digest of its sender's address under a key of this connection."""


class GoneReason(IntEnum):
    """Why an adapter can't be used any more."""

    REMOVED = 1
    POWERED_OFF = 2
    LINKABLE = 3
    SUSPENDED = 4
    TAKEN = 5
    """Another program removed the advertisement or the monitor."""
    OTHERS = 6
    """Another program advertises on a legacy controller."""
    CLAIMED = 7
    """Another command needs it for a while."""


ANSWER: Final = 0x80
"""Added to a request's code in its answer."""
OPEN_BODY: Final = struct.Struct("<6sB")
COMMIT_HEAD: Final = struct.Struct("<I")
ADAPTER: Final = struct.Struct("<H6sHIBB")
DETAIL: Final = struct.Struct("<IIB")
"""Of an answer that is not DONE: two numbers, by the outcome, and a purpose."""
ADVERT: Final = struct.Struct("<bH")
"""RSSI and length of the data. The sender's address stays with the broker: the agent needs none."""
SENDER_LENGTH: Final = 4
"""A self-test has to know whether an address changed, not which it was."""
NUMBER: Final = struct.Struct("<I")
POWER: Final = struct.Struct("<b")


class MalformedMessageError(ValueError):
    """A packet that is not a message of this protocol."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request."""

    verb: Verb
    address: str = field(default="", repr=False)
    purpose: Purpose = Purpose.AGENT
    valid_ms: int = 0
    """For how long the data may be advertised."""
    data: bytes = field(default=b"", repr=False)

    def to_bytes(self) -> bytes:
        """Return the packet."""
        head = bytes([self.verb])
        if self.verb in (Verb.OPEN, Verb.CLAIM):
            return head + OPEN_BODY.pack(bytes.fromhex(self.address.replace(":", ""))[::-1], self.purpose)
        if self.verb is Verb.COMMIT:
            return head + COMMIT_HEAD.pack(self.valid_ms) + self.data
        return head


def read_request(packet: bytes) -> Request:
    """Read a request; raises MalformedMessageError."""
    try:
        verb = Verb(packet[0])
        body = packet[1:]
        if verb in (Verb.OPEN, Verb.CLAIM):
            address, purpose = OPEN_BODY.unpack(body)
            return Request(verb, written(address), Purpose(purpose))
        if verb is Verb.COMMIT:
            (valid_ms,) = COMMIT_HEAD.unpack_from(body)
            data = body[COMMIT_HEAD.size :]
            if not 0 < valid_ms <= 1000 * LONGEST_VALID_S or not 0 < len(data) <= LEGACY_DATA_LENGTH:
                raise MalformedMessageError("a time or data out of bounds")
            return Request(verb, valid_ms=valid_ms, data=data)
    except (IndexError, struct.error, ValueError) as error:
        raise MalformedMessageError("not a request") from error
    if body:
        raise MalformedMessageError("more than a request")
    return Request(verb)


class AdapterListed(NamedTuple):
    """One adapter in the answer to ADAPTERS."""

    number: int
    address: str
    manufacturer: int
    settings: Setting
    extended: bool
    """Whether the controller has extended advertising."""
    held: bool
    """Whether somebody uses it through the broker."""

    def __repr__(self) -> str:
        return f"AdapterListed({self.name}, {self.settings!r})"

    @property
    def name(self) -> str:
        """The kernel's name."""
        return f"hci{self.number}"


@dataclass(frozen=True, slots=True)
class BrokerReply:
    """The answer to a request."""

    outcome: Answered
    numbers: tuple[int, int] = (0, 0)
    """HELD: process and user; REFUSED: command and status; LINKABLE: settings."""
    purpose: Purpose = Purpose.AGENT
    """HELD: what for."""
    body: bytes = field(default=b"", repr=False)
    """DONE: what was asked for."""

    def to_bytes(self, verb: int) -> bytes:
        """Return the packet."""
        head = bytes([ANSWER | verb, self.outcome])
        return head + (self.body if self.outcome is Answered.DONE else DETAIL.pack(*self.numbers, self.purpose))


def read_reply(packet: bytes) -> BrokerReply:
    """Read an answer; raises MalformedMessageError."""
    try:
        outcome = Answered(packet[1])
        if outcome is Answered.DONE:
            return BrokerReply(outcome, body=packet[2:])
        first, second, purpose = DETAIL.unpack(packet[2:])
        return BrokerReply(outcome, (first, second), Purpose(purpose))
    except (IndexError, struct.error, ValueError) as error:
        raise MalformedMessageError("not an answer") from error


def adapters_body(adapters: list[AdapterListed]) -> bytes:
    """Return the body of the answer to ADAPTERS."""
    return b"".join(
        ADAPTER.pack(a.number, bytes.fromhex(a.address.replace(":", ""))[::-1], *a[2:4], a.extended, a.held)
        for a in adapters
    )


def read_adapters(body: bytes) -> list[AdapterListed]:
    """Read that body; raises MalformedMessageError."""
    try:
        rows = list(ADAPTER.iter_unpack(body))
    except struct.error as error:
        raise MalformedMessageError("not a list of adapters") from error
    return [
        AdapterListed(n, written(a), m, Setting(s), bool(extended), bool(held)) for n, a, m, s, extended, held in rows
    ]


def power_body(power_dbm: int | None) -> bytes:
    """Return the body of the answer to PREPARE."""
    return POWER.pack(UNKNOWN_POWER if power_dbm is None else power_dbm)


def read_power_body(body: bytes) -> int | None:
    """Read that body; raises MalformedMessageError."""
    power_dbm = _number(POWER, body)
    return None if power_dbm == UNKNOWN_POWER else power_dbm


def number_body(number: int) -> bytes:
    """Return a number: the settings."""
    return NUMBER.pack(number)


def read_settings(body: bytes) -> Setting:
    """Read settings; raises MalformedMessageError."""
    return Setting(_number(NUMBER, body))


def gone(reason: GoneReason, settings: int = 0) -> bytes:
    """Return the event GONE."""
    return bytes([BrokerEvent.GONE, reason]) + NUMBER.pack(settings)


def read_gone(packet: bytes) -> tuple[GoneReason, Setting]:
    """Read that event; raises MalformedMessageError."""
    try:
        return GoneReason(packet[1]), read_settings(packet[2:])
    except (IndexError, ValueError) as error:
        raise MalformedMessageError("not a reason") from error


def advert_record(found: FoundAdvert) -> bytes:
    """Return one advert of an event ADVERTS, which has its code and any number of them."""
    return ADVERT.pack(found.rssi_dbm, len(found.data)) + found.data


def sender_digest(key: bytes, found: FoundAdvert) -> bytes:
    """Return what stands for the address of a sender."""
    return blake2s(found.address + bytes([found.address_type]), key=key, digest_size=SENDER_LENGTH).digest()


def read_adverts(packet: bytes) -> Iterator[tuple[bytes, int, bytes]]:
    """Yield data, RSSI and sender (empty if it is not told) of every advert of an event.

    Raises MalformedMessageError at what is not one.
    """
    at, end = 1, len(packet)
    sender_length = SENDER_LENGTH if packet[:1] == bytes([BrokerEvent.ADVERTS_BY_SENDER]) else 0
    while at < end:
        sender = packet[at : at + sender_length]
        at += sender_length
        try:
            rssi_dbm, length = ADVERT.unpack_from(packet, at)
        except struct.error as error:
            raise MalformedMessageError("not an advert") from error
        at += ADVERT.size + length
        if at > end:
            raise MalformedMessageError("an advert that is cut off")
        yield packet[at - length : at], rssi_dbm, sender


def _number(layout: struct.Struct, body: bytes) -> int:
    try:
        (number,) = layout.unpack(body)
    except struct.error as error:
        raise MalformedMessageError("not a number") from error
    return int(number)
