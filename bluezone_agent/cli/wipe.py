"""``bluezone-agent wipe``: everything gone."""

from __future__ import annotations

import click

from bluezone_agent.cli.base import Command, fail, json_option, option, print_json, printable, say, settings
from bluezone_agent.errors import N_, ConfigError
from bluezone_agent.i18n import _, ngettext


@click.command(
    cls=Command,
    help=N_(
        "Delete everything the agent keeps: keys, contacts, exposures, and what it wrote by its configuration. The"
        " configuration stays."
    ),
)
@option("--yes", is_flag=True, help=N_("Do not ask; for scripts."))
@json_option
def wipe(*, yes: bool, as_json: bool) -> None:
    """Delete the state after an explicit yes."""
    from bluezone_agent.actions import wipe  # noqa: PLC0415
    from bluezone_agent.config import Config  # noqa: PLC0415

    options = settings()
    try:
        config = options.config()
    except ConfigError as error:  # what it names elsewhere can't be known; the state can go all the same
        fail(error)
        config = Config()
    wipe.require_stopped(options.state_dir)
    elsewhere = wipe.written_elsewhere(config)
    if not yes:
        say(
            _(
                "This deletes all keys, contacts and exposures in {folder}. There is no way back, but a backup if you"
                " made one. Without the keys you can't warn those who were near you, and without the contacts you are"
                " not warned yourself."
            ).format(folder=printable(str(options.state_dir)))
        )
        for path in elsewhere:
            say(_("This is deleted too: {file}").format(file=printable(str(path))))
        click.confirm(_("Delete everything?"), abort=True, err=True)
    gone = wipe.wipe(options.state_dir, elsewhere)
    if as_json:
        print_json({"deleted": [str(path) for path in gone]})
        return
    say(ngettext("{n} file deleted", "{n} files deleted", len(gone)).format(n=len(gone)))
    say(
        _(
            "The configuration stays, and so does what you had written yourself: exports, reports, pages, backups."
            " Flash memory may hold old copies that no program can reach."
        )
    )
