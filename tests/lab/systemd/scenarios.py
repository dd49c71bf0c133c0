"""What is played on the computer, boot after boot. Everything is asked of systemd, of the agent and of its files."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from tests.lab.systemd.guest import (
    AGENT,
    COMMAND,
    REPO,
    STATE,
    journal,
    pid,
    properties,
    run,
    script,
    status,
    systemctl,
    until,
)

CONFIGURATION: Final = Path("/etc/bluezone-agent/bluezone-agent.toml")
SECOND: Final = "bluezone-second.service"
NOTICES: Final = Path("/var/lib/bluezone-notify/told")
"""Where the owner's notices go: the one place that the sandbox lets a command write to."""
TELL: Final = Path("/usr/local/bin/tell-owner")
MINUTE_S: Final = 60
DAY_S: Final = 86_400


def minutes(state: Path = STATE) -> list[list[Any]]:
    """Return every committed contact minute with its identifier."""
    db = sqlite3.connect(f"file:{state}/agent.db?mode=ro", uri=True)
    try:
        rows = db.execute(
            "SELECT minute, hex(identifier) FROM contact_minute"
            " JOIN observed_identifier ON observed_identifier.id = identifier_id"
        )
        return [list(row) for row in rows]
    finally:
        db.close()


def integrity() -> str:
    """Return what SQLite says of the store."""
    db = sqlite3.connect(f"file:{STATE}/agent.db?mode=ro", uri=True)
    try:
        return str(db.execute("PRAGMA integrity_check").fetchone()[0])
    finally:
        db.close()


def modes(folder: Path) -> dict[str, str]:
    """Return owner and mode of everything in a folder."""
    return {str(p): f"{p.owner()} {p.stat().st_mode & 0o777:o}" for p in [folder, *folder.rglob("*")]}


def facts(unit: str = AGENT) -> dict[str, Any]:
    """Return what systemd and the kernel say of a service."""
    seen = properties(unit, "ActiveState", "SubState", "StatusText", "NRestarts", "MainPID", "MemoryCurrent", "Result")
    process = Path(f"/proc/{seen['MainPID']}")
    if seen["MainPID"] != "0":
        lines = (process / "status").read_text().splitlines()
        wanted = ("Uid", "CapEff", "NoNewPrivs", "Seccomp", "VmRSS")
        seen |= {key: value.strip() for key, _, value in (line.partition(":") for line in lines) if key in wanted}
        seen["interfaces"] = (process / "net/dev").read_text().split("\n", 2)[2]
    return seen


def install() -> dict[str, Any]:
    """Install on a fresh machine, and once more; a second agent under the same sandbox, then five minutes of both."""
    until(Path("/sys/class/bluetooth/hci1").exists, 60)
    first = script("install")
    took_s = until(lambda: properties(AGENT, "ActiveState")["ActiveState"] == "active", 120, 0.5)
    CONFIGURATION.write_text(CONFIGURATION.read_text() + 'clock_trusted = true\nradio = "bluez:hci0"\n' + _notices())
    second = script("install")
    configured = "clock_trusted = true\n" in CONFIGURATION.read_text()
    systemctl("restart", AGENT)
    _start_second()
    time.sleep(5 * MINUTE_S + 10)
    return {
        "first": first,
        "second": second,
        "configured": configured,
        "ready_after_s": took_s,
        "facts": facts(),
        "second_facts": facts(SECOND),
        "systemctl": run("systemctl", "status", "--no-pager", AGENT),
        "status": status(),
        "modes": modes(STATE) | modes(Path("/run/bluezone-agent")) | modes(CONFIGURATION.parent),
        "minutes": minutes(),
        "second_minutes": minutes(Path("/var/lib/bluezone-second")),
        "other_user": run("setpriv", "--reuid=65534", "--clear-groups", "--", COMMAND, "status"),
        "security": run("systemd-analyze", "security", "--no-pager", AGENT)["stdout"].splitlines()[-1],
        "check_security": run("systemd-analyze", "security", "--no-pager", "bluezone-check.service")["stdout"],
        "failed": systemctl("--failed", "--no-legend"),
        "timers": systemctl("list-timers", "--no-pager", "bluezone-check.timer"),
    }


def _notices() -> str:
    TELL.write_text(f'#!/bin/sh\nread -r title\necho "$(date +%s) $title: $(cat)" >>{NOTICES}\n')
    TELL.chmod(0o755)
    return f'notify_command = ["{TELL}"]\n'


