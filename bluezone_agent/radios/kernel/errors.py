"""Why the broker or its adapter can't be used: errors with a reason and a way out."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Final

from bluezone_agent.errors import N_, NoKernelRadioError, RadioFault, RadioUnavailableError, Text
from bluezone_agent.radios.bluez import errors as bluez
from bluezone_agent.radios.kernel.management import ManagementStatus, Opcode, Setting
from bluezone_agent.radios.kernel.relay import Answered, BrokerReply, GoneReason, Purpose, Verb

HOLDERS: Final[dict[Purpose, Text]] = {
    Purpose.AGENT: N_("{adapter} is used by the agent, process {pid}"),
    Purpose.TRIAL: N_("{adapter} is used by a trial, process {pid}"),
    Purpose.CALIBRATE: N_("{adapter} is used by a calibration, process {pid}"),
    Purpose.SELFTEST: N_("{adapter} is used by a self-test, process {pid}"),
}


def no_broker(path: str, error: OSError) -> NoKernelRadioError:
    """Nothing listens, or access to the socket is denied."""
    if error.errno in (errno.EACCES, errno.EPERM):
        return not_served(error.strerror or error)
    return NoKernelRadioError(
        RadioFault.NO_BLUETOOTH,
        N_("can't reach the radio broker at {path}: {reason}"),
        N_('run "systemctl start bluezone-radio.socket", or the agent as root; or use BlueZ: radio = "bluez:hci0"'),
        path=path,
        reason=error.strerror or error,
    )


def not_served(reason: object) -> NoKernelRadioError:
    """The broker serves another user."""
    return NoKernelRadioError(
        RadioFault.NOT_PERMITTED,
        N_("not permitted to use the radio broker: {reason}"),
        N_('run as root or as the user that it serves (bluezone); or use BlueZ: radio = "bluez:hci0"'),
        reason=reason,
    )


def no_adapter(adapter: str, found: list[str]) -> RadioUnavailableError:
    """The kernel knows other adapters, or none."""
    if not found:
        return bluez.no_adapter(adapter, [])
    return RadioUnavailableError(
        RadioFault.NO_ADAPTER,
        N_("there is no Bluetooth adapter {adapter}; there is {found}"),
        N_('set radio = "kernel:{first}"; without Bluetooth try "bluezone-agent demo", or set radio = "virtual"'),
        adapter=adapter,
        found=", ".join(found),
        first=found[0],
    )


def filtered(adapter: str, share: float) -> NoKernelRadioError:
    """The controller itself drops packets although the kernel asks for every one."""
    return NoKernelRadioError(
        RadioFault.REFUSED,
        N_("{adapter} filters in hardware: about {percent}% of nearby devices' packets are received"),
        N_('with radio = "auto" the agent now uses bluetoothd; choose another adapter to receive every packet'),
        adapter=adapter,
        percent=round(100 * share),
    )


def broker_lost() -> RadioUnavailableError:
    """The broker has ended, or disconnected this client."""
    return RadioUnavailableError(
        RadioFault.LOST,
        N_("the connection to the radio broker was lost"),
        N_('the agent tries again by itself; if it stays so, run "systemctl restart bluezone-radio"'),
    )


def unanswered(verb: Verb, seconds: float) -> RadioUnavailableError:
    """The broker hangs."""
    return RadioUnavailableError(
        RadioFault.REFUSED,
        N_("the radio broker did not answer {call} within {seconds} s"),
        N_('run "systemctl restart bluezone-radio"'),
        call=verb.name,
        seconds=seconds,
    )


def refused(adapter: str, verb: Verb, reply: BrokerReply) -> RadioUnavailableError:
    """Turn the broker's answer into something that a person can act on."""
    first, second = reply.numbers
    if reply.outcome in REFUSED_BY_NAME:
        return REFUSED_BY_NAME[reply.outcome](adapter)
    if reply.outcome is Answered.HELD:
        return _held(adapter, first, reply.purpose)
    if reply.outcome is Answered.LINKABLE:
        return linkable(adapter, Setting(first))
    if reply.outcome is Answered.TOO_OLD:
        return _too_old(first)
    error = RadioUnavailableError(
        RadioFault.REFUSED,
        N_("the kernel refused {call} on {adapter}: {command}: {status}"),
        N_("check whether another program scans or advertises on it, or choose another adapter"),
        call=verb.name,
        adapter=adapter,
        command=Opcode(first).name if first in set(Opcode) else reply.outcome.name,
        status=ManagementStatus(second).name if second in set(ManagementStatus) else f"{second:#04x}",
    )
    error.kept_off_air = verb is Verb.COMMIT and second != ManagementStatus.TIMEOUT
    return error


