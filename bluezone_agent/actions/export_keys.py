"""The owner's keys, out of the device by the owner's act alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from bluezone_agent.core.diagnosis_keys.submission import write_submission
from bluezone_agent.core.identifiers import DailyKey
from bluezone_agent.core.intervals import DAY_S, day_start_s
from bluezone_agent.daemon import control_socket
from bluezone_agent.daemon.identity import end_running_key
from bluezone_agent.errors import N_, ExportError
from bluezone_agent.files import write_new
from bluezone_agent.stores.store import StateLock, Store, agent_runs


def end_current_key(store: Store) -> None:
    """End the key on the air now; an agent that runs has put a new one on the air when this returns.

    Raises StateInUseError when an agent runs and does not answer; then nothing was cut.
    """
    if agent_runs(store.state_dir):
        control_socket.ask(store.state_dir, control_socket.REPLACE_KEY)
    else:
        with StateLock(store.state_dir):
            end_running_key(store)


def exportable(store: Store, days: int, now_s: float) -> list[DailyKey]:
    """Return the keys of the last ``days`` UTC days, today included, that are closed and were made in trusted time.

    They come in the order in which they were on the air, and none that never was.
    A running key is among them only after :func:`cut`; a key of the future (a clock that went back) never is.
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
    """Raise ExportError when symptoms are to have begun in the future."""
    if onset is not None and onset > datetime.fromtimestamp(now_s, UTC).astimezone().date():  # the owner's day
        raise ExportError(
            N_("symptoms can't have begun on {onset}, which is in the future"),
            N_("give the day on which symptoms began: --onset YYYY-MM-DD"),
            onset=onset,
        )


def write(path: Path, keys: Sequence[DailyKey], onset: date | None) -> None:
    """Write keys as a submission: 0600, never over a file or through a link. Raises ExportError, NewFileError."""
    if not keys:
        raise ExportError(
            N_("there are no keys to export for these days"),
            N_("the agent creates keys while it runs; see bluezone-agent keys list"),
        )
    write_new(path, write_submission(keys, onset))
