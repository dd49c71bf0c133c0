"""One JSON line each way over a Unix socket: how the agent asks a process that has what it does not have."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TypeVar

import msgspec

T = TypeVar("T")


def asked(path: Path, request: msgspec.Struct, answer: type[T], *, timeout_s: float, most_bytes: int) -> T:
    """Return the answer of the process that listens at ``path``; raises OSError if there is none."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout_s)
        connection.connect(str(path))
        connection.sendall(msgspec.json.encode(request) + b"\n")
        try:
            return msgspec.json.decode(line(connection, most_bytes), type=answer)
        except msgspec.DecodeError as error:
            raise OSError(f"no answer from {path}") from error


def line(connection: socket.socket, most_bytes: int) -> bytes:
    """Return what comes up to a newline, the end, or somewhat more than ``most_bytes``; raises OSError."""
    received = bytearray()
    while not received.endswith(b"\n") and len(received) <= most_bytes:
        if not (part := connection.recv(4096)):
            break
        received += part
    return bytes(received)
