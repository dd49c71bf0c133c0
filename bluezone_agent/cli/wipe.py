"""``bluezone-agent wipe``: delete all data."""

from __future__ import annotations

import click

from bluezone_agent.app import wipe as wiping
from bluezone_agent.cli.base import Command, device, fail, json_option, option, print_json, printable, say
from bluezone_agent.cli.questions import require_yes
from bluezone_agent.errors import N_
from bluezone_agent.i18n import _, ngettext


@click.command(
    cls=Command,
    answers=wiping.Wiped,
    help=N_(
        "Delete all data of the agent: keys, contacts, exposures and the files that the configuration"
        " made it write. The configuration itself is kept."
    ),
)
@option("--yes", is_flag=True, help=N_("Don't ask for confirmation (for scripts)."))
@json_option
def wipe(*, yes: bool, as_json: bool) -> None:
    """Delete the state after confirmation."""
    plan = wiping.plan_wipe(device())
    if plan.unknown:
        fail(plan.unknown)
    if not yes:
        explanation = [
            _(
                "This deletes all keys, contacts, exposures and notes in {folder}. This can't be undone,"
                " except from a backup. Without the keys you can't warn those who were near you, and"
                " without the contacts you can't be warned yourself."
            ).format(folder=printable(str(device().state_dir))),
            *(_("This file is deleted too: {file}").format(file=printable(str(path))) for path in plan.elsewhere),
        ]
        require_yes("\n".join(explanation), _("Delete everything?"))
    done = wiping.wipe(device(), plan)
    if as_json:
        print_json(done)
        return
    n = len(done.deleted)
    say(ngettext("{n} file deleted", "{n} files deleted", n).format(n=n))
    say(
        _(
            "The configuration is kept, and so are the files that you wrote yourself: exports,"
            " reports, pages, backups. Flash memory may hold old copies that no program can erase."
        )
    )
