"""``bluezone-agent backup`` and ``restore``: the state as one encrypted file."""

from __future__ import annotations

from pathlib import Path

import click

from bluezone_agent.app.unlock import unlocked
from bluezone_agent.cli.base import PATH, Command, json_option, option, print_json, say, settings
from bluezone_agent.cli.passphrase import passphrase, passphrase_option
from bluezone_agent.errors import N_
from bluezone_agent.files import require_absent
from bluezone_agent.i18n import _, ngettext
from bluezone_agent.stores.store import Store


@click.command(
    cls=Command,
    help=N_(
        "Write everything the agent keeps into the new FILE, encrypted with a passphrase. The agent may go on"
        " meanwhile."
    ),
)
@click.argument("file", type=PATH)
@passphrase_option
@json_option
def backup(*, file: Path, passphrase_file: Path | None, as_json: bool) -> None:
    """Write a backup."""
    from bluezone_agent.actions import backup as backups  # noqa: PLC0415 - imports cryptography

    require_absent(file)
    secret = passphrase(passphrase_file, of=file, new=True)
    with Store(settings().state_dir) as store:
        backups.write(store, file, secret)
    size = file.stat().st_size
    if as_json:
        print_json({"file": str(file), "bytes": size})
        return
    say(_("backup written to {file}, {size:.1f} MB").format(file=file, size=size / 1e6))
    say(_("Without the passphrase nobody can open it, you neither. Keep the two apart."))


@click.command(
    cls=Command,
    help=N_(
        "Make the backup in FILE the state of this device, which must be empty; or, with --merge, add its contacts to"
        " those of this device."
    ),
)
@click.argument("file", type=PATH)
@option("--merge", is_flag=True, help=N_("Add the contacts that another device heard; the state stays."))
@passphrase_option
@option(
    "--keys-passphrase-file",
    type=PATH,
    metavar="FILE",
    help=N_("With --merge, where the keys of this device are sealed: read their passphrase from FILE."),
)
@json_option
def restore(
    *, file: Path, merge: bool, passphrase_file: Path | None, keys_passphrase_file: Path | None, as_json: bool
) -> None:
    """Restore a backup, or merge it."""
    from bluezone_agent.actions import backup as backups  # noqa: PLC0415
    from bluezone_agent.actions.wipe import require_stopped  # noqa: PLC0415

    state_dir = settings().state_dir
    data = backups.read(file)
    if merge:
        with (
            backups.opened(data, file, passphrase(passphrase_file, of=file, new=False)) as snapshot,
            unlocked(state_dir, keys_passphrase_file) as store,
        ):
            taken = backups.merge(store, snapshot)
        if as_json:
            print_json({"file": str(file), "minutes": taken})
            return
        say(ngettext("{n} contact minute was new", "{n} contact minutes were new", taken).format(n=taken))
        if taken:
            say(_("the next check compares them with all published cases: bluezone-agent check"))
        return
    require_stopped(state_dir)
    with backups.opened(data, file, passphrase(passphrase_file, of=file, new=False)) as snapshot:
        backups.restore(state_dir, snapshot)
    if as_json:
        print_json({"file": str(file), "restored": True})
    else:
        say(_("restored from {file}; the keys in it are closed, and new ones are made").format(file=file))
