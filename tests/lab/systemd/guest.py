"""Inside the guest, with its own Python alone: plays the scenario that ``lab.json`` names, then the power fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

REPO: Final = Path(os.environ.get("LAB_REPO", "."))
COMMAND: Final = "/usr/local/bin/bluezone-agent"
AGENT: Final = "bluezone-agent.service"
STATE: Final = Path("/var/lib/bluezone-agent")
PIP: Final = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/lab/wheels"}


def run(*command: str | Path, **environment: str) -> dict[str, Any]:
    """Run a command to its end."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environment})
    return {"code": done.returncode, "stdout": done.stdout, "stderr": done.stderr}


def script(name: str, *arguments: str) -> dict[str, Any]:
    """Run one of the project's scripts, with what pip would fetch at hand."""
    return run(REPO / "scripts" / name, *arguments, **PIP)


def systemctl(*arguments: str) -> str:
    """Call systemctl and return what it prints."""
    return str(run("systemctl", *arguments)["stdout"])


def properties(unit: str, *names: str) -> dict[str, str]:
    """Return properties of a unit as systemd knows them."""
    lines = systemctl("show", unit, *(f"--property={name}" for name in names)).splitlines()
    return dict(line.split("=", 1) for line in lines)


def pid(unit: str = AGENT) -> int:
    """Return a service's main process."""
    return int(properties(unit, "MainPID")["MainPID"])


def status() -> dict[str, Any]:
    """Return what the agent says of itself; of one that has no store, nothing."""
    said = run(COMMAND, "status", "--json")
    return dict(json.loads(said["stdout"])) if said["stdout"] else {"problems": [said["stderr"]]}


def until(condition: Callable[[], bool], within_s: float, every_s: float = 2) -> float:
    """Wait until ``condition`` holds; return how long it took. Raises TimeoutError."""
    began_s = time.monotonic()
    while not condition():
        if time.monotonic() - began_s > within_s:
            raise TimeoutError(f"not within {within_s} s; {systemctl('status', '--no-pager', AGENT)}")
        time.sleep(every_s)
    return time.monotonic() - began_s


def journal(unit: str = AGENT) -> list[str]:
    """Return a unit's lines of this boot."""
    return str(run("journalctl", "--boot", f"--unit={unit}", "--no-pager", "--output=cat")["stdout"]).splitlines()


def main(out: Path) -> None:
    """Play, write the result down where no power cut reaches it, and cut the power."""
    from tests.lab.systemd import network, owners_page, scenarios  # noqa: PLC0415 - their mistakes are to be reported too

    asked = json.loads((out / "lab.json").read_text())
    result: dict[str, Any] = {}
    try:
        result = {"result": (vars(scenarios) | vars(owners_page) | vars(network))[asked["scenario"]]()}
    except Exception:  # noqa: BLE001 - whatever it was, the host has to know
        result = {"error": traceback.format_exc()}
    journal_text = run("journalctl", "--boot", "--no-pager", "--output=short-iso")["stdout"]
    (out / "journal.log").write_text(journal_text)
    (out / "result.json").write_text(json.dumps(result | {"at_s": time.time()}, indent=1))
    subprocess.run(["/bin/busybox", "poweroff", "-f", "-n"], check=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
