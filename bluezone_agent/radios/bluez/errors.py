"""Why BlueZ can't be used: errors with a reason and a way out."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from bluezone_agent.core.redaction import redacted
from bluezone_agent.errors import N_, RadioFault, RadioUnavailableError

SERVICE_GONE: Final = frozenset(
    {"org.freedesktop.DBus.Error.ServiceUnknown", "org.freedesktop.DBus.Error.NameHasNoOwner"}
)
OBJECT_GONE: Final = frozenset({"org.freedesktop.DBus.Error.UnknownObject", "org.freedesktop.DBus.Error.UnknownMethod"})
FORBIDDEN: Final = frozenset({"org.freedesktop.DBus.Error.AccessDenied", "org.bluez.Error.NotAuthorized"})
NOT_READY: Final = "org.bluez.Error.NotReady"
NO_INSTANCE: Final = ("RegisterAdvertisement", "org.bluez.Error.NotPermitted")


def no_bus(reason: object) -> RadioUnavailableError:
    """There is no system bus, so there is no BlueZ either."""
    return RadioUnavailableError(
        RadioFault.NO_BLUETOOTH,
        N_("can't reach the Bluetooth service: no D-Bus system bus ({reason})"),
        N_('on Debian, run "apt install bluez"; without Bluetooth try "bluezone-agent demo", or set radio = "virtual"'),
        reason=reason,
    )


def no_service() -> RadioUnavailableError:
    """The bus is there, but bluetoothd is not."""
    return RadioUnavailableError(
        RadioFault.NO_BLUETOOTH,
        N_("the Bluetooth service (org.bluez) is not running"),
        N_('run "systemctl start bluetooth"; without Bluetooth try "bluezone-agent demo", or set radio = "virtual"'),
    )


def no_adapter(adapter: str, found: list[str]) -> RadioUnavailableError:
    """BlueZ knows other adapters, or none."""
    if found:
        return RadioUnavailableError(
            RadioFault.NO_ADAPTER,
            N_("there is no Bluetooth adapter {adapter}; there is {found}"),
            N_('set radio = "bluez:{first}"; without Bluetooth try "bluezone-agent demo", or set radio = "virtual"'),
            adapter=adapter,
            found=", ".join(found),
            first=found[0],
        )
    return RadioUnavailableError(
        RadioFault.NO_ADAPTER,
        N_("there is no Bluetooth adapter {adapter}, nor any other"),
        N_('plug one in, or try "bluezone-agent demo", or set radio = "virtual"'),
        adapter=adapter,
    )


def no_advertising(adapter: str) -> RadioUnavailableError:
    """The adapter exists but has no LE advertising: it is old, or LE is switched off."""
    return RadioUnavailableError(
        RadioFault.NO_ADAPTER,
        N_("{adapter} can't advertise: it does not support Bluetooth Low Energy advertising"),
        N_('use another adapter, try "bluezone-agent demo", or set radio = "virtual"'),
        adapter=adapter,
    )


def powered_off(adapter: str) -> RadioUnavailableError:
    """The adapter is off at the start."""
    return RadioUnavailableError(
        RadioFault.POWERED_OFF,
        N_("{adapter} is powered off"),
        N_(
            'run "bluetoothctl power on", and if that fails, "rfkill unblock bluetooth"; or try '
            '"bluezone-agent demo", or set radio = "virtual"'
        ),
        adapter=adapter,
    )


def no_instance(adapter: str) -> RadioUnavailableError:
    """Every advertising instance of the controller is in use."""
    return RadioUnavailableError(
        RadioFault.NO_BROADCAST,
        N_("{adapter} can scan but not advertise: other programs use all its advertising instances"),
        N_("close one of them; the agent tries again with its next identifier"),
        adapter=adapter,
    )


def forbidden(reason: object) -> RadioUnavailableError:
    """The D-Bus policy or bluetoothd refuses access."""
    return RadioUnavailableError(
        RadioFault.NOT_PERMITTED,
        N_("not permitted to use the Bluetooth service: {reason}"),
        N_(
            'run as a user in the group bluetooth ("usermod -aG bluetooth USER"); or try '
            '"bluezone-agent demo", or set radio = "virtual"'
        ),
        reason=reason,
    )


def privacy_on(main_conf: Path, value: str) -> RadioUnavailableError:
    """BlueZ would keep one resolvable address for several identifiers."""
    return RadioUnavailableError(
        RadioFault.LINKABLE,
        N_("{path} sets Privacy = {value}: successive identifiers would share an address and be linkable"),
        N_(
            'set Privacy = off there and run "systemctl restart bluetooth", so that each identifier '
            'gets its own address; or try "bluezone-agent demo", or set radio = "virtual"'
        ),
        path=main_conf,
        value=value,
    )


def privacy_unknown(main_conf: Path, reason: object) -> RadioUnavailableError:
    """The setting can't be read, and D-Bus does not show it."""
    return RadioUnavailableError(
        RadioFault.LINKABLE,
        N_("can't read {path} to check whether Privacy is off: {reason}"),
        N_('make it readable (chmod 644); or try "bluezone-agent demo", or set radio = "virtual"'),
        path=main_conf,
        reason=reason,
    )


