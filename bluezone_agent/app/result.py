"""The answers of the commands: typed values that ``--json`` prints (docs/json.md)."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, overload

import msgspec

from bluezone_agent.errors import AgentError


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """An answer, or a part of one: its fields are the keys of the JSON object. Times are aware, in UTC."""


@overload
def utc(unix_s: float) -> datetime: ...
@overload
def utc(unix_s: float | None) -> datetime | None: ...
def utc(unix_s: float | None) -> datetime | None:
    """Return Unix seconds as a time in UTC, to the second; None for never."""
    return None if unix_s is None else datetime.fromtimestamp(int(unix_s), UTC)


def as_json(result: Any, *, indent: int = 2) -> str:
    """Return an answer as one JSON object: times in UTC (RFC 3339), errors as their English message.

    With an ``indent`` of 0 it is one line.
    """
    return msgspec.json.format(msgspec.json.encode(result, enc_hook=_builtin), indent=indent).decode()


def from_json(text: str, kind: Any) -> Any:
    """Read an answer of ``kind`` back; raises msgspec.ValidationError if the shape differs."""
    return msgspec.json.decode(text, type=kind, strict=True, dec_hook=_read)


def _builtin(value: Any) -> Any:
    if isinstance(value, Path):
        return os.fsencode(value).decode("utf-8", "backslashreplace")  # a name may be invalid text
    if isinstance(value, AgentError | str):  # also a Text, which is a subclass of str
        return str(value)
    raise NotImplementedError(f"{type(value)} has no place in an answer")


def _read(kind: Any, value: Any) -> Any:
    if kind is Path:
        return Path(value)
    if kind is AgentError:
        return AgentError(value.replace("{", "{{").replace("}", "}}"))
    raise NotImplementedError(f"{kind} has no place in an answer")
