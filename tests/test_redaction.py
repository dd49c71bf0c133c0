"""No value of ours shows a key, an identifier or an address; what others write passes a net."""

from __future__ import annotations

import builtins
import dataclasses
import importlib
import inspect
import logging
import subprocess
import sys
import types
import typing
from collections.abc import Collection, Iterator, Mapping

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluezone_agent.core.identifiers import DailyKey
from bluezone_agent.core.redaction import redacted
from tests.modules import importable

SECRET = bytes(range(0xA0, 0xB0))
ADDRESS = "C4:AC:59:01:02:03"
PUBLIC = {"_Envelope", "Pattern"}
"""Values whose bytes everybody may see: a published index and its signature, what a protocol's advertisements have in
common."""


def values() -> Iterator[type]:
    """Every struct, dataclass and named tuple of the package."""
    for name in importable():
        for kind in vars(importlib.import_module(name)).values():
            if inspect.isclass(kind) and is_value(kind) and kind.__module__ == name:
                yield kind


def is_value(kind: type) -> bool:
    return dataclasses.is_dataclass(kind) or hasattr(kind, "_fields") or issubclass(kind, msgspec.Struct)


def filled(kind: object, name: str = "") -> object:
    """Return something of a type in which every bytes and every address is secret; None where there can be none."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind in (bytes, bytearray):
        return SECRET
    if kind is str:
        return ADDRESS if "address" in name else "x"
    if kind in (int, float, bool):
        return 0
    if origin in (types.UnionType, typing.Union):
        return next((found for found in (filled(a, name) for a in arguments) if found is not None), None)
    inside = [filled(argument) for argument in arguments if argument is not ...]
    if inspect.isclass(origin) and issubclass(origin, Mapping):
        return {inside[0]: inside[-1]}
    if inspect.isclass(origin) and issubclass(origin, Collection):
        return tuple(inside) if origin is tuple else inside
    if inspect.isclass(kind) and is_value(kind):
        return example(kind)
    return None


class Names(dict[str, object]):
    """The names of a module; what it imports for the type checker alone is any object."""

    def __missing__(self, name: str) -> object:
        return getattr(builtins, name, object)


def example(kind: type) -> object:
    """Return a value of a class, made without its constructor, with secrets in every place for them."""
    hints = typing.get_type_hints(kind, localns=Names(vars(sys.modules[kind.__module__])))
    if hasattr(kind, "_make"):
        return kind._make(filled(hints[name], name) for name in hints)
    if issubclass(kind, msgspec.Struct):
        unchecked = {"__post_init__": lambda _self: None}
        any_value = msgspec.defstruct(kind.__name__, [], bases=(kind,), namespace=unchecked, frozen=True)
        return any_value(**{name: filled(hints[name], name) for name in kind.__struct_fields__})
    value: object = object.__new__(kind)
    for field in dataclasses.fields(typing.cast("typing.Any", kind)):
        object.__setattr__(value, field.name, filled(hints[field.name], field.name))
    return value


def test_no_value_shows_a_secret() -> None:
    """Every struct, dataclass and named tuple there is: whoever adds one that would print a key is told."""
    kinds = list(values())
    shown = [
        kind for kind in kinds if kind.__name__ not in PUBLIC and shows_a_secret(f"{example(kind)!r} {example(kind)}")
    ]
    assert shown == []
    assert len(kinds) > 140, "not all were found"


def shows_a_secret(text: str) -> bool:
    return "\\xa3" in text or SECRET.hex() in text.lower() or ADDRESS in text


def test_what_would_show_a_secret_is_noticed() -> None:
    @dataclasses.dataclass(frozen=True)
    class Telling:
        received: dict[int, tuple[DailyKey, bytes | None]]

    assert shows_a_secret(repr(example(Telling)))


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Device C4:AC:59:01:02:03 not available", "Device <address> not available"),
        ("no object /org/bluez/hci0/dev_C4_AC_59_01_02_03/x", "no object /org/bluez/hci0/dev_<address>/x"),
        ("got b'\\xa0\\'x' and b\"'\"", "got <bytes> and <bytes>"),
        ("bytearray(b'abc')", "bytearray(<bytes>)"),
        ("identifier A0A1A2A3A4A5A6A7A8A9AAAB", "identifier <hex>"),
        ("0xa0a1a2a3a4a5a6a7 end", "<hex> end"),
        ("agent.damaged-20261125T102030Z.db", "agent.damaged-20261125T102030Z.db"),
        ("timestamp='2026-11-25T10:20:30.123456Z' until_s=1806580800.0", None),
        ("service 0xfd6f on hci0, 00:11:22", None),
    ],
)
def test_the_net_takes_out_what_tells_of_devices_and_nothing_else(text: str, left: str | None) -> None:
    assert redacted(text) == (text if left is None else left)


@given(st.binary(min_size=12, max_size=40), st.text(alphabet=" =,()[]", max_size=3))
def test_bytes_and_their_hex_never_pass(data: bytes, surrounding: str) -> None:
    text = redacted(f"{surrounding}{data!r}{surrounding} {data.hex()} {data.hex().upper()}")
    assert text == f"{surrounding}<bytes>{surrounding} <hex> <hex>"


LIBRARIES = ("bleak", "dbus_fast", "httpx2", "httpcore2", "bumble", "apscheduler", "asyncio")
TALK = f"""
import logging, structlog
from bluezone_agent.app import logs
for name in {LIBRARIES!r}:
    logging.getLogger(name).setLevel(logging.DEBUG)  # as BLEAK_LOGGING does
    logging.getLogger(name).addHandler(logging.StreamHandler())
logs.to_stderr(logging.DEBUG)
for name in {LIBRARIES!r}:
    logging.getLogger(name).debug("debug {ADDRESS}")
    logging.getLogger(name).info("info {ADDRESS}")
logging.getLogger("a.library").warning("heard %s of %s", {SECRET!r}, "{ADDRESS}")
structlog.get_logger().debug("an_event", reason="{ADDRESS}", text={SECRET.hex()!r})
raise ValueError({SECRET!r}, "{ADDRESS}")
"""


def test_libraries_stay_silent_at_debug_and_a_crash_shows_no_secret() -> None:
    done = subprocess.run([sys.executable, "-c", TALK], capture_output=True, text=True, check=False)
    assert "heard <bytes> of <address>" in done.stderr
    assert "reason='<address>' text='<hex>'" in done.stderr
    assert "ValueError: (<bytes>, '<address>')" in done.stderr
    assert ADDRESS not in done.stderr.replace(TALK, "")
    assert "info" not in done.stderr
    assert "debug " not in done.stderr
    assert logging.root.manager.disable == 0, "this process is as it was"
