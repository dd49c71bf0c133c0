"""``trial collect``: the recordings of other devices, brought into this folder by rsync over SSH.

Only files of recordings are asked for, never the secret, and nothing is sent. They arrive beside the folder's own,
where an interrupted transfer continues, and take their place only if they continue what is there: a recording only
grows.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bluezone_agent.errors import N_
from bluezone_agent.trials.folder import ARRIVING, CLOCK, DEVICE, DEVICES, EVENTS, MARKS, TrialError, TrialFolder
from bluezone_agent.trials.monitor import fingerprint
from bluezone_agent.trials.plan import TrialPlan
from bluezone_agent.trials.read_plan import PLAN_NAME, read_plan

HOST: Final = re.compile(
    r"(?P<login>(?:[A-Za-z0-9_][A-Za-z0-9._-]*@)?(?:[A-Za-z0-9][A-Za-z0-9._-]*|\[[0-9A-Za-z:.%]+\]))"
    r"(?::(?P<path>(?!//)[^-:\x00-\x1f\x7f][^\x00-\x1f\x7f]*))?"
)
"""What ssh and rsync take for a host, and never for an option or an rsync daemon."""
RECORDED: Final = ("adverts-*.csv.gz", EVENTS, CLOCK, MARKS, DEVICE)
PARTIAL: Final = ".partial"
SILENT_S: Final = 60
"""After which rsync gives a connection up that brings nothing."""
NOT_ALL: Final = 23
"""rsync's exit code for a file or a folder that it could not read; most others are those of a connection."""
STEP: Final = 2**20


@dataclass(frozen=True, slots=True)
class CollectedFiles:
    """What came from one host."""

    devices: tuple[str, ...]
    """Whose recordings were new or longer than here."""
    files: int
    bytes: int
    """That were not here before."""


def require_hosts(hosts: tuple[str, ...]) -> None:
    """Raise TrialError for the first text that is not a host."""
    for host in hosts:
        if HOST.fullmatch(host) is None:
            raise TrialError(
                N_('"{value}" is not the name of a host'),
                N_("write HOST, USER@HOST or USER@HOST:FOLDER, as for ssh"),
                value=host,
            )


def collect(trial: TrialFolder, plan: TrialPlan, host: str) -> CollectedFiles:
    """Bring what a host recorded of the trial here. Raises TrialError, OSError."""
    found = HOST.fullmatch(host)
    assert found is not None, "require_hosts"
    source = f"{found['login']}:{found['path'] or trial.path.absolute().name}".rstrip("/")
    arriving = trial.path / ARRIVING / re.sub(r"[^A-Za-z0-9._-]", "_", host)
    arriving.mkdir(mode=0o700, parents=True, exist_ok=True)
    _require_same_trial(source, arriving, plan)
    rules = [
        rule
        for device in plan.devices
        if device.runs
        for rule in (f"/{device.id}/", f"/{device.id}/{PARTIAL}/", *(f"/{device.id}/{name}" for name in RECORDED))
    ]
    _rsync(
        host,
        "--recursive",
        "--times",
        "--no-links",
        "--chmod=D700,F600",
        f"--partial-dir={PARTIAL}",
        f"--compare-dest={(trial.path / DEVICES).absolute()}",
        "--prune-empty-dirs",
        *(f"--include={rule}" for rule in rules),
        "--exclude=*",
        f"{source}/{DEVICES}/",
        f"{arriving / DEVICES}/",
    )
    done = _take(trial, plan, arriving / DEVICES)
    shutil.rmtree(arriving)
    if not any((trial.path / ARRIVING).iterdir()):
        (trial.path / ARRIVING).rmdir()
    return done


def _require_same_trial(source: str, arriving: Path, plan: TrialPlan) -> None:
    path = arriving / PLAN_NAME
    path.unlink(missing_ok=True)  # one of the same second and size would count as the same
    _rsync(source.partition(":")[0], "--no-links", f"{source}/{PLAN_NAME}", f"{path}")
    theirs = read_plan(path)
    if theirs.trial.name != plan.trial.name:
        raise TrialError(
            N_('{source} is the trial "{name}", and this one is "{own}"'),
            N_("name the right folder: HOST:FOLDER"),
            source=source,
            name=theirs.trial.name,
            own=plan.trial.name,
        )
    if fingerprint(theirs) != fingerprint(plan):
        raise TrialError(
            N_("{source} has another plan than this folder: {theirs} instead of {own}"),
            N_("compare both trial.toml; every device of a trial needs the same plan"),
            source=source,
            theirs=fingerprint(theirs),
            own=fingerprint(plan),
        )


def _rsync(host: str, *arguments: str) -> None:
    """Run rsync. A host's folder is passed so that no shell reads it, here or there."""
    program = shutil.which("rsync")
    if program is None:
        raise TrialError(N_("rsync is not installed"), N_("run: sudo apt install rsync, here and on each device"))
    command = [program, "-s", f"--timeout={SILENT_S}", *arguments[:-2], "--", *arguments[-2:]]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)  # noqa: S603
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise TrialError(
            N_("{host}: {reason}"),
            N_("name the trial's folder there: {host}:FOLDER")
            if done.returncode == NOT_ALL
            else N_('try "ssh {host} which rsync": it has to work without a password, and to find rsync'),
            host=host,
            reason=lines[0] if lines else f"rsync: {done.returncode}",
        )


def _take(trial: TrialFolder, plan: TrialPlan, arrived: Path) -> CollectedFiles:
    """Put what arrived in its place."""
    devices, files, more = list[str](), 0, 0
    for device in plan.devices:
        for path in sorted((arrived / device.id).glob("*")) if (arrived / device.id).is_dir() else ():
            own = trial.device(device.id) / path.name
            if not path.is_file() or path.name == PARTIAL:
                continue
            length = _own_length(path, own, device.id)
            if length is None:
                continue
            for folder in (own.parent.parent, own.parent):
                folder.mkdir(mode=0o700, exist_ok=True)
            more += path.stat().st_size - length
            path.rename(own)
            files += 1
            devices += [device.id] if device.id not in devices else []
    return CollectedFiles(tuple(devices), files, more)


def _own_length(arrived: Path, own: Path, device: str) -> int | None:
    """Return how long the file here is, 0 if there is none; None if what arrived is no longer.

    Raises TrialError if neither continues the other.
    """
    if not own.exists():
        return 0
    size = own.stat().st_size
    with own.open("rb") as here, arrived.open("rb") as there:
        while (piece := here.read(STEP)) and (other := there.read(STEP)):
            length = min(len(piece), len(other))
            if piece[:length] != other[:length]:
                if arrived.name == DEVICE:  # written again at each start
                    return None if own.stat().st_mtime >= arrived.stat().st_mtime else size
                raise TrialError(
                    N_("{device} has two different recordings: {path} here, and another one"),
                    N_("move {path} away if it does not belong to this trial"),
                    device=device,
                    path=own,
                )
    return size if arrived.stat().st_size > size else None
