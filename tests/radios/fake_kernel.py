"""A stand-in for the kernel's side of the management socket, with controllers that receive each other.

Written from net/bluetooth/mgmt.c, mgmt_config.c, hci_core.c and hci_sync.c of Linux 6.1: a command is handled within
``send`` as in hci_mgmt_cmd, its parameters are checked as there, commands of the controller run later and in order, as
in hci_cmd_sync_queue. It knows instances, monitors, settings, default configuration, legacy controllers that take no
new address while they scan (status 0x03), instances that a power cycle brings back, and which sockets an event skips.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Final

from bluezone_agent.radios.kernel import management as wire
from bluezone_agent.radios.kernel.management import EventCode, ManagementStatus, Opcode, Setting
from tests.radio_contract import Change

NEAR_DBM: Final = -50
HCI_S: Final = 0.002
"""How long a controller takes for a command."""
LEGACY_INTERVAL_S: Final = 0.1
POWER_DBM: Final = 7
MOST_MONITORS: Final = 32
READY: Final = Setting.POWERED | Setting.LE
DEFAULTS: Final = {wire.MONITOR_INTERVAL: 0x60, wire.MONITOR_WINDOW: 0x30, wire.MONITOR_INTERLEAVES: 1}
NONCONN_IND: Final = "ADV_NONCONN_IND"
IND: Final = "ADV_IND"


@dataclass(eq=False)
class Instance:
    """An advertising instance."""

    number: int
    interval_s: float = 1.28
    timeout_s: int = 0
    data: bytes = b""
    address: str = ""
    on_air: bool = False
    pending: bool = True
    ours: bool = True
    reported_s: dict[int, float] = field(default_factory=dict)
    """Receiver → when it last reported this instance."""
    timers: list[asyncio.TimerHandle] = field(default_factory=list)

    def stop(self) -> None:
        self.on_air = False
        for timer in self.timers:
            timer.cancel()
        self.timers.clear()


@dataclass(eq=False)
class FakeController:
    """A controller and what the kernel keeps of it."""

    number: int
    extended: bool
    settings: Setting = READY
    most_instances: int = 5
    instances: dict[int, Instance] = field(default_factory=dict)
    monitors: dict[int, bytes] = field(default_factory=dict)
    defaults: dict[int, int] = field(default_factory=lambda: dict(DEFAULTS))
    duty: tuple[int, int] = (0x60, 0x30)
    """Interval and window of the scan that runs."""
    filters_s: float = 0.0
    """A filter in hardware: an advertiser is reported once in this many seconds, whatever the kernel asks."""
    discovers: bool = False
    """Whether another program's discovery runs."""

    @property
    def address(self) -> str:
        return f"C0:FF:EE:00:00:{self.number:02X}"

    @property
    def scans(self) -> bool:
        return bool(Setting.POWERED in self.settings and (self.monitors or self.discovers))


class KernelEnd(socket.socket):
    """What a process holds: its ``send`` runs the kernel's handler."""

    kernel: FakeKernel
    other: socket.socket

    def send(self, packet: bytes, _flags: int = 0) -> int:  # type: ignore[override]
        self.kernel.handle(self, bytes(packet))
        return len(packet)

    def close(self) -> None:
        self.kernel.sockets.discard(self)
        self.other.close()
        super().close()


