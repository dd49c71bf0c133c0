"""The owner's keys to a key server, by the owner's act alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from random import SystemRandom
from typing import Final

from bluezone_agent.actions.export_keys import end_current_key, exportable
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.errors import N_, ExportError
from bluezone_agent.key_servers.google import GoogleKeyServer, Receipt
from bluezone_agent.stores.store import Store

TOKEN_GOOD_FOR_S: Final = 24 * 3600
"""The verification server's own limit; an older one is not tried."""
SIGN: Final = "publication"
"""Under this name the store keeps what the next call needs: the token of a code, and the revision token."""
PROTOCOL: Final = "gaen"


@dataclass(frozen=True, slots=True)
class SubmittedKeys:
    """What came of it."""

    sent: int
    receipt: Receipt


CHAFF_SIGN: Final = "chaff"
"""Name of the sign of life that tells when chaff was last thought of."""
RANDOM: Final = SystemRandom()


def chaff_is_due(store: Store, now_s: float, random: Callable[[], float] = RANDOM.random) -> bool:
    """Return true about once a day, by chance, however often it is asked; ``random`` is uniform in [0, 1)."""
    asked_s = store.signs().get(CHAFF_SIGN, (now_s, {}))[0]
    with store.transaction():
        store.mark(CHAFF_SIGN, now_s)
    return random() < (now_s - asked_s) / DAY_S


def publish(
    store: Store, server: GoogleKeyServer, code: str, now_s: float, *, days: int, onset: date | None, traveler: bool
) -> SubmittedKeys:
    """Publish the keys of the last ``days`` days under ``code``; the key on the air is cut and replaced first.

    A code can be used once: what it brought is kept, so that a publication that failed half-way is tried again
    without one (``code`` empty). Raises ExportError when there is nothing to publish, KeyServerError when a server
    says no.
    """
    token = _token(store, server, code, now_s)
    end_current_key(store)
    keys = [key for key in exportable(store, days, now_s) if key.protocol == PROTOCOL]
    if not keys:
        raise ExportError(
            N_("there are no Exposure Notification keys of these days to publish"),
            N_('a key server takes these only; with protocol = "bluezone" use bluezone-agent keys export'),
        )
    receipt = server.publish(
        keys, token, onset=onset, traveler=traveler, revision_token=_kept(store).get("revision_token", "")
    )
    with store.transaction():
        store.mark(SIGN, now_s, revision_token=receipt.revision_token)
    return SubmittedKeys(len(keys), receipt)


def _token(store: Store, server: GoogleKeyServer, code: str, now_s: float) -> str:
    kept = _kept(store)
    if code:
        token = server.token(code)
        with store.transaction():
            store.mark(SIGN, now_s, revision_token=kept.get("revision_token", ""), token=token, token_at_s=int(now_s))
        return token
    if "token" not in kept or now_s - float(kept["token_at_s"]) > TOKEN_GOOD_FOR_S:
        raise ExportError(
            N_("no code of the health authority is at hand"),
            N_("give the one that you were told: --code CODE"),
        )
    return kept["token"]


def _kept(store: Store) -> dict[str, str]:
    _, kept = store.signs().get(SIGN, (0, {}))
    return kept