def discoverable(adapter: str) -> RadioUnavailableError:
    """BlueZ makes advertisements of a discoverable adapter connectable and sends them from its public address."""
    return RadioUnavailableError(
        RadioFault.LINKABLE,
        N_("{adapter} is discoverable: identifiers would go out with its public address and be linkable"),
        N_(
            'run "bluetoothctl discoverable off" and close the program that made it discoverable; or '
            'try "bluezone-agent demo", or set radio = "virtual"'
        ),
        adapter=adapter,
    )


def unanswered(adapter: str, call: str, seconds: float) -> RadioUnavailableError:
    """The service hangs."""
    return RadioUnavailableError(
        RadioFault.REFUSED,
        N_("the Bluetooth service did not answer {call} for {adapter} within {seconds} s"),
        N_('run "systemctl restart bluetooth"; or try "bluezone-agent demo", or set radio = "virtual"'),
        adapter=adapter,
        call=call,
        seconds=seconds,
    )


def refused(adapter: str, call: str, name: str, reason: object) -> RadioUnavailableError:
    """Turn a D-Bus error, by its name, into something that a person can act on; BlueZ's text may contain addresses."""
    reason = redacted(str(reason))
    if name in SERVICE_GONE:
        return no_service()
    if name in OBJECT_GONE:
        return lost(adapter)
    if name in FORBIDDEN:
        return forbidden(reason)
    if (call, name) == NO_INSTANCE:
        return no_instance(adapter)
    if name == NOT_READY:
        return powered_off(adapter)
    error = RadioUnavailableError(
        RadioFault.REFUSED,
        N_("the Bluetooth service refused {call} on {adapter}: {name}: {reason}"),
        N_(
            "check whether another program scans or advertises on it, choose another adapter, or run "
            '"systemctl restart bluetooth"; or try "bluezone-agent demo", or set radio = "virtual"'
        ),
        adapter=adapter,
        call=call,
        name=name,
        reason=reason,
    )
    # its own answer, not the bus's about a service that died or hangs: then nothing is advertised (docs/bluez.md)
    error.kept_off_air = call == "RegisterAdvertisement" and name.startswith("org.bluez.Error.")
    return error


def lost(adapter: str) -> RadioUnavailableError:
    """The adapter was there and is gone."""
    return RadioUnavailableError(
        RadioFault.LOST,
        N_("{adapter} was removed"),
        N_("plug it in again; the agent then continues by itself"),
        adapter=adapter,
    )


def switched_off(adapter: str) -> RadioUnavailableError:
    """It was powered off while the agent was running."""
    return RadioUnavailableError(
        RadioFault.POWERED_OFF,
        N_("{adapter} was powered off while the agent was running"),
        N_('run "bluetoothctl power on"; the agent then continues by itself'),
        adapter=adapter,
    )


def service_stopped() -> RadioUnavailableError:
    """bluetoothd left the bus."""
    return RadioUnavailableError(
        RadioFault.NO_BLUETOOTH,
        N_("the Bluetooth service (org.bluez) stopped while the agent was running"),
        N_('run "systemctl restart bluetooth"; the agent then continues by itself'),
    )


def bus_lost() -> RadioUnavailableError:
    """The bus itself is gone."""
    return RadioUnavailableError(
        RadioFault.LOST,
        N_("the connection to the D-Bus system bus was lost"),
        N_("the agent tries again by itself; if the bus does not come back, restart the machine"),
    )


def released(adapter: str) -> RadioUnavailableError:
    """bluetoothd dropped the advertisement by itself."""
    return RadioUnavailableError(
        RadioFault.LOST,
        N_("the Bluetooth service stopped advertising on {adapter}"),
        N_('if the agent does not recover by itself, run "systemctl restart bluetooth"'),
        adapter=adapter,
    )
