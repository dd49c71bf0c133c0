"""The journal of stores before m016, which were untyped rows: name → (time, detail)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeGuard

from bluezone_agent.core.intervals import DAY_S

OldRow = tuple[int, dict[str, Any]]
DISCARDED: Final = ("malformed", "foreign", "without_rssi", "repeated", "dropped")


def journal_records(old: Mapping[str, OldRow]) -> Iterator[tuple[str, int, str]]:
    """Yield the rows of the journal, each of version 1: kind, time, record.

    What an older version wrote differently, or what is damaged, may give a record that is not valid: it is then absent
    when it is read.
    """
    for name, (kind, converted) in RENAMED.items():
        if name in old:
            at_s, detail = old[name]
            yield _row(kind, at_s, converted(detail))
    if "check" in old or "complete_check" in old:
        yield _checked(old)


def submission_tokens(old: Mapping[str, OldRow]) -> Iterator[tuple[str, str, int]]:
    """Yield the tokens of key servers: kind, token, end of validity."""
    at_s, kept = old.get("publication", (0, {}))
    token, token_at_s, revision_token = (kept.get(name) for name in ("token", "token_at_s", "revision_token"))
    if isinstance(token, str) and _is_time(token_at_s):
        yield "verification", token, token_at_s + DAY_S
    if isinstance(revision_token, str) and revision_token and _is_time(at_s):
        yield "revision", revision_token, at_s + 14 * DAY_S


def _is_time(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and 0 <= value < 2**40


def _started(detail: dict[str, Any]) -> dict[str, Any]:
    return {
        "protocol": detail.get("protocol", ""),
        "sources": detail.get("sources", 0),
        "monitor_adapters": detail.get("monitor_adapters", detail.get("witnesses", 0)),
        "allow_linkable": detail.get("allow_linkable", detail.get("linkable_anyway", [])),
    }


def _received(detail: dict[str, Any]) -> dict[str, Any]:
    by_protocol = {name: count for name, count in detail.items() if name not in DISCARDED}
    return {"by_protocol": by_protocol} | {name: count for name, count in detail.items() if name in DISCARDED}


def _stopped(detail: dict[str, Any]) -> dict[str, Any]:
    return {"stopped": detail}


def _as_it_is(detail: dict[str, Any]) -> dict[str, Any]:
    return detail


RENAMED: Final[Mapping[str, tuple[str, Callable[[dict[str, Any]], dict[str, Any]]]]] = {
    "start": ("started", _started),
    "broadcast": ("broadcasting", _as_it_is),
    "refused": ("refused", _as_it_is),
    "heard": ("received", _received),
    "commit": ("committed", _as_it_is),
    "radio": ("radio_state", _as_it_is),
    "proved": ("proved", _as_it_is),
    "told": ("notified", _stopped),
    "chaff": ("chaff_considered", _as_it_is),
}


def _checked(old: Mapping[str, OldRow]) -> tuple[str, int, str]:
    complete_at_s = old["complete_check"][0] if "complete_check" in old else None
    at_s, detail = old.get("check", (complete_at_s or 0, {"complete": True}))
    record = {"complete": detail.get("complete", False), "sources": detail.get("sources", 0)}
    return _row("checked", at_s, record | {"complete_at_s": complete_at_s})


def _row(kind: str, at_s: int, record: dict[str, Any]) -> tuple[str, int, str]:
    return kind, at_s, json.dumps(record | {"at_s": at_s})
