"""``bluezone-agent trial pack``, ``report`` and ``forget``."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from bluezone_agent.app import trial_dataset as datasets
from bluezone_agent.cli.base import PATH, Command, argument, json_option, option, print_json, printable, say
from bluezone_agent.cli.page_file import write_page
from bluezone_agent.cli.progress import working
from bluezone_agent.cli.questions import require_yes
from bluezone_agent.cli.wrapping import wrapped
from bluezone_agent.errors import N_
from bluezone_agent.html.trial import report_page
from bluezone_agent.i18n import _, local_number, ngettext
from bluezone_agent.tables.names import DEFAULT_ENGINE, ENGINE_NAMES

folder_argument = argument("folder", metavar="DIR", type=PATH)
UTC_TIME: Final = click.DateTime(("%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"))


@click.command(
    cls=Command,
    answers=datasets.TrialDataset,
    help=N_(
        "Make the dataset of the trial in DIR: Parquet files with a description of every column, on one"
        " clock and with the true distances. It replaces an older one."
    ),
)
@folder_argument
@json_option
def pack(*, folder: Path, as_json: bool) -> None:
    """Pack; the recordings stay as they are."""
    with working(_("packing")):
        done = datasets.pack(folder)
    if as_json:
        print_json(done)
        return
    _print_rows(done.rows)
    say(_("written: {path}").format(path=done.folder))


def _print_rows(found: dict[str, int]) -> None:
    for table, rows in found.items():
        click.echo(ngettext("{table}: {n} row", "{table}: {n} rows", rows).format(table=table, n=rows))


@click.command(
    "import",
    cls=Command,
    answers=datasets.TrialImport | datasets.NodeLog,
    help=N_(
        "Make the new folder DIR with the dataset of a published recording in SOURCE, a file or a folder that"
        " stays as it is. KIND: dp3t, mit-matrix, danis, multi-channel, range-angle, or herald for the folders"
        " of a Herald test. KIND btsnoop, pcap or csv makes the log of a device that can't run the agent the"
        " recording of NAME in the trial DIR."
    ),
)
@argument("kind", metavar="KIND", type=click.Choice((*datasets.RECORDINGS, *datasets.LOGS)))
@argument("source", metavar="SOURCE", type=PATH)
@folder_argument
@option(
    "--from", "begins", metavar="WHEN", type=UTC_TIME, help=N_("When a Herald test began: 2026-11-29T22:21:00, UTC.")
)
@option("--until", "ends", metavar="WHEN", type=UTC_TIME, help=N_("When it ended."))
@option("--node", metavar="NAME", help=N_("Which device of the plan a log is of."))
@option(
    "--columns",
    metavar="NAMES",
    default="",
    help=N_("What the columns of a csv log are called: time=Timestamp,rssi=RSSI,data=Payload."),
)
@json_option
def import_(
    *,
    kind: str,
    source: Path,
    folder: Path,
    begins: datetime | None,
    ends: datetime | None,
    node: str | None,
    columns: str,
    as_json: bool,
) -> None:
    """Import; then a report can be made, or of a log a dataset."""
    if (node is not None) != (kind in datasets.LOGS):
        raise click.UsageError(_("--node NAME goes with btsnoop, pcap and csv, and with nothing else"))
    if columns and kind != datasets.TABLE:
        raise click.UsageError(_("--columns NAMES goes with csv"))
    if node is not None:
        _print_log(datasets.import_log(kind, source, folder, node, columns), as_json=as_json)
        return
    with working(_("reading")):
        done = datasets.import_recording(
            kind, source, folder, *(at and at.replace(tzinfo=UTC) for at in (begins, ends))
        )
    if as_json:
        print_json(done)
        return
    _print_rows(done.rows)
    if done.counted_packets:
        say(
            ngettext(
                "{n} packet of other devices, or without a possible RSSI, was counted only",
                "{n} packets of other devices, or without a possible RSSI, were counted only",
                done.counted_packets,
            ).format(n=done.counted_packets)
        )
    for line in done.settings:
        click.echo(printable(line))
    say(_("written: {path}").format(path=done.folder))


def _print_log(done: datasets.NodeLog, *, as_json: bool) -> None:
    if as_json:
        print_json(done)
        return
    for sender, packets in sorted(done.packets.items()):
        click.echo(
            ngettext("{n} packet of {sender}", "{n} packets of {sender}", packets).format(n=packets, sender=sender)
        )
    say(_("written: {path}").format(path=done.folder))


@click.command(
    cls=Command,
    answers=datasets.TrialReport,
    help=N_(
        "Write the report of the packed trial in DIR: a page, its figures as SVG, PNG and PDF, and its tables as CSV."
    ),
)
@folder_argument
@option(
    "--engine",
    type=click.Choice(ENGINE_NAMES),
    default=DEFAULT_ENGINE,
    show_default=True,
    help=N_("What computes the tables: DuckDB in this process, or Spark as it is configured (extra [spark])."),
)
@json_option
def report(*, folder: Path, engine: str, as_json: bool) -> None:
    """Write the report; an older one is replaced."""
    with working(_("computing")):
        found, made = datasets.report(folder, engine)
    write_page(found.folder / datasets.PAGE_NAME, report_page(found, made))
    if as_json:
        print_json(found)
        return
    for line in summary(found):
        click.echo(wrapped(line, hanging=2))
    say(_("written: {path}").format(path=found.folder / datasets.PAGE_NAME))


def summary(found: datasets.TrialReport) -> list[str]:
    """Return the main figures as lines."""
    lines = [
        _("detection: {percent} of {n} pairs").format(percent=_percent(found.detection), n=found.pairs),
        _("continuity: not known, the recording has no times")
        if found.continuity is None
        else _("continuity: {percent} of the windows of 30 s").format(percent=_percent(found.continuity)),
    ]
    if found.completeness is not None:
        lines.append(_("completeness: {percent} both ways").format(percent=_percent(found.completeness)))
    if found.longevity is not None:
        lines.append(
            _("longevity: {percent} between the first and the last hour").format(percent=_percent(found.longevity))
        )
    if found.path_loss is not None:
        fit = found.path_loss
        lines.append(
            _("path loss: {at_1m:.1f} dBm at 1 m, {decade:.1f} dB weaker at ten times the distance").format(
                at_1m=local_number(fit.at_1m_dbm), decade=local_number(fit.decade_db)
            )
        )
    return lines


def _percent(share: float) -> str:
    return f"{local_number(100 * share):.1f} %"


@click.command(
    cls=Command,
    answers=datasets.TrialExport,
    help=N_(
        "Write the packed trial in DIR into a new FOLDER for other programs: every table as CSV or in one SQLite"
        " file, or the folders that Herald's TestAnalysis.R reads, with the settings for that script."
    ),
)
@folder_argument
@argument("to", metavar="FOLDER", type=PATH)
@option(
    "--to", "kind", type=click.Choice(("csv", "herald", "sqlite")), default="csv", show_default=True, help=N_("Form.")
)
@json_option
def export(*, folder: Path, to: Path, kind: str, as_json: bool) -> None:
    """Export; the settings for the script are on standard output."""
    with working(_("writing")):
        done = datasets.export(folder, kind, to)
    if as_json:
        print_json(done)
        return
    for line in done.settings:
        click.echo(line)
    if done.expected is not None:
        say(
            _("the script then finds: detection {detection}, continuity {continuity}, longevity {longevity}").format(
                detection=_percent(done.expected.detection),
                continuity=_percent(done.expected.continuity),
                longevity=_percent(done.expected.longevity),
            )
        )
    say(_("written: {path}").format(path=done.folder))


@click.command(
    cls=Command,
    answers=datasets.TrialForgotten,
    help=N_(
        "Remove a person from the trial in DIR: the recordings of their devices, what others received of"
        " them, and what names them. Dataset and report are deleted: make them again. A receipt is kept"
        " in forgotten.jsonl."
    ),
)
@folder_argument
@option("--person", metavar="NAME", required=True, help=N_("Pseudonym of the person in the plan."))
@option("--yes", is_flag=True, help=N_("Don't ask for confirmation (for scripts)."))
@json_option
def forget(*, folder: Path, person: str, yes: bool, as_json: bool) -> None:
    """Remove a person."""
    if not yes:
        require_yes(
            _(
                "This deletes what {person}'s devices recorded, and what others received of them. It can't be undone."
            ).format(person=person),
            _("remove {person} from {path}?").format(person=person, path=folder),
        )
    done = datasets.forget(folder, person)
    if as_json:
        print_json(done)
        return
    say(
        ngettext(
            "removed: {n} device, {packets} packets, {marks} marks",
            "removed: {n} devices, {packets} packets, {marks} marks",
            done.devices,
        ).format(n=done.devices, packets=done.packets, marks=done.marks)
    )
    say(_("copies of the folder on other devices are unchanged: run the same command there"))
