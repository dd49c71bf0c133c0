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
"""Files are readable only by their owner, whatever the user's umask; public files set their own mode."""
EXIT_STOPPED: Final = 130
"""Exit code after Ctrl-C or an unanswered question: 128 plus the number of SIGINT, as in shells."""

PEOPLE: Final = N_("For you")
CASES: Final = N_("Cases and keys")
AUTHORITY: Final = N_("For a health authority")
ORGANISER: Final = N_("For a unit and its campaign")
TRIALS: Final = N_("Trials and measurements")
DEVICE: Final = N_("This device")

COMMANDS: Final = {
    "status": Lazy("status:status", N_("Show whether the agent works"), PEOPLE),
    "doctor": Lazy("doctor:doctor", N_("Find problems and suggest fixes"), PEOPLE),
    "around": Lazy("around:around", N_("Show who is near now"), PEOPLE),
    "contacts": Lazy("contacts:contacts", N_("Show your contacts per hour"), PEOPLE),
    "exposures": Lazy("exposures:exposures", N_("Show whether you were exposed"), PEOPLE),
    "diary": Lazy("diary:diary", N_("Keep notes about your days"), PEOPLE),
    "pause": Lazy("pause:pause", N_("Stop broadcasting and scanning for a while"), PEOPLE),
    "resume": Lazy("pause:resume", N_("End a pause"), PEOPLE),
    "web": Lazy("web:web", N_("Show all of this on a page in your browser"), PEOPLE),
    "check": Lazy("check:check", N_("Check diagnosis keys against your contacts"), CASES),
    "keys": Lazy("keys:keys", N_("List, export or submit your daily keys"), CASES),
    "authority": Lazy("authority:authority", N_("Publish and revoke keys of cases"), AUTHORITY),
    "gate": Lazy("gate:gate", N_("Count people at a door, and devices that broadcast"), ORGANISER),
    "take-part": Lazy("take_part:take_part", N_("Write a receipt that you take part"), ORGANISER),
    "uptake": Lazy("uptake:uptake", N_("Count who takes part in each unit"), ORGANISER),
    "campaign": Lazy("campaign:campaign", N_("Make posters, slides and texts"), ORGANISER),
    "demo": Lazy("demo:demo", N_("Simulate one day with six devices"), TRIALS),
    "trial": Lazy("trial:trial", N_("Plan, simulate and run a field trial"), TRIALS),
    "replay": Lazy("replay:replay", N_("Replay measurements from a room"), TRIALS),
    "compare": Lazy("compare:compare", N_("Compare risk rules on your stored exposures"), TRIALS),
    "calibrate": Lazy("calibrate:calibrate", N_("Calibrate this device's receiver"), TRIALS),
    "run": Lazy("run:run", N_("Broadcast, scan, record contacts and check"), DEVICE),
    "config": Lazy("config:config", N_("Write or check a configuration"), DEVICE),
    "selftest": Lazy("selftest:selftest", N_("Verify that this device transmits"), DEVICE),
    "export": Lazy("export:export", N_("Write your data as tables, without keys"), DEVICE),
    "backup": Lazy("backup:backup", N_("Write all data into one encrypted file"), DEVICE),
    "restore": Lazy("backup:restore", N_("Restore a backup, or merge its contacts"), DEVICE),
    "wipe": Lazy("wipe:wipe", N_("Delete all data of the agent"), DEVICE),
    "notify": Lazy("notify:notify", N_("Deliver notices to you, or test the channels"), DEVICE),
    "fetch": Lazy("fetch:fetch", N_("Download diagnosis keys for the check"), DEVICE, hidden=True),
    "page": Lazy("page:page", N_("Write what the owner's page shows"), DEVICE, hidden=True),
}


@click.group(
    "bluezone-agent",
    cls=Group,
    invoke_without_command=True,
    help=N_(
        "On-device contact tracing: broadcasts a changing identifier over Bluetooth, records the"
        " identifiers it receives, and tells you if you were near someone who later tested positive."
        " Your contacts and keys stay on the device unless you export them."
    ),
    lazy=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.pass_context
def root(ctx: click.Context) -> None:
    """Print the help if no command is given."""
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
    """Run the command line; each error for the user is printed as two lines on stderr."""
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
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a second Ctrl-C while Python exits prints no traceback
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
    """Return the error for an unusable file or folder that the user or the configuration named."""
    return AgentError(
        N_("can't use {path}: {reason}"),
        N_("choose another one, or run this as a user with access (with sudo if the agent is a service)"),
        path=error.filename if isinstance(error.filename, str) else os.fsdecode(error.filename),
        reason=error.strerror,
    )
