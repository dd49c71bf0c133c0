"""A client of Google's exposure-notifications-verification-server and exposure-notifications-server.

Source: pkg/api/api.go of the former, pkg/api/v1/exposure_types.go, internal/publish/config.go, internal/publish/model
and docs/design/verification_protocol.md of the latter. A code from the health authority is exchanged for a token, the
token and an HMAC over the keys for a certificate, and with the certificate the key server accepts exactly these keys.

Chaff makes the same three requests with the same code. Each request has a fixed length, whatever it contains.
"""

from __future__ import annotations

import hmac
import secrets
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

import httpx2
import msgspec

from bluezone_agent.core.identifiers import DailyKey
from bluezone_agent.core.intervals import ENIN_S, enin_at
from bluezone_agent.errors import N_, ConfigError, KeyServerError
from bluezone_agent.key_servers.sending import Send, send_request

MAX_KEYS: Final = 30
"""Keys that the key server accepts in one request (MAX_KEYS_ON_PUBLISH); with more it refuses all."""
MAX_KEYS_OF_A_DAY: Final = 3
"""Keys that it accepts with the same start (MAX_SAME_START_INTERVAL_KEYS). Keys with the same start may overlap, others
not."""
SHORT, LONG = 4 * 1024, 16 * 1024
"""Bytes of a request to the verification server and to the key server: room for any token, 30 keys, a certificate and a
revision token of 60 keys. A longer request has a multiple of it; the key server reads up to 64 KiB."""
CHAFF, NO_CHAFF = {"X-Chaff": "1"}, {"X-Plain": "1"}
"""Headers of the same length: the servers look only at the first."""
HMAC_KEY_LENGTH: Final = 32
PARTIAL_FAILURE: Final = "partial_failure"
"""Some keys were not accepted, the others were; it comes with HTTP 200."""
HINTS: Final = {
    "code_invalid": N_("check the code; each code can be used only once"),
    "code_not_found": N_("check the code; each code can be used only once"),
    "code_expired": N_("ask the health authority for a new code"),
    "code_user_unauthorized": N_("the code was issued for another device: ask the health authority for your own"),
    "unsupported_test_type": N_(
        "bluezone-agent can't use this kind of code: ask the health authority for a code for a confirmed test"
    ),
    "token_invalid": N_("ask the health authority for a new code"),
    "token_expired": N_("ask the health authority for a new code"),
    "unknown_health_authority_id": N_("correct health_authority_id in [publish]"),
    "maintenance_mode": N_("try again later; a token that was already received is kept"),
}