def _start_second() -> None:
    unit = Path("/usr/local/lib/systemd/system", AGENT).read_text()
    unit = unit.replace("Directory=bluezone-agent", "Directory=bluezone-second")
    Path("/etc/systemd/system", SECOND).write_text(unit)
    folder = Path("/etc/bluezone-second")
    folder.mkdir(mode=0o755)
    (folder / CONFIGURATION.name).write_text('clock_trusted = true\nradio = "bluez:hci1"\n')
    systemctl("daemon-reload")
    systemctl("start", SECOND)


def faults() -> dict[str, Any]:
    """Kill it, hang it, kill bluetoothd: who brings it back, and what is said meanwhile."""
    until(lambda: properties(AGENT, "ActiveState")["ActiveState"] == "active", 120)
    systemctl("start", SECOND)
    seen: dict[str, Any] = {"kept": minutes(), "integrity": integrity()}
    for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGSEGV):
        seen[number.name] = _signalled(number)
    seen["bluetoothd_crashed"] = _bluetoothd_crashed()
    seen["bluetoothd"] = _bluetoothd_killed()
    seen["cores"] = [str(p) for place in ("/", "/var/lib/systemd/coredump", STATE) for p in Path(place).glob("core*")]
    time.sleep(3 * MINUTE_S)
    seen["afterwards"] = status()
    seen["minutes"] = minutes()
    return seen


def _signalled(number: signal.Signals) -> dict[str, Any]:
    before, victim = int(properties(AGENT, "NRestarts")["NRestarts"]), pid()
    os.kill(victim, number)
    restarted_s = until(lambda: int(properties(AGENT, "NRestarts")["NRestarts"]) > before, 200)
    active_s = until(lambda: properties(AGENT, "ActiveState")["ActiveState"] == "active", 200)
    return {"restarted_s": restarted_s, "active_s": active_s, "problems": status()["problems"]}


def _bluetoothd_crashed() -> dict[str, Any]:
    """Kill it: the bus starts it again as soon as the agent asks for it."""
    victim, began_s = pid(), time.time()
    os.kill(pid("bluetooth.service"), signal.SIGKILL)
    time.sleep(3 * MINUTE_S)
    with closing(sqlite3.connect(f"file:{STATE}/agent.db?mode=ro", uri=True)) as db:
        rows = db.execute(
            "SELECT ends_at_s - starts_at_s FROM listening WHERE scan_mode = '' AND starts_at_s >= ?", (int(began_s),)
        )
        gap = [row[0] for row in rows]
    return {"gap": gap, "same_process": pid() == victim, "problems": status()["problems"]}


def _bluetoothd_killed() -> dict[str, Any]:
    """Kill it and keep it from being started for two minutes."""
    victim = pid()
    systemctl("mask", "--runtime", "bluetooth.service")
    os.kill(pid("bluetooth.service"), signal.SIGKILL)
    time.sleep(2 * MINUTE_S)
    during = {"facts": facts(), "status": status()}
    systemctl("unmask", "--runtime", "bluetooth.service")
    systemctl("start", "bluetooth.service")
    back_s = until(lambda: status()["problems"] == [], 300, 5)
    return {"during": during, "back_s": back_s, "same_process": pid() == victim}


def encrypted() -> dict[str, Any]:
    """Give the service a passphrase as docs/store.md says, and take it away again."""
    until(lambda: properties(AGENT, "ActiveState")["ActiveState"] == "active", 120)
    systemctl("stop", AGENT)
    keys, secret = own_keys(), Path("/run/passphrase")
    secret.write_text("six words that nobody would guess")
    name, credential = "--name=bluezone-store-key", CONFIGURATION.with_name("store-key.cred")
    seen: dict[str, Any] = {"encrypted": run("sh", "-c", f"systemd-creds encrypt {name} - {credential} <{secret}")}
    dropped_in = Path("/etc/systemd/system", f"{AGENT}.d", "sealed.conf")

    def drop_in() -> None:
        run("install", "-D", "-m", "644", REPO / "systemd/sealed.conf", dropped_in)

    drop_in()
    _start_again()
    until(lambda: properties(AGENT, "ActiveState")["ActiveState"] == "active", 120)
    seen |= {"sealed": _listed(), "status": status(), "journal": journal()}
    systemctl("stop", AGENT)
    seen |= {"keys": len(keys), "plain": [key.hex() for key in [*keys, *own_keys()] if key in raw(STATE / "agent.db")]}
    export = ("keys", "export", STATE / "out.json", "--yes")
    decrypt = (
        f"systemd-creds decrypt {name} {credential} - | {COMMAND} {' '.join(map(str, export))} --passphrase-file -"
    )
    seen |= {"export_without": run(COMMAND, *export), "export": run("sh", "-c", decrypt)}
    dropped_in.unlink()
    _start_again()
    until(lambda: properties(AGENT, "ActiveState")["ActiveState"] == "failed", 60)
    time.sleep(MINUTE_S)
    seen["without"] = properties(AGENT, "ActiveState", "ExecMainStatus", "NRestarts") | {"journal": journal()[-8:]}
    seen |= {"status_without": status(), "listed_without": _listed()}
    drop_in()
    _start_again()
    seen["back_s"] = until(lambda: properties(AGENT, "ActiveState")["ActiveState"] == "active", 120)
    seen |= {"facts": facts(), "purged": script("uninstall", "--purge"), "left": dropped_in.parent.exists()}
    return seen


