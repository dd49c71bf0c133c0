"""``diary``: a line of one's own about a day, kept, shown and deleted like everything else."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluezone_agent.core.attenuation import ReceivedMinute
from bluezone_agent.core.diary import LONGEST, diary_line, require_kept
from bluezone_agent.core.identifiers import DailyKey, ReportType
from bluezone_agent.core.intervals import DAY_S, MINUTE_S, RETENTION_DAYS
from bluezone_agent.errors import BackupError, DiaryError
from bluezone_agent.stores.store import Store
from tests.exposed import received_key
from tests.present import today_s
from tests.program import Program
from tests.receiving import receive

NOTE = "bữa trưa với An"
SECRET = "a line that nobody may find again"


def everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


def add(program: Program, text: str, *more: str, stdin: str = "") -> dict[str, object]:
    done = program.run("diary", "add", text, *more, "--json", stdin=stdin, TZ="UTC")
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_a_line_is_added_listed_and_deleted(program: Program) -> None:
    added = add(program, NOTE)
    assert (added["number"], added["text"]) == (1, NOTE)
    shown = program.run("diary", "list", TZ="UTC").stdout
    assert shown == f"{added['day']}  1  {NOTE}\n"
    assert program.run("diary", "delete", "1").stderr == "entry 1 deleted\n"
    assert program.run("diary", "list").stdout == "no notes in the diary\n"
    done = program.run("diary", "delete", "1")
    assert done.returncode == 2
    assert "the diary has no entry 1" in done.stderr


def test_a_line_from_standard_input_needs_no_argument(program: Program) -> None:
    assert add(program, "-", stdin=f"\ufeff  {NOTE}\r\n and more \n")["text"] == f"{NOTE} and more"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["add", " \n "], "is empty"),
        (["add", "x" * (LONGEST + 1)], f"{LONGEST + 1} of at most {LONGEST} characters"),
        (["add", "x", "--day", "1999-01-01"], "1999-01-01 is not a day that the diary keeps"),
        (["add", "x", "--day", "2999-01-01"], "2999-01-01 is not a day that the diary keeps"),
        (["add", "x", "--day", "monday"], "is not a date"),
        (["delete", "0"], "0"),
    ],
)
def test_what_is_no_line_is_refused_with_the_way_out(program: Program, words: list[str], said: str) -> None:
    done = program.run("diary", *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert program.run("diary", "list").stdout == "no notes in the diary\n"


def test_what_it_says_can_not_move_the_cursor(program: Program) -> None:
    add(program, "\x1b[2Jx\u202ey")
    for words in (["diary", "list"], ["contacts"]):
        shown = program.run(*words).stdout
        assert "\\x1b[2Jx\\x202ey" in shown


@given(st.text(min_size=1, max_size=LONGEST))
def test_a_line_stays_one_line(text: str) -> None:
    try:
        line = diary_line(text)
    except DiaryError:
        assert not text.split()
        return
    assert line == diary_line(line)
    assert len(line.splitlines()) == 1
    line.encode()


def test_today_and_14_days_before_are_kept() -> None:
    today = date(2026, 11, 24)
    for back in range(RETENTION_DAYS + 1):
        require_kept(today - timedelta(days=back), today)
    for day in (today + timedelta(days=1), today - timedelta(days=RETENTION_DAYS + 1)):
        with pytest.raises(DiaryError):
            require_kept(day, today)


def test_it_is_shown_with_contacts_and_exposures_of_its_day(program: Program) -> None:
    start_s = today_s() - DAY_S
    day = date.fromtimestamp(start_s + 43_200).isoformat()  # noqa: DTZ012 - the zone is UTC below
    with Store(program.state_dir) as store:
        receive(store, DailyKey("gaen", b"k" * 16, start_s, start_s + DAY_S, 144))
        minutes = [ReceivedMinute((start_s + 36_000) // MINUTE_S + n, 40.0, 4) for n in range(20)]
        with store.transaction():
            store.exposures.add(received_key("ab", ReportType.CONFIRMED_TEST, 0, start_s, minutes))
    add(program, NOTE, "--day", day)
    other = add(program, "another day")
    for words in (["contacts", "--days", "3"], ["exposures"], ["exposures", "explain", day]):
        shown = program.run(*words, TZ="UTC").stdout
        assert NOTE in shown, words
        found = json.loads(program.run(*words, "--json", TZ="UTC").stdout)
        assert NOTE in [entry["text"] for entry in found["diary"]]
        assert ("another day" in shown) == (words[0] == "contacts"), other
    vi = program.run("--lang", "vi", "contacts", "--days", "3", TZ="UTC").stdout
    assert f"ghi chú của bạn: {NOTE}" in vi


def test_deleting_leaves_no_copy_in_the_files(tmp_path: Path) -> None:
    """While the store stays open: closing it would empty the log, too."""
    with Store(tmp_path) as store:
        with store.transaction():
            number = store.diary.add(date(2026, 11, 24), SECRET, 0)
        assert SECRET.encode() in everything(tmp_path)
        assert store.delete_from_diary(number)
        assert SECRET.encode() not in everything(tmp_path)


def test_it_expires_like_everything_else(program: Program) -> None:
    now_s = today_s() + 43_200
    with Store(program.state_dir) as store:
        with store.transaction():
            for back in range(20):
                store.diary.add(date.fromtimestamp(now_s - back * DAY_S), SECRET, now_s)  # noqa: DTZ012
        store.expire(now_s)
        assert len(store.diary.since()) == RETENTION_DAYS + 2
        store.expire(now_s + 30 * DAY_S)
        assert store.diary.since() == []
    assert SECRET.encode() not in everything(program.state_dir)


def test_a_backup_has_it_and_a_restore_does_not_write_over_it(program: Program) -> None:
    secret = program.home / "passphrase"
    secret.write_text("correct horse battery\n")
    add(program, NOTE)
    options = ("--passphrase-file", str(secret))
    assert program.run("backup", "b.age", *options).returncode == 0
    refused = program.run("restore", "b.age", *options)
    assert refused.returncode == BackupError.exit_code
    assert "already contains" in refused.stderr
    assert program.run("wipe", "--yes").returncode == 0
    assert program.run("restore", "b.age", *options).returncode == 0
    assert NOTE in program.run("diary", "list").stdout
