"""``bluezone-agent keys encrypt`` and ``keys decrypt``: the owner's keys under a passphrase."""

from __future__ import annotations

from pathlib import Path

import click

from bluezone_agent.app.unlock import unlocked
from bluezone_agent.cli.base import Command, printable, say, settings
from bluezone_agent.cli.passphrase import passphrase, passphrase_option
from bluezone_agent.errors import N_
from bluezone_agent.i18n import _
from bluezone_agent.stores.file.open import FILE_NAME
from bluezone_agent.stores.file.quarantine import quarantined_stores
from bluezone_agent.stores.store import StateLock, Store


@click.command(
    cls=Command,
    help=N_(
        "Seal your keys under a passphrase, those that are there and all to come. The agent then needs it when it"
        " starts, and whoever takes the device or a copy of its card can't read them."
    ),
)
@passphrase_option
def encrypt(*, passphrase_file: Path | None) -> None:
    """Seal every key in one transaction; no agent may run meanwhile."""
    state_dir = settings().state_dir
    with StateLock(state_dir), Store(state_dir) as store:
        was_plain = store.encrypt(passphrase(passphrase_file, of=state_dir / FILE_NAME, new=not store.keys.encrypted))
    if was_plain:
        say(_("your keys are sealed: the agent needs the passphrase at its next start, and nobody can get it back"))
    else:
        say(_("your keys were sealed already, under this passphrase"))
    for path in quarantined_stores(state_dir):
        say(_("{file} may hold keys that are not sealed: delete it").format(file=printable(str(path))))


@click.command(cls=Command, help=N_("Have your keys plain again, so that the agent starts without a passphrase."))
@passphrase_option
def decrypt(*, passphrase_file: Path | None) -> None:
    """Unseal every key in one transaction; no agent may run meanwhile."""
    state_dir = settings().state_dir
    with StateLock(state_dir), unlocked(state_dir, passphrase_file) as store:
        if store.keys.encrypted:
            store.decrypt()
            say(_("your keys are plain: whoever reads the store has them"))
        else:
            say(_("your keys are not sealed"))
