"""Submission of the owner's keys to a key server, only at the owner's request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from random import SystemRandom
from typing import Final

from bluezone_agent.actions.export_keys import end_current_key, exportable
from bluezone_agent.core.ages import age_s
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.journal import ChaffConsidered, KeysSubmitted
from bluezone_agent.core.submitted_keys import choose, until_the_days_end
from bluezone_agent.errors import N_, ExportError
from bluezone_agent.key_servers.google import MAX_KEYS, MAX_KEYS_OF_A_DAY, GoogleKeyServer, Receipt
from bluezone_agent.stores.store import Store
from bluezone_agent.stores.submission_tokens import TokenKind

PROTOCOL: Final = "gaen"


@dataclass(frozen=True, slots=True)
class SubmittedKeys:
    """The result of a submission."""

    sent: int
    left_out: int
    """Keys left out because the server would not accept them: too many for one day, or too many in total."""
    receipt: Receipt


RANDOM: Final = SystemRandom()


def chaff_is_due(store: Store, now_s: float, random: Callable[[], float] = RANDOM.random) -> bool:
    """Return true about once a day, at random, however often it is asked; ``random`` is uniform in [0, 1)."""
    considered = store.journal.get(ChaffConsidered)
    with store.transaction():
        store.journal.put(ChaffConsidered(int(now_s)))
    return random() < (age_s(now_s, considered.at_s if considered else None) or 0.0) / DAY_S


def publish(
    store: Store, server: GoogleKeyServer, code: str, now_s: float, *, days: int, onset: date | None, traveler: bool
) -> SubmittedKeys:
    """Submit the keys of the last ``days`` days with ``code``; the current key is ended and replaced first.

    A code can be used once: its token is kept, so that a failed submission can be tried again without a code (``code``
    empty). Raises ExportError when there is nothing to submit, KeyServerError when a server refuses.
    """
    token = _token(store, server, code, now_s)
    end_current_key(store)
    found = [key for key in exportable(store, days, now_s) if key.protocol == PROTOCOL]
    keys = until_the_days_end(choose(found, most=MAX_KEYS, most_of_a_day=MAX_KEYS_OF_A_DAY), now_s)
    if not keys:
        raise ExportError(
            N_("there are no Exposure Notification keys to submit for these days"),
            N_('a key server accepts no others; with protocol = "bluezone", use bluezone-agent keys export'),
        )
    revision_token = store.tokens.get(server.key_server, TokenKind.REVISION, now_s) or ""
    receipt = server.publish(keys, token, onset=onset, traveler=traveler, revision_token=revision_token)
    with store.transaction():
        store.tokens.delete(server.verification_server, TokenKind.VERIFICATION)
        if receipt.revision_token:
            store.tokens.put(server.key_server, TokenKind.REVISION, receipt.revision_token, now_s)
        begins_s, ends_s = min(key.starts_at_s for key in keys), max(key.ends_at_s for key in keys)
        store.journal.put(KeysSubmitted(int(now_s), len(keys), receipt.inserted, begins_s, ends_s))
    return SubmittedKeys(len(keys), len(found) - len(keys), receipt)


def _token(store: Store, server: GoogleKeyServer, code: str, now_s: float) -> str:
    if code:
        token = server.token(code)
        with store.transaction():
            store.tokens.put(server.verification_server, TokenKind.VERIFICATION, token, now_s)
        return token
    kept = store.tokens.get(server.verification_server, TokenKind.VERIFICATION, now_s)
    if kept is None:
        raise ExportError(
            N_("a code from the health authority is needed"),
            N_("give the code that you received: --code CODE"),
        )
    server.send_chaff_code()
    return kept