class FakeKernel:
    """The kernel, its controllers and their air."""

    def __init__(self, *controllers: FakeController) -> None:
        self.controllers = {c.number: c for c in controllers}
        self.sockets: set[KernelEnd] = set()
        self.commands: list[tuple[int, int, bytes]] = []
        """Every command: opcode, controller, parameters."""
        self.air: dict[int, list[Change]] = {c.number: [] for c in controllers}
        self.kinds: set[str] = set()
        """The kinds of packets that were on the air."""
        self.known: frozenset[int] = frozenset(Opcode)
        self.silent: set[int] = set()
        """Opcodes that are never answered."""
        self._random = Random(1)

    def open(self) -> KernelEnd:
        """Return a management socket."""
        mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        end = KernelEnd(fileno=theirs.detach())
        end.kernel, end.other = self, mine
        end.setblocking(False)
        mine.setblocking(False)
        self.sockets.add(end)
        return end

    def handle(self, sender: KernelEnd, packet: bytes) -> None:
        """hci_mgmt_cmd."""
        if len(packet) < wire.HEADER.size:
            raise OSError(errno.EINVAL, "Invalid argument")
        opcode, index, length = wire.HEADER.unpack_from(packet)
        parameters = packet[wire.HEADER.size :]
        if len(parameters) != length:
            raise OSError(errno.EINVAL, "Invalid argument")
        self.commands.append((opcode, index, parameters))
        if opcode in self.silent:
            return
        if opcode not in self.known or opcode not in HANDLERS:
            self._status(sender, index, opcode, ManagementStatus.UNKNOWN_COMMAND)
            return
        handler, size, exact, for_controller = HANDLERS[opcode]
        known = index in self.controllers if for_controller else index == wire.NO_CONTROLLER
        if not known:
            self._status(sender, index, opcode, ManagementStatus.INVALID_INDEX)
        elif length < size or (exact and length != size):
            self._status(sender, index, opcode, ManagementStatus.INVALID_PARAMETERS)
        else:
            handler(self, Call(self, sender, opcode, index, parameters))

    def event(self, code: int, index: int, body: bytes, skip: KernelEnd | None = None) -> None:
        """Send an event to every socket but one."""
        for one in list(self.sockets):
            if one is not skip:
                self._put(one, wire.HEADER.pack(code, index, len(body)) + body)

    def _put(self, end: KernelEnd, packet: bytes) -> None:
        with suppress(BlockingIOError):  # the kernel drops what does not fit
            end.other.send(packet)

    def _status(self, sender: KernelEnd, index: int, opcode: int, status: int) -> None:
        body = struct.pack("<HB", opcode, status)
        self._put(sender, wire.HEADER.pack(EventCode.COMMAND_STATUS, index, len(body)) + body)

    # what happens to the machine

    def set(self, number: int, setting: Setting, *, on: bool) -> None:
        """Another program changes a setting; while connectable a legacy controller shows its public address."""
        controller = self.controllers[number]
        controller.settings = controller.settings | setting if on else controller.settings & ~setting
        if setting & wire.LINKABLE and on and not controller.extended:
            for instance in controller.instances.values():
                if instance.on_air:
                    instance.address = controller.address
                    self._send(controller, instance)
        self._new_settings(controller)

    def power(self, number: int, *, on: bool) -> None:
        """Switch a controller off or on; its instances come back, under new addresses."""
        controller = self.controllers[number]
        for instance in controller.instances.values():
            instance.stop()
        controller.settings = controller.settings | Setting.POWERED if on else controller.settings & ~Setting.POWERED
        if on:
            for instance in controller.instances.values():
                self._enable(controller, instance)
        self._new_settings(controller)

    def unplug(self, number: int) -> FakeController:
        """Take a controller away."""
        controller = self.controllers.pop(number)
        for instance in controller.instances.values():
            instance.stop()
        self.event(EventCode.INDEX_REMOVED, number, b"")
        return controller

    def plug(self, controller: FakeController) -> None:
        """Plug a new controller in."""
        self.controllers[controller.number] = controller
        self.air.setdefault(controller.number, [])
        self.event(EventCode.INDEX_ADDED, controller.number, b"")

    def another_advertises(self, number: int, instance: int) -> None:
        """Another program adds an advertisement."""
        controller = self.controllers[number]
        controller.instances[instance] = Instance(instance, ours=False, pending=False, data=b"\x02\x01\x06")
        self.event(EventCode.ADVERTISING_ADDED, number, bytes([instance]))

    def another_removes(self, number: int, instance: int) -> None:
        """Another program removes an advertisement, whoever's it is."""
        self.controllers[number].instances.pop(instance).stop()
        self.event(EventCode.ADVERTISING_REMOVED, number, bytes([instance]))

    def suspend(self, number: int) -> None:
        """The machine is suspended."""
        self.event(EventCode.SUSPENDED, number, b"\x02")

    def _new_settings(self, controller: FakeController) -> None:
        self.event(EventCode.NEW_SETTINGS, controller.number, struct.pack("<I", controller.settings))

    # the air

    def _enable(self, controller: FakeController, instance: Instance) -> None:
        """hci_enable_advertising_sync, hci_enable_ext_advertising_sync; each time a new address."""
        instance.address = self.new_address()
        instance.on_air = True
        self._send(controller, instance)
        if instance.timeout_s and not controller.extended:
            loop = asyncio.get_running_loop()
            instance.timers.append(loop.call_later(instance.timeout_s, self._expire, controller, instance))

    def new_address(self) -> str:
        """Return a non-resolvable private address."""
        first, *rest = self._random.randbytes(6)
        return ":".join(f"{b:02X}" for b in (first & 0x3F, *rest))

    def _expire(self, controller: FakeController, instance: Instance) -> None:
        instance.stop()
        if controller.instances.pop(instance.number, None):
            self.event(EventCode.ADVERTISING_REMOVED, controller.number, bytes([instance.number]))

    def _send(self, controller: FakeController, instance: Instance) -> None:
        """Send a packet, and the next ones."""
        if not instance.on_air or controller.number not in self.controllers:
            return
        public = instance.address == controller.address
        self.kinds.add(IND if public else NONCONN_IND)
        change = Change(instance.address, instance.data)
        seen = self.air[controller.number]
        if not seen or seen[-1] != change:
            seen.append(change)
        loop = asyncio.get_running_loop()
        for receiver in self.controllers.values():
            if receiver is not controller and receiver.scans:
                self._receive(receiver, instance, loop.time())
        interval_s = instance.interval_s if controller.extended else LEGACY_INTERVAL_S
        instance.timers[:] = [loop.call_later(interval_s, self._send, controller, instance)] + [
            t for t in instance.timers if not t.cancelled() and t.when() > loop.time()
        ]

    def _receive(self, receiver: FakeController, instance: Instance, now_s: float) -> None:
        interval, window = (0.000625 * n for n in receiver.duty)
        if now_s % interval > window or now_s - instance.reported_s.get(receiver.number, -1e9) < receiver.filters_s:
            return
        instance.reported_s[receiver.number] = now_s
        self.advert(receiver.number, instance.address, instance.data, NEAR_DBM, discovers=receiver.discovers)

    def advert(self, number: int, address: str, data: bytes, rssi_dbm: int, *, discovers: bool = False) -> None:
        """mgmt_device_found."""
        body = (
            wire.ADVERT.pack(bytes.fromhex(address.replace(":", ""))[::-1], wire.RANDOM, rssi_dbm, 0, len(data)) + data
        )
        if discovers:
            self.event(EventCode.DEVICE_FOUND, number, body)
        else:
            self.event(EventCode.MONITORED_FOUND, number, b"\0\0" + body)


