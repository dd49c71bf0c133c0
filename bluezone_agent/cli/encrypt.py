"""``bluezone-agent keys encrypt`` and ``keys decrypt``: the owner's keys under a passphrase."""

from __future__ import annotations

import click

from bluezone_agent.app import own_keys
from bluezone_agent.app.passphrase import Passphrase
from bluezone_agent.cli.base import Command, device, printable, say
from bluezone_agent.cli.passphrase import passphrase_option
from bluezone_agent.cli.progress import working
from bluezone_agent.errors import N_
from bluezone_agent.i18n import _


@click.command(
    cls=Command,
    help=N_(
        "Seal your keys under a passphrase, those that are there and all to come. The agent then needs it when it"
        " starts, and whoever takes the device or a copy of its card can't read them."
    ),
)
@passphrase_option
def encrypt(*, passphrase: Passphrase) -> None:
    """Seal every key in one transaction; no agent may run meanwhile."""
    with working(_("encrypting your keys")):
        done = own_keys.encrypt_keys(device(), passphrase)
    if done.were_readable:
        say(_("your keys are sealed: the agent needs the passphrase at its next start, and nobody can get it back"))
    else:
        say(_("your keys were sealed already, under this passphrase"))
    for path in done.quarantined:
        say(_("{file} may hold keys that are not sealed: delete it").format(file=printable(str(path))))


@click.command(cls=Command, help=N_("Have your keys plain again, so that the agent starts without a passphrase."))
@passphrase_option
def decrypt(*, passphrase: Passphrase) -> None:
    """Unseal every key in one transaction; no agent may run meanwhile."""
    with working(_("decrypting your keys")):
        were_encrypted = own_keys.decrypt_keys(device(), passphrase)
    if were_encrypted:
        say(_("your keys are plain: whoever reads the store has them"))
    else:
        say(_("your keys are not sealed"))
