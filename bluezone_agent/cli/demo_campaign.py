"""``bluezone-agent demo --campaign``: a simulated campaign of a province, and what to look at."""

from __future__ import annotations

from pathlib import Path

import click

from bluezone_agent.app.demo_campaign import DEADLINE, DemoRound, SimulatedCampaign, simulate
from bluezone_agent.cli.base import print_json, printable
from bluezone_agent.cli.progress import working
from bluezone_agent.cli.table import print_table
from bluezone_agent.cli.wrapping import wrapped
from bluezone_agent.i18n import _, local_number


def show(folder: Path, seed: int, *, as_json: bool) -> None:
    """Simulate a campaign into a new folder, and print the rounds and where everything is."""
    with working(_("simulating a campaign of three rounds")):
        done = simulate(folder, seed, _("en"))
    if as_json:
        print_json(done)
        return
    click.echo(
        wrapped(
            _(
                "a province of {offices} offices with {units} departments and {headcount} people, in three rounds (seed"
                " {seed}): {receipts} receipts of members' devices were accepted"
            ).format(
                offices=len(done.offices),
                units=done.units,
                headcount=done.headcount,
                seed=done.seed,
                receipts=done.receipts,
            ),
            hanging=0,
        )
    )
    _print_rounds(done)
    click.echo(_("look at:"))
    for path, what in _places(done):
        click.echo(wrapped(f"  {printable(str(path))}: {what}"))
    click.echo(_("continue with:"))
    click.echo(f"  bluezone-agent uptake report --folder {printable(str(done.province))} --levels 2")


def _print_rounds(done: SimulatedCampaign) -> None:
    names = (
        _("round"),
        _("by {deadline}").format(deadline=DEADLINE),
        _("installed"),
        "%",
        _("running"),
        "%",
        _("on the air"),
        "%",
    )
    print_table(names, [_row(one) for one in done.rounds], right=range(8))


def _row(one: DemoRound) -> tuple[str, ...]:
    whole = one.whole
    row = [str(one.round), f"{whole.units_on_time}/{whole.units}"]
    for share in (whole.installed, whole.running):
        row += [str(share.people), f"{local_number(share.share_percent):.1f}"] if share else ["-", "-"]
    air = whole.on_air
    if air is None:
        return (*row, "-", "-")
    return (
        *row,
        _("{devices:.0f} of {people}").format(devices=air.devices, people=air.people),
        f"{local_number(air.share_percent):.1f}",
    )


def _places(done: SimulatedCampaign) -> list[tuple[Path, str]]:
    last = done.rounds[-1]
    return [
        (last.letter, _("the letter of the last round, for signature")),
        (last.table, _("the same for a spreadsheet")),
        (done.slips, _("slips with codes, to cut and to draw")),
        (done.folder / "leaflets", _("posters, leaflets, slides and texts: {n} files").format(n=len(done.leaflets))),
        (done.offices[0], _("what an office keeps: units.csv, reported.csv, collected.csv, counted.csv")),
        (done.province / "merged", _("the offices' signed reports")),
    ]
