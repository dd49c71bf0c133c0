"""``bluezone-agent selftest --radio``: how well do this radio and another device's work together?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from bluezone_agent.app.radio_test import MeasuredRadio, RadioTest, compare_radios
from bluezone_agent.cli.base import exit_with, new_device, print_json, printable, say
from bluezone_agent.cli.progress import waiting
from bluezone_agent.cli.wrapping import wrapped
from bluezone_agent.errors import EXIT_FAULT
from bluezone_agent.files import is_standard
from bluezone_agent.i18n import _, local_number


def run(seconds: int, note: str, report: Path | None, *, as_json: bool) -> None:
    """Measure and print; exit 1 if no other device was received, or its identifiers could be linked."""
    say(_("run the same command on the other device now; both measure for {n} s").format(n=seconds))
    with waiting(_("measuring"), seconds):
        done = compare_radios(new_device(), seconds, note, report)
    if as_json:
        print_json(done)
    elif report is None or not is_standard(report):
        _print(done)
    if not done.passed:
        exit_with(EXIT_FAULT)


def _print(done: RadioTest) -> None:
    lines = [
        (_("this device"), _("{radio}, {n} identifiers sent").format(radio=printable(done.radio), n=done.sent)),
        (_("its power"), _power(done.known_dbm)),
    ]
    if done.other is None:
        lines.append((_("other device"), _("not received: does it run the same command, and is it near?")))
    else:
        lines += _other(done.other)
    width = max(len(name) for name, _text in lines)
    for name, text in lines:
        click.echo(wrapped(f"{name:<{width}}  {text}", hanging=width + 2))


def _power(power_dbm: int | None) -> str:
    return _("not known") if power_dbm is None else _("{power} dBm").format(power=power_dbm)


def _other(other: MeasuredRadio) -> Iterator[tuple[str, str]]:
    text = _("{identifiers} identifiers, {packets} packets at {weakest} to {strongest} dBm, median {median:.0f} dBm")
    yield (
        _("other device"),
        text.format(
            identifiers=other.identifiers,
            packets=other.packets,
            weakest=other.weakest_dbm,
            strongest=other.strongest_dbm,
            median=other.median_dbm,
        ),
    )
    if other.share is None:
        yield _("received"), _("too few packets to estimate the share")
    elif other.interval_ms is None:
        text = _("about {percent}% of its packets; longest gap {gap:.1f} s")
        yield (
            _("received"),
            text.format(percent=round(100 * other.share), gap=local_number(other.longest_gap_s)),
        )
    else:
        text = _("about {percent}% of its packets; one every {interval:.0f} ms; longest gap {gap:.1f} s")
        yield (
            _("received"),
            text.format(
                percent=round(100 * other.share), interval=other.interval_ms, gap=local_number(other.longest_gap_s)
            ),
        )
    if other.shortest_pause_s is not None and other.longest_pause_s is not None:
        text = _("{shortest:.1f} to {longest:.1f} s without a packet")
        yield (
            _("between identifiers"),
            text.format(shortest=local_number(other.shortest_pause_s), longest=local_number(other.longest_pause_s)),
        )
    yield _("its address"), _address(other)
    yield (
        _("states"),
        _("{power}; advertising data {data}").format(power=_power(other.stated_dbm), data=other.advertising_data),
    )


def _address(other: MeasuredRadio) -> str:
    if other.overlaps:
        return _("linkable: {n} times an identifier was received after the next one").format(n=other.overlaps)
    per_identifier, per_address = other.addresses_per_identifier, other.identifiers_per_address
    if per_identifier is None or per_address is None:
        return _("not known: this radio does not tell addresses apart")
    if per_identifier == per_address == 1:
        return _("new with each identifier, as it should be")
    text = _("linkable: up to {addresses} addresses per identifier, {identifiers} identifiers per address")
    return text.format(addresses=per_identifier, identifiers=per_address)
