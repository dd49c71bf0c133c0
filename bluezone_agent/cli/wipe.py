"""``bluezone-agent wipe``: everything gone."""

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
        "Delete everything the agent keeps: keys, contacts, exposures, and what it wrote by its configuration. The"
        " configuration stays."
    ),
)
@option("--yes", is_flag=True, help=N_("Do not ask; for scripts."))
@json_option
def wipe(*, yes: bool, as_json: bool) -> None:
    """Delete the state after an explicit yes."""
    plan = wiping.plan_wipe(device())
    if plan.unknown:
        fail(plan.unknown)
    if not yes:
        explanation = [
            _(
                "This deletes all keys, contacts and exposures in {folder}. There is no way back, but a backup if you"
                " made one. Without the keys you can't warn those who were near you, and without the contacts you are"
                " not warned yourself."
            ).format(folder=printable(str(device().state_dir))),
            *(_("This is deleted too: {file}").format(file=printable(str(path))) for path in plan.elsewhere),
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
            "The configuration stays, and so does what you had written yourself: exports, reports, pages, backups."
            " Flash memory may hold old copies that no program can reach."
        )
    )
