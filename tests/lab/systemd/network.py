"""What is played where the service has a network: notices by URL, the page for a telephone, a submission on it."""

from __future__ import annotations

import http.client
import json
import re
import ssl
import threading
import time
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from tests.key_servers import google
from tests.lab.systemd.guest import (
    AGENT,
    COMMAND,
    PIP,
    REPO,
    STATE,
    journal,
    properties,
    run,
    script,
    status,
    systemctl,
    until,
)
from tests.lab.systemd.owners_page import Browser
from tests.lab.systemd.scenarios import CONFIGURATION, MINUTE_S, PROBES, may, score

SUBMITTER: Final = "bluezone-submit.service"
NOTIFIER: Final = "bluezone-notify.service"
HOME: Final = "192.168.1.5"
"""The address in the example of a drop-in."""
PHRASE: Final = "six quiet rivers run to sea"
URLS: Final = Path("/etc/bluezone-agent/notify-urls")
EXTRA: Final = ("apprise", "paho-mqtt")
"""What docs/systemd.md says to install for URLs."""
HOUR_S: Final = 3600
DEAF_S: Final = 30 * 60
FORM: Final = "application/x-www-form-urlencoded"


@dataclass
class Ntfy:
    """A server of ntfy's: it takes a message by POST, as JSON (ntfy's documentation, "Publish as JSON")."""

    posted: list[dict[str, Any]] = field(default_factory=list)
    server: ThreadingHTTPServer | None = None

    def start(self, port: int = 2586) -> None:
        """Answer from now on."""
        posted = self.posted

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                posted.append({"at_s": time.time(), "body": body.decode("utf-8", "replace")})
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b'{"id":"x","event":"message"}')

            def log_message(self, *_args: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def on_the_network() -> dict[str, Any]:
    """Install with the page; notices with their server down for an hour, a submission, the page in a home's network."""
    until(Path("/sys/class/bluetooth/hci1").exists, 60)
    seen: dict[str, Any] = {"installed": script("install", "--web")}
    pip = ("/opt/bluezone-agent/venv/bin/python", "-m", "pip", "install", "--disable-pip-version-check", "-q", *EXTRA)
    seen["extra"] = run(*pip, **PIP)
    with google.running() as servers:
        _configure(servers.url)
        until((Path("/run/bluezone-page") / "findings.json").exists, 5 * MINUTE_S)
        return seen | _noticed() | _submitted(servers) | _at_home()


def _configure(key_servers: str) -> None:
    URLS.write_text("ntfy://127.0.0.1:2586/topic\n")
    URLS.chmod(0o600)
    CONFIGURATION.write_text(
        CONFIGURATION.read_text()
        + f'clock_trusted = true\nprotocol = "gaen"\nradio = "kernel:hci0"\nnotify_urls_file = "{URLS}"\n'
        + f'[publish]\nverification_server = "{key_servers}"\nkey_server = "{key_servers}"\n'
        + 'api_key = "API-KEY"\nhealth_authority_id = "vn.example"\n'
    )
    _drop_in(NOTIFIER, f"LoadCredential=bluezone-notify-urls:{URLS}\n")
    systemctl("restart", AGENT)


def _drop_in(unit: str, lines: str) -> None:
    folder = Path("/etc/systemd/system", f"{unit}.d")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "lab.conf").write_text(f"[Service]\n{lines}")
    systemctl("daemon-reload")


def _noticed() -> dict[str, Any]:
    """Send a test notice; then lose the radio while the notices' server is away."""
    ntfy = Ntfy()
    down = run(COMMAND, "notify", "test", "--json")
    ntfy.start()
    up = run(COMMAND, "notify", "test", "--json")
    until(lambda: len(ntfy.posted) == 1, 60)
    assert ntfy.server is not None
    ntfy.server.shutdown()
    ntfy.server.server_close()
    systemctl("stop", "lab-controllers.service")
    time.sleep(DEAF_S + HOUR_S + 5 * MINUTE_S)  # the outage is told, and the server stays away for an hour
    waiting = status()
    before = len(ntfy.posted)
    ntfy.start()
    up_s = time.time()
    time.sleep(2 * HOUR_S)
    after = ntfy.posted[before:]
    systemctl("start", "lab-controllers.service")
    until(lambda: status()["radio"]["works"], 900, 5)
    return {
        "test_down": down,
        "test_up": up,
        "waiting": waiting["cautions"] + waiting["problems"],
        "late": after,
        "up_s": up_s,
        "notifier": properties(NOTIFIER, "ActiveState", "MemoryPeak", "MemoryCurrent", "NRestarts"),
        "notify_log": journal(NOTIFIER),
    }


