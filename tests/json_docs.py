"""docs/json.md, made from the types of the answers: ``scripts/json-docs`` writes it, ``test_json`` holds it."""

from __future__ import annotations

import ast
import inspect
import textwrap
import types
from collections.abc import Iterator
from datetime import date, datetime
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

import click
import msgspec

from bluezone_agent.cli import root
from bluezone_agent.cli.base import Group
from bluezone_agent.errors import AgentError

PAGE: Final = Path(__file__).resolve().parents[1] / "docs" / "json.md"
HEAD: Final = """\
# What `--json` prints

Every command that prints data takes `--json` and then prints one object on standard output; talk and errors stay on
standard error. `around` prints one object a line, each second; programs can read the same lines from the agent's socket
([Who is near now](owner.md#who-is-near-now)). A key never goes away or changes its meaning without a line in the
changelog; new keys may come. Times are RFC 3339 in UTC, days `YYYY-MM-DD` (UTC). This page is made from the program's
own types (`scripts/json-docs`), and every test that runs a command with `--json` checks its output against them.
"""
SCALARS: Final = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    datetime: "time",
    date: "day",
    Path: "path",
    type(None): "null",
}


def answers() -> dict[str, tuple[Any, ...]]:
    """Return each command that takes ``--json``, as it is typed, and the types of its answers."""
    return dict(_answers(root, ()))


def _answers(command: click.Command, names: tuple[str, ...]) -> Iterator[tuple[str, tuple[Any, ...]]]:
    if any(parameter.name == "as_json" for parameter in command.params):
        kind = getattr(command, "answers", None)
        yield " ".join(names), _alternatives(kind)
    if isinstance(command, Group):
        with click.Context(command) as ctx:
            for name in command.every_name():
                found = command.get_command(ctx, name)
                assert found is not None
                yield from _answers(found, (*names, name))


def _alternatives(kind: Any) -> tuple[Any, ...]:
    if get_origin(kind) in {Union, types.UnionType}:
        return get_args(kind)
    return (kind,)


def page() -> str:
    """Return the text of docs/json.md."""
    commands = answers()
    lines = [HEAD, "| command | answer |", "|---|---|"]
    lines += [f"| `{name}` | {' or '.join(map(_link, kinds))} |" for name, kinds in sorted(commands.items())]
    for kind in _all_kinds(kind for _name, kinds in sorted(commands.items()) for kind in kinds):
        lines += ["", *_section(kind)]
    return "\n".join(lines) + "\n"


def _all_kinds(roots: Iterator[Any]) -> list[Any]:
    """Return every struct that is reached from ``roots``, each once, in the order of the page."""
    found: dict[Any, None] = {}
    waiting = list(roots)
    while waiting:
        kind = waiting.pop(0)
        if kind not in found:
            found[kind] = None
            hints = get_type_hints(kind, include_extras=True)
            waiting[:0] = [part for field in msgspec.structs.fields(kind) for part in _structs(hints[field.name])]
    return list(found)


def _structs(kind: Any) -> Iterator[Any]:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield kind
    for part in get_args(kind):
        yield from _structs(part)


def _section(kind: Any) -> Iterator[str]:
    yield f"## {kind.__name__}"
    yield ""
    yield inspect.cleandoc(kind.__doc__ or "").replace("None", "null")
    yield ""
    yield "| key | value | |"
    yield "|---|---|---|"
    hints, texts = get_type_hints(kind, include_extras=True), _texts(kind)
    for field in msgspec.structs.fields(kind):
        yield f"| `{field.encode_name}` | {_value(hints[field.name])} | {texts.get(field.name, '')} |"


def _texts(kind: Any) -> dict[str, str]:
    """Return the docstring below each attribute, those of base classes too."""
    texts: dict[str, str] = {}
    for cls in reversed(kind.__mro__):
        if not issubclass(cls, msgspec.Struct) or cls is msgspec.Struct:
            continue
        body = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0]
        assert isinstance(body, ast.ClassDef)
        for statement, following in zip(body.body, body.body[1:], strict=False):
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                match following:
                    case ast.Expr(ast.Constant(str(text))):
                        texts[statement.target.id] = " ".join(text.split()).replace("None", "null")
    return texts


def _link(kind: Any) -> str:
    return f"[{kind.__name__}](#{kind.__name__.lower()})"


def _value(kind: Any) -> str:
    origin, parts = get_origin(kind), get_args(kind)
    if kind in SCALARS:
        return SCALARS[kind]
    if origin is Annotated:
        return _value(parts[0])
    if origin in {Union, types.UnionType}:
        return " or ".join(_value(part) for part in parts)
    if origin is tuple:
        return f"list of {_value(parts[0])}"
    if origin is dict:
        return f"object: {_value(parts[0])} → {_value(parts[1])}"
    if origin is Literal:
        return ", ".join(f"`{value}`" if isinstance(value, str) else str(value).lower() for value in parts)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _link(kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return ", ".join(f"`{member.value}`" for member in kind)
    if isinstance(kind, type) and issubclass(kind, AgentError):
        return "text, an error in English"
    raise TypeError(f"no words for {kind}")


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