@dataclass
class Call:
    """One command that is being handled."""

    kernel: FakeKernel
    sender: KernelEnd
    opcode: int
    index: int
    parameters: bytes

    @property
    def controller(self) -> FakeController:
        return self.kernel.controllers[self.index]

    def complete(self, body: bytes = b"") -> None:
        head = struct.pack("<HB", self.opcode, 0)
        packet = wire.HEADER.pack(EventCode.COMMAND_COMPLETE, self.index, len(head + body)) + head + body
        self.kernel._put(self.sender, packet)

    def status(self, status: int) -> None:
        self.kernel._status(self.sender, self.index, self.opcode, status)

    def later(self, work: Callable[[], None]) -> None:
        """hci_cmd_sync_queue."""
        if Setting.POWERED not in self.controller.settings:
            raise OSError(errno.ENETDOWN, "Network is down")
        asyncio.get_running_loop().call_later(HCI_S, self._work, work)

    def _work(self, work: Callable[[], None]) -> None:
        if self.index in self.kernel.controllers and self.sender in self.kernel.sockets | {self.sender}:
            work()


def read_commands(_kernel: FakeKernel, call: Call) -> None:
    known = sorted(call.kernel.known - {Opcode.READ_COMMANDS})  # mgmt_commands
    call.complete(struct.pack(f"<HH{len(known)}H", len(known), 0, *known))


def read_index_list(kernel: FakeKernel, call: Call) -> None:
    numbers = list(kernel.controllers)
    call.complete(struct.pack(f"<H{len(numbers)}H", len(numbers), *numbers))


