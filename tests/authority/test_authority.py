"""The authority: its key, and what it publishes of what owners hand in."""

import hashlib
import json
import shutil
import stat
import zipfile
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings

from bluezone_agent.authority import publish
from bluezone_agent.authority.publish import KEY_NAME, Fate, PublishReport, load_key
from bluezone_agent.core.diagnosis_keys import KeyFault, KeyFile, read_key_file
from bluezone_agent.core.diagnosis_keys.signed_index import SignedIndex, read_signed_index
from bluezone_agent.core.diagnosis_keys.submission import write_submission
from bluezone_agent.core.identifiers import DailyKey, DiagnosisKey, ReportType
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.errors import AgentError, KeySourceError
from tests.diagnosis_keys import AUTHORITY, NOW_S, TODAY_S, daily_key, diagnosis_keys, signing_key
from tests.key_sources.reading import files_of


class Office:
    """Submissions on one side, the published folder on the other."""

    def __init__(self, home: Path) -> None:
        self.inbox = home / "inbox"
        self.folder = home / "published"
        self.inbox.mkdir()

    def submit(self, name: str, *keys: DailyKey) -> Path:
        path = self.inbox / name
        path.write_bytes(write_submission(keys, None))
        return path

    def publish(self, now_s: float = NOW_S, *paths: Path, **options: Any) -> PublishReport:
        chosen: dict[str, Any] = {"report_type": ReportType.CONFIRMED_TEST, "region": "VN", "minimum": 0} | options
        return publish.publish(paths or [self.inbox], AUTHORITY, self.folder, now_s, **chosen)

    def published(self) -> list[KeyFile]:
        return [
            read_key_file(f.name, f.data, f.signature, AUTHORITY.verification_key, NOW_S)
            for f in files_of(str(self.folder))
        ]

    def published_keys(self) -> dict[bytes, ReportType]:
        return {k.key.data: k.report_type for file in self.published() for k in file.whole().keys}

    def bytes(self) -> dict[str, bytes]:
        """Return every file, without the signed index, which each publication renews."""
        files = (p for p in self.folder.rglob("*") if p.is_file() and p.name != "index.signed")
        return {str(p.relative_to(self.folder)): p.read_bytes() for p in files}


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


# the signing key


