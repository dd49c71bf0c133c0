"""The doctor's findings on adapters, bluetoothd and rfkill."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from bluezone_agent.errors import N_
from bluezone_agent.health.doctor.finding import Finding, Level, error, fault, ok, warning
from bluezone_agent.radios.bluez.facts import AdapterFacts, BluetoothFacts, BrokerFacts
from bluezone_agent.radios.options import FIRST_ADAPTER, THROUGH_BROKER, argument, kind

INTERVALS_SINCE: Final = (5, 77)
"""BlueZ version from which intervals and passive scanning need no ``-E``."""


def bluetooth_findings(
    radios: Sequence[str], bluetooth: BluetoothFacts, broker: BrokerFacts, *, accepted: Sequence[str], running: bool
) -> Iterator[Finding]:
    """Yield every finding on the adapters that ``radios`` name.

    ``accepted``: conditions that link identifiers and that the operator accepts; ``running``: our agent uses the
    adapters now.
    """
    if bluetooth.kernel_adapters:
        yield ok("adapter", N_("this machine has {adapters}"), adapters=", ".join(bluetooth.kernel_adapters))
    elif any(_needs_adapter(name) for name in radios):
        yield fault(
            "adapter",
            N_("this machine has no Bluetooth adapter"),
            N_('plug in an adapter; without one, try "bluezone-agent demo", or set radio = "virtual"'),
        )
    for switch in bluetooth.rfkill:
        if switch.hard:
            yield fault(
                "rfkill",
                N_("{name} is switched off by a hardware switch"),
                N_("use its wireless switch or key"),
                name=switch.name,
            )
        elif switch.soft:
            yield fault(
                "rfkill", N_("{name} is switched off by rfkill"), N_('run "rfkill unblock bluetooth"'), name=switch.name
            )
        else:
            yield ok("rfkill", N_("{name} is not blocked by rfkill"), name=switch.name)
    through_broker = [n for n in radios if kind(n) == "kernel" or (kind(n) == "auto" and broker.fault is None)]
    through_bluez = [n for n in radios if kind(n) in ("auto", "bluez") and n not in through_broker]
    if any(kind(name) in THROUGH_BROKER for name in radios):
        yield _broker(broker, required=any(kind(name) == "kernel" for name in radios))
    if through_broker and broker.fault is None:
        yield from _adapters(through_broker, broker.adapters, first=radios[0], accepted=(), ours=running)
    if through_bluez:
        yield from _bluez(through_bluez, bluetooth, first=radios[0], accepted=accepted, running=running)
    for name in radios:
        yield from _other_radio(name, bluetooth)


def _needs_adapter(radio: str) -> bool:
    return kind(radio) in THROUGH_BROKER | {"bluez"} or radio.removeprefix("hci:").isdecimal()


def _broker(broker: BrokerFacts, *, required: bool) -> Finding:
    if broker.fault is None:
        return ok("broker", N_("the radio broker answers: every packet can be received"))
    if required:
        return error("broker", broker.fault)
    return warning(
        "broker",
        N_(
            "{reason}; so bluetoothd is used, through which some adapters report a nearby device only once in 11 s"
            " instead of four times a second"
        ),
        N_('install it with "sudo scripts/install"; if it is installed, run "systemctl start bluezone-radio.socket"'),
        reason=broker.fault,
    )


def _bluez(
    radios: Sequence[str], bluetooth: BluetoothFacts, *, first: str, accepted: Sequence[str], running: bool
) -> Iterator[Finding]:
    if bluetooth.service_fault:
        yield error("bluetoothd", bluetooth.service_fault)
    else:
        yield _bluez_version(bluetooth)
        yield from _adapters(radios, bluetooth.adapters, first=first, accepted=accepted, ours=running)
    if bluetooth.privacy_fault:
        found = error("privacy", bluetooth.privacy_fault)
        yield replace(found, level=Level.WARNING) if "privacy" in accepted else found
    else:
        yield ok("privacy", N_('BlueZ "Privacy" is off, as required: the address changes with each identifier'))


def _adapters(
    radios: Sequence[str], adapters: Sequence[AdapterFacts], *, first: str, accepted: Sequence[str], ours: bool
) -> Iterator[Finding]:
    """Yield the findings on the adapters that ``radios`` name, of those that there are."""
    for radio in radios:
        name = argument(radio) or FIRST_ADAPTER
        adapter = next((a for a in adapters if a.is_called(name)), None)
        if adapter:
            yield from _adapter(adapter, broadcasts=first == radio, ours=ours)
            yield from _discoverable(adapter, accepted="discoverable" in accepted)
        elif adapters:
            yield fault(
                "adapter",
                N_("there is no Bluetooth adapter {adapter}; there is {found}"),
                N_('set radio = "{kind}:{first}"'),
                adapter=name,
                found=", ".join(a.name for a in adapters),
                kind=kind(radio),
                first=adapters[0].name,
            )
        else:
            yield fault(
                "adapter",
                N_("this machine has no Bluetooth adapter {adapter}"),
                N_('plug in an adapter, or run "systemctl restart bluetooth"'),
                adapter=name,
            )


def _bluez_version(bluetooth: BluetoothFacts) -> Finding:
    version = ".".join(str(part) for part in bluetooth.version) if bluetooth.version else "?"
    if any(adapter.monitors for adapter in bluetooth.adapters):
        return ok("bluez", N_("BlueZ {version} honours advertising intervals and can scan passively"), version=version)
    if bluetooth.version is not None and bluetooth.version >= INTERVALS_SINCE:
        return ok("bluez", N_("BlueZ {version} honours advertising intervals"), version=version)
    return warning(
        "bluez",
        N_(
            "BlueZ {version} runs without its experimental interfaces: it can't scan passively, so"
            " some adapters report a nearby device only once in 11 s, and an adapter with extended"
            " advertising transmits only every 1.28 s"
        ),
        N_(
            'start it as "bluetoothd -E": run "systemctl edit bluetooth", add the lines [Service],'
            ' ExecStart= and ExecStart=/usr/libexec/bluetooth/bluetoothd -E, then run "systemctl'
            ' restart bluetooth"'
        ),
        version=version,
    )


def _adapter(adapter: AdapterFacts, *, broadcasts: bool, ours: bool) -> Iterator[Finding]:
    if not adapter.powered:
        yield fault("power", N_("{adapter} is powered off"), N_('run "bluetoothctl power on"'), adapter=adapter.name)
        return
    yield ok("power", N_("{adapter} is powered on"), adapter=adapter.name)
    if not adapter.advertises:
        yield fault(
            "advertising",
            N_("{adapter} does not support Bluetooth Low Energy advertising"),
            N_("use another adapter"),
            adapter=adapter.name,
        )
        return
    if broadcasts:
        yield from _advertising(adapter, ours=ours)


def _discoverable(adapter: AdapterFacts, *, accepted: bool) -> Iterator[Finding]:
    if adapter.discoverable:
        yield (warning if accepted else fault)(
            "discoverable",
            N_("{adapter} is discoverable: identifiers would go out with its public address and be linkable"),
            N_('run "bluetoothctl discoverable off", and stop the program that made it discoverable'),
            adapter=adapter.name,
        )
    elif adapter.powered:
        yield ok("discoverable", N_("{adapter} is not discoverable"), adapter=adapter.name)


def _advertising(adapter: AdapterFacts, *, ours: bool) -> Iterator[Finding]:
    way = N_("extended advertising") if adapter.extended else N_("legacy advertising: scanning pauses at each rotation")
    yield ok("advertising", N_("{adapter} supports {kind}"), adapter=adapter.name, kind=way)
    if adapter.instances_free is None:
        return
    if adapter.instances_free or ours:
        yield ok(
            "instances",
            N_("{adapter}: {used} advertising instances in use, {free} free"),
            adapter=adapter.name,
            used=adapter.instances_used,
            free=adapter.instances_free,
        )
    else:
        yield fault(
            "instances",
            N_("{adapter}: all {used} advertising instances are used by other programs"),
            N_('stop the other advertiser ("bluetoothctl advertise off"), or run "systemctl restart bluetooth"'),
            adapter=adapter.name,
            used=adapter.instances_used,
        )


def _other_radio(name: str, bluetooth: BluetoothFacts) -> Iterator[Finding]:
    if name == "virtual" or name.startswith("replay:"):
        yield warning(
            "radio",
            N_("radio = {name} is simulated: this device neither broadcasts nor receives real devices"),
            N_('set radio = "auto" if this machine has Bluetooth'),
            name=name,
        )
    if not name.startswith("hci:"):
        return
    if not bluetooth.has_bumble:
        yield fault(
            "hci", N_("{name} needs bumble, which is not installed"), N_("pip install 'bluezone-agent[hci]'"), name=name
        )
    elif name.removeprefix("hci:").isdecimal() and not bluetooth.may_open_hci:
        yield fault("hci", N_("{name} needs CAP_NET_ADMIN"), N_('run as root, or set radio = "auto"'), name=name)
    else:
        yield ok("hci", N_("{name} can probably be opened"), name=name)
