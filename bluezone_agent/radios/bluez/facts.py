"""What can be seen of Bluetooth on this machine, as values; :mod:`bluezone_agent.radios.bluez.inspect` reads them."""

from __future__ import annotations

from dataclasses import dataclass, field

from bluezone_agent.errors import RadioUnavailableError


@dataclass(frozen=True, slots=True)
class AdapterFacts:
    """An adapter as bluetoothd shows it."""

    name: str
    powered: bool
    discoverable: bool
    advertises: bool
    """Whether it supports Bluetooth Low Energy advertising at all."""
    extended: bool
    """Whether it has extended advertising; otherwise it can't set a new address while it scans."""
    monitors: bool
    """Whether bluetoothd allows passive scans on it, which before 5.77 needs ``bluetoothd -E``."""
    instances_used: int | None
    """Advertising instances in use; None where only the kernel was asked, which does not tell those of others apart."""
    instances_free: int | None
    address: str = field(default="", repr=False)

    def is_called(self, name: str) -> bool:
        """Return whether a configured name means this adapter: the kernel's name or the address."""
        return name == self.name or name.upper() == self.address


@dataclass(frozen=True, slots=True)
class RfkillFacts:
    """A switch that can silence Bluetooth."""

    name: str
    soft: bool
    """Switched off by a program; another program can switch it on."""
    hard: bool
    """Switched off by a key or a slider of the machine."""


@dataclass(frozen=True, slots=True)
class BluetoothFacts:
    """Bluetooth on this machine."""

    kernel_adapters: tuple[str, ...] = ()
    """``hciN`` of every adapter that the kernel knows, whether bluetoothd runs or not."""
    rfkill: tuple[RfkillFacts, ...] = ()
    service_fault: RadioUnavailableError | None = None
    """Why bluetoothd can't be queried."""
    version: tuple[int, int] | None = None
    adapters: tuple[AdapterFacts, ...] = ()
    privacy_fault: RadioUnavailableError | None = None
    """A wrong setting in main.conf, or that the file can't be read."""
    has_bumble: bool = False
    """Whether the optional stack of the HCI radio is installed."""
    may_open_hci: bool = False
    """Whether this process may open an adapter exclusively."""


@dataclass(frozen=True, slots=True)
class BrokerFacts:
    """The radio broker on this machine; :mod:`bluezone_agent.radios.kernel.inspect` reads it."""

    adapters: tuple[AdapterFacts, ...] = ()
    """Those that the kernel knows."""
    fault: RadioUnavailableError | None = None
    """Why it can't be asked."""