def _submitted(servers: google.Servers) -> dict[str, Any]:
    """Submit on the page, first with a wrong code."""
    address = str(run(COMMAND, "web", "--show-address")["stdout"]).strip()
    browser = Browser(address)
    browser.open(address)
    answers = {"way": "code", "days": "14", "onset": "", "language": "en", "agree": "on"}
    asked = browser.ask("/positive?way=code").read
    wrong = browser.send("/positive", **answers, code="0").status
    refused = browser.ask("/positive").read
    sent = browser.send("/positive", **answers, code=google.CODE).status
    keys = json.loads(run(COMMAND, "keys", "list", "--json")["stdout"])
    logged = [line for unit in (AGENT, SUBMITTER, "bluezone-web.service") for line in journal(unit)]
    return {
        "asked": asked,
        "wrong": wrong,
        "refused": refused,
        "sent": sent,
        "said": browser.ask("/positive").read,
        "published": servers.published,
        "keys": keys,
        "submitter": properties(SUBMITTER, "ActiveState", "MemoryCurrent", "NRestarts"),
        "submitter_score": score(SUBMITTER),
        "submitter_may": {name: may(SUBMITTER, code) for name, code in PROBES.items()},
        "submitter_log": journal(SUBMITTER),
        "agent_log": journal(AGENT)[-30:],
        "secrets": [name for name in ("API-KEY", google.CODE) if any(name in line for line in logged)],
    }


def _at_home() -> dict[str, Any]:
    """Serve the page in a home's network, as docs/web.md says."""
    run("/bin/busybox", "ip", "address", "add", f"{HOME}/24", "dev", "lo")
    phrase = Path("/etc/bluezone-web.passphrase")
    phrase.write_text(f"{PHRASE}\n")
    phrase.chmod(0o600)
    folder = Path("/etc/systemd/system/bluezone-web.service.d")
    run("install", "-D", "-m", "644", REPO / "systemd/page-lan.conf", folder / "page-lan.conf")
    systemctl("daemon-reload")
    systemctl("restart", "bluezone-web")
    until(lambda: f"https://{HOME}" in run(COMMAND, "web", "--show-address")["stdout"], 120)
    shown = run(COMMAND, "web", "--show-address")
    served = ssl.get_server_certificate((HOME, 8321))
    fingerprint = sha256(ssl.PEM_cert_to_DER_cert(served)).hexdigest()
    telephone = Telephone(served)
    stranger = telephone.ask("/")[0]
    wrong = telephone.ask("/login", {"passphrase": "not the passphrase"})[0]
    entered, headers, _text = telephone.ask("/login", {"passphrase": PHRASE})
    cookie = headers.get("set-cookie", "").partition(";")[0]
    return {
        "shown": shown["stdout"] + shown["stderr"],
        "fingerprint": fingerprint,
        "stranger": stranger,
        "wrong_phrase": wrong,
        "entered": entered,
        "today": telephone.ask("/", cookie=cookie)[0],
        "lan": properties("bluezone-web.service", "ActiveState", "MemoryCurrent", "NRestarts"),
        "phrase_kept": PHRASE in _readable(Path("/var/lib/bluezone-web")) + _readable(STATE),
        "lan_failed": systemctl("--failed", "--no-legend"),
    }


class Telephone:
    """A browser elsewhere in the network, which trusts the certificate that it was shown."""

    def __init__(self, certificate: str) -> None:
        self._trusts = ssl.create_default_context(cadata=certificate)

    def ask(self, path: str, form: dict[str, str] | None = None, cookie: str = "") -> tuple[int, dict[str, str], str]:
        """Load a page or send a form."""
        connection = http.client.HTTPSConnection(HOME, 8321, timeout=60, context=self._trusts)
        headers = {"Cookie": cookie, "Origin": f"https://{HOME}:8321", "Content-Type": FORM}
        connection.request("POST" if form else "GET", path, urlencode(form) if form else None, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, text


def _readable(folder: Path) -> str:
    return re.sub(r"\s+", " ", "".join(p.read_bytes().decode("latin-1") for p in folder.rglob("*") if p.is_file()))