def test_a_signing_key_is_private_and_comes_back(tmp_path: Path) -> None:
    made = publish.init(tmp_path / "key", "452", "v1")
    assert stat.S_IMODE((tmp_path / "key" / KEY_NAME).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o700
    again = load_key(tmp_path / "key")
    assert (again.key_id, again.key_version) == ("452", "v1")
    assert made.verification_key.verify("x", b"data", again.sign(b"data"))[:2] == (1, 1)


def test_a_signing_key_is_never_overwritten(tmp_path: Path) -> None:
    publish.init(tmp_path, "452", "v1")
    before = (tmp_path / KEY_NAME).read_bytes()
    with pytest.raises(AgentError, match=rf"{KEY_NAME} already exists and is never overwritten") as caught:
        publish.init(tmp_path, "452", "v2")
    assert caught.value.hint
    assert (tmp_path / KEY_NAME).read_bytes() == before


@pytest.mark.parametrize(
    ("key_id", "version"), [("", "v1"), ("4 52", "v1"), ('"', "v1"), ("452", "v\n1"), ("a" * 41, "")]
)
def test_names_that_would_not_fit_a_configuration_are_refused(tmp_path: Path, key_id: str, version: str) -> None:
    with pytest.raises(AgentError, match="can't be the name of a key"):
        publish.init(tmp_path / "key", key_id, version)
    assert not (tmp_path / "key").exists()


@pytest.mark.parametrize("content", [None, "", "{}", "[]", '{"key_id": 1, "key_version": 2, "private_key": 3}', "\x00"])
def test_a_folder_without_a_signing_key_is_named(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / KEY_NAME).write_text(content)
    with pytest.raises(AgentError, match=f"can't read the signing key {tmp_path}/{KEY_NAME}: ") as caught:
        load_key(tmp_path)
    assert "--key DIR" in caught.value.hint


# publishing


@given(gaen=diagnosis_keys("gaen"), bluezone=diagnosis_keys("bluezone"))
@hypothesis_settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_good_key_is_published_once(
    tmp_path_factory: pytest.TempPathFactory, gaen: list[DiagnosisKey], bluezone: list[DiagnosisKey]
) -> None:
    office = Office(tmp_path_factory.mktemp("office"))
    keys = [k.key for k in gaen + bluezone]
    over = {k.data for k in keys if k.ends_at_s <= NOW_S}
    office.submit("1", *keys)
    office.submit("2", *keys[:3])
    first = office.publish()
    assert set(office.published_keys()) == over
    assert sum(len(f.whole().keys) for f in office.published()) == sum(p.keys for p in first.published) == len(over)
    assert first.fates[Fate.HELD_BACK] == len(keys) - len(over)
    before = office.bytes()
    again = office.publish(NOW_S + 60)
    assert again.published == []
    assert again.fates == Counter({Fate.PUBLISHED_BEFORE: len(over), Fate.HELD_BACK: first.fates[Fate.HELD_BACK]}), (
        "each key is counted once"
    )
    assert office.bytes() == before


def test_what_is_published_says_protocol_time_and_onset(office: Office) -> None:
    gaen, bluezone = daily_key("gaen"), daily_key("bluezone")
    (office.inbox / "x").write_bytes(write_submission([gaen, bluezone], date(2020, 9, 20)))
    report = office.publish()
    assert [(p.protocol, p.keys) for p in report.published] == [("bluezone", 1), ("gaen", 1)]
    first, second = office.published()
    assert [first.whole().keys[0].key, second.whole().keys[0].key] == [bluezone, gaen]
    assert {f.published_at_s for f in (first, second)} == {NOW_S}
    assert {k.days_since_onset for f in (first, second) for k in f.whole().keys} == {3}
    assert (office.folder / "index.txt").read_text() == "".join(f"{p.name}\n" for p in report.published)


def test_the_next_batch_begins_where_the_last_one_ended(office: Office) -> None:
    office.submit("1", daily_key(number=1))
    office.publish()
    office.submit("2", daily_key(number=2))
    later = NOW_S + 3600
    report = office.publish(later)
    start = TODAY_S - DAY_S
    assert (office.folder / "index.txt").read_text().split() == [
        f"gaen/{start}-{NOW_S}-00001.zip",
        f"gaen/{NOW_S}-{later}-00002.zip",
    ]
    assert [p.keys for p in report.published] == [1]


def test_a_key_that_is_still_valid_waits_until_it_is_over(office: Office) -> None:
    today = daily_key(days_ago=0)
    office.submit("1", today, daily_key(days_ago=1, number=2))
    report = office.publish()
    assert (report.fates[Fate.HELD_BACK], report.held_until_s) == (1, today.ends_at_s)
    assert today.data not in office.published_keys()
    assert today.data not in b"".join(office.bytes().values())
    assert office.publish(today.ends_at_s - 1).fates[Fate.HELD_BACK] == 1
    assert office.publish(today.ends_at_s).fates[Fate.HELD_BACK] == 0
    assert today.data in office.published_keys()


def test_a_contacts_keys_are_published_as_such(office: Office) -> None:
    office.submit("1", daily_key())
    office.publish(report_type=ReportType.RECURSIVE)
    assert list(office.published_keys().values()) == [ReportType.RECURSIVE]


def test_a_contact_who_becomes_a_case_is_published_again_but_not_the_other_way_round(office: Office) -> None:
    office.submit("1", daily_key())
    assert office.publish(report_type=ReportType.RECURSIVE).published
    assert not office.publish(NOW_S + 1, report_type=ReportType.RECURSIVE).published
    assert office.publish(NOW_S + 2).published
    assert list(office.published_keys().values()) == [ReportType.CONFIRMED_TEST]
    assert not office.publish(NOW_S + 3).published
    assert not office.publish(NOW_S + 4, report_type=ReportType.RECURSIVE).published


def test_what_was_published_by_mistake_is_taken_back_once(office: Office) -> None:
    mistaken, right = daily_key("gaen", number=1), daily_key("bluezone", number=2)
    mistake = office.submit("mistake", mistaken)
    office.submit("right", right)
    office.publish()
    revoked = office.publish(NOW_S + 1, mistake, report_type=ReportType.REVOKED)
    assert [(p.protocol, p.keys) for p in revoked.published] == [("gaen", 1)]
    assert [[k.key.data for k in file.whole().revoked] for file in office.published()] == [[], [], [mistaken.data]]
    assert not office.publish(NOW_S + 2, mistake, report_type=ReportType.REVOKED).published
    again = office.publish(NOW_S + 3)
    assert not again.published, "what is revoked is not published again by an inbox that was not cleared"
    assert again.fates == {Fate.PUBLISHED_BEFORE: 1, Fate.REVOKED_BEFORE: 1}


@pytest.mark.parametrize("days_ago", [0, 1])
def test_what_was_revoked_before_it_was_published_never_is(office: Office, days_ago: int) -> None:
    mistaken, right = daily_key(days_ago=days_ago, number=1), daily_key(days_ago=days_ago, number=2)
    mistake = office.submit("mistake", mistaken)
    office.submit("right", right)
    later_s = mistaken.ends_at_s + DAY_S
    if days_ago == 0:
        assert office.publish().fates == {Fate.HELD_BACK: 2}
    assert office.publish(NOW_S + 1, mistake, report_type=ReportType.REVOKED).fates == {Fate.WITHDRAWN: 1}
    assert office.publish(NOW_S + 2, mistake, report_type=ReportType.REVOKED).fates == {Fate.WITHDRAWN_BEFORE: 1}
    for at_s in (later_s, later_s + 1):
        office.publish(at_s)
        office.publish(at_s, report_type=ReportType.RECURSIVE)
        assert list(office.published_keys()) == [right.data]
    assert mistaken.data not in b"".join(office.bytes().values())


def test_what_must_not_be_published_is_kept_for_as_long_as_it_could_be(office: Office) -> None:
    record = office.folder / ".withdrawn"
    office.publish(NOW_S, office.submit("1", daily_key(number=1)), report_type=ReportType.REVOKED)
    assert stat.S_IMODE(record.stat().st_mode) == 0o600
    assert len(json.loads(record.read_bytes())) == 1
    assert daily_key(number=1).data.hex() not in record.read_text()
    later = daily_key(number=2)._replace(starts_at_s=TODAY_S + 20 * DAY_S, ends_at_s=TODAY_S + 21 * DAY_S)
    office.publish(NOW_S + 21 * DAY_S, office.submit("2", later), report_type=ReportType.REVOKED)
    assert list(json.loads(record.read_bytes())) == [hashlib.sha256(later.data).hexdigest()]


@pytest.mark.parametrize("damage", [b"", b"[]", b"\xff", b'{"a": "b"}'])
def test_without_its_record_of_what_was_withdrawn_nothing_is_published(office: Office, damage: bytes) -> None:
    office.publish(NOW_S, office.submit("1", daily_key()), report_type=ReportType.REVOKED)
    (office.folder / ".withdrawn").write_bytes(damage)
    with pytest.raises(
        AgentError, match=r"can't read .*\.withdrawn, the list of keys that must never be published"
    ) as caught:
        office.publish()
    assert caught.value.hint
    assert office.published_keys() == {}


def test_what_was_never_published_is_not_revoked(office: Office) -> None:
    office.submit("1", daily_key())
    report = office.publish(report_type=ReportType.REVOKED)
    assert not report.published
    assert office.published_keys() == {}


@pytest.mark.parametrize("protocol", ["bluezone", "gaen"])
def test_a_file_is_filled_up_with_keys_that_look_like_the_real_ones(office: Office, protocol: str) -> None:
    truncated = daily_key(protocol, days_ago=3, number=7)
    truncated = truncated._replace(ends_at_s=truncated.starts_at_s + 5 * truncated.slot_s)
    office.submit("1", truncated, daily_key(protocol, days_ago=1, number=9))
    report = office.publish(minimum=1000)
    assert [p.keys for p in report.published] == [2]
    (file,) = office.published()
    keys = file.whole().keys
    assert len(keys) == 1000
    assert [k.key.data for k in keys] == sorted(k.key.data for k in keys)
    assert {(k.key.starts_at_s, k.key.ends_at_s) for k in keys} == {
        (k.starts_at_s, k.ends_at_s) for k in (truncated, daily_key(protocol, days_ago=1))
    }
    assert not office.publish(NOW_S + 1, minimum=1000).published


def test_many_keys_are_several_files(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "MOST_KEYS", 4)
    keys = [daily_key(number=n) for n in range(1, 11)]
    office.submit("1", *keys)
    assert [p.keys for p in office.publish().published] == [4, 4, 2]
    assert set(office.published_keys()) == {k.data for k in keys}
    assert len({p.name for p in (office.folder / "gaen").iterdir()}) == 3


def test_a_malformed_submission_is_refused_by_name_and_the_others_go_on(office: Office) -> None:
    office.submit("good.json", daily_key())
    (office.inbox / "broken.json").write_text('{"format": "bluezone-agent submission", "version": 1, "keys": [')
    report = office.publish(NOW_S, office.inbox, office.inbox / "gone.json")
    assert len(office.published_keys()) == 1
    assert [str(e).split(": ")[0] for e in report.refused] == [
        f"{office.inbox}/broken.json is not a key file exported by bluezone-agent",
        f"can't read the submission {office.inbox}/gone.json",
    ]
    assert all(e.hint for e in report.refused)
    assert (office.inbox / "broken.json").exists()


def test_bad_keys_are_left_out_with_their_reason_and_the_others_published(office: Office) -> None:
    good = daily_key()
    bad = [
        daily_key(number=2)._replace(data=b"short"),
        daily_key(number=3, days_ago=20),
        daily_key(number=4, days_ago=-1),
        daily_key(number=5)._replace(protocol="morse"),
    ]
    path = office.submit("1", good, *bad)
    report = office.publish()
    assert list(office.published_keys()) == [good.data]
    assert [(s.name, s.dropped) for s in report.submissions] == [
        (str(path), {KeyFault.LENGTH: 1, KeyFault.OLD: 1, KeyFault.FUTURE: 1, KeyFault.PROTOCOL: 1})
    ]


def test_files_that_nobody_needs_any_more_leave_the_folder(office: Office) -> None:
    office.submit("1", daily_key("bluezone"), daily_key("gaen"))
    office.publish()
    assert len(office.bytes()) == 4
    (office.inbox / "1").unlink()
    office.publish(NOW_S + 14 * DAY_S)
    assert len(office.bytes()) == 4
    office.publish(NOW_S + 14 * DAY_S + 1)
    assert office.bytes() == {"index.txt": b""}


def test_a_folder_of_another_key_is_left_as_it_is(office: Office) -> None:
    office.submit("1", daily_key())
    office.publish()
    before = office.bytes()
    office.submit("2", daily_key(number=2))
    with pytest.raises(
        AgentError, match=f"{office.folder} contains a file that was not published with this key"
    ) as caught:
        publish.publish(
            [office.inbox], signing_key(2), office.folder, NOW_S, report_type=ReportType.CONFIRMED_TEST, region="VN"
        )
    assert caught.value.hint
    assert office.bytes() == before


def test_a_folder_that_lost_a_file_is_left_as_it_is(office: Office) -> None:
    office.submit("1", daily_key())
    office.publish()
    next(office.folder.glob("gaen/*")).unlink()
    before = office.bytes()
    with pytest.raises(KeySourceError, match=r"can't read .*/gaen/.*\.zip"):
        office.publish()
    assert office.bytes() == before


def test_a_failure_before_the_index_publishes_nothing_and_the_next_run_all(office: Office) -> None:
    office.submit("1", daily_key("gaen"), daily_key("bluezone"))
    in_the_way = office.folder / "index.txt"
    office.folder.mkdir(parents=True)
    in_the_way.symlink_to(office.folder / "nowhere")
    with pytest.raises(AgentError, match=r"can't write .*/index\.txt: it is not a regular file"):
        office.publish()
    assert len(office.bytes()) == 3, "the files are there, and no index that lists them"
    in_the_way.unlink()
    office.publish(NOW_S + 1)
    assert len(office.published_keys()) == 2


def test_a_folder_that_cannot_be_made_is_named(office: Office) -> None:
    office.submit("1", daily_key())
    office.folder.write_text("a file")
    with pytest.raises(AgentError, match=f"can't write {office.folder}: ") as caught:
        office.publish()
    assert "--to FOLDER" in caught.value.hint


def test_nothing_temporary_stays_and_a_web_server_can_read_all(office: Office) -> None:
    office.submit("1", daily_key("bluezone"), daily_key("gaen"))
    office.publish()
    files = [p for p in office.folder.rglob("*") if p.is_file()]
    assert sorted(p.suffix for p in files) == [".json", ".sig", ".signed", ".txt", ".zip"]
    assert all(stat.S_IMODE(p.stat().st_mode) & 0o044 for p in files)


def test_the_files_are_what_other_software_expects(office: Office) -> None:
    office.submit("1", *(daily_key("gaen", number=n) for n in (9, 3, 7)), daily_key("bluezone"))
    office.publish(region="VN")
    (packed,) = office.folder.glob("gaen/*.zip")
    with zipfile.ZipFile(packed) as archive:
        assert archive.namelist() == ["export.bin", "export.sig"]
        assert archive.read("export.bin")[:16] == b"EK Export v1    "
    (file,) = (f for f in office.published() if f.protocol == "gaen")
    assert [k.key.data[-1] for k in file.whole().keys] == [3, 7, 9], "sorted by key data, not by who handed in when"
    (text,) = office.folder.glob("bluezone/*.json")
    (app,) = json.loads(text.read_bytes())["data"]
    assert set(app) >= {"daily_key", "time_start", "max", "time_end"}


@pytest.mark.parametrize("region", ["", "V N", "\x1b[2J"])
def test_a_region_is_a_plain_name(office: Office, region: str) -> None:
    with pytest.raises(AgentError, match="can't be the name"):
        office.publish(region=region)


# the signed index


def signed_index(office: Office) -> SignedIndex:
    data = (office.folder / "index.signed").read_bytes()
    return read_signed_index("index.signed", data, AUTHORITY.verification_key)


def test_the_signed_index_says_what_the_plain_one_lists_and_until_when(office: Office) -> None:
    office.submit("1", daily_key("bluezone"), daily_key("gaen"))
    office.publish(index_days=5)
    index = signed_index(office)
    assert [f.path for f in index.files] == (office.folder / "index.txt").read_text().split()
    assert [f.sha256 for f in index.files] == [
        hashlib.sha256((office.folder / f.path).read_bytes()).hexdigest() for f in index.files
    ]
    assert (index.issued_at, index.expires_at) == (NOW_S, NOW_S + 5 * DAY_S)


def test_each_publication_raises_the_sequence_whatever_the_clock_or_the_disk_does(office: Office) -> None:
    office.publish()
    sequences = [signed_index(office).sequence]
    for now_s in (NOW_S, NOW_S - DAY_S, NOW_S + 60):
        office.publish(now_s)
        sequences.append(signed_index(office).sequence)
    assert sequences == sorted(set(sequences))
    shutil.rmtree(office.folder)
    office.publish(NOW_S + 120)
    assert signed_index(office).sequence > sequences[-1]


@pytest.mark.parametrize("damage", [b"", b"{}", b"\xff", b'{"index": "{}", "signature": ""}'])
def test_a_damaged_signed_index_is_replaced_and_believed_by_nobody(office: Office, damage: bytes) -> None:
    office.publish()
    (office.folder / "index.signed").write_bytes(damage)
    with pytest.raises(KeySourceError, match=r"index\.signed"):
        signed_index(office)
    office.publish(NOW_S + 60)
    assert signed_index(office).issued_at == NOW_S + 60


def test_every_flipped_bit_of_a_signed_index_is_refused_or_changes_nothing(office: Office) -> None:
    office.submit("1", daily_key())
    office.publish()
    whole, path = signed_index(office), office.folder / "index.signed"
    data = path.read_bytes()
    for bit in range(len(data) * 8):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        try:
            assert signed_index(office) == whole
        except KeySourceError:
            continue
