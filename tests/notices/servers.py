"""The other side of the channels, real or written from its documentation, on ports of this machine."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest
from aiosmtpd.controller import Controller
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

TIMEOUT_S = 20


OWN_PORTS: Final = range(20_000, 32_768)
"""Below what Linux gives to outgoing connections (ip_local_port_range): nothing else takes one before it is used."""
WORKERS: Final = 16
"""Processes that run tests at the same time on one machine, each with ports of its own."""
_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_ports = iter(Random().sample(OWN_PORTS[_worker % WORKERS :: WORKERS], len(OWN_PORTS) // WORKERS))


def free_port() -> int:
    """Return a port for a server that is started later, or again: never the same one twice."""
    for port in _ports:
        with socket.socket() as s, suppress(OSError):
            s.bind(("127.0.0.1", port))
            return port
    raise AssertionError("all ports have been used")


@dataclass
class Ntfy:
    """What https://docs.ntfy.sh/publish/ documents: POST to /TOPIC, or JSON to /; answers with JSON."""

    port: int = field(default_factory=free_port)
    received: list[str] = field(default_factory=list)
    status: int = 200

    @property
    def url(self) -> str:
        return f"ntfy://:tk_secretsecret@127.0.0.1:{self.port}/secret-topic"

    @contextmanager
    def up(self) -> Iterator[None]:
        ntfy = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if ntfy.status == 200:
                    if self.path.strip("/"):
                        ntfy.received.append(f"{self.headers.get('Title', '')}\n{data.decode()}")
                    else:
                        sent = json.loads(data)
                        ntfy.received.append(f"{sent.get('title', '')}\n{sent['message']}")
                answer = json.dumps({"id": "x", "time": 0, "event": "message", "topic": "secret-topic"}).encode()
                self.send_response(ntfy.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_args: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


@dataclass
class Smtp:
    """aiosmtpd, a real SMTP server."""

    port: int = field(default_factory=free_port)
    received: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"mailto://127.0.0.1:{self.port}/?from=agent@example.org&to=me@example.org&mode=insecure"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        message = message_from_bytes(envelope.content, policy=policy.default)
        body = message.get_body(("plain", "html"))
        assert body is not None
        self.received.append(f"{message['Subject']}\n{body.get_content().rstrip()}")
        return "250 OK"

    @contextmanager
    def up(self) -> Iterator[None]:
        controller = Controller(self, hostname="127.0.0.1", port=self.port)
        controller.start()
        try:
            yield
        finally:
            controller.stop()


@dataclass
class Mosquitto:
    """mosquitto, a real MQTT broker (apt: mosquitto)."""

    folder: Path
    port: int = field(default_factory=free_port)
    messages: list[tuple[str, str, bool]] = field(default_factory=list)
    """Topic, text, and whether it was retained, as a subscriber got them."""

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}/notices?qos=1"

    @property
    def received(self) -> list[str]:
        return [text for topic, text, _retained in self.messages if topic == "notices"]

    @contextmanager
    def up(self) -> Iterator[None]:
        program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/sbin:/bin")
        if program is None:
            pytest.skip("needs mosquitto (apt: mosquitto)")
        config = self.folder / "mosquitto.conf"
        config.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
        broker = subprocess.Popen([program, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_for_port(self.port)
            with self.subscriber("#"):
                yield
        finally:
            broker.terminate()
            broker.wait()

    @contextmanager
    def subscriber(self, topic: str) -> Iterator[Client]:
        subscribed = threading.Event()
        client = Client(CallbackAPIVersion.VERSION2)

        def on_message(_client: Client, _userdata: object, message: MQTTMessage) -> None:
            self.messages.append((message.topic, message.payload.decode(), bool(message.retain)))

        client.on_message = on_message
        client.on_subscribe = lambda *_: subscribed.set()
        client.connect("127.0.0.1", self.port)
        client.subscribe(topic, qos=1)
        client.loop_start()
        assert subscribed.wait(TIMEOUT_S)
        try:
            yield client
        finally:
            client.disconnect()
            client.loop_stop()


def wait_for_port(port: int) -> None:
    deadline_s = time.monotonic() + TIMEOUT_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert time.monotonic() < deadline_s, f"nothing listens on {port}"
            time.sleep(0.05)
        else:
            return


@dataclass
class Script:
    """notify_command."""

    folder: Path
    received: list[str] = field(default_factory=list)

    @property
    def path(self) -> Path:
        return self.folder / "tell"

    def write(self) -> None:
        self.path.write_text(f'#!/bin/sh\n[ -e {self.folder}/up ] || exit 1\ncat >"{self.folder}/got.$(date +%s%N)"\n')
        self.path.chmod(0o700)

    @contextmanager
    def up(self) -> Iterator[None]:
        (self.folder / "up").touch()
        try:
            yield
        finally:
            (self.folder / "up").unlink()
            self.received[:] = [path.read_text().rstrip() for path in sorted(self.folder.glob("got.*"))]
