"""``bluezone-agent fetch``: download diagnosis keys for a check in another process."""

from __future__ import annotations

import click

from bluezone_agent.app.fetch import fetch as fetch_now
from bluezone_agent.cli.base import Command, device, exit_with, fail
from bluezone_agent.cli.check import print_source
from bluezone_agent.errors import EXIT_FAULT, N_


@click.command(
    cls=Command,
    help=N_(
        "Download diagnosis keys into the folder that systemd provides, for a check that runs without"
        " network access; with chaff = true also send chaff about once a day."
    ),
)
def fetch() -> None:
    """Download now; exit 1 if a source failed or a file was refused."""
    done = fetch_now(device())
    for source in done.sources:
        print_source(source)
    if done.chaff_error:
        fail(done.chaff_error)
    if not done.complete:
        exit_with(EXIT_FAULT)
