"""The ``bluezone-agent`` command."""

from __future__ import annotations

import os
import sys
from typing import Final

import click

from bluezone_agent import __version__
from bluezone_agent.cli.base import Group, Option, fail, speak_as_asked
from bluezone_agent.errors import N_, AgentError

PRIVATE: Final = 0o077
"""What is written is its owner's alone, whatever umask the person has; what is to be public says so itself."""

root = Group(
    "bluezone-agent",
    help=N_(
        "An on-device proximity agent: it broadcasts a changing identifier over Bluetooth, remembers those it hears,"
        " and tells you when you were near a person who later proved ill. Nothing leaves the device unless you"
        " export it."
    ),
    lazy={
        "run": "run:run",
        "demo": "demo:demo",
        "status": "status:status",
        "selftest": "selftest:selftest",
        "doctor": "doctor:doctor",
        "calibrate": "calibrate:calibrate",
        "contacts": "contacts:contacts",
        "check": "check:check",
        "exposures": "exposures:exposures",
        "compare": "compare:compare",
        "keys": "keys:keys",
        "authority": "authority:authority",
        "replay": "replay:replay",
        "pause": "pause:pause",
        "resume": "pause:resume",
        "backup": "backup:backup",
        "restore": "backup:restore",
        "wipe": "wipe:wipe",
        "config": "config:config",
    },
)
click.version_option(
    __version__,
    prog_name="bluezone-agent",
    cls=Option,
    help=N_("Show the version and exit."),
    message="%(prog)s %(version)s",
)(root)


def main() -> None:
    """Run the command line; every error that is meant for a person ends as two lines on stderr."""
    os.umask(PRIVATE)
    speak_as_asked(sys.argv[1:])
    try:
        code = root.main(prog_name="bluezone-agent", standalone_mode=False)
    except AgentError as error:
        sys.exit(fail(error))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    sys.exit(code if isinstance(code, int) else 0)
