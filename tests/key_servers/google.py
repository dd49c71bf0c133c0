"""A verification server and a key server on this machine, which check everything that the real ones check."""

import base64
import hmac
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from time import sleep
from typing import Any

CODE = "12345678"


@dataclass
class Servers:
    """Both servers on this machine: they check what the real ones check and remember what they were sent."""

    url: str = ""
    calls: list[tuple[str, dict[str, str], dict[str, Any], int]] = field(default_factory=list)
    certified: bytes = b""
    published: list[dict[str, Any]] = field(default_factory=list)
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    """Path → what it answers instead."""
    certificate: str = "CERTIFICATE"
    revision_token: str = "REVISION"
    trickles: bool = False
    """Whether an answer comes a byte now and then, without an end."""

    def answer(self, path: str, headers: dict[str, str], body: dict[str, Any]) -> tuple[int, Any]:
        if path in self.answers:
            return self.answers[path]
        if headers.get("X-Chaff"):
            return 200, {"padding": "x"}
        return {"/api/verify": self.verify, "/api/certificate": self.certify, "/v1/publish": self.publish}[path](body)

    def verify(self, body: dict[str, Any]) -> tuple[int, Any]:
        if body["code"] != CODE:
            return 400, {"error": "verification code is unknown", "errorCode": "code_invalid"}
        return 200, {"testtype": "confirmed", "token": "TOKEN"}

    def certify(self, body: dict[str, Any]) -> tuple[int, Any]:
        if body["token"] != "TOKEN":
            return 400, {"error": "token is unknown", "errorCode": "token_invalid"}
        self.certified = base64.b64decode(body["ekeyhmac"])
        return 200, {"certificate": self.certificate}

    def publish(self, body: dict[str, Any]) -> tuple[int, Any]:
        if refusal := refused(body["temporaryExposureKeys"]):
            return 400, {"code": "bad_request", "error": refusal}
        parts = [f"{k['key']}.{k['rollingStartNumber']}.{k['rollingPeriod']}" for k in body["temporaryExposureKeys"]]
        expected = hmac.digest(base64.b64decode(body["hmacKey"]), ",".join(sorted(parts)).encode(), "sha256")
        if body["verificationPayload"] != self.certificate or expected != self.certified:
            return 401, {"code": "health_authority_verification_certificate_invalid", "error": "HMAC"}
        self.published.append(body)
        return 200, {"insertedExposures": len(parts), "revisionToken": f"{self.revision_token}{len(self.published)}"}


def refused(keys: list[dict[str, Any]]) -> str:
    """Return why the key server takes none of them (internal/publish/model/exposure_model.go)."""
    if not 1 <= len(keys) <= 30:
        return f"{len(keys)} exposure keys in publish"
    spans = sorted((k["rollingStartNumber"], k["rollingPeriod"]) for k in keys)
    if max(Counter(start for start, _ in spans).values()) > 3:
        return "too many overlapping keys for start interval"
    last, until = spans[0][0], 0
    for start, count in spans:
        if not 1 <= count <= 144:
            return f"invalid interval count {count}"
        if start != last and start < until:
            return "exposure keys have non aligned overlapping intervals"
        last, until = start, start + count
    return ""


@contextmanager
def running() -> Iterator[Servers]:
    """Run both on one port of this machine."""
    both = Servers()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            both.calls.append((self.path, dict(self.headers), json.loads(raw), len(raw)))
            status, answer = both.answer(self.path, dict(self.headers), json.loads(raw))
            content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(2**20 if both.trickles else len(content)))
            self.end_headers()
            if both.trickles:
                self.trickle()
            else:
                self.wfile.write(content)

        def trickle(self) -> None:
            with suppress(OSError):
                while both.trickles:
                    self.wfile.write(b" ")
                    self.wfile.flush()
                    sleep(0.05)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        both.url = f"http://127.0.0.1:{server.server_port}"
        yield both
        both.trickles = False
        server.shutdown()
