"""``trial collect``: the recordings of other devices of a trial."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bluezone_agent.app.result import Result
from bluezone_agent.errors import AgentError
from bluezone_agent.trials.collect import collect as collect_from
from bluezone_agent.trials.collect import require_hosts
from bluezone_agent.trials.folder import TrialFolder


class CollectedHost(Result, frozen=True, kw_only=True):
    """What came from one host."""

    host: str
    devices: tuple[str, ...] = ()
    """Whose recordings were new or longer than here."""
    files: int = 0
    bytes: int = 0
    """That were not here before."""
    error: AgentError | None = None
    """Why nothing came; None if that succeeded."""


class TrialCollection(Result, frozen=True, kw_only=True):
    """What came from all hosts, and who is still missing."""

    folder: Path
    hosts: tuple[CollectedHost, ...]
    missing: tuple[str, ...]
    """Devices of the plan without a recording here."""

    @property
    def complete(self) -> bool:
        """Whether every host answered."""
        return not any(host.error for host in self.hosts)


def collect(folder: Path, hosts: tuple[str, ...], tried: Callable[[CollectedHost], None]) -> TrialCollection:
    """Bring what each host recorded here; one that fails does not hold back the others.

    ``tried`` is called with each. Raises PlanError, TrialError for a text that is no host.
    """
    require_hosts(hosts)
    trial = TrialFolder(folder)
    plan, done = trial.plan(), list[CollectedHost]()
    for host in hosts:
        try:
            found = collect_from(trial, plan, host)
            done.append(CollectedHost(host=host, devices=found.devices, files=found.files, bytes=found.bytes))
        except AgentError as error:
            done.append(CollectedHost(host=host, error=error))
        tried(done[-1])
    missing = tuple(device.id for device in plan.devices if device.runs and not trial.device(device.id).is_dir())
    return TrialCollection(folder=folder, hosts=tuple(done), missing=missing)
