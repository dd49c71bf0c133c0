"""``bluezone-agent backup`` and ``restore``: the state as one encrypted file."""

from __future__ import annotations

from pathlib import Path

import click

from bluezone_agent.app import backup as backups
from bluezone_agent.app.passphrase import Passphrase
from bluezone_agent.cli.base import (
    PATH_OR_STREAM,
    Command,
    argument,
    device,
    json_option,
    new_device,
    option,
    print_json,
    say,
)
from bluezone_agent.cli.passphrase import from_option, passphrase_option
from bluezone_agent.cli.progress import working
from bluezone_agent.errors import N_
from bluezone_agent.files import is_standard
from bluezone_agent.i18n import _, local_number, ngettext


@click.command(
    cls=Command,
    answers=backups.Backup,
    help=N_("Write all data of the agent to the new FILE, encrypted with a passphrase. The agent may keep running."),
)
@argument("file", type=PATH_OR_STREAM)
@passphrase_option
@json_option
def backup(*, file: Path, passphrase: Passphrase, as_json: bool) -> None:
    """Write a backup."""
    with working(_("writing the backup")):
        done = backups.back_up(device(), file, passphrase)
    if as_json and not is_standard(file):
        print_json(done)
        return
    say(_("backup written to {file}, {size:.1f} MB").format(file=file, size=local_number(done.bytes / 1e6)))
    say(_("Without the passphrase nobody, including you, can open it. Store them separately."))


@click.command(
    cls=Command,
    answers=backups.Restored | backups.Merged,
    help=N_(
        "Restore the backup in FILE on this device, which must have no data yet; or, with --merge,"
        " add its contacts to those of this device."
    ),
)
@argument("file", type=PATH_OR_STREAM)
@option("--merge", is_flag=True, help=N_("Add another device's contacts; nothing here is replaced."))
@passphrase_option
@option(
    "--keys-passphrase-file",
    "keys_passphrase",
    type=PATH_OR_STREAM,
    callback=from_option,
    metavar="FILE",
    help=N_("With --merge, if the keys of this device are encrypted: read their passphrase from FILE."),
)
@json_option
def restore(*, file: Path, merge: bool, passphrase: Passphrase, keys_passphrase: Passphrase, as_json: bool) -> None:
    """Restore a backup, or merge it."""
    if merge:
        with working(_("merging the backup")):
            merged = backups.merge(device(), file, passphrase, keys_passphrase)
        if as_json:
            print_json(merged)
            return
        n = merged.minutes
        say(ngettext("{n} new contact minute", "{n} new contact minutes", n).format(n=n))
        if n:
            say(_("the next check compares them with all published cases: bluezone-agent check"))
        return
    with working(_("restoring the backup")):
        done = backups.restore(new_device(), file, passphrase)
    if as_json:
        print_json(done)
    else:
        say(_("restored from {file}; the keys in it have ended, and new ones are created").format(file=file))