def read_info(_kernel: FakeKernel, call: Call) -> None:
    c = call.controller
    address = bytes.fromhex(c.address.replace(":", ""))[::-1]
    call.complete(struct.pack("<6sBHII3s249s11s", address, 9, 305, 0xFFFF, c.settings, b"", b"", b""))


def read_features(_kernel: FakeKernel, call: Call) -> None:
    c = call.controller
    visible = bytes(n for n in c.instances if n <= len(c.instances))
    flags = 0x1F07F | (wire.SECONDARY_1M if c.extended else 0)
    call.complete(struct.pack("<IBBBB", flags, 31, 31, c.most_instances, len(visible)) + visible)


def read_defaults(_kernel: FakeKernel, call: Call) -> None:
    values = {0x0012: 0x12, **call.controller.defaults}
    rows = (
        struct.pack("<HB", kind, wire.LENGTHS.get(kind, 2)) + value.to_bytes(wire.LENGTHS.get(kind, 2), "little")
        for kind, value in values.items()
    )
    call.complete(b"".join(rows))


def set_defaults(_kernel: FakeKernel, call: Call) -> None:
    at, values = 0, {}
    while at + 3 <= len(call.parameters):
        kind, length = struct.unpack_from("<HB", call.parameters, at)
        value = call.parameters[at + 3 : at + 3 + length]
        if len(value) < length or wire.LENGTHS.get(kind, length) != length:
            call.status(ManagementStatus.INVALID_PARAMETERS)
            return
        values[kind] = int.from_bytes(value, "little")
        at += 3 + length
    call.controller.defaults |= {k: v for k, v in values.items() if k in call.controller.defaults}
    call.complete()


def read_monitors(_kernel: FakeKernel, call: Call) -> None:
    handles = list(call.controller.monitors)
    body = struct.pack("<IIHBH", 0, 0, MOST_MONITORS, 16, len(handles))
    call.complete(body + struct.pack(f"<{len(handles)}H", *handles))


def add_monitor(kernel: FakeKernel, call: Call) -> None:
    c = call.controller
    count = call.parameters[0]
    if len(call.parameters) != 1 + count * wire.PATTERN.size or not count:
        call.status(ManagementStatus.INVALID_PARAMETERS)
        return
    for ad_type, offset, length, _value in wire.PATTERN.iter_unpack(call.parameters[1:]):
        if offset >= 31 or offset + length > 31 or ad_type > 255:
            call.status(ManagementStatus.INVALID_PARAMETERS)
            return

    def work() -> None:
        handle = min(set(range(1, MOST_MONITORS + 2)) - set(c.monitors))
        c.monitors[handle] = call.parameters
        kernel.event(0x2B, call.index, struct.pack("<H", handle), skip=call.sender)
        restart_scan(c)
        call.complete(struct.pack("<H", handle))

    call.later(work)


def remove_monitor(kernel: FakeKernel, call: Call) -> None:
    c = call.controller
    (handle,) = struct.unpack("<H", call.parameters)

    def work() -> None:
        if handle and handle not in c.monitors:
            call.status(ManagementStatus.INVALID_PARAMETERS)
            return
        for one in [handle] if handle else list(c.monitors):
            del c.monitors[one]
        kernel.event(EventCode.MONITOR_REMOVED, call.index, call.parameters, skip=call.sender)
        restart_scan(c)
        call.complete(call.parameters)

    asyncio.get_running_loop().call_later(HCI_S, call._work, work)  # hci_cmd_sync_submit: also while it is off


def restart_scan(c: FakeController) -> None:
    """hci_update_passive_scan_sync."""
    c.duty = c.defaults[wire.MONITOR_INTERVAL], c.defaults[wire.MONITOR_WINDOW]


