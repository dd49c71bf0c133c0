"""The folder of a trial: the plan, the secret, and a folder for each device."""

from __future__ import annotations

import secrets
import stat
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bluezone_agent.errors import N_, AgentError, NewFileError
from bluezone_agent.files import create, sync_folder
from bluezone_agent.trials.identifiers import SECRET_LENGTH, TrialIdentifiers
from bluezone_agent.trials.plan import TrialDevice, TrialPlan
from bluezone_agent.trials.read_plan import PLAN_NAME, read_plan

SECRET_NAME: Final = "secret.toml"  # noqa: S105 - a file's name
DEVICES: Final = "devices"
DATASET: Final = "dataset"
REPORT: Final = "report"
ARRIVING: Final = ".collect"
"""What an interrupted ``trial collect`` left."""
MARKS: Final = "marks.jsonl"
EVENTS: Final = "events.jsonl"
CLOCK: Final = "clock.jsonl"
DEVICE: Final = "device.json"
PUBLISHED_NEVER: Final = """\
# The secret of this trial: from it every device derives the identifiers of all. Copy it to each device with the
# plan, keep it to yourselves, and never publish it.
secret = "{secret}"
"""


class TrialError(AgentError):
    """A trial can't be run, recorded or evaluated as requested."""


@dataclass(frozen=True, slots=True)
class Participant:
    """One device of a trial, and all that it needs besides a radio and a clock."""

    plan: TrialPlan
    device: TrialDevice
    identifiers: TrialIdentifiers
    folder: Path
    """Where it records; it need not exist."""

    def make_folder(self) -> None:
        """Make its folder if it does not exist. Raises OSError."""
        for path in (self.folder.parent, self.folder):
            path.mkdir(mode=0o700, exist_ok=True)
            sync_folder(path.parent)


class TrialFolder:
    """Where a trial is."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def plan_path(self) -> Path:
        """``trial.toml``."""
        return self.path / PLAN_NAME

    def plan(self) -> TrialPlan:
        """Read and check the plan; raises PlanError."""
        return read_plan(self.plan_path)

    def identifiers(self, plan: TrialPlan) -> TrialIdentifiers:
        """Return the trial's identifiers; raises TrialError if the secret is missing or is not one."""
        return TrialIdentifiers(plan, self._secret())

    def device(self, name: str) -> Path:
        """Return the folder of a device, which need not exist."""
        return self.path / DEVICES / name

    def participant(self, name: str) -> Participant:
        """Return a device of the plan by its id; raises PlanError, TrialError if there is no such device."""
        plan = self.plan()
        device = plan.device(name)
        if device is None:
            raise TrialError(
                N_('there is no device "{value}" in the plan'),
                N_("the plan has: {devices}"),
                value=name,
                devices=", ".join(one.id for one in plan.devices),
            )
        if not device.runs:
            raise TrialError(
                N_('{device} has role = "beacon": other devices receive it, and it records nothing'),
                N_("the plan's other devices are: {devices}"),
                device=name,
                devices=", ".join(one.id for one in plan.devices if one.runs),
            )
        return Participant(plan, device, self.identifiers(plan), self.device(name))

    def broker_login(self) -> tuple[str, str] | None:
        """Return user and password for the plan's MQTT broker; None if the secret has none. Raises TrialError."""
        login = self._secrets().get("broker_login")
        if login is None:
            return None
        user, colon, password = str(login).partition(":")
        if not (user and colon):
            raise TrialError(
                N_("broker_login in {path} is not a login"),
                N_('write broker_login = "USER:PASSWORD"'),
                path=self.path / SECRET_NAME,
            )
        return user, password

    def _secret(self) -> bytes:
        path = self.path / SECRET_NAME
        try:
            secret = bytes.fromhex(self._secrets()["secret"])
        except (ValueError, KeyError, TypeError):
            raise self._not_secret(path) from None  # the reason could quote it
        if len(secret) != SECRET_LENGTH:
            raise self._not_secret(path)
        return secret

    def _secrets(self) -> dict[str, Any]:
        path = self.path / SECRET_NAME
        try:
            readable_by_others = stat.S_IMODE(path.stat().st_mode) & 0o077
            found = tomllib.loads(path.read_text("utf-8"))
        except OSError as error:
            raise TrialError(
                N_("can't read the trial's secret {path}: {reason}"),
                N_("copy the whole folder of the trial to each device, secret.toml too"),
                path=path,
                reason=error.strerror,
            ) from error
        except ValueError:
            raise self._not_secret(path) from None
        if readable_by_others:
            raise TrialError(
                N_("other users can read the trial's secret {path}"), N_("run: chmod 600 {path}"), path=path
            )
        return found

    def _not_secret(self, path: Path) -> TrialError:
        return TrialError(
            N_("{path} has no secret of 64 hexadecimal digits"),
            N_("copy it again from the device on which the trial was made"),
            path=path,
        )


def make_folder(path: Path, plan: bytes) -> TrialFolder:
    """Make the folder of a new trial; raises NewFileError if it exists or can't be made."""
    try:
        path.mkdir(mode=0o700)
        create(path / PLAN_NAME, plan)
        create(path / SECRET_NAME, PUBLISHED_NEVER.format(secret=secrets.token_hex(SECRET_LENGTH)).encode())
        sync_folder(path)
    except FileExistsError as error:
        raise NewFileError(
            N_("{path} already exists and is never overwritten"),
            N_("choose another name, or move the existing one away"),
            path=path,
        ) from error
    except OSError as error:
        raise NewFileError(
            N_("can't make the folder {path}: {reason}"),
            N_("choose a folder that you can write to"),
            path=path,
            reason=error.strerror,
        ) from error
    return TrialFolder(path)
