"""``bluezone-agent keys encrypt`` and ``keys decrypt``: protect the owner's keys with a passphrase."""

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
        "Encrypt your present and future keys with a passphrase. The agent then needs it at start,"
        " and nobody who takes the device or copies its memory card can read the keys."
    ),
)
@passphrase_option
def encrypt(*, passphrase: Passphrase) -> None:
    """Encrypt every key in one transaction; no agent may run meanwhile."""
    with working(_("encrypting your keys")):
        done = own_keys.encrypt_keys(device(), passphrase)
    if done.were_readable:
        say(
            _(
                "your keys are encrypted: the agent needs the passphrase at its next start, and nobody"
                " can recover a lost passphrase"
            )
        )
    else:
        say(_("your keys were already encrypted with this passphrase"))
    for path in done.quarantined:
        say(_("{file} may contain unencrypted keys: delete it").format(file=printable(str(path))))


@click.command(cls=Command, help=N_("Remove the passphrase from your keys, so that the agent starts without one."))
@passphrase_option
def decrypt(*, passphrase: Passphrase) -> None:
    """Decrypt every key in one transaction; no agent may run meanwhile."""
    with working(_("decrypting your keys")):
        were_encrypted = own_keys.decrypt_keys(device(), passphrase)
    if were_encrypted:
        say(_("your keys are no longer encrypted: anyone who can read the store can read them"))
    else:
        say(_("your keys are not encrypted"))