def add_parameters(kernel: FakeKernel, call: Call) -> None:
    c = call.controller
    number, flags, _duration, timeout_s, least, _most, _power = wire.PARAMETERS.unpack_from(call.parameters)
    if not 1 <= number <= c.most_instances or flags & ~0x1FFFF:
        call.status(ManagementStatus.INVALID_PARAMETERS)
        return
    if Setting.POWERED not in c.settings:
        call.status(ManagementStatus.REJECTED)
        return
    instance = c.instances.get(number)
    if instance is None and len(c.instances) >= c.most_instances:
        call.status(ManagementStatus.FAILED)
        return
    if instance is None:
        instance = c.instances[number] = Instance(number)
    one = instance
    one.data = b""
    one.timeout_s = timeout_s if flags & wire.HAS_TIMEOUT else 0
    one.interval_s = least * 0.000625 if flags & wire.HAS_INTERVALS else 1.28

    def work() -> None:
        one.stop()  # hci_setup_ext_adv_instance_sync
        if call.index in kernel.controllers and one.number in c.instances:
            call.complete(struct.pack("<BbBB", number, POWER_DBM, 31, 31))

    if c.extended:
        call.later(work)
    else:
        call.complete(struct.pack("<BbBB", number, wire.UNKNOWN_POWER, 31, 31))


def add_data(kernel: FakeKernel, call: Call) -> None:
    c = call.controller
    number, length, response = call.parameters[:3]
    if len(call.parameters) < 3 + length + response or number not in c.instances:
        call.status(ManagementStatus.INVALID_PARAMETERS)
        return
    if Setting.POWERED not in c.settings:
        c.instances.pop(number)  # clear_new_instance
        call.status(ManagementStatus.REJECTED)
        return
    data = call.parameters[3 : 3 + length]
    if length > 31 or not is_tlv(data):
        c.instances.pop(number).stop()
        call.status(ManagementStatus.INVALID_PARAMETERS)
        return
    instance = c.instances[number]
    instance.data = data
    if instance.pending:
        kernel.event(EventCode.ADVERTISING_ADDED, call.index, bytes([number]), skip=call.sender)
        instance.pending = False

    def work() -> None:
        if number not in c.instances:
            call.status(ManagementStatus.FAILED)
        elif not c.extended and c.scans:
            c.instances.pop(number)  # LE Set Random Address is refused, add_adv_complete removes the instance
            kernel.event(EventCode.ADVERTISING_REMOVED, call.index, bytes([number]), skip=call.sender)
            call.status(ManagementStatus.FAILED)
        else:
            kernel._enable(c, instance)
            call.complete(bytes([number]))

    call.later(work)


def is_tlv(data: bytes) -> bool:
    """tlv_data_is_valid."""
    at = 0
    while at < len(data):
        if data[at] and at + data[at] >= len(data):
            return False
        at += data[at] + 1
    return True


def remove_advertising(kernel: FakeKernel, call: Call) -> None:
    c = call.controller
    (number,) = call.parameters
    if (number and number not in c.instances) or not c.instances:
        call.status(ManagementStatus.INVALID_PARAMETERS)
        return

    def work() -> None:
        if number and number not in c.instances:
            call.status(ManagementStatus.FAILED)  # hci_remove_advertising_sync
            return
        for one in [number] if number else list(c.instances):
            instance = c.instances.pop(one, None)
            if instance:
                instance.stop()
                kernel.event(EventCode.ADVERTISING_REMOVED, call.index, bytes([one]), skip=call.sender)
        call.complete(call.parameters)

    call.later(work)


HANDLERS: Final[dict[int, tuple[Callable[[FakeKernel, Call], None], int, bool, bool]]] = {
    Opcode.READ_COMMANDS: (read_commands, 0, True, False),
    Opcode.READ_INDEX_LIST: (read_index_list, 0, True, False),
    Opcode.READ_CONTROLLER_INFO: (read_info, 0, True, True),
    Opcode.READ_ADVERTISING_FEATURES: (read_features, 0, True, True),
    Opcode.REMOVE_ADVERTISING: (remove_advertising, 1, True, True),
    Opcode.READ_DEFAULTS: (read_defaults, 0, True, True),
    Opcode.SET_DEFAULTS: (set_defaults, 3, False, True),
    Opcode.READ_MONITORS: (read_monitors, 0, True, True),
    Opcode.ADD_MONITOR: (add_monitor, 2, False, True),
    Opcode.REMOVE_MONITOR: (remove_monitor, 2, True, True),
    Opcode.ADD_PARAMETERS: (add_parameters, 18, False, True),
    Opcode.ADD_DATA: (add_data, 3, False, True),
}
"""Opcode → handler, size of the parameters, whether exactly that, whether for a controller (mgmt_handlers)."""
