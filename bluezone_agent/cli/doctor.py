"""``bluezone-agent doctor``: what is wrong here, one line a finding, each with the command that mends it."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from bluezone_agent.cli.base import Command, age, exit_with, iso, json_option, print_json, printable, settings
from bluezone_agent.errors import EXIT_FAULT, N_, AgentError, ConfigError, StoreError
from bluezone_agent.i18n import _, rendered

if TYPE_CHECKING:
    from bluezone_agent.cli.base import Settings
    from bluezone_agent.config import Config
    from bluezone_agent.health.doctor.checks import Facts, PathFacts
    from bluezone_agent.health.doctor.finding import Finding
    from bluezone_agent.health.status import Status

LEVELS: Final = {"ok": (N_("ok"), "green"), "warning": (N_("warning"), "yellow"), "fault": (N_("fault"), "red")}
OUR_FILES: Final = ("agent.db", "agent.db-wal", "agent.db-shm", "agent.lock")


@click.command(
    cls=Command,
    help=N_("Look at everything the agent needs, whether it runs or not, and say what is wrong and what mends it."),
)
@json_option
def doctor(*, as_json: bool) -> None:
    """Print the findings; exit 1 when one is a fault."""
    from bluezone_agent.health.doctor.checks import judge  # noqa: PLC0415
    from bluezone_agent.health.doctor.finding import Level  # noqa: PLC0415

    findings = judge(_facts(settings()))
    faults = [finding for finding in findings if finding.level is Level.FAULT]
    if as_json:
        print_json({"healthy": not faults, "findings": [_as_json(finding) for finding in findings]})
    else:
        _print(findings, time.time())
    if faults:
        exit_with(EXIT_FAULT)


def _texts(finding: Finding) -> tuple[str, str]:
    message, remedy = rendered(AgentError(finding.message, finding.remedy, **finding.fields))
    return printable(message), printable(remedy)


def _as_json(finding: Finding) -> dict[str, Any]:
    message, remedy = _texts(finding)
    return {
        "check": finding.check,
        "level": finding.level,
        "message": message,
        "remedy": remedy or None,
        "at": iso(finding.at_s),
    }


def _print(findings: list[Finding], now_s: float) -> None:
    width = max(len(_(text)) for text, _colour in LEVELS.values())
    for finding in findings:
        text, colour = LEVELS[finding.level]
        message, remedy = _texts(finding)
        when = "" if finding.at_s is None else f" ({age(finding.at_s, now_s)})"
        click.echo(f"{click.style(f'{_(text):<{width}}', fg=colour)}  {message}{when}")
        if remedy:
            click.echo(f"{'':<{width}}  → {remedy}")


def _facts(options: Settings) -> Facts:
    """Read everything; what can't be read is itself a fact."""
    from bluezone_agent.clocks.system import SystemClock  # noqa: PLC0415
    from bluezone_agent.config import Config  # noqa: PLC0415
    from bluezone_agent.health.doctor.checks import Facts  # noqa: PLC0415
    from bluezone_agent.radios.bluez.inspect import read_bluetooth  # noqa: PLC0415

    config_error: ConfigError | None = None
    config: Config = Config()
    try:
        config = options.config()
    except ConfigError as error:
        config_error = error
    state = tuple(_state(options.state_dir))
    status, store_error = _status(options.state_dir) if state else (None, None)
    return Facts(
        radios=config.radios,
        bluetooth=asyncio.run(read_bluetooth()),
        clock_trusted=SystemClock(always_trusted=config.clock_trusted).synchronised(),
        config_error=config_error,
        allow_linkable=config.allow_linkable,
        sources=len(config.sources),
        free_bytes=_free_bytes(options.state_dir),
        state_dir=str(options.state_dir),
        state=state,
        store_error=store_error,
        status=status,
    )


def _state(state_dir: Path) -> list[PathFacts]:
    from bluezone_agent.health.doctor.checks import PathFacts  # noqa: PLC0415

    found = []
    for path in (state_dir, *(state_dir / name for name in OUR_FILES)):
        try:
            seen = path.stat()
        except OSError:
            continue
        found.append(PathFacts(str(path), stat.S_IMODE(seen.st_mode), seen.st_uid == os.geteuid()))
    return found


def _status(state_dir: Path) -> tuple[Status | None, StoreError | None]:
    """Read the signs of life of a store that is there already; the doctor makes none."""
    from bluezone_agent.health.status import status  # noqa: PLC0415
    from bluezone_agent.stores.file.open import FILE_NAME  # noqa: PLC0415
    from bluezone_agent.stores.store import Store  # noqa: PLC0415

    if not (state_dir / FILE_NAME).exists():
        return None, None
    try:
        with Store(state_dir) as store:
            return status(store, time.time()), None
    except StoreError as error:
        return None, error


def _free_bytes(state_dir: Path) -> int | None:
    """Return what is left where the state directory is or will be."""
    for folder in (state_dir, *state_dir.absolute().parents):
        try:
            return shutil.disk_usage(folder).free
        except OSError:
            continue
    return None
