"""Google's exposure-notifications-verification-server and exposure-notifications-server, as a client of both.

Source: pkg/api/api.go of the one, pkg/api/v1/exposure_types.go and docs/design/verification_protocol.md of the other.
A code from the health authority becomes a token, the token and an HMAC over the keys a certificate, and the certificate
lets the key server take exactly these keys.
"""

from __future__ import annotations

import hmac
import secrets
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, Final

import httpx2
import msgspec

from bluezone_agent.core.identifiers import DailyKey
from bluezone_agent.core.intervals import ENIN_S, enin_at
from bluezone_agent.errors import N_, ConfigError, KeyServerError

TIMEOUT_S: Final = 30
MAX_ANSWER: Final = 64 * 1024
MAX_KEYS: Final = 30
"""Keys that the key server takes at once (its default)."""
PADDING: Final = range(1024, 2049)
"""Random bytes in each request, so that its length tells nothing (recommended by both servers)."""
HMAC_KEY_LENGTH: Final = 32
ACCEPTED: Final = ["confirmed", "likely", "negative"]
PARTIAL_FAILURE: Final = "partial_failure"
"""Some keys were not taken, the others were; comes with HTTP 200."""
HINTS: Final = {
    "code_invalid": N_("check the code; each can be used once"),
    "code_not_found": N_("check the code; each can be used once"),
    "code_expired": N_("ask the health authority for a new code"),
    "token_invalid": N_("ask the health authority for a new code"),
    "token_expired": N_("ask the health authority for a new code"),
    "unknown_health_authority_id": N_("correct health_authority_id in [publish]"),
    "maintenance_mode": N_("try again later; what the code brought is kept"),
}


class _Answer(msgspec.Struct):
    """What the three calls answer, together; each fills its own members."""

    token: str = ""
    certificate: str = ""
    revisionToken: str = ""  # noqa: N815 - the server's spelling
    insertedExposures: int = 0  # noqa: N815
    error: str = ""
    errorCode: str = ""  # noqa: N815
    code: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the key server did with the keys."""

    inserted: int
    revision_token: str
    """To be sent along when keys of this device are published again; a secret of this device."""
    refused: str
    """What the server says of keys that it did not take; empty when it took all."""


class GoogleKeyServer:
    """One pair of servers. Every method raises KeyServerError with what the server says."""

    def __init__(self, verification_server: str, key_server: str, api_key: str, health_authority_id: str) -> None:
        """Raises ConfigError unless both URLs are https, or on this machine."""
        self._verification_server = _base(verification_server)
        self._key_server = _base(key_server)
        self._api_key = api_key
        self._health_authority_id = health_authority_id

    @property
    def verification_server(self) -> str:
        """Its address: a token of one server means nothing to another."""
        return str(self._verification_server)

    @property
    def key_server(self) -> str:
        """Its address."""
        return str(self._key_server)

    def __repr__(self) -> str:
        return f"GoogleKeyServer({self._verification_server}, {self._key_server})"

    def token(self, code: str) -> str:
        """Exchange the code that the owner was given for a token, which is good for a day."""
        body = {"code": code, "accept": ACCEPTED}
        return self._post(self._verification_server.join("api/verify"), body, self._headers()).token

    def publish(
        self, keys: Sequence[DailyKey], token: str, *, onset: date | None, traveler: bool, revision_token: str
    ) -> Receipt:
        """Have the keys certified and publish them; they go in the order of their own days."""
        keys = sorted(keys, key=lambda k: (k.starts_at_s, k.ends_at_s))[-MAX_KEYS:]
        hmac_key = secrets.token_bytes(HMAC_KEY_LENGTH)
        body = {"token": token, "ekeyhmac": _text(mac(keys, hmac_key))}
        certificate = self._post(self._verification_server.join("api/certificate"), body, self._headers()).certificate
        return self._receipt(
            {
                "temporaryExposureKeys": [_exposure_key(key) for key in keys],
                "healthAuthorityID": self._health_authority_id,
                "verificationPayload": certificate,
                "hmacKey": _text(hmac_key),
                "traveler": traveler,
                "revisionToken": revision_token,
            }
            | ({} if onset is None else {"symptomOnsetInterval": _onset_interval(onset)})
        )

    def send_chaff(self) -> None:
        """Make the requests of a publication that the servers throw away, so that a real one is one of many."""
        chaff = {"X-Chaff": "1"}
        code = {"code": secrets.token_hex(4), "accept": ACCEPTED}
        self._post(self._verification_server.join("api/verify"), code, self._headers() | chaff)
        token = {"token": secrets.token_urlsafe(300), "ekeyhmac": _text(secrets.token_bytes(32))}
        self._post(self._verification_server.join("api/certificate"), token, self._headers() | chaff)
        keys = [DailyKey("gaen", secrets.token_bytes(16), 0, 144 * ENIN_S, 144) for _ in range(14)]
        body = {
            "temporaryExposureKeys": [_exposure_key(k) for k in keys],
            "verificationPayload": secrets.token_urlsafe(600),
        }
        self._post(self._key_server.join("v1/publish"), body, chaff)

    def _headers(self) -> dict[str, str]:
        return {"X-API-Key": self._api_key}

    def _receipt(self, body: dict[str, Any]) -> Receipt:
        url = self._key_server.join("v1/publish")
        answer = self._post(url, body, {})
        refused = answer.error if answer.code == PARTIAL_FAILURE else ""
        return Receipt(answer.insertedExposures, answer.revisionToken, refused)

    def _post(self, url: httpx2.URL, body: dict[str, Any], headers: dict[str, str]) -> _Answer:
        padding = secrets.token_bytes(secrets.choice(PADDING))
        sent = body | {"padding": _text(padding)}
        try:
            with (
                httpx2.Client(timeout=TIMEOUT_S, trust_env=False, headers={"User-Agent": "bluezone-agent"}) as client,
                client.stream("POST", url, json=sent, headers=headers) as response,
            ):
                return _read(url, response.status_code, _content(response))
        except httpx2.HTTPError as error:
            raise KeyServerError(
                N_("can't reach {url}: {reason}"),
                N_("check the network and the address in [publish], and try again; what the code brought is kept"),
                url=url,
                reason=str(error) or type(error).__name__,
            ) from error


def _content(response: httpx2.Response) -> bytes:
    """Return the answer, or so much of it that it can't be one."""
    content = bytearray()
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) > MAX_ANSWER:
            break
    return bytes(content)