def own_keys() -> list[bytes]:
    """Return what lies in the store as its own keys."""
    db = sqlite3.connect(f"file:{STATE}/agent.db?mode=ro", uri=True)
    try:
        return [row[0] for row in db.execute("SELECT data FROM daily_key WHERE length(data) <= 32")]
    finally:
        db.close()


def raw(path: Path) -> bytes:
    """Return every byte of a file and its log."""
    return b"".join(part.read_bytes() for part in path.parent.glob(f"{path.name}*"))


def _start_again() -> None:
    systemctl("daemon-reload")
    systemctl("reset-failed", AGENT)
    systemctl("start", "--no-block", AGENT)


def _listed() -> dict[str, Any]:
    return dict(json.loads(run(COMMAND, "keys", "list", "--json")["stdout"]))


def two_days() -> dict[str, Any]:
    """Let the timer check for two days, with a step of the clock, and the radio gone, which the owner is told."""
    until(lambda: properties(AGENT, "ActiveState")["ActiveState"] == "active", 120)
    seen: dict[str, Any] = {"kept": minutes(), "integrity": integrity()}
    _publish_nothing()
    systemctl("restart", AGENT)
    systemctl("stop", SECOND)
    time.sleep(3 * MINUTE_S)
    began_s = time.time()
    systemctl("stop", "bluetooth.service")
    systemctl("mask", "--runtime", "bluetooth.service")
    systemctl("stop", "lab-controllers.service")
    time.sleep(DAY_S)
    stepped_from_s = time.time()
    subprocess.run(["date", "--set=+3 hours"], check=True, capture_output=True)
    time.sleep(DAY_S)
    lines = run("journalctl", "--boot", "--unit=bluezone-check.service", "--no-pager", "--output=short-unix")["stdout"]
    seen |= {
        "began_s": began_s,
        "stepped_from_s": stepped_from_s,
        "finished": [float(line.split()[0]) for line in lines.splitlines() if "Finished" in line],
        "check": properties("bluezone-check.service", "Result", "ExecMainStatus"),
        "status": status(),
        "facts": facts(),
        "told": NOTICES.read_text().splitlines(),
        "modes": modes(STATE),
        "journal": journal()[-20:],
    }
    systemctl("unmask", "--runtime", "bluetooth.service")
    systemctl("start", "lab-controllers.service", "bluetooth.service", SECOND)
    seen["back_s"] = until(lambda: status()["radio"]["works"], 600, 5)
    time.sleep(4 * MINUTE_S)
    seen["told_afterwards"] = NOTICES.read_text().splitlines()
    seen["minutes"] = minutes()
    return seen


def _publish_nothing() -> None:
    """Give the check a source: the signed folder of an authority that has published nothing so far."""
    folder = Path("/srv/authority")
    folder.mkdir(mode=0o755)
    settings = "PYTHONDONTWRITEBYTECODE=1"
    agent = ("/usr/bin/env", settings, "/opt/bluezone-agent/venv/bin/python", "-m", "bluezone_agent")
    made = run(*agent, "authority", "init", folder / "key", "--key-id", "452", "--location", f"{folder}/public")
    (folder / "public").mkdir(mode=0o755)
    CONFIGURATION.write_text(CONFIGURATION.read_text() + made["stdout"])


def uninstall() -> dict[str, Any]:
    """Take everything off again, in two steps."""
    until(lambda: properties(AGENT, "ActiveState")["ActiveState"] == "active", 120)
    seen: dict[str, Any] = {"kept": minutes(), "integrity": integrity()}
    systemctl("stop", SECOND)
    for folder in ("/etc/bluezone-second", "/var/lib/bluezone-second", "/srv/authority"):
        run("rm", "-rf", folder)
    for path in (Path("/etc/systemd/system", SECOND), TELL):
        path.unlink()
    seen["uninstalled"] = script("uninstall")
    seen["left"] = leftovers()
    seen["purged"] = script("uninstall", "--purge")
    seen["left_after_purge"] = leftovers()
    seen["user"] = run("getent", "passwd", "bluezone")["stdout"]
    seen["failed"] = systemctl("--failed", "--no-legend")
    return seen


