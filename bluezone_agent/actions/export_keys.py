"""Export of the owner's keys, only at the owner's request."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from bluezone_agent.core.diagnosis_keys.submission import write_submission
from bluezone_agent.core.identifiers import DailyKey
from bluezone_agent.core.intervals import DAY_S, day_start_s
from bluezone_agent.daemon import control_socket
from bluezone_agent.daemon.control_socket import AgentRequest
from bluezone_agent.daemon.identity import end_running_key
from bluezone_agent.errors import N_, ExportError
from bluezone_agent.files import write_new
from bluezone_agent.stores.store import StateLock, Store, agent_runs


def end_current_key(store: Store) -> None:
    """End the current key now; a running agent has switched to a new one when this returns.

    Raises StateInUseError when a running agent does not answer; then no key was ended.
    """
    if agent_runs(store.state_dir):
        control_socket.ask(store.state_dir, AgentRequest(control_socket.REPLACE_KEY))
    else:
        with StateLock(store.state_dir):
            end_running_key(store)


def exportable(store: Store, days: int, now_s: float) -> list[DailyKey]:
    """Return the closed keys of the last ``days`` UTC days, today included, that were made in trusted time.

    They are in the order in which they were advertised; a key that was never advertised is left out. The current key is
    included only after :func:`end_current_key`; a key of the future (the clock was set back) never is.
    """
    since_s = day_start_s(now_s) - (days - 1) * DAY_S
    return [
        own.key
        for own in store.keys.all()
        if own.closed
        and own.exportable
        and own.key.starts_at_s >= since_s
        and own.last_slot_s <= now_s
        and own.key.ends_at_s > own.key.starts_at_s
    ]


def require_past(onset: date | None, now_s: float) -> None:
    """Raise ExportError when the given onset of symptoms is in the future."""
    if onset is not None and onset > datetime.fromtimestamp(now_s, UTC).astimezone().date():  # the owner's local day
        raise ExportError(
            N_("symptoms can't have begun on {onset}, which is in the future"),
            N_("give the day on which symptoms began: --onset YYYY-MM-DD"),
            onset=onset,
        )


def write(path: Path, keys: Sequence[DailyKey], onset: date | None) -> None:
    """Write keys as a submission, mode 0600, never over a file or through a link. Raises ExportError, NewFileError."""
    if not keys:
        raise ExportError(
            N_("there are no keys to export for these days"),
            N_("the agent creates keys while it runs; see bluezone-agent keys list"),
        )
    write_new(path, write_submission(keys, onset))
