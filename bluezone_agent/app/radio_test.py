"""Two radios measured against each other, and a report that one can send: it names nobody and no device."""

from __future__ import annotations

import asyncio
import platform
from pathlib import Path

from bluezone_agent import __version__
from bluezone_agent.actions.radio_test import ReceivedDevice, measure
from bluezone_agent.app.configuration import configuration
from bluezone_agent.app.device import Device
from bluezone_agent.app.owner_time import system_clock
from bluezone_agent.app.radio import configured_radio
from bluezone_agent.app.result import Result, as_json
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.files import require_absent, write_new


class MeasuredRadio(Result, frozen=True, kw_only=True):
    """What was measured of the other device."""

    identifiers: int
    packets: int
    share: float | None
    """Estimated share (0 to 1) of its packets that were received."""
    interval_ms: float | None
    longest_gap_s: float
    """Between two packets of one identifier."""
    shortest_pause_s: float | None
    """Between two identifiers."""
    longest_pause_s: float | None
    overlaps: int
    """How often an identifier was received after its successor: 0 is right."""
    addresses_per_identifier: int | None
    """The most: 1 is right; None where this device's radio does not tell addresses apart."""
    identifiers_per_address: int | None
    """The most: 1 is right."""
    strongest_dbm: int
    median_dbm: float
    weakest_dbm: int
    stated_dbm: int | None
    """The transmit power that its advertisements state."""
    advertising_data: str
    """Its advertising data, hexadecimal, with zeros instead of identifier and metadata."""


class RadioTest(Result, frozen=True, kw_only=True):
    """The result of a radio test."""

    passed: bool
    """Whether another device was received and nothing links its identifiers."""
    note: str
    version: str
    system: str
    """Kernel release and machine."""
    protocol: str
    seconds: int
    radio: str
    scan_mode: str
    sent: int
    """Identifiers that this device advertised."""
    known_dbm: int | None
    """The transmit power that this device's controller reports."""
    other: MeasuredRadio | None
    """None if no other device that runs the test was received."""


def compare_radios(device: Device, seconds: int, note: str, report: Path | None) -> RadioTest:
    """Advertise and measure for ``seconds``; write the result to a new file if one is named.

    Raises NewFileError, RadioUnavailableError.
    """
    if report is not None:
        require_absent(report)
    config = configuration(device)
    clock = system_clock(config)
    radio = configured_radio(config, clock, purpose="selftest")
    test = measure(radio, clock, PROTOCOLS[config.protocol], seconds, tx_power_dbm=config.tx_power_dbm)
    measured = asyncio.run(test)
    other = None if measured.received is None else _shown(measured.received)
    done = RadioTest(
        passed=other is not None and _is_right(other),
        note=note,
        version=__version__,
        system=f"{platform.release()} {platform.machine()}",
        protocol=config.protocol,
        seconds=seconds,
        radio=radio.description,
        scan_mode=radio.scan_mode,
        sent=measured.sent,
        known_dbm=measured.known_dbm,
        other=other,
    )
    if report is not None:
        write_new(report, as_json(done).encode() + b"\n")
    return done


def _is_right(other: MeasuredRadio) -> bool:
    links = (other.addresses_per_identifier, other.identifiers_per_address)
    return other.overlaps == 0 and all(found in (1, None) for found in links)


def _shown(received: ReceivedDevice) -> MeasuredRadio:
    return MeasuredRadio(
        identifiers=received.identifiers,
        packets=received.packets,
        share=_rounded(received.share, 3),
        interval_ms=_rounded(received.interval_ms, 1),
        longest_gap_s=round(received.longest_gap_s, 3),
        shortest_pause_s=_rounded(received.shortest_pause_s, 3),
        longest_pause_s=_rounded(received.longest_pause_s, 3),
        overlaps=received.overlaps,
        addresses_per_identifier=received.addresses_per_identifier,
        identifiers_per_address=received.identifiers_per_address,
        strongest_dbm=received.strongest_dbm,
        median_dbm=received.median_dbm,
        weakest_dbm=received.weakest_dbm,
        stated_dbm=received.stated_dbm,
        advertising_data=received.advertising_data,
    )


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
