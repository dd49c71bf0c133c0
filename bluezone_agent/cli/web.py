"""``bluezone-agent web``: the owner's local page."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import click

from bluezone_agent.app.passphrase import Passphrase
from bluezone_agent.cli.base import PATH, PATH_OR_STREAM, Command, device, is_person, option, say
from bluezone_agent.cli.questions import ask_passphrase
from bluezone_agent.errors import EXIT_USAGE, N_, AgentError
from bluezone_agent.i18n import _

PORT: Final = 8321
FINGERPRINT_LINE: Final = len("AB:") * 8
"""Characters: four lines, also on a narrow terminal."""
WEB_STATE: Final = "BLUEZONE_WEB"
"""The folder of the page's own state, set by the systemd unit and by the installed command."""


def _passphrase(_ctx: click.Context, parameter: click.Parameter, file: Path | None) -> Passphrase:
    def typed(_kept: Path, new: bool) -> str:
        return ask_passphrase(_("New passphrase of the page"), parameter.opts[0], twice=new)

    return Passphrase(file, typed)


class ExtraMissingError(AgentError):
    """The packages of an extra are not installed."""

    exit_code = EXIT_USAGE


@click.command(
    cls=Command,
    help=N_(
        "Serve a page on this device that shows at a glance whether you were exposed and whether the"
        " agent works. Only this device can open it, with the address that this command prints."
    ),
)
@option(
    "--port",
    metavar="N",
    type=click.IntRange(0, 65535),
    default=PORT,
    show_default=True,
    help=N_("Port on this device; 0: any free one."),
)
@option(
    "--listen",
    metavar="ADDRESS",
    help=N_(
        "Serve it in your network instead, on this address of this device: encrypted, and for whoever"
        " knows a passphrase, which is asked for at the first start."
    ),
)
@option(
    "--passphrase-file",
    "passphrase",
    type=PATH_OR_STREAM,
    metavar="FILE",
    callback=_passphrase,
    help=N_('Read a new passphrase for --listen from the first line of FILE ("-": standard input).'),
)
@option("--trial", metavar="DIR", type=PATH, help=N_("Show the trial in DIR, too, and take marks."))
@option(
    "--campaign",
    metavar="DIR",
    type=PATH,
    help=N_("Show the campaign in DIR, too: who takes part, and a form for heads of units."),
)
@option("--show-address", is_flag=True, help=N_("Print the address of the page that runs as a service, and exit."))
@option("--service", is_flag=True, help=N_("Show what the agent writes into the folder that systemd provides."))
def web(
    *,
    port: int,
    listen: str | None,
    passphrase: Passphrase,
    trial: Path | None,
    campaign: Path | None,
    show_address: bool,
    service: bool,
) -> None:
    """Serve until Ctrl-C."""
    if service and (trial or campaign):
        raise click.UsageError(_("--trial and --campaign are for a page that you start yourself"))
    if passphrase.file is not None and listen is None:
        raise click.UsageError(_("--passphrase-file is for --listen ADDRESS"))
    program = _imported("program")
    state = Path(os.environ.get(WEB_STATE) or ".")
    where = None if listen is None else program.Listen(listen, passphrase)
    if show_address:
        _show(program.address_of_service(state))
    elif service:
        program.run_service(state, port=port, listen=where, started=_show)
    else:
        extras = [_imported("trial").TrialPage(trial)] if trial else []
        extras += [_imported("unit").UnitPage(campaign)] if campaign else []
        program.run(device(), port=port, listen=where, started=_say_started, extras=extras)


def _show(opened: Any) -> None:
    click.echo(opened.address)
    if opened.fingerprint:
        say(_("SHA-256 fingerprint of its certificate:"))
        for start in range(0, len(opened.fingerprint), FINGERPRINT_LINE):
            say(opened.fingerprint[start : start + FINGERPRINT_LINE].rstrip(":"))


def _say_started(opened: Any) -> None:
    _show(opened)
    if not is_person():
        return
    if opened.fingerprint:
        say(_("The browser will warn you: compare this fingerprint with the one that it shows. Press Ctrl-C to stop."))
    else:
        say(_("Open this address in a browser on this device. Press Ctrl-C to stop."))


def _imported(name: str) -> Any:
    try:
        return import_module(f"bluezone_agent.web.{name}")
    except ModuleNotFoundError as error:
        raise ExtraMissingError(
            N_("this command needs the package {name}"),
            N_('install the extra "web": pip install "bluezone-agent[web]"'),
            name=error.name,
        ) from error
