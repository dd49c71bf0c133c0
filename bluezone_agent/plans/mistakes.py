"""Mistakes in a plan, each one error with file, line, value and the way out."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Any

from bluezone_agent.config_errors import TOP
from bluezone_agent.errors import N_, AgentError, ConfigError
from bluezone_agent.plans.toml_lines import TomlLines, Where


class PlanError(ConfigError):
    """The plan of a trial is wrong; its author can fix it."""


def parsed(text: str, path: Path) -> dict[str, Any]:
    """Return the tables and settings of a TOML text; raises PlanError with the line if it is none."""
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        where = re.search(r"\(at line (\d+), column \d+\)$", str(error))
        raise PlanError(
            N_("{path}, line {line}: this is not valid TOML: {reason}"),
            N_("put texts in quotes, close every bracket and quote, and set each name once"),
            path=path,
            line=int(where[1]) if where else len(text.rstrip().split("\n")),
            reason=str(error).partition(" (at ")[0],
        ) from error


class Mistakes:
    """Makes the errors of one file."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._lines = TomlLines(text)

    def at(self, where: Where, message: str, hint: str, /, **fields: object) -> PlanError:
        """Return the error for a mistake at a place in the file."""
        return PlanError(
            N_("{path}, line {line}: {mistake}"),
            hint,
            path=self._path,
            line=self._lines.line_of(where),
            mistake=AgentError(message, **fields),
            **fields,
        )

    def require_known(self, where: Where, table: Collection[str], known: Collection[str]) -> None:
        """Check the names in a table; raises PlanError with what may be meant."""
        for name in table:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1) or [", ".join(known)]
                raise self.at(
                    (*where, name),
                    N_('unknown setting {where} "{name}"'),
                    N_("did you mean {near}? Correct the name, or remove the setting"),
                    where=shown(where) or TOP,
                    name=name,
                    near=near[0],
                )


def shown(where: Where) -> str:
    """Return a place as its author writes it: ``[[phase]] 2 minutes``; elements are counted from 1."""
    words = [str(step + 1) if isinstance(step, int) else step for step in where]
    if len(where) > 1 and isinstance(where[1], int):
        words[0] = f"[[{words[0]}]]"
    elif words:
        words[0] = f"[{words[0]}]"
    return " ".join(words)