def gone(adapter: str, reason: GoneReason, settings: Setting) -> RadioUnavailableError:
    """The adapter can't be used any more."""
    if reason is GoneReason.LINKABLE:
        return linkable(adapter, settings)
    return GONE[reason](adapter)


def _suspended(_adapter: str) -> RadioUnavailableError:
    return RadioUnavailableError(RadioFault.SUSPENDED, N_("the device was suspended"))


def _taken(adapter: str) -> RadioUnavailableError:
    return RadioUnavailableError(
        RadioFault.LOST,
        N_("another program stopped the agent's advertising or scanning on {adapter}"),
        N_("the agent then continues by itself"),
        adapter=adapter,
    )


def _another_advertises(adapter: str) -> RadioUnavailableError:
    return RadioUnavailableError(
        RadioFault.LOST,
        N_("another program advertises on {adapter}"),
        N_("close it, or choose another adapter; the agent scans meanwhile"),
        adapter=adapter,
    )


def _claimed(adapter: str) -> RadioUnavailableError:
    return RadioUnavailableError(
        RadioFault.YIELDED,
        N_("another command uses {adapter} for a while"),
        N_("the agent then continues by itself"),
        adapter=adapter,
    )


def linkable(adapter: str, settings: Setting) -> RadioUnavailableError:
    """A setting of the adapter makes identifiers linkable."""
    if Setting.DISCOVERABLE in settings:
        return bluez.discoverable(adapter)
    if Setting.PRIVACY in settings:
        return RadioUnavailableError(
            RadioFault.LINKABLE,
            N_("Privacy is on for {adapter}: successive identifiers would share an address and be linkable"),
            N_('set Privacy = off in /etc/bluetooth/main.conf and run "systemctl restart bluetooth"'),
            adapter=adapter,
        )
    return RadioUnavailableError(
        RadioFault.LINKABLE,
        N_("{adapter} is connectable: identifiers would go out with its public address and be linkable"),
        N_("close the program that made it connectable"),
        adapter=adapter,
    )


def _held(adapter: str, pid: int, purpose: Purpose) -> RadioUnavailableError:
    reason = RadioFault.REFUSED if purpose is Purpose.AGENT else RadioFault.YIELDED
    return RadioUnavailableError(
        reason, HOLDERS[purpose], N_("wait until it has ended, or stop it"), adapter=adapter, pid=pid
    )


def _others(adapter: str) -> RadioUnavailableError:
    error = RadioUnavailableError(
        RadioFault.NO_BROADCAST,
        N_("{adapter} can scan but not advertise: another program advertises or scans on it"),
        N_("close it, or choose another adapter; the agent tries again every minute"),
        adapter=adapter,
    )
    error.kept_off_air = True
    return error


def _too_old(opcode: int) -> NoKernelRadioError:
    return NoKernelRadioError(
        RadioFault.NO_BLUETOOTH,
        N_("this kernel is too old for this kind of radio: it lacks {command}"),
        N_('it needs Linux 5.11; or use BlueZ: radio = "bluez:hci0"'),
        command=Opcode(opcode).name,
    )


REFUSED_BY_NAME: Final[dict[Answered, Callable[[str], RadioUnavailableError]]] = {
    Answered.NO_ADAPTER: bluez.lost,
    Answered.LOST: bluez.lost,
    Answered.POWERED_OFF: bluez.powered_off,
    Answered.NO_INSTANCE: bluez.no_instance,
    Answered.OTHERS: _others,
}
"""Outcomes that need no more than the adapter's name."""
GONE: Final[dict[GoneReason, Callable[[str], RadioUnavailableError]]] = {
    GoneReason.REMOVED: bluez.lost,
    GoneReason.POWERED_OFF: bluez.switched_off,
    GoneReason.SUSPENDED: _suspended,
    GoneReason.TAKEN: _taken,
    GoneReason.OTHERS: _another_advertises,
    GoneReason.CLAIMED: _claimed,
}
"""All reasons but LINKABLE, which depends on the settings."""
