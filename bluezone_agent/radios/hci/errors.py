"""Why a controller can't be used directly: errors with a reason and a way out."""

from __future__ import annotations

import errno

from bluezone_agent.errors import N_, RadioFault, RadioUnavailableError


def no_bumble() -> RadioUnavailableError:
    """The optional stack is not installed."""
    return RadioUnavailableError(
        RadioFault.NO_BLUETOOTH,
        N_("this kind of radio needs the Bluetooth stack bumble, which is not installed"),
        N_('run "pip install \'bluezone-agent[hci]\'", or use BlueZ: radio = "bluez:hci0"'),
    )


def not_opened(name: str, error: Exception) -> RadioUnavailableError:
    """Opening the transport failed; the kernel's reasons are distinguished."""
    number = error.errno if isinstance(error, OSError) else None
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    if number in (errno.EPERM, errno.EACCES):
        return RadioUnavailableError(
            RadioFault.NOT_PERMITTED,
            N_("not permitted to open {name}: {reason}"),
            N_('it needs CAP_NET_ADMIN: run as root, or use BlueZ: radio = "bluez:hci0"'),
            name=name,
            reason=reason,
        )
    if number == errno.EBUSY:
        return RadioUnavailableError(
            RadioFault.REFUSED,
            N_("{name} is in use"),
            N_(
                'run "systemctl stop bluetooth" and close other programs that use it: this kind of radio '
                'needs the adapter to itself; or use BlueZ: radio = "bluez:hci0"'
            ),
            name=name,
        )
    if number == errno.ERFKILL:
        return RadioUnavailableError(
            RadioFault.POWERED_OFF,
            N_("{name} is switched off by rfkill"),
            N_('run "rfkill unblock bluetooth"'),
            name=name,
        )
    if number == errno.ENODEV:
        return RadioUnavailableError(
            RadioFault.NO_ADAPTER,
            N_("there is no Bluetooth adapter {name}"),
            N_('plug one in, or try "bluezone-agent demo", or set radio = "virtual"'),
            name=name,
        )
    return RadioUnavailableError(
        RadioFault.NO_BLUETOOTH,
        N_("can't open {name}: {reason}"),
        N_('choose an adapter ("hci:0", "hci:usb:0"), try "bluezone-agent demo", or set radio = "virtual"'),
        name=name,
        reason=reason,
    )


def refused(name: str, command: str, reason: object) -> RadioUnavailableError:
    """The controller answered a command with an error."""
    error = RadioUnavailableError(
        RadioFault.REFUSED,
        N_("{name} refused {command}: {reason}"),
        N_("unplug it and plug it back in, or choose another adapter"),
        name=name,
        command=command,
        reason=reason,
    )
    error.kept_off_air = True  # every command before the last one that switches advertising on has to succeed
    return error


def lost(name: str, reason: object) -> RadioUnavailableError:
    """The controller does not answer any more."""
    return RadioUnavailableError(
        RadioFault.LOST,
        N_("{name} was lost: {reason}"),
        N_("unplug it and plug it back in, then restart the agent"),
        name=name,
        reason=reason,
    )


def closed(name: str) -> RadioUnavailableError:
    """The radio was left, or never entered."""
    return RadioUnavailableError(RadioFault.LOST, N_("{name} is not open"), name=name)
