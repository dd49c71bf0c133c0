"""``bluezone-agent trial``: field trials."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

import click

from bluezone_agent.app import trial as trials
from bluezone_agent.app import trial_run as recording
from bluezone_agent.cli.base import (
    PATH,
    Command,
    Group,
    Lazy,
    argument,
    device,
    exit_with,
    json_option,
    option,
    print_json,
    printable,
    say,
)
from bluezone_agent.cli.progress import working
from bluezone_agent.cli.table import print_table
from bluezone_agent.cli.talk import log_level
from bluezone_agent.cli.wrapping import wrapped
from bluezone_agent.errors import EXIT_FAULT, N_
from bluezone_agent.i18n import _, local_number, local_time, ngettext
from bluezone_agent.trials.templates import TEMPLATES

folder_argument = argument("folder", metavar="DIR", type=PATH)
node_option = option("--node", metavar="NAME", required=True, help=N_("Which device of the plan this is."))
radio_option = option(
    "--radio",
    metavar="NAME",
    help=N_("Radio instead of the plan's: kernel:hci0, bluez:hci0, or virtual to try it without Bluetooth."),
)


MORE: Final = {
    "live": Lazy("trial_live:live", N_("Watch the recorders of a trial")),
    "collect": Lazy("trial_collect:collect", N_("Bring the recordings of all devices together")),
    "pack": Lazy("trial_dataset:pack", N_("Make a dataset of the recordings")),
    "report": Lazy("trial_dataset:report", N_("Write the report of a dataset")),
    "import": Lazy("trial_dataset:import_", N_("Make a dataset of a published recording")),
    "score": Lazy("trial_score:score", N_("Compare rules on a dataset")),
    "fit": Lazy("trial_score:fit", N_("Fit a rule to a dataset")),
    "export": Lazy("trial_dataset:export", N_("Write a dataset for other programs")),
    "forget": Lazy("trial_dataset:forget", N_("Remove a person from a trial")),
}


@click.group(cls=Group, lazy=MORE, help=N_("Plan, simulate, run and evaluate a field trial of Bluetooth proximity."))
def trial() -> None:
    """Group of the commands for trials."""


@trial.command(
    cls=Command,
    answers=trials.TrialMade,
    help=N_(
        "Make the folder DIR for a new trial, with the plan of TEMPLATE in trial.toml and a new secret."
        " Templates: distance-ladder, orientation, office, bus, classroom, door, continuity."
    ),
)
@argument("template", metavar="TEMPLATE", type=click.Choice(tuple(TEMPLATES)))
@folder_argument
@json_option
def new(*, template: str, folder: Path, as_json: bool) -> None:
    """Make a folder; an existing one is never changed."""
    made = trials.new(template, folder)
    if as_json:
        print_json(made)
        return
    say(
        _("{path}: {title}, {n} devices, {minutes:g} minutes").format(
            path=folder, title=_(TEMPLATES[template].title), n=len(made.devices), minutes=local_number(made.minutes)
        )
    )
    say(_("change trial.toml as you need it; then: bluezone-agent trial check {path}").format(path=folder))


@trial.command(
    cls=Command,
    answers=trials.TrialCheck,
    help=N_(
        "Check the plan of the trial in DIR: the first mistake is shown with its line. With --node also"
        " open the radio of that device, as the trial will."
    ),
)
@folder_argument
@option("--node", metavar="NAME", help=N_("Which device of the plan this is."))
@radio_option
@json_option
def check(*, folder: Path, node: str | None, radio: str | None, as_json: bool) -> None:
    """Check; exit 1 when the disk is too small or the clock is not synchronised."""
    found = trials.check(device(), folder, node, radio)
    if as_json:
        print_json(found)
    else:
        _print_check(found)
    if not found.ready:
        exit_with(EXIT_FAULT)


def _print_check(found: trials.TrialCheck) -> None:
    lines = [
        _("{name}: the plan is correct; {n} devices, {phases} phases, {minutes:g} minutes").format(
            name=found.name,
            n=len(found.devices),
            phases=len(found.phases),
            minutes=local_number(found.minutes),
        ),
        _("devices: {names}").format(names=", ".join(found.devices)),
        _("phases: {names}").format(names=", ".join(map(printable, found.phases))),
        _("start: {when}").format(when=local_time(found.starts_at))
        if found.starts_at
        else _("start: when each device is told to"),
        _("disk: {needed:.0f} MB needed, {free:.0f} MB free").format(
            needed=local_number(found.disk_needed_mb), free=local_number(found.disk_free_mb)
        ),
        _("clock: synchronised")
        if found.clock_synchronised
        else _("clock: not synchronised; wait for a time server, or set clock_trusted = true if it is right"),
    ]
    if found.radio is not None:
        lines.append(_("radio: {radio}").format(radio=printable(found.radio)))
    if found.unrecognised:
        lines.append(
            _(
                "to be recognised: {names}; when it is recorded, hold each next to this device for a minute, and run"
                ' "bluezone-agent trial mark DIR --nearest NAME"'
            ).format(names=", ".join(found.unrecognised))
        )
    for line in lines:
        click.echo(wrapped(line, hanging=2))


@trial.command(
    cls=Command,
    answers=trials.TrialSimulation,
    help=N_(
        "Simulate the trial in DIR: every device records on a simulated air what it would receive at"
        " its planned position. The files are like those of a real trial."
    ),
)
@folder_argument
@json_option
def simulate(*, folder: Path, as_json: bool) -> None:
    """Simulate; the same seed gives the same packets."""
    with working(_("simulating")):
        done = trials.simulate(folder)
    if as_json:
        print_json(done)
        return
    rows = [
        [node.device, sender, str(packets)] for node in done.devices for sender, packets in sorted(node.packets.items())
    ]
    print_table((_("receiver"), _("sender"), _("packets")), rows, right=(2,))
    say(_("{minutes:g} minutes simulated").format(minutes=local_number(done.minutes)))


@trial.command(
    cls=Command,
    answers=recording.TrialRun,
    help=N_(
        "Record the trial in DIR as one of its devices, from the planned start to the last phase."
        " After a stop or a power cut, the same command continues. Your own keys and contacts are not used."
    ),
)
@folder_argument
@node_option
@radio_option
@json_option
def run(*, folder: Path, node: str, radio: str | None, as_json: bool) -> None:
    """Record; Ctrl-C stops."""
    done = recording.run(
        device(),
        folder,
        node,
        radio,
        log_level=log_level(logging.WARNING),
        opened=lambda description: say(_("{node} records with {radio}").format(node=node, radio=description)),
        entered=_say_phase,
    )
    if as_json:
        print_json(done)
        return
    for sender, packets in sorted(done.packets.items()):
        click.echo(
            ngettext("{n} packet of {sender}", "{n} packets of {sender}", packets).format(n=packets, sender=sender)
        )
    if done.lost:
        say(ngettext("{n} packet was lost", "{n} packets were lost", done.lost).format(n=done.lost))
    if done.complete:
        say(_("the trial is over"))
    else:
        say(_("stopped before the end; the same command continues"))


def _say_phase(name: str, seconds: float) -> None:
    say(_("phase {phase}: {minutes:.1f} minutes").format(phase=name, minutes=local_number(seconds / 60)))


@trial.command(
    cls=Command,
    answers=recording.RecordersAsked,
    help=N_(
        "Write NOTE, with the time, into the recording that this machine is making in DIR. With --distance"
        " it also says how far apart two devices are from now on."
    ),
)
@folder_argument
@argument("text", metavar="NOTE", default="")
@option(
    "--distance",
    "distances",
    metavar="PAIR",
    multiple=True,
    help=N_("Two devices and the metres between them: pi-1,pi-2=1.0. Can be given several times."),
)
@option(
    "--nearest",
    metavar="NAME",
    help=N_("A phone or beacon of the plan that you hold next to this device for a minute, so that it is recognised."),
)
@json_option
def mark(*, folder: Path, text: str, distances: tuple[str, ...], nearest: str | None, as_json: bool) -> None:
    """Write a mark."""
    done = recording.mark(folder, text, distances, nearest)
    if as_json:
        print_json(done)
    else:
        say(_("noted by {devices}").format(devices=", ".join(done.devices)))


@trial.command(
    cls=Command,
    answers=recording.RecordersAsked,
    help=N_("Stop the recording that this machine is making in DIR."),
)
@folder_argument
@json_option
def stop(*, folder: Path, as_json: bool) -> None:
    """Stop the recorders."""
    done = recording.stop(folder)
    if as_json:
        print_json(done)
    else:
        say(_("stopped: {devices}").format(devices=", ".join(done.devices)))
