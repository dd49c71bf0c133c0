"""The broker's work: it answers clients, one to an adapter, by what the relay's verbs say."""

from __future__ import annotations

import asyncio
import secrets
import socket
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

import structlog

from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.errors import MalformedPayloadError
from bluezone_agent.radios.kernel import management as wire
from bluezone_agent.radios.kernel import relay
from bluezone_agent.radios.kernel.controller import PATTERNS, Controller, UnusableError
from bluezone_agent.radios.kernel.management import EventCode, FoundAdvert, ManagementStatus, Noticed, Opcode
from bluezone_agent.radios.kernel.memory import Memory
from bluezone_agent.radios.kernel.relay import (
    AdapterListed,
    Answered,
    BrokerEvent,
    BrokerReply,
    GoneReason,
    Purpose,
    Request,
    Verb,
)
from bluezone_agent.radios.kernel.socket import ManagementError, ManagementSocket

log: Final = structlog.get_logger()

MOST_CLIENTS: Final = 8
CLAIM_S: Final = 5.0
"""How long a client has to leave when another one claims its adapter; then it is disconnected."""
MARKERS: Final = tuple(bytes([pattern.ad_type]) + pattern.value for pattern in PATTERNS)
"""What the kernel's monitor looks for; but unless the controller filters, the kernel reports every advert."""

OUTCOMES: Final[dict[int, Answered]] = {
    ManagementStatus.INVALID_INDEX: Answered.LOST,
    ManagementStatus.NOT_POWERED: Answered.POWERED_OFF,
    ManagementStatus.RFKILLED: Answered.POWERED_OFF,
}
"""The kernel's answers that are not just refusals."""


class Client:
    """A process that is connected, and the adapter that it uses."""

    def __init__(self, connection: socket.socket, pid: int, uid: int) -> None:
        self.connection = connection
        self.pid = pid
        self.uid = uid
        self.purpose = Purpose.AGENT
        self.holds: Controller | None = None
        self.listens = False
        self.gone: GoneReason | None = None
        """Why it can't use its adapter any more."""
        self.leaves = False
        self.left = asyncio.Event()
        """Set when nothing of it is left."""
        self._key = secrets.token_bytes(16)
        """For the digests of addresses."""
        self._batch: list[bytes] = []

    def tell(self, message: bytes) -> None:
        """Send an event; it is lost if the client does not read."""
        with suppress(OSError):
            self.connection.send(message)

    def found(self, found: FoundAdvert) -> None:
        """Pass an advert on, with others: a message costs more than an advert."""
        record = relay.advert_record(found)
        if self.purpose is Purpose.SELFTEST:
            record = relay.sender_digest(self._key, found) + record
        self._batch.append(record)

    def flush(self) -> None:
        """Send the adverts."""
        if self._batch:
            kind = BrokerEvent.ADVERTS_BY_SENDER if self.purpose is Purpose.SELFTEST else BrokerEvent.ADVERTS
            self.tell(bytes([kind]) + b"".join(self._batch))
            self._batch.clear()


