"""The data dictionary of an export, in English and Vietnamese."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from bluezone_agent import __version__
from bluezone_agent.actions.own_data.columns import Table
from bluezone_agent.actions.own_data.tables import TABLES
from bluezone_agent.errors import N_
from bluezone_agent.i18n import LANGUAGES, translated

TITLE = N_("Data dictionary")
NOTES = (
    N_(
        "This is what the device stores about the last 14 days. It tells when you were where people were: keep it safe."
    ),
    N_(
        "It contains no secret: no daily key, no identifier of yours or of others, no passphrase, no token. Other"
        " devices and published keys have pseudonyms that are random in each export."
    ),
    N_(
        "Days are your local days. Times have the offset from UTC of the time zone in which you were; in Parquet they"
        " are in UTC."
    ),
    N_(
        "In CSV, a text that a spreadsheet would run as a formula, or that begins with an apostrophe, has an additional"
        " apostrophe in front."
    ),
    N_("An empty cell means that a value is not known or does not apply. Numbers have a decimal point."),
)


def dictionary(rows: Mapping[str, int], exported_at: datetime) -> str:
    """Return the dictionary as Markdown; ``rows`` are the numbers of rows of each table."""
    return "\n\n".join(_in_language(language, rows, exported_at) for language in LANGUAGES)


def _in_language(language: str, rows: Mapping[str, int], exported_at: datetime) -> str:
    lines = [f"# {translated(TITLE, language)}", ""]
    lines += [f"bluezone-agent {__version__}, {exported_at.isoformat(timespec='seconds')}", ""]
    lines += [f"- {translated(note, language)}" for note in NOTES]
    for table in TABLES:
        lines += ["", *_table(table, rows[table.name], language)]
    return "\n".join(lines) + "\n"


def _table(table: Table, rows: int, language: str) -> Iterator[str]:
    yield f"## {table.name}"
    yield ""
    yield translated(N_("{meaning} (rows: {n})"), language).format(meaning=translated(table.meaning, language), n=rows)
    yield ""
    headings = (N_("column"), N_("type"), N_("unit"), N_("meaning"))
    yield f"| {' | '.join(translated(heading, language) for heading in headings)} |"
    yield "|---|---|---|---|"
    for column in table.columns:
        yield f"| `{column.name}` | {column.type.value} | {column.unit} | {translated(column.meaning, language)} |"