def leftovers() -> list[str]:
    found = run("find", "/", "-xdev", "-path", "/lab", "-prune", "-o", "-iname", "*bluezone*", "-print")["stdout"]
    return [path for path in found.splitlines() if not path.startswith(("/proc", "/sys"))]


BROKER: Final = "bluezone-radio.service"
RADIO_SOCKET: Final = "/run/bluezone-radio.socket"
PROBES: Final = {
    "bluetooth": "import socket; socket.socket(31, socket.SOCK_RAW, 1)",
    "internet": "import socket; socket.socket(socket.AF_INET)",
    "netlink": "import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
    "state": "import os; os.listdir('/var/lib/bluezone-agent')",
    "configuration": "import os; os.listdir('/etc/bluezone-agent')",
    "bus": "import socket; socket.socket(socket.AF_UNIX).connect('/run/dbus/system_bus_socket')",
    "process": "import os; os.fork() or os._exit(0)",
    "power": "import os; os.open('/dev/rfkill', os.O_RDWR)",
    "broker": f"import socket; socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).connect('{RADIO_SOCKET}')",
}
"""What somebody who has taken over a process might try; each fails if it is forbidden."""


def kernel_radio() -> dict[str, Any]:
    """Install, and use the kernel's radio: two agents, what each process may do, and a broker that is killed."""
    until(Path("/sys/class/bluetooth/hci1").exists, 60)
    installed = script("install")
    CONFIGURATION.write_text(CONFIGURATION.read_text() + 'clock_trusted = true\nradio = "kernel:hci0"\n')
    systemctl("restart", AGENT)
    _start_second()
    folder = Path("/etc/bluezone-second", CONFIGURATION.name)
    folder.write_text('clock_trusted = true\nradio = "kernel:hci1"\n')
    systemctl("restart", SECOND)
    time.sleep(3 * MINUTE_S + 10)
    seen: dict[str, Any] = {
        "installed": installed,
        "facts": facts(),
        "broker_facts": facts(BROKER),
        "bounding": properties(BROKER, "CapabilityBoundingSet", "AmbientCapabilities", "User"),
        "status": status(),
        "minutes": minutes(),
        "second_minutes": minutes(Path("/var/lib/bluezone-second")),
        "socket": _owners(Path(RADIO_SOCKET)),
        "other_user": run(
            "setpriv", "--reuid=65534", "--clear-groups", "--", "/usr/bin/python3", "-c", PROBES["broker"]
        ),
        "security": {unit: score(unit) for unit in (AGENT, BROKER, "bluezone-check.service")},
        "failed": systemctl("--failed", "--no-legend"),
        "may": {unit: {name: may(unit, code) for name, code in PROBES.items()} for unit in (AGENT, BROKER)},
        "journal": journal(BROKER),
    }
    before = pid(BROKER)
    systemctl("kill", "--signal=KILL", BROKER)
    seen["broker_back_after_s"] = until(lambda: pid(BROKER) not in (0, before), 60, 0.1)
    seen["healthy_after_s"] = until(lambda: status()["problems"] == [], 120, 1)
    systemctl("stop", AGENT, SECOND, BROKER, "bluezone-radio.socket")
    seen["memory"] = Path("/run/bluezone-radio/controllers.json").read_text()
    return seen


def _owners(path: Path) -> str:
    return f"{path.owner()} {path.group()} {path.stat().st_mode & 0o777:o}"


def score(unit: str) -> float:
    line = run("systemd-analyze", "security", "--no-pager", unit)["stdout"].splitlines()[-1]
    return float(line.rpartition(": ")[2].split()[0])


def may(unit: str, code: str) -> bool:
    """Return whether a process under a unit's sandbox can do something."""
    text = Path("/usr/local/lib/systemd/system", unit).read_text()
    lines = [
        line
        for line in text.splitlines()
        if not line.startswith(
            ("Type=", "ExecStart=", "Restart", "WatchdogSec=", "RuntimeDirectory", "Requires=", "User")
        )
    ]
    user = next(line.partition("=")[2] for line in text.splitlines() if line.startswith("User="))
    lines.insert(
        lines.index("[Service]") + 1,
        f'Type=oneshot\nUser={user}\nExecStart=/opt/bluezone-agent/venv/bin/python -IBc "{code}"',
    )
    probe = Path("/run/systemd/system/lab-probe.service")
    probe.parent.mkdir(parents=True, exist_ok=True)
    probe.write_text("\n".join(lines))
    systemctl("daemon-reload")
    code_ = run("systemctl", "start", "lab-probe.service")["code"]
    systemctl("reset-failed", "lab-probe.service")
    return bool(code_ == 0)