def mac(keys: Sequence[DailyKey], hmac_key: bytes) -> bytes:
    """Return HMAC-SHA256 over the keys as the verification protocol writes them.

    ``base64(key).start.count`` of each, sorted and joined by commas; the risk is left out where it is 0 for all.
    """
    parts = (f"{_text(k.data)}.{enin_at(k.starts_at_s)}.{(k.ends_at_s - k.starts_at_s) // ENIN_S}" for k in keys)
    return hmac.digest(hmac_key, ",".join(sorted(parts)).encode(), "sha256")


def _exposure_key(key: DailyKey) -> dict[str, Any]:
    return {
        "key": _text(key.data),
        "rollingStartNumber": enin_at(key.starts_at_s),
        "rollingPeriod": (key.ends_at_s - key.starts_at_s) // ENIN_S,
    }


def _onset_interval(onset: date) -> int:
    return enin_at(datetime.combine(onset, time(), UTC).timestamp())


def _text(data: bytes) -> str:
    return b64encode(data).decode()


def _base(address: str) -> httpx2.URL:
    try:
        url = httpx2.URL(address if address.endswith("/") else address + "/")
    except httpx2.InvalidURL as error:
        raise _bad_address(address) from error
    if url.host and (url.scheme == "https" or (url.scheme == "http" and url.host in {"127.0.0.1", "::1", "localhost"})):
        return url
    raise _bad_address(address)


def _bad_address(address: str) -> ConfigError:
    return ConfigError(
        N_('"{address}" is not the https address of a server'),
        N_("correct it in [publish]; keys never go over http"),
        address=address,
    )


def _read(url: httpx2.URL, status: int, content: bytes) -> _Answer:
    try:
        answer = msgspec.json.decode(content, type=_Answer)
    except (ValueError, RecursionError) as error:
        raise _refused(url, status, "", str(error)) from error
    code = answer.errorCode or answer.code
    if status != httpx2.codes.OK or (code and code != PARTIAL_FAILURE):
        raise _refused(url, status, code, answer.error)
    return answer


def _refused(url: httpx2.URL, status: int, code: str, reason: str) -> KeyServerError:
    return KeyServerError(
        N_("{url} answers {status} {code}: {reason}"),
        HINTS.get(code, N_("check the addresses in [publish], and try again later; what the code brought is kept")),
        url=url,
        status=status,
        code=code,
        reason=reason or "-",
    )
