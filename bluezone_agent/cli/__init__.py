"""The ``bluezone-agent`` command."""

from __future__ import annotations

import os
import sys
from typing import Final

import click

from bluezone_agent import __version__
from bluezone_agent.cli.base import Group, Lazy, Option, fail, speak_as_asked
from bluezone_agent.errors import N_, AgentError

PRIVATE: Final = 0o077
"""What is written is its owner's alone, whatever umask the person has; what is to be public says so itself."""

COMMANDS: Final = {
    "run": Lazy("run:run", N_("Broadcast, listen, keep contacts and check")),
    "demo": Lazy("demo:demo", N_("Simulate one day with six devices")),
    "status": Lazy("status:status", N_("Show whether the agent works")),
    "selftest": Lazy("selftest:selftest", N_("Prove that the broadcast is on the air")),
    "doctor": Lazy("doctor:doctor", N_("Find what is wrong and how to fix it")),
    "calibrate": Lazy("calibrate:calibrate", N_("Measure how strongly this device receives")),
    "contacts": Lazy("contacts:contacts", N_("Show contacts hour by hour")),
    "check": Lazy("check:check", N_("Check published keys against your contacts")),
    "exposures": Lazy("exposures:exposures", N_("Show when you were near a case")),
    "compare": Lazy("compare:compare", N_("Apply several risk rules to what is stored")),
    "keys": Lazy("keys:keys", N_("List, export or submit your daily keys")),
    "authority": Lazy("authority:authority", N_("For a health authority: publish keys")),
    "replay": Lazy("replay:replay", N_("Replay a recording of a measured room")),
    "pause": Lazy("pause:pause", N_("Stop broadcasting and listening for a while")),
    "resume": Lazy("pause:resume", N_("End a pause now")),
    "notify": Lazy("notify:notify", N_("Tell the owner of outages"), hidden=True),
    "fetch": Lazy("fetch:fetch", N_("Fetch diagnosis keys for the check"), hidden=True),
    "backup": Lazy("backup:backup", N_("Write everything into one encrypted file")),
    "restore": Lazy("backup:restore", N_("Restore a backup, or merge its contacts")),
    "wipe": Lazy("wipe:wipe", N_("Delete everything the agent keeps")),
    "config": Lazy("config:config", N_("Write or check a configuration")),
}


@click.group(
    "bluezone-agent",
    cls=Group,
    invoke_without_command=True,
    help=N_(
        "An on-device proximity agent: it broadcasts a changing identifier over Bluetooth, remembers those it hears,"
        " and tells you when you were near a person who later proved ill. Nothing leaves the device unless you"
        " export it."
    ),
    lazy=COMMANDS,
)
@click.pass_context
def root(ctx: click.Context) -> None:
    """Print the help where no command is named."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


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
