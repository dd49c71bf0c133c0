"""Tokens of key servers: secrets of this device, kept for as long as a server honours them and never backed up."""

from __future__ import annotations

import sqlite3
from enum import StrEnum
from typing import Final

from bluezone_agent.core.intervals import DAY_S


class TokenKind(StrEnum):
    """The purpose of a token."""

    VERIFICATION = "verification"
    """Submits the keys of one code."""
    REVISION = "revision"
    """Submits keys again that the same device submitted before."""


LIFETIME_S: Final = {TokenKind.VERIFICATION: DAY_S, TokenKind.REVISION: 14 * DAY_S}
"""The verification server's own limit, and the days for which a key server keeps keys that can be revised."""
ANY_SERVER: Final = ""
"""For tokens from stores that did not name their server."""


class SubmissionTokens:
    """At most one token of each server and kind."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def put(self, server: str, kind: TokenKind, token: str, now_s: float) -> None:
        """Store a token received now in place of the previous one, in the caller's transaction."""
        self.delete(server, kind)
        self._db.execute(
            "INSERT INTO submission_token (server, kind, token, expires_at_s) VALUES (?, ?, ?, ?)",
            (server, kind, token, int(now_s) + LIFETIME_S[kind]),
        )

    def get(self, server: str, kind: TokenKind, now_s: float) -> str | None:
        """Return the token of ``server``; None if there is none that is still valid."""
        row = self._db.execute(
            "SELECT token FROM submission_token WHERE server IN (?, ?) AND kind = ? AND expires_at_s > ?"
            " AND expires_at_s <= ? ORDER BY server DESC LIMIT 1",
            (server, ANY_SERVER, kind, int(now_s), int(now_s) + LIFETIME_S[kind]),
        ).fetchone()
        return None if row is None else str(row[0])

    def delete(self, server: str, kind: TokenKind) -> None:
        """Delete the token of ``server``, in the caller's transaction."""
        self._db.execute("DELETE FROM submission_token WHERE server IN (?, ?) AND kind = ?", (server, ANY_SERVER, kind))

    def delete_expired(self, now_s: float) -> None:
        """Delete tokens that are no longer valid, or that were received in the future."""
        for kind, lifetime_s in LIFETIME_S.items():
            self._db.execute(
                "DELETE FROM submission_token WHERE kind = ? AND NOT (expires_at_s > ? AND expires_at_s <= ?)",
                (kind, int(now_s), int(now_s) + lifetime_s),
            )

    def any(self) -> bool:
        """Return whether there is any."""
        return self._db.execute("SELECT 1 FROM submission_token LIMIT 1").fetchone() is not None

    def delete_all(self) -> None:
        """Delete every token."""
        self._db.execute("DELETE FROM submission_token")
