"""``authority``, as an office runs it."""

import json
import stat
import time
import tomllib

import pytest

from bluezone_agent.core.diagnosis_keys.submission import write_submission
from bluezone_agent.core.identifiers import DailyKey
from bluezone_agent.core.intervals import DAY_S, day_start_s
from tests.program import Program

ESCAPE = "\x1b]0;owned\x07"


def own_key(days_ago: int = 1, number: int = 1) -> DailyKey:
    start = day_start_s(time.time()) - days_ago * DAY_S
    return DailyKey("gaen", number.to_bytes(16, "big"), start, start + DAY_S, 144)


@pytest.fixture
def office(program: Program) -> Program:
    """Return an office with a signing key and an inbox with one good submission."""
    assert program.run("authority", "init", "key", "--key-id", "452").returncode == 0
    (program.home / "inbox").mkdir()
    (program.home / "inbox" / "lan.json").write_bytes(write_submission([own_key()], None))
    return program


def test_init_prints_what_goes_into_the_configuration_and_no_secret(program: Program) -> None:
    done = program.run("authority", "init", "key", "--key-id", "452", "--key-version", "v7", "--location", 'C:\\"keys"')
    assert done.returncode == 0
    (source,) = tomllib.loads(done.stdout)["source"]
    (key,) = source["key"]
    assert (source["location"], key["id"], key["version"]) == ('C:\\"keys"', "452", "v7")
    secret = program.home / "key" / "signing-key.json"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    middle = json.loads(secret.read_text())["private_key"].splitlines()[1]
    assert middle not in done.stdout + done.stderr
    program.config.write_text(done.stdout)
    assert program.run("config", "check").returncode == 0


def test_init_as_json(program: Program) -> None:
    done = program.run("authority", "init", "key", "--key-id", "452", "--json")
    values = json.loads(done.stdout)
    assert values["signing_key"] == "key/signing-key.json"
    assert set(values["source"]) == {"location", "key"}
    assert [set(key) for key in values["source"]["key"]] == [{"id", "version", "public_key"}]


def test_init_never_overwrites_a_key(office: Program) -> None:
    path = office.home / "key" / "signing-key.json"
    before = path.read_bytes()
    done = office.run("authority", "init", "key", "--key-id", "452")
    assert done.returncode == 1
    assert "error: key/signing-key.json already exists and is never overwritten\nbluezone-agent: hint: " in done.stderr
    assert path.read_bytes() == before


def test_publish_says_what_it_did_and_a_second_time_nothing_new(office: Program) -> None:
    (office.home / "inbox" / "old.json").write_bytes(
        write_submission([own_key(20, number=2), own_key(0, number=3)], None)
    )
    done = office.run("authority", "publish", "inbox", "--key", "key", "--to", "www")
    assert done.returncode == 0, done.stderr
    rows = done.stdout.splitlines()
    assert rows[0] == "inbox/lan.json  accepted; published: 1"
    assert rows[1].startswith("inbox/old.json  waiting until ")
    assert rows[1].endswith("; held back: 1; 1 key skipped: ended more than 14 days before its publication")
    assert rows[2].endswith(".zip: 1 key published")
    assert "1 key is still valid and held back until " in done.stderr
    again = office.run("authority", "publish", "inbox", "--key", "key", "--to", "www", "--json")
    report = json.loads(again.stdout)
    assert (report["published"], report["keys"]) == ([], {"published before": 1, "held back": 1})
    assert [s["verdict"] for s in report["submissions"]] == ["done before", "waits"]
    assert report["held_until"].endswith("T00:00:00Z")


def test_a_photo_in_the_inbox_is_one_clear_error_and_the_others_go_on(office: Program) -> None:
    (office.home / "inbox" / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF")
    done = office.run("authority", "publish", "inbox", "--key", "key", "--to", "www")
    assert done.returncode == 1
    assert done.stdout.splitlines()[:2] == [
        "inbox/lan.json   accepted; published: 1",
        "inbox/photo.jpg  refused",
    ]
    assert done.stderr.count("error: ") == done.stderr.count("hint: ") == 1
    assert "error: inbox/photo.jpg is not a key file exported by bluezone-agent: " in done.stderr


def test_what_is_revoked_while_it_waits_is_never_sent_out(office: Program) -> None:
    mistake = office.home / "inbox" / "mistake.json"
    mistake.write_bytes(write_submission([own_key(0, number=7), own_key(1, number=8)], None))
    where = ("inbox/mistake.json", "--key", "key", "--to", "www", "--minimum", "0")
    done = office.run("authority", "publish", *where)
    assert "accepted; published: 1; held back: 1" in done.stdout
    done = office.run("authority", "revoke", *where[:-2])
    rows = done.stdout.splitlines()
    assert rows[0].startswith("inbox/mistake.json  accepted; ")
    assert rows[1].endswith(".zip: 1 key revoked")
    assert rows[2:] == ["keys revoked: 1", "held-back keys withdrawn, never to be published: 1"]
    assert "published" not in rows[0].replace("withdrawn before publication", "")
    done = office.run("authority", "publish", *where)
    assert done.stdout.splitlines()[-1] == "nothing new to publish"
    assert "withdrawn earlier, never published: 1" in done.stdout


def test_a_refused_submission_is_named_and_the_exit_code_says_so(office: Program) -> None:
    (office.home / "inbox" / f"{ESCAPE}.json").write_text("{}")
    done = office.run("authority", "publish", "inbox", "nobody.json", "--key", "key", "--to", "www")
    assert done.returncode == 1
    assert "1 key published" in done.stdout
    assert "error: can't read the submission nobody.json: No such file or directory" in done.stderr
    assert "owned" in done.stderr
    assert "\x1b" not in done.stderr
    assert "\x07" not in done.stderr
    assert done.stderr.count("hint: ") == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--key", "inbox", "--to", "www"], "can't read the signing key inbox/signing-key.json: No such file"),
        (["--key", "key", "--to", "inbox/lan.json"], "can't write inbox/lan.json: "),
        (["--key", "key", "--to", "www", "--region", "V N"], '"V N" can\'t be the name'),
    ],
)
def test_what_is_wrong_is_named_with_the_way_out(office: Program, arguments: list[str], says: str) -> None:
    done = office.run("authority", "publish", "inbox", *arguments)
    assert done.returncode == 1
    assert f"error: {says}" in done.stderr
    assert "hint: " in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(office.home.glob("www/*"))


def test_an_empty_folder_of_submissions_makes_a_site_without_files(office: Program) -> None:
    (office.home / "inbox" / "lan.json").unlink()
    done = office.run("authority", "publish", "inbox", "--key", "key", "--to", "www")
    assert (done.returncode, done.stdout) == (0, "nothing new to publish\n")
    assert (office.home / "www" / "index.txt").read_text() == ""
