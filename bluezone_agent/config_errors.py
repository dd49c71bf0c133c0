"""Mistakes in a configuration file, in words: which setting, what it has to be, and what was found."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from bluezone_agent.errors import N_, ConfigError, Text

NOT_SHOWN: Final = {"api_key", "notify_urls", "broker"}
"""Settings whose values never appear in errors."""
KINDS: Final = {
    "str": N_("has to be text in quotes"),
    "int": N_("has to be a whole number"),
    "bool": N_("has to be true or false"),
    "array": N_("has to be a list in square brackets"),
    "object": N_("has to be a table"),
    "str | array": N_("has to be text in quotes, or a list of such texts"),
}
"""What msgspec expected → how a person says it."""
WRONG: Final = N_("has a value of the wrong kind")
TOP: Final = N_("the file")


def invalid_toml(path: Path, error: ValueError | RecursionError) -> ConfigError:
    """Return the error for a file that ``tomllib`` can't read."""
    hint = N_('quote texts (radio = "bluez:hci0") and set each name once; then run: bluezone-agent config check {path}')
    where = re.search(r"\(at line (\d+), column (\d+)\)$", str(error))
    if where is None:
        text = N_("{path} is not valid TOML: its last line is wrong, or a quote or bracket is not closed")
        return ConfigError(text, hint, path=path)
    return ConfigError(
        N_("{path}, line {line}, column {column}: this is not valid TOML"),
        hint,
        path=path,
        line=int(where[1]),
        column=int(where[2]),
    )


def invalid_setting(path: Path, raw: Any, reason: str, choices: Mapping[str, Sequence[str]]) -> ConfigError:
    """Return the error for a value that msgspec refuses.

    ``raw`` is the file's content, ``choices`` has the words that some settings take. ``reason`` is msgspec's message,
    which ends with the place: ``Expected `int`, got `str` - at `$.source[0].location```.
    """
    found = re.search(r"`\$(.*)`$", reason)
    steps = re.findall(r"\.(\w+)|\[(\d+)\]", found[1] if found else "")
    place = "".join(f".{name}" if name else f"[{int(index) + 1}]" for name, index in steps).removeprefix(".") or TOP
    hint = N_('"bluezone-agent config init -" explains every setting')
    missing = re.match(r"Object missing required field `(\w+)`", reason)
    if missing:
        return ConfigError(N_('{path}: {place} needs "{name}"'), hint, path=path, place=place, name=missing[1])
    return ConfigError(
        N_("{path}: {place} {expected} (found: {value})"),
        hint,
        path=path,
        place=place,
        expected=_expected(reason, choices.get(place.partition("[")[0], ())),
        value=_value_at(raw, steps),
    )


def _expected(reason: str, choices: Sequence[str]) -> Text | ConfigError:
    limit = re.match(r"Expected `int` (<|>)= (-?\d+)", reason)
    if limit:
        text = N_("has to be at most {limit}") if limit[1] == "<" else N_("has to be at least {limit}")
        return ConfigError(text, limit=limit[2])
    if reason.startswith("Invalid enum value"):
        return ConfigError(N_("has to be one of: {choices}"), choices=", ".join(choices))
    kind = re.match(r"Expected `([^`]*)`", reason)
    return KINDS.get(kind[1].removesuffix(" | null") if kind else "", WRONG)


def _value_at(raw: Any, steps: list[tuple[str, str]]) -> str:
    """Return the value at a place; tables and lists are not shown, because they may contain secrets."""
    for name, index in steps:
        raw = raw[int(index)] if index else raw[name]
    if any(name in NOT_SHOWN for name, _ in steps) or not isinstance(raw, (str, int, float)):
        return "…"
    if isinstance(raw, bool):
        return str(raw).lower()
    return f'"{raw}"' if isinstance(raw, str) else str(raw)
