"""What the page's parts hold, and that they hold nothing of other people and no secret."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bluezone_agent.app import page, page_files
from bluezone_agent.app.configuration import configuration
from bluezone_agent.app.device import Device
from bluezone_agent.app.page_folder import PAGE, page_folder
from bluezone_agent.app.page_now import page_now, scanned_days
from bluezone_agent.app.page_parts import PARTS, PageContacts, PageExposures, PageFindings, PageNow, in_every_language
from bluezone_agent.app.result import as_json, from_json
from bluezone_agent.core.calendars import UTC_CALENDAR
from bluezone_agent.core.identifiers import DailyKey, ObservedIdentifier
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.listening import Span
from bluezone_agent.core.sightings import ContactMinute
from bluezone_agent.i18n import _, speaking
from bluezone_agent.stores.store import Store
from tests.present import today_s
from tests.program import Program

VI = "không chạy"
SECRET, THEIRS, METADATA = b"owner's own key!", b"identifier of an", b"AEM!"


@pytest.fixture
def filled(program: Program) -> Program:
    """A device with a key and with contacts."""
    program.config.write_text('language = "vi"\n[authority]\nname = "CDC"\ntelephone = "1900 9095"\n')
    minute = int(time.time()) // 60 - 90
    near = ContactMinute(
        ObservedIdentifier("gaen", THEIRS, METADATA), minute, 3, -50.0, -52, -48, {-17: 3}, trusted=True
    )
    with Store(program.state_dir) as store, store.transaction():
        store.contacts.add([near])
        key = DailyKey("gaen", SECRET, today_s(), today_s() + DAY_S, 144)
        store.keys.add(key, last_slot_s=today_s(), exportable=True, closed=False)
        store.listening.begin(time.time() - 3 * 3600, "passive")
        store.listening.extend(time.time())
    return program


def parts(program: Program) -> dict[str, str]:
    done = program.run("page")
    assert done.returncode == 0, done.stderr
    return {name: json.dumps(part) for line in done.stdout.splitlines() for name, part in json.loads(line).items()}


def test_every_part_is_read_back_as_it_was(filled: Program) -> None:
    found = parts(filled)
    assert set(found) == set(PARTS)
    for name, text in found.items():
        part = page_files.decoded(text, PARTS[name])
        assert part is not None
        assert json.loads(as_json(part)) == json.loads(text)
    now, contacts = page_files.decoded(found["now"], PageNow), page_files.decoded(found["contacts"], PageContacts)
    assert now is not None
    assert contacts is not None
    assert now.language == "vi"
    assert now.authority is not None
    assert now.authority.telephone == "1900 9095"
    assert len(now.scanned) == 14
    assert [hour.close_contacts for hour in contacts.hours] == [1]


def test_no_part_holds_a_key_or_an_identifier(filled: Program) -> None:
    text = "".join(parts(filled).values())
    for secret in (SECRET, THEIRS, METADATA):
        assert secret.hex() not in text.lower()
        assert secret.decode() not in text
        assert json.dumps(list(secret))[1:-1] not in text


def test_texts_are_in_every_language(filled: Program) -> None:
    found = page_files.decoded(parts(filled)["findings"], PageFindings)
    assert found is not None
    assert len(found.findings) > 3
    clocks = [finding.message for finding in found.findings if "clock" in finding.message["en"][0]]
    assert clocks
    assert all(said["en"] != said["vi"] for said in clocks)
    assert in_every_language(lambda: [_("not running")]) == {"en": ("not running",), "vi": (VI,)}


def test_a_language_is_spoken_within_its_block_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LANGUAGE", raising=False)
    with speaking("vi"):
        assert _("not running") == VI
    assert "LANGUAGE" not in os.environ
    monkeypatch.setenv("LANGUAGE", "vi")
    with speaking("en"):
        assert _("not running") == "not running"
    assert _("not running") == VI


def test_a_part_of_another_version_is_as_none(tmp_path: Path) -> None:
    (tmp_path / "now.json").write_text('{"made_at": "2026-01-01T00:00:00Z"}')
    assert page_files.read(tmp_path, PageNow) is None
    (tmp_path / "now.json").write_bytes(b"\xff{")
    assert page_files.read(tmp_path, PageNow) is None
    assert page_files.read(tmp_path, PageExposures) is None, "there is none"


def test_only_the_pages_group_can_read_a_written_part(
    filled: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "page"
    folder.mkdir()
    monkeypatch.setenv(PAGE, str(folder))
    device = Device(filled.state_dir, filled.config)
    page.write_page(device)
    assert {path.name for path in folder.iterdir()} == {f"{name}.json" for name in PARTS}
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o640}
    now = page_files.read(folder, PageNow)
    assert now is not None
    assert now.service


def test_without_a_folder_nothing_is_written(filled: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sorted(path.name for path in filled.state_dir.iterdir())
    monkeypatch.setenv(PAGE, str(tmp_path / "nosuch"))
    page.write_page(Device(filled.state_dir, filled.config))
    assert page_folder() is None
    assert not (tmp_path / "nosuch").exists()
    assert {"agent.db"} <= set(before)


def test_a_check_writes_what_it_changes(filled: Program, tmp_path: Path) -> None:
    folder = tmp_path / "page"
    folder.mkdir()
    source = filled.home / "cases"
    source.mkdir()
    (source / "index.txt").write_text("")
    filled.config.write_text(f'clock_trusted = true\n[[source]]\nlocation = "{source}"\nallow_unsigned = true\n')
    assert filled.run("check", BLUEZONE_PAGE=str(folder)).returncode == 0
    now = page_files.read(folder, PageNow)
    assert now is not None
    assert now.checked_at is not None
    assert [name.complete_at is not None for name in now.sources] == [True]
    assert page_files.read(folder, PageExposures) is not None


def test_shares_are_of_the_owners_days() -> None:
    noon_s = 1_600_000_000 // DAY_S * DAY_S + DAY_S // 2
    spans = [Span(noon_s - DAY_S, noon_s - 6 * 3600, "passive"), Span(noon_s - 6 * 3600, noon_s, "", "powered off")]
    days = scanned_days(spans, UTC_CALENDAR, noon_s)
    assert [day.share for day in days] == [None] * 12 + [0.5, 0.5]
    assert days[-1].day == datetime.fromtimestamp(noon_s, UTC).date()


def test_the_agents_part_writes_nothing_into_its_store(filled: Program) -> None:
    filled.config.write_text("clock_trusted = true\n")
    config = configuration(Device(filled.state_dir, filled.config))
    with Store(filled.state_dir) as store:
        kept = store.timelines.clock_state()
        page_now(store, config, ())
        with store.transaction():
            pass  # what waits to be stored is stored
        assert store.timelines.clock_state() == kept


def test_a_shape_that_is_not_a_part_is_refused() -> None:
    with pytest.raises(ValueError, match="missing required field"):
        from_json("{}", PageNow)