class Broker:
    """The controllers, and the clients that use them."""

    def __init__(self, memory: Memory, uids: frozenset[int]) -> None:
        """``uids`` are the users that are served."""
        self._memory = memory
        self._uids = uids
        self._controllers: dict[int, Controller] = {}
        self._clients: list[Client] = []
        self._missing: frozenset[int] = frozenset()
        self._tasks: asyncio.TaskGroup | None = None
        self._over: asyncio.Future[None] | None = None

    @asynccontextmanager
    async def using(self, management: socket.socket) -> AsyncIterator[None]:
        """Look at the controllers and remove what an earlier broker left; at the end nothing is left again."""
        self._over = asyncio.get_running_loop().create_future()
        self._kernel = ManagementSocket(management, self)
        try:
            known = wire.read_commands(await self._kernel.call(Opcode.READ_COMMANDS))
            self._missing = frozenset(Opcode) - known - {Opcode.READ_COMMANDS}  # which does not list itself
            for number in wire.read_indexes(await self._kernel.call(Opcode.READ_INDEX_LIST)):
                await self._add(number)
            yield
        finally:
            for controller in list(self._controllers.values()):
                with suppress(OSError):
                    await controller.clear()
            self._kernel.close()

    async def serve(self, listening: Sequence[socket.socket]) -> None:
        """Serve clients until cancelled; raises OSError when the management socket ends."""
        assert self._over is not None
        async with asyncio.TaskGroup() as self._tasks:
            accepting = [self._tasks.create_task(self._accept(one)) for one in listening]
            try:
                await self._over
            finally:
                for task in accepting:
                    task.cancel()
                for client in self._clients:
                    client.connection.shutdown(socket.SHUT_RDWR)

    async def _add(self, number: int) -> None:
        try:
            info = wire.read_controller(await self._kernel.call(Opcode.READ_CONTROLLER_INFO, number))
            features = wire.read_features(await self._kernel.call(Opcode.READ_ADVERTISING_FEATURES, number))
        except (ManagementError, wire.MalformedAnswerError):
            return  # unplugged again, or without Low Energy

        def gone(reason: GoneReason, settings: int) -> None:
            self._gone(number, reason, settings)

        controller = Controller(number, info, features, kernel=self._kernel, memory=self._memory, gone=gone)
        await controller.clear()
        self._controllers[number] = controller
        self._changed()

    def found(self, found: FoundAdvert) -> None:
        """Pass an advert of the two protocols on to whoever listens on that controller."""
        for client in self._clients:
            if client.listens and client.holds and client.holds.number == found.controller:
                if any(marker in found.data for marker in MARKERS):
                    client.found(found)
                return

    def all_found(self) -> None:
        """Pass the adverts on."""
        for client in self._clients:
            client.flush()

    def noticed(self, event: Noticed) -> None:
        """Take an event of the kernel."""
        if event.code is EventCode.INDEX_ADDED:
            if self._tasks:
                self._tasks.create_task(self._add(event.index))
        elif event.index in self._controllers:
            if event.code is EventCode.INDEX_REMOVED:
                settings = self._controllers.pop(event.index).settings
                self._gone(event.index, GoneReason.REMOVED, settings)
            else:
                self._controllers[event.index].noticed(event)
            self._changed()

    def lost(self) -> None:
        """The management socket has ended: so does the broker."""
        if self._over and not self._over.done():
            self._over.set_exception(OSError("the management socket has ended"))

    def _gone(self, number: int, reason: GoneReason, settings: int) -> None:
        for client in self._clients:
            if client.holds and client.holds.number == number and client.gone is None:
                client.gone, client.listens = reason, False
                client.tell(relay.gone(reason, settings))
                log.info("adapter_gone", adapter=f"hci{number}", reason=reason.name)

    def _changed(self) -> None:
        for client in self._clients:
            if client.holds is None:
                client.tell(bytes([BrokerEvent.CHANGED]))
            elif client.gone is None:
                client.tell(bytes([BrokerEvent.SETTINGS]) + relay.number_body(client.holds.settings))

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            connection, _ = await loop.sock_accept(listening)
            pid, uid, _gid = struct.unpack("iII", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
            if uid not in self._uids or len(self._clients) >= MOST_CLIENTS:
                log.warning("client_refused", pid=pid, uid=uid)
                connection.close()
                continue
            connection.setblocking(False)
            assert self._tasks is not None
            self._tasks.create_task(self._serve(Client(connection, pid, uid)))

    async def _serve(self, client: Client) -> None:
        """Answer one client until it is gone; then remove everything of it."""
        self._clients.append(client)
        loop = asyncio.get_running_loop()
        try:
            while packet := await loop.sock_recv(client.connection, relay.LONGEST_MESSAGE):
                reply = await self._answer(client, packet)
                await loop.sock_sendall(client.connection, reply.to_bytes(packet[0] & 0x7F))
        except OSError:
            pass  # it is gone
        finally:
            client.listens, client.leaves = False, True
            if client.holds:
                await client.holds.clear()
                log.info("adapter_free", adapter=f"hci{client.holds.number}", purpose=client.purpose.name)
            self._clients.remove(client)
            client.connection.close()
            client.left.set()
            self._changed()

    async def _answer(self, client: Client, packet: bytes) -> BrokerReply:
        try:
            return BrokerReply(Answered.DONE, body=await self._do(client, relay.read_request(packet)))
        except relay.MalformedMessageError:
            return BrokerReply(Answered.MALFORMED)
        except _HeldError as error:
            return BrokerReply(Answered.HELD, (error.holder.pid, error.holder.uid), error.holder.purpose)
        except UnusableError as error:
            return BrokerReply(error.outcome, error.numbers)
        except ManagementError as error:
            return BrokerReply(OUTCOMES.get(error.status, Answered.REFUSED), (error.opcode, error.status))
        except wire.MalformedAnswerError:
            return BrokerReply(Answered.REFUSED)

    async def _do(self, client: Client, request: Request) -> bytes:
        """Do what a client asks; return the body of the answer."""
        if request.verb is Verb.ADAPTERS:
            return relay.adapters_body(self._listed())
        if request.verb in (Verb.OPEN, Verb.CLAIM):
            await self._open(client, request)
            return b""
        if client.holds is None or client.gone is not None:
            raise UnusableError(Answered.MALFORMED)
        return await self._use(client, client.holds, request)

    async def _use(self, client: Client, controller: Controller, request: Request) -> bytes:
        match request.verb:
            case Verb.LISTEN:
                await controller.listen()
                client.listens = client.gone is None
            case Verb.STOP_LISTENING:
                client.listens = False
                await controller.stop_listening()
            case Verb.PREPARE:
                return relay.power_body(await controller.prepare())
            case Verb.COMMIT:
                if not is_broadcast(request.data):
                    raise UnusableError(Answered.MALFORMED)
                await controller.commit(request.data, request.valid_ms / 1000)
            case Verb.WITHDRAW:
                await controller.withdraw()
            case Verb.SETTINGS:
                return relay.number_body(controller.settings)
        return b""

    def _listed(self) -> list[AdapterListed]:
        held = {client.holds.number for client in self._clients if client.holds}
        return [
            AdapterListed(c.number, c.address, c.manufacturer, c.settings, c.extended, c.number in held)
            for c in self._controllers.values()
        ]

    async def _open(self, client: Client, request: Request) -> None:
        controller = next((c for c in self._controllers.values() if c.address == request.address), None)
        if client.holds:
            raise UnusableError(Answered.MALFORMED)
        if controller is None:
            raise UnusableError(Answered.NO_ADAPTER)
        if self._missing:
            raise UnusableError(Answered.TOO_OLD, min(self._missing))
        holder = self._holder(controller)
        if holder and holder.leaves:
            await holder.left.wait()
            holder = self._holder(controller)
        if holder and request.verb is Verb.CLAIM and holder.purpose is Purpose.AGENT is not request.purpose:
            await self._free(holder, controller)
            holder = self._holder(controller)
        if holder:
            raise _HeldError(holder)
        client.holds, client.purpose = controller, request.purpose
        log.info("adapter_used", adapter=f"hci{controller.number}", purpose=client.purpose.name, pid=client.pid)
        self._changed()

    def _holder(self, controller: Controller) -> Client | None:
        return next((client for client in self._clients if client.holds is controller), None)

    async def _free(self, holder: Client, controller: Controller) -> None:
        """Have a client leave its adapter: it is asked first, and disconnected if it does not."""
        controller.take_off()
        self._gone(controller.number, GoneReason.CLAIMED, controller.settings)
        with suppress(TimeoutError):
            async with asyncio.timeout(CLAIM_S):
                await holder.left.wait()
                return
        with suppress(OSError):
            holder.connection.shutdown(socket.SHUT_RDWR)
        await holder.left.wait()


class _HeldError(Exception):
    def __init__(self, holder: Client) -> None:
        super().__init__(holder.pid)
        self.holder = holder


def is_broadcast(data: bytes) -> bool:
    """Return whether ``data`` are what one of the two protocols advertises, and nothing else."""
    try:
        parts = AdvertisingData.from_bytes(data)
        again = parts.to_bytes()
        protocols = [p for p in PROTOCOLS.values() if p.decode(parts) is not None]
    except (MalformedPayloadError, ValueError):
        return False
    return (
        again == data
        and len(protocols) == 1
        and parts.service_uuids == (protocols[0].service_uuid,)
        and len(parts.service_data) + len(parts.manufacturer_data) == 1
    )
