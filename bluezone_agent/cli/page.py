"""``bluezone-agent page``: what the owner's page shows, for the process that shows it."""

from __future__ import annotations

import click
import msgspec

from bluezone_agent.app.page import page_parts, write_page
from bluezone_agent.app.page_folder import page_folder
from bluezone_agent.app.result import as_json
from bluezone_agent.cli.base import Command, device
from bluezone_agent.errors import N_


@click.command(
    cls=Command,
    help=N_(
        "Write the parts of the owner's page into the folder that systemd provides; without it, print"
        " them for bluezone-agent web, one JSON object a line."
    ),
)
def page() -> None:
    """Write or print every part, the quick ones first."""
    if page_folder() is not None:
        write_page(device())
        return
    for name, part in page_parts(device()):
        click.echo(msgspec.json.encode({name: msgspec.Raw(msgspec.json.format(as_json(part), indent=-1).encode())}))
