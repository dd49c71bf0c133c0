"""The ``bluezone-agent`` command."""

from __future__ import annotations

import os
import signal
import sys
from typing import Final

import click

from bluezone_agent import __version__
from bluezone_agent.cli import streams
from bluezone_agent.cli.base import Group, Lazy, fail
from bluezone_agent.cli.options import CommonOption
from bluezone_agent.cli.preferences import speak_as_asked, takes_colour
from bluezone_agent.errors import EXIT_FAULT, N_, AgentError

PRIVATE: Final = 0o077
"""What is written is its owner's alone, whatever umask the person has; what is to be public says so itself."""
EXIT_STOPPED: Final = 130
"""By Ctrl-C, or because a question was not answered: 128 and the number of SIGINT, as shells say it."""

PEOPLE: Final = N_("For you")
CASES: Final = N_("Cases and keys")
AUTHORITY: Final = N_("For a health authority")
TRIALS: Final = N_("Trials and measurements")
DEVICE: Final = N_("This device")

COMMANDS: Final = {
    "status": Lazy("status:status", N_("Show whether the agent works"), PEOPLE),
    "doctor": Lazy("doctor:doctor", N_("Find what is wrong and how to fix it"), PEOPLE),
    "contacts": Lazy("contacts:contacts", N_("Show contacts hour by hour"), PEOPLE),
    "exposures": Lazy("exposures:exposures", N_("Show whether you were exposed"), PEOPLE),
    "pause": Lazy("pause:pause", N_("Stop broadcasting and listening for a while"), PEOPLE),
    "resume": Lazy("pause:resume", N_("End a pause now"), PEOPLE),
    "check": Lazy("check:check", N_("Check published keys against your contacts"), CASES),
    "keys": Lazy("keys:keys", N_("List, export or submit your daily keys"), CASES),
    "authority": Lazy("authority:authority", N_("Publish and revoke keys of cases"), AUTHORITY),
    "demo": Lazy("demo:demo", N_("Simulate one day with six devices"), TRIALS),
    "replay": Lazy("replay:replay", N_("Replay a recording of a measured room"), TRIALS),
    "compare": Lazy("compare:compare", N_("Apply several risk rules to what is stored"), TRIALS),
    "calibrate": Lazy("calibrate:calibrate", N_("Measure how strongly this device receives"), TRIALS),
    "run": Lazy("run:run", N_("Broadcast, listen, keep contacts and check"), DEVICE),
    "config": Lazy("config:config", N_("Write or check a configuration"), DEVICE),
    "selftest": Lazy("selftest:selftest", N_("Prove that the broadcast is on the air"), DEVICE),
    "backup": Lazy("backup:backup", N_("Write everything into one encrypted file"), DEVICE),
    "restore": Lazy("backup:restore", N_("Restore a backup, or merge its contacts"), DEVICE),
    "wipe": Lazy("wipe:wipe", N_("Delete everything the agent keeps"), DEVICE),
    "notify": Lazy("notify:notify", N_("Deliver notices to the owner"), DEVICE, hidden=True),
    "fetch": Lazy("fetch:fetch", N_("Fetch diagnosis keys for the check"), DEVICE, hidden=True),
}


@click.group(
    "bluezone-agent",
    cls=Group,
    invoke_without_command=True,
    help=N_(
        "An on-device proximity agent: it broadcasts a changing identifier over Bluetooth, remembers those it hears,"
        " and tells you when you were near someone who later tested positive. Nothing leaves the device unless you"
        " export it."
    ),
    lazy=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.pass_context
def root(ctx: click.Context) -> None:
    """Print the help where no command is named."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


click.version_option(
    __version__,
    prog_name="bluezone-agent",
    cls=CommonOption,
    help=N_("Show the version and exit."),
    message="%(prog)s %(version)s",
)(root)


def main() -> None:
    """Run the command line; every error that is meant for a person ends as two lines on stderr."""
    streams.prepare()
    try:
        code = _run()
        sys.stdout.flush()
    except BrokenPipeError:
        streams.abandon()
        code = EXIT_FAULT
    except AgentError as error:
        streams.abandon()
        code = fail(error)
    except KeyboardInterrupt:
        streams.abandon()
        code = EXIT_STOPPED
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # one more Ctrl-C while Python ends makes no noise either
    sys.exit(code)


def _run() -> int:
    """Run what ``sys.argv`` says; return the exit code. Raises AgentError, BrokenPipeError, KeyboardInterrupt."""
    os.umask(PRIVATE)
    speak_as_asked(sys.argv[1:])
    try:
        code = root.main(prog_name="bluezone-agent", standalone_mode=False, color=takes_colour())
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return EXIT_STOPPED
    except OSError as error:
        if error.filename is None:
            raise
        return fail(_unusable(error))
    return code if isinstance(code, int) else 0


def _unusable(error: OSError) -> AgentError:
    """Return what it means that a file or folder which a person or the configuration named can't be used."""
    return AgentError(
        N_("can't use {path}: {reason}"),
        N_("name another one, or run this as a user who can use it: with sudo where it is a service"),
        path=error.filename if isinstance(error.filename, str) else os.fsdecode(error.filename),
        reason=error.strerror,
    )
