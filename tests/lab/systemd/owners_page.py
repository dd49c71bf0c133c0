"""What is played with the owner's page as a service (docs/web.md)."""

from __future__ import annotations

import http.client
import re
import time
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode, urlsplit

from tests.lab.systemd.guest import AGENT, COMMAND, pid, properties, run, script, status, systemctl, until
from tests.lab.systemd.scenarios import CONFIGURATION, MINUTE_S, PROBES, facts, leftovers, may, modes, score

PAGE: Final = "bluezone-web.service"
WRITTEN: Final = Path("/run/bluezone-page")
PATHS: Final = ("/", "/nearby", "/contacts", "/exposures", "/positive", "/doctor", "/settings")
CONNECT: Final = "import socket; socket.socket(socket.AF_UNIX).connect"
PAGE_PROBES: Final = PROBES | {
    "control": f"{CONNECT}('/run/bluezone-agent/agent.sock')",
    "notices": f"{CONNECT}('/run/bluezone-notify.socket')",
    "page_control": f"{CONNECT}('{WRITTEN}/page.sock')",
    "page_read": f"open('{WRITTEN}/now.json').read()",
    "page_write": f"open('{WRITTEN}/now.json', 'a')",
    "page_delete": f"import os; os.unlink('{WRITTEN}/now.json')",
    "another_port": "import socket; socket.socket().bind(('127.0.0.1', 8322))",
    "network": "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 9))",
    "its_state": "open('/var/lib/bluezone-web/new', 'w')",
}


class Reply(NamedTuple):
    """What a browser on the device gets."""

    status: int
    text: str
    headers: dict[str, str]

    @property
    def read(self) -> str:
        """What a person reads."""
        return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", self.text))


class Browser:
    """A browser on the device, which keeps the page's cookie."""

    def __init__(self, address: str) -> None:
        self._host = urlsplit(address).netloc
        self._cookie = ""

    def ask(self, path: str, form: dict[str, str] | None = None) -> Reply:
        """Load a page, or send one of its forms."""
        connection = http.client.HTTPConnection(self._host, timeout=60)
        headers = {"Cookie": self._cookie}
        if form is not None:
            headers |= {"Origin": f"http://{self._host}", "Content-Type": "application/x-www-form-urlencoded"}
        connection.request("GET" if form is None else "POST", path, urlencode(form) if form else None, headers)
        answer = connection.getresponse()
        reply = Reply(answer.status, answer.read().decode(), {name.lower(): v for name, v in answer.getheaders()})
        connection.close()
        return reply

    def open(self, address: str) -> Reply:
        """Open the address with the token."""
        parts = urlsplit(address)
        reply = self.ask(f"{parts.path}?{parts.query}")
        self._cookie = reply.headers.get("set-cookie", "").partition(";")[0]
        return reply

    def send(self, path: str, **fields: str) -> Reply:
        """Fill in a form of Settings."""
        found = re.search(r'name="form" value="([^"]+)"', self.ask("/settings").text)
        return self.ask(path, {"form": found[1] if found else ""} | fields)

    def stream(self) -> str:
        """Return the first news of who is near."""
        connection = http.client.HTTPConnection(self._host, timeout=60)
        connection.request("GET", "/stream", headers={"Cookie": self._cookie})
        answer = connection.getresponse()
        lines = iter(answer.readline, b"")
        news = next(line for line in lines if line.startswith(b"data:"))
        connection.close()
        return news.decode()


def owners_page() -> dict[str, Any]:
    """Install with the page; open it, pause through it, stop the agent, kill the page, take everything off."""
    until(Path("/sys/class/bluetooth/hci1").exists, 60)
    seen: dict[str, Any] = {"installed": script("install", "--web")}
    CONFIGURATION.write_text(CONFIGURATION.read_text() + 'clock_trusted = true\nradio = "kernel:hci0"\n')
    systemctl("restart", AGENT)
    seen["again"] = script("install")
    until((WRITTEN / "contacts.json").exists, 5 * MINUTE_S)
    time.sleep(11 * MINUTE_S)  # what it costs is known after ten
    address = _address()
    browser = Browser(address)
    run("/bin/busybox", "ip", "address", "add", "192.0.2.1/32", "dev", "lo")
    seen |= {
        "network": run("/bin/busybox", "ip", "address", "show", "dev", "lo")["stdout"],
        "systemd": run("systemctl", "--version")["stdout"],
        "address": address,
        "stranger": [browser.ask(path).status for path in (*PATHS, "/stream")],
        "opened": browser.open(address),
        "pages": _pages(browser),
        "today": browser.ask("/").text,
        "said": browser.ask("/").read,
        "status": status(),
        "near": browser.stream(),
        "facts": facts(PAGE),
        "modes": modes(WRITTEN) | modes(Path("/var/lib/bluezone-web")),
        "groups": {str(path): path.group() for path in (WRITTEN, *WRITTEN.iterdir())},
        "other_user": run("setpriv", "--reuid=65534", "--clear-groups", "--", COMMAND, "web", "--show-address"),
        "score": score(PAGE),
        "may": {name: may(PAGE, code) for name, code in PAGE_PROBES.items()},
        "log": run("journalctl", "--no-pager", "--output=cat", f"--unit={PAGE}")["stdout"],
        "failed": systemctl("--failed", "--no-legend"),
    }
    return seen | _paused(browser) | _agent_stopped(browser) | _killed(browser, address) | _removed()


def _address() -> str:
    return str(run(COMMAND, "web", "--show-address")["stdout"]).strip()


def _pages(browser: Browser) -> dict[str, int]:
    return {path: browser.ask(path).status for path in PATHS}


def _paused(browser: Browser) -> dict[str, Any]:
    asked = browser.send("/pause", mode="paused", lasts="3600").status
    during = {"asked": asked, "pause": status()["pause"], "said": browser.ask("/").read}
    resumed = browser.send("/resume").status
    return {"paused": during | {"resumed": resumed, "pause_afterwards": status()["pause"]}}


def _agent_stopped(browser: Browser) -> dict[str, Any]:
    """Stop the agent; the page is the same process."""
    before = pid(PAGE)
    systemctl("stop", AGENT)
    time.sleep(4 * MINUTE_S)
    return {
        "stopped": {
            "pages": _pages(browser),
            "said": browser.ask("/").read,
            "near": browser.stream(),
            "pause": browser.send("/pause", mode="paused", lasts="3600").status,
            "same_process": pid(PAGE) == before,
        }
    }


def _killed(browser: Browser, address: str) -> dict[str, Any]:
    before = pid(PAGE)
    systemctl("kill", "--signal=KILL", PAGE)
    back_s = until(lambda: pid(PAGE) not in (0, before) and _address_answers(browser), 60, 0.5)
    return {"back_after_s": back_s, "same_address": _address() == address, "known": browser.ask("/").status}


def _address_answers(browser: Browser) -> bool:
    try:
        return browser.ask("/static/page.css").status == 200
    except OSError:
        return False


def _removed() -> dict[str, Any]:
    purged = script("uninstall", "--purge")
    user = run("getent", "passwd", "bluezone-web")["stdout"]
    active = properties(PAGE, "ActiveState")["ActiveState"]
    return {"purged": purged, "left": leftovers(), "folder_left": WRITTEN.exists(), "user": user, "active": active}
