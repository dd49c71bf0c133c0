"""Who may see the page: whoever opened it once with its token, in the same browser."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Final

SESSION: Final = "bluezone-session"
LANGUAGE: Final = "bluezone-language"
REMEMBERED_S: Final = 30 * 86_400
"""How long a browser is remembered, as long as the token is the same."""


@dataclass(frozen=True, slots=True)
class Access:
    """What follows from the token, which is in the address that the owner opens first."""

    token: str = field(repr=False)
    """On a network it is the secret of the passphrase, and in no address."""
    secure: bool = False
    """Whether the page is served over TLS."""

    def opens(self, token: str) -> bool:
        """Return whether this is the token."""
        return hmac.compare_digest(token.encode(), self.token.encode())

    def knows(self, cookie: str) -> bool:
        """Return whether a browser with this cookie header has opened the page with the token."""
        return hmac.compare_digest(read_cookie(cookie, SESSION).encode(), self._derived("session").encode())

    def accepts_form(self, form: str) -> bool:
        """Return whether this is the value that a form of the page carries."""
        return hmac.compare_digest(form.encode(), self.form_value.encode())

    @property
    def form_value(self) -> str:
        """What each form carries, so that no other site can send one."""
        return self._derived("form")

    @property
    def session_cookie(self) -> str:
        """The header that makes a browser known."""
        return self.cookie(SESSION, self._derived("session"))

    def cookie(self, name: str, value: str) -> str:
        """Return the header that sets a cookie, which no script and no other site's page can use."""
        secure = "; Secure" if self.secure else ""
        return f"{name}={value}; Path=/; Max-Age={REMEMBERED_S}; HttpOnly; SameSite=Strict{secure}"

    def _derived(self, purpose: str) -> str:
        return hmac.new(self.token.encode(), purpose.encode(), hashlib.sha256).hexdigest()


def read_cookie(header: str, name: str) -> str:
    """Return the value of a cookie, "" if there is none."""
    try:
        found = SimpleCookie(header).get(name)
    except CookieError:
        return ""
    return "" if found is None else found.value
