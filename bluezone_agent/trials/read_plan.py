"""Reading a plan: TOML, the kinds of its values, then the rules of ``plan_rules``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import msgspec

from bluezone_agent.config_errors import KINDS, TOP, WRONG
from bluezone_agent.errors import N_, Text
from bluezone_agent.files import read_text
from bluezone_agent.plans.mistakes import Mistakes, PlanError, parsed, shown
from bluezone_agent.plans.toml_lines import Where
from bluezone_agent.trials.plan import LiveSettings, Phase, RadioSettings, Schedule, TrialDevice, TrialInfo, TrialPlan
from bluezone_agent.trials.plan_rules import require_valid

PLAN_NAME: Final = "trial.toml"
LISTS: Final[dict[str, type[msgspec.Struct]]] = {"device": TrialDevice, "phase": Phase}
TABLES: Final[dict[str, type[msgspec.Struct]]] = {"trial": TrialInfo, "radio": RadioSettings, "live": LiveSettings}
NUMBER: Final = N_("has to be a number")
MOMENT: Final = N_("has to be a date and time, without quotes: 2026-12-01T09:00:00")
MORE_KINDS: Final[dict[str, Text]] = {
    "float": NUMBER,
    "datetime": MOMENT,
    "datetime | null": MOMENT,
    "float | null": NUMBER,
    "str | float": N_("has to be text in quotes or a number"),
    "str | object": N_('has to be "continuous" or a table: {on_s = 4, every_s = 240}'),
}
"""What msgspec expected in a plan, besides :data:`KINDS`."""


def read_plan(path: Path) -> TrialPlan:
    """Read and check a plan; raises PlanError, with the line, for the first mistake."""
    try:
        text = read_text(path)
    except (OSError, UnicodeDecodeError) as error:
        raise PlanError(
            N_("can't read the plan {path}: {reason}"),
            N_('name a folder made by "bluezone-agent trial new"; the plan is a text file in UTF-8'),
            path=path,
            reason=getattr(error, "strerror", None) or error,
        ) from error
    return parse_plan(text, path)


def parse_plan(text: str, path: Path) -> TrialPlan:
    """Read and check a plan's text; ``path`` is for its errors. Raises PlanError."""
    raw = parsed(text, path)
    mistakes = Mistakes(path, text)
    _require_known_names(raw, mistakes)
    try:
        plan = msgspec.convert(raw, TrialPlan)
    except msgspec.ValidationError as error:
        raise _wrong_kind(mistakes, raw, str(error)) from error
    require_valid(plan, mistakes)
    return plan


def _require_known_names(raw: dict[str, Any], mistakes: Mistakes) -> None:
    mistakes.require_known((), raw, [*TABLES, *LISTS])
    for name, struct in TABLES.items():
        if isinstance(table := raw.get(name), dict):
            mistakes.require_known((name,), table, _names(struct))
    scan = raw["radio"].get("scan") if isinstance(raw.get("radio"), dict) else None
    if isinstance(scan, dict):
        mistakes.require_known(("radio", "scan"), scan, _names(Schedule))
    for name, struct in LISTS.items():
        for number, table in enumerate(raw[name]) if isinstance(raw.get(name), list) else ():
            if isinstance(table, dict):
                mistakes.require_known((name, number), table, _names(struct))


def _names(struct: type[msgspec.Struct]) -> list[str]:
    return [field.encode_name for field in msgspec.structs.fields(struct)]


def _wrong_kind(mistakes: Mistakes, raw: Any, reason: str) -> PlanError:
    found = re.search(r"`\$(.*)`$", reason)
    where: Where = tuple(
        int(step[1]) if step[1] else step[0]
        for step in re.findall(r"\.(\w+)|\[(\d+|\.\.\.)\]", found[1] if found else "")
        if step[1] != "..."
    )
    missing = re.match(r"Object missing required field `(\w+)`", reason)
    if missing:
        return mistakes.at(
            where,
            N_('{where} needs "{name}"'),
            N_('add it; the plans of "bluezone-agent trial new" show every setting'),
            where=shown(where) or TOP,
            name=missing[1],
        )
    kind = re.match(r"Expected `([^`]*)`", reason)
    expected = kind[1] if kind else "datetime" if "RFC3339" in reason else ""
    return mistakes.at(
        where,
        N_("{where} {expected} (found: {value})"),
        N_('correct that line; the plans of "bluezone-agent trial new" show every setting'),
        where=shown(where) or TOP,
        expected=MORE_KINDS.get(expected) or KINDS.get(expected.removesuffix(" | null"), WRONG),
        value=_value_at(raw, where),
    )


def _value_at(raw: Any, where: Where) -> str:
    try:
        for step in where:
            raw = raw[step]
    except (KeyError, IndexError, TypeError):
        return "…"
    if isinstance(raw, bool):
        return str(raw).lower()
    return f'"{raw}"' if isinstance(raw, str) else str(raw) if isinstance(raw, int | float) else "…"