class _Answer(msgspec.Struct):
    """The answers of the three calls in one type; each call fills its own members."""

    token: str = ""
    certificate: str = ""
    revisionToken: str = ""  # noqa: N815 - the server's spelling
    insertedExposures: int = 0  # noqa: N815
    error: str = ""
    errorCode: str = ""  # noqa: N815
    code: str = ""
    warnings: list[str] | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the key server did with the keys."""

    inserted: int
    revision_token: str
    """Sent along when keys of this device are published again; a secret of this device."""
    refused: str
    """What the server says about keys that it did not accept; empty when it accepted all."""
    warnings: tuple[str, ...] = ()
    """Its other remarks, for instance about keys that are too long before or after the onset."""


class GoogleKeyServer:
    """One pair of servers. Every method raises KeyServerError with the server's message."""

    def __init__(
        self,
        verification_server: str,
        key_server: str,
        api_key: str,
        health_authority_id: str,
        send: Send = send_request,
    ) -> None:
        """``send`` has the network. Raises ConfigError unless both URLs are https, or on this machine."""
        self._verification_server = _base(verification_server)
        self._key_server = _base(key_server)
        self._api_key = api_key
        self._health_authority_id = health_authority_id
        self._send = send

    @property
    def verification_server(self) -> str:
        """Its address: a token of one server is invalid on another."""
        return str(self._verification_server)

    @property
    def key_server(self) -> str:
        """Its address."""
        return str(self._key_server)

    def __repr__(self) -> str:
        return f"GoogleKeyServer({self._verification_server}, {self._key_server})"

    def token(self, code: str) -> str:
        """Exchange the owner's code for a token, which is valid for a day.

        Without ``accept`` the server issues it for every kind of report, self reports ("user-report") included.
        """
        return self._verify({"code": code}, NO_CHAFF).token

    def publish(
        self, keys: Sequence[DailyKey], token: str, *, onset: date | None, traveler: bool, revision_token: str
    ) -> Receipt:
        """Have at most :data:`MAX_KEYS` keys certified and publish them, in the order of their days."""
        if len(keys) > MAX_KEYS:
            raise ValueError(f"{len(keys)} keys, at most {MAX_KEYS} expected")
        keys = sorted(keys, key=lambda k: (k.starts_at_s, k.ends_at_s))
        hmac_key = secrets.token_bytes(HMAC_KEY_LENGTH)
        certificate = self._certify({"token": token, "ekeyhmac": _text(mac(keys, hmac_key))}, NO_CHAFF).certificate
        answer = self._publish(
            {
                "temporaryExposureKeys": [_exposure_key(key) for key in keys],
                "healthAuthorityID": self._health_authority_id,
                "verificationPayload": certificate,
                "hmacKey": _text(hmac_key),
                "traveler": traveler,
                "revisionToken": revision_token,
            }
            | ({} if onset is None else {"symptomOnsetInterval": _onset_interval(onset)}),
            NO_CHAFF,
        )
        refused = answer.error if answer.code == PARTIAL_FAILURE else ""
        return Receipt(answer.insertedExposures, answer.revisionToken, refused, tuple(answer.warnings or ()))

    def send_chaff(self) -> None:
        """Make the requests of a publication that the servers discard, so that a real publication is one of many."""
        self.send_chaff_code()
        self._certify({"token": secrets.token_urlsafe(300), "ekeyhmac": _text(secrets.token_bytes(32))}, CHAFF)
        keys = [DailyKey("gaen", secrets.token_bytes(16), 0, 144 * ENIN_S, 144) for _ in range(14)]
        self._publish(
            {
                "temporaryExposureKeys": [_exposure_key(k) for k in keys],
                "healthAuthorityID": self._health_authority_id,
                "verificationPayload": secrets.token_urlsafe(600),
            },
            CHAFF,
        )

    def send_chaff_code(self) -> None:
        """Make only the first of these requests: otherwise a publication without a code would be one request less."""
        self._verify({"code": secrets.token_hex(4)}, CHAFF)

    def _verify(self, body: dict[str, Any], headers: dict[str, str]) -> _Answer:
        return self._post(self._verification_server.join("api/verify"), body, self._headers() | headers, SHORT)

    def _certify(self, body: dict[str, Any], headers: dict[str, str]) -> _Answer:
        return self._post(self._verification_server.join("api/certificate"), body, self._headers() | headers, SHORT)

    def _publish(self, body: dict[str, Any], headers: dict[str, str]) -> _Answer:
        return self._post(self._key_server.join("v1/publish"), body, headers, LONG)

    def _headers(self) -> dict[str, str]:
        return {"X-API-Key": self._api_key}

    def _post(self, url: httpx2.URL, body: dict[str, Any], headers: dict[str, str], length: int) -> _Answer:
        headers = {"User-Agent": "bluezone-agent", "Content-Type": "application/json"} | headers
        status, content = self._send(str(url), headers, _padded(body, length))
        return _read(url, status, content)


def _padded(body: dict[str, Any], length: int) -> bytes:
    """Return ``body`` as JSON of ``length`` bytes, or the next multiple; both servers ignore ``padding``."""
    filled = msgspec.json.encode(body | {"padding": ""})
    missing = -len(filled) % length
    return msgspec.json.encode(body | {"padding": secrets.token_hex(missing)[:missing]})


def mac(keys: Sequence[DailyKey], hmac_key: bytes) -> bytes:
    """Return HMAC-SHA256 over the keys as the verification protocol writes them.

    ``base64(key).start.count`` of each, sorted and joined by commas; the risk is left out if it is 0 for all.
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
    return enin_at(datetime(onset.year, onset.month, onset.day, tzinfo=UTC).timestamp())


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
        N_("correct it in [publish]; keys are never sent over http"),
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
        HINTS.get(
            code, N_("check the addresses in [publish], and try again later; a token that was already received is kept")
        ),
        url=url,
        status=status,
        code=code,
        reason=reason or "-",
    )
