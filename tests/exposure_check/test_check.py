"""The check against real files of a real authority, and what a real store heard."""

import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from bluezone_agent.core.calendars import UTC_CALENDAR
from bluezone_agent.core.diagnosis_keys import PinnedKeys, Trust
from bluezone_agent.core.diagnosis_keys.bluezone_json import write_bluezone_json
from bluezone_agent.core.diagnosis_keys.key_export import write_key_export
from bluezone_agent.core.diagnosis_keys.key_export_pb2 import TEKSignatureList
from bluezone_agent.core.exposure import Degree
from bluezone_agent.core.identifiers import DailyKey, DiagnosisKey, ReportType
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.journal import Checked
from bluezone_agent.core.protocols import PROTOCOLS
from bluezone_agent.core.risk import DEFAULT_MODEL, MODELS
from bluezone_agent.core.sightings import BootTime, MinuteFold
from bluezone_agent.core.source_records import AFTER_PUBLICATION, Verdict
from bluezone_agent.errors import BadSignatureError
from bluezone_agent.exposure_check.check import Check, PinnedSource
from bluezone_agent.exposure_check.report import CheckReport
from bluezone_agent.key_sources import open_source
from bluezone_agent.ports import SourceFile, Visit
from bluezone_agent.stores.store import Store
from tests.diagnosis_keys import AUTHORITY, NOW_S, TODAY_S, daily_key, entry, export_of, signed_zip, signing_key, zipped

BOTH = pytest.mark.parametrize("protocol", sorted(PROTOCOLS))
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
MET_S = TODAY_S - DAY_S + 10 * 3600
"""Yesterday, 10:00 UTC."""


class Device:
    """What one device heard, and the folder that its checks read."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store = store
        self.folder = folder
        folder.mkdir()

    def receive(
        self, key: DailyKey, at_s: float = MET_S, minutes: int = 20, *, late_s: int = 0, trusted: bool = True
    ) -> None:
        """Hear the key's owner a metre away; ``late_s`` is how long after its slot each identifier is replayed."""
        protocol, fold = PROTOCOLS[key.protocol], MinuteFold()
        for second in range(0, minutes * 60, 20):
            slot = protocol.identifier_at(key, at_s + second)
            observed = protocol.decode(protocol.encode(key, slot, -20))
            assert observed is not None
            fold.add(observed, -70, at_s + second + late_s, trusted=trusted)
        with self.store.transaction():
            self.store.contacts.add(fold.drain())

    def publish(self, name: str, *keys: DiagnosisKey | DailyKey, at_s: int = TODAY_S) -> None:
        """Put a signed file of keys of one protocol into the folder."""
        diagnosis = [k if isinstance(k, DiagnosisKey) else DiagnosisKey(k) for k in keys]
        if diagnosis[0].key.protocol == "gaen":
            data = write_key_export(diagnosis, AUTHORITY, start_s=0, end_s=at_s, region="VN")
            (self.folder / f"{name}.zip").write_bytes(data)
        else:
            data = write_bluezone_json(diagnosis, published_at_s=at_s)
            (self.folder / f"{name}.json").write_bytes(data)
            (self.folder / f"{name}.json.sig").write_bytes(AUTHORITY.sign(data))

    def check(self, now_s: float = NOW_S, key: Trust = AUTHORITY.verification_key) -> CheckReport:
        source = PinnedSource(open_source(str(self.folder)), key)
        return Check(self.store, MODELS[DEFAULT_MODEL], assumed_tx_power_dbm=-25, now_s=now_s).run([source])

    def exposures(self) -> list[str]:
        """Return every row of what was found and notices."""
        return self._rows("exposure", "publication", "exposure_minute", "warning")

    def state(self) -> list[str]:
        """Return every row that a check could change."""
        return [*self._rows("source", "key_file"), *self.exposures()]

    def _rows(self, *tables: str) -> list[str]:
        return [repr(tuple(row)) for table in tables for row in self.store._db.execute(f"SELECT * FROM {table}")]


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    with Store(tmp_path / "state") as store:
        yield Device(store, tmp_path / "published")


@BOTH
def test_an_exposure_is_found_with_its_minutes_and_warned_of_once(device: Device, protocol: str) -> None:
    key = daily_key(protocol)
    device.receive(key)
    device.publish("1", key, daily_key(protocol, number=2))
    report = device.check()
    (day,) = report.days
    assert (day.day, day.degree, day.keys) == (UTC_CALENDAR.day(TODAY_S - DAY_S), Degree.F1, 1)
    assert (day.received_minutes, day.near_minutes, day.warns) == (20, 20.0, True)
    (encounter,) = day.encounters
    assert (encounter.starts_at_s, encounter.ends_at_s) == (MET_S, MET_S + 20 * 60)
    assert encounter.typical_db == pytest.approx(50)
    assert report.complete
    assert report.new_warnings == report.days


@BOTH
def test_checking_again_changes_nothing(device: Device, protocol: str) -> None:
    key = daily_key(protocol)
    device.receive(key)
    device.publish("1", key)
    first = device.check()
    before = device.state()
    again = device.check()
    assert device.state() == before
    assert again.days == first.days
    assert again.new_warnings == ()
    assert again.sources[0].files == [], "what is settled is not read again"


def test_a_single_file_may_get_new_contents_under_its_name(device: Device) -> None:
    key = daily_key()
    device.receive(key)
    device.publish("1", daily_key(number=9))
    device.folder = device.folder / "1.zip"
    assert device.check().matched_keys == 0
    assert device.check().sources[0].files == [], "what is settled is not news"
    device.folder = device.folder.parent
    device.publish("1", key)
    device.folder = device.folder / "1.zip"
    assert device.check().matched_keys == 1


def test_the_same_keys_under_another_name_change_no_exposure(device: Device) -> None:
    key = daily_key()
    device.receive(key)
    device.publish("1", key)
    first = device.check()
    device.publish("2", key, at_s=TODAY_S + 5)
    assert device.check().days == first.days


def test_a_malleated_signature_or_another_zip_of_the_same_export_changes_no_exposure(device: Device) -> None:
    """(r, n - s) verifies as well as (r, s), and a zip can be packed in many ways: only the signed bytes count."""
    key = daily_key()
    device.receive(key)
    device.publish("1", key)
    device.check()
    exposures = device.exposures()
    assert exposures
    with zipfile.ZipFile(device.folder / "1.zip") as archive:
        export, signatures = archive.read("export.bin"), TEKSignatureList.FromString(archive.read("export.sig"))
    r, s = decode_dss_signature(signatures.signatures[0].signature)
    signatures.signatures[0].signature = encode_dss_signature(r, P256_ORDER - s)
    twin = zipped(("export.bin", export), ("export.sig", signatures.SerializeToString()), how=zipfile.ZIP_STORED)
    (device.folder / "2.zip").write_bytes(twin)
    report = device.check(NOW_S + 60)
    assert report.complete, "the twin is believed"
    assert device.exposures() == exposures
    assert report.new_warnings == ()


def test_progress_counts_every_key(device: Device) -> None:
    device.publish("1", daily_key(number=1), daily_key(number=2))
    device.publish("2", daily_key("bluezone"))
    counted: list[int] = []
    source = PinnedSource(open_source(str(device.folder)), AUTHORITY.verification_key)
    check = Check(device.store, MODELS[DEFAULT_MODEL], assumed_tx_power_dbm=-25, now_s=NOW_S, progress=counted.append)
    check.run([source])
    assert sum(counted) == 3


def test_near_a_contact_makes_f2(device: Device) -> None:
    key = daily_key()
    device.receive(key)
    device.publish("1", DiagnosisKey(key, ReportType.RECURSIVE))
    assert [d.degree for d in device.check().new_warnings] == [Degree.F2]


def test_a_contact_who_turns_out_a_case_makes_f1_of_f2(device: Device) -> None:
    key = daily_key()
    device.receive(key)
    device.publish("1", DiagnosisKey(key, ReportType.RECURSIVE))
    device.check()
    device.publish("2", DiagnosisKey(key, ReportType.CONFIRMED_TEST))
    report = device.check()
    assert [d.degree for d in report.days] == [Degree.F1]
    assert [d.degree for d in report.new_warnings] == [Degree.F1]
    device.publish("3", DiagnosisKey(key, ReportType.RECURSIVE))
    assert [d.degree for d in device.check().days] == [Degree.F1], "and never back"


def test_nobody_near_is_no_exposure(device: Device) -> None:
    device.receive(daily_key(number=7))
    device.publish("1", daily_key())
    report = device.check()
    assert (report.matched_keys, report.days, report.complete) == (0, (), True)


@BOTH
def test_a_key_that_is_still_valid_matches_only_when_it_is_over(device: Device, protocol: str) -> None:
    today = daily_key(protocol, days_ago=0)
    device.receive(today, TODAY_S + 3600)
    device.publish("1", today, at_s=TODAY_S + DAY_S // 4)
    assert device.check().days == ()
    assert not device.check().sources[0].files[0].final
    (day,) = device.check(TODAY_S + DAY_S + 3 * 3600).days
    assert day.received_minutes == 20
    (final,) = device.store._db.execute("SELECT final FROM key_file").fetchone()
    assert final


@pytest.mark.parametrize(("late_min", "minutes"), [(0, 20), (119, 20), (125, 12), (131, 0)])
def test_a_replayed_identifier_counts_up_to_two_hours_late(device: Device, late_min: int, minutes: int) -> None:
    """Two slots of ten minutes, replayed; each counts from 2 h before its start to 2 h after its end."""
    key = daily_key()
    device.receive(key, late_s=late_min * 60)
    device.publish("1", key)
    assert [d.received_minutes for d in device.check().days] == ([minutes] if minutes else [])


@pytest.mark.parametrize("published_after_s", [0, 60, 659, 660, 20 * 60])
def test_what_is_heard_from_publication_on_does_not_count(device: Device, published_after_s: int) -> None:
    """Even in the minute of the publication: minutes are counted whole."""
    key = daily_key()
    device.receive(key, key.ends_at_s - 20 * 60, late_s=3600)
    received_s = key.ends_at_s - 20 * 60 + 3600
    device.publish("1", key, at_s=received_s + published_after_s)
    assert sum(d.received_minutes for d in device.check().days) == published_after_s // 60


def put_app_file(device: Device, key: DailyKey) -> None:
    """Sign a file as the app's own server would write it, which does not say when."""
    entry = {"daily_key": key.data.hex(), "time_start": key.starts_at_s, "max": 96, "time_end": key.ends_at_s - 1}
    data = json.dumps({"data": [entry]}).encode()
    (device.folder / "app.json").write_bytes(data)
    (device.folder / "app.json.sig").write_bytes(AUTHORITY.sign(data))


def test_a_file_that_does_not_say_when_was_published_when_it_was_first_seen(device: Device) -> None:
    key = daily_key("bluezone")
    put_app_file(device, key)
    device.receive(key, key.ends_at_s - 1200, late_s=600)
    assert sum(d.received_minutes for d in device.check(key.ends_at_s + 600).days) == 20
    device.receive(key, key.ends_at_s - 1200, late_s=1800)
    assert sum(d.received_minutes for d in device.check(NOW_S).days) == 20


def test_new_contents_were_published_when_they_were_first_seen(device: Device) -> None:
    earlier, key = daily_key("bluezone", days_ago=3, number=2), daily_key("bluezone")
    put_app_file(device, earlier)
    device.check(earlier.ends_at_s + 60)
    put_app_file(device, key)
    assert device.check(key.ends_at_s + 60).days == ()
    device.receive(key)
    assert sum(d.received_minutes for d in device.check().days) == 20


def test_what_was_heard_in_untrusted_time_does_not_count(device: Device) -> None:
    key = daily_key()
    device.receive(key, trusted=False)
    device.publish("1", key)
    assert device.check().days == ()


def test_a_revoked_key_is_forgotten_and_never_matches_again(device: Device) -> None:
    key, other = daily_key(), daily_key(number=2)
    device.receive(key)
    device.receive(other, MET_S + 7200)
    device.publish("1", key, other)
    assert device.check().matched_keys == 2
    start = key.starts_at_s // 600
    gone = entry(key_data=key.data, rolling_start_interval_number=start, report_type=5)
    (device.folder / "2.zip").write_bytes(signed_zip(export_of(revised_keys=[gone], end_timestamp=TODAY_S + 60)))
    report = device.check()
    assert (report.matched_keys, [d.received_minutes for d in report.days]) == (1, [20])
    device.publish("3", key, at_s=TODAY_S + 120)
    assert device.check().matched_keys == 1
    assert device.store._db.execute("SELECT count(*) FROM exposure_minute").fetchone()[0] == 20, "the other's alone"
    with device.store.transaction():
        device.store.exposures.delete_before(key.ends_at_s)  # its minutes are gone anyway; the verdict stays
    device.publish("4", key, at_s=TODAY_S + 180)
    assert device.check().matched_keys == 0
    with device.store.transaction():
        device.store.exposures.delete_before(NOW_S + 1)
    assert not any("exposure" in row for row in device.state())
    assert device.store._db.execute("SELECT count(*) FROM exposure").fetchone()[0] == 0


def test_bad_keys_are_counted_and_the_others_match(device: Device) -> None:
    key = daily_key()
    device.receive(key)
    start = key.starts_at_s // 600
    bad = [entry(key_data=b"short"), entry(rolling_period=0), entry(key_data=b"also short")]
    export = export_of(entry(key_data=key.data, rolling_start_interval_number=start), *bad)
    (device.folder / "1.zip").write_bytes(signed_zip(export))
    report = device.check()
    assert report.matched_keys == 1
    assert report.sources[0].dropped.total() == 3
    assert sorted(report.sources[0].dropped.values()) == [1, 2]


def test_a_refused_file_changes_nothing_and_is_read_again(device: Device) -> None:
    key = daily_key()
    device.receive(key)
    device.publish("2", key)
    export = export_of(entry(key_data=key.data))
    forged = zipped(("export.bin", export), ("export.sig", signing_key(2).sign(export)))
    (device.folder / "1.zip").write_bytes(forged)
    for _ in range(2):
        report = device.check()
        (refusal,) = report.sources[0].faults
        assert isinstance(refusal, BadSignatureError)
        assert not report.complete
        assert report.matched_keys == 1, "the good file counts"
    device.publish("1", daily_key(number=9))
    assert device.check().complete


def test_files_signed_by_another_key_bring_nothing(device: Device) -> None:
    key = daily_key()
    device.receive(key)
    device.publish("1", key)
    report = device.check(key=replace(AUTHORITY, key_version="v2").verification_key)
    assert (report.matched_keys, report.complete) == (0, False)


def test_during_a_change_of_keys_a_signature_by_either_is_enough(device: Device) -> None:
    key = daily_key()
    device.receive(key)
    device.publish("1", key)
    new = signing_key(2, "452", "v2").verification_key
    assert device.check(key=PinnedKeys((new,))).matched_keys == 0
    refused = device.check(key=PinnedKeys((new, signing_key(3).verification_key))).sources[0].faults
    assert [str(f) for f in refused] == ["1.zip does not match its signature by key 452 v1"]
    assert device.check(key=PinnedKeys((new, AUTHORITY.verification_key))).matched_keys == 1


def test_unsigned_files_are_believed_only_where_the_operator_says_so_and_key_exports_never(device: Device) -> None:
    key = daily_key("bluezone")
    device.receive(key)
    put_app_file(device, key)
    device.publish("1", daily_key("gaen"))
    (device.folder / "app.json.sig").unlink()
    pinned = (AUTHORITY.verification_key,)
    assert [str(f) for f in device.check(key=PinnedKeys(pinned)).sources[0].faults] == ["app.json is not signed"]
    report = device.check(key=PinnedKeys(pinned, accepts_unsigned=True))
    assert (report.complete, report.matched_keys, report.sources[0].accepts_unsigned) == (True, 1, True)
    (device.folder / "3.zip").write_bytes(zipped(("export.bin", export_of(entry()))))
    (device.folder / "2.zip").write_bytes(signed_zip(export_of(entry())))
    (device.folder / "app.json.sig").write_bytes(signing_key(2).sign(b"something else"))
    said = [str(f) for f in device.check(key=PinnedKeys((), accepts_unsigned=True)).sources[0].faults]
    assert said == ['2.zip is signed by "452" "v1", not exactly once by the pinned -', "3.zip is not signed"]


def test_a_signature_that_is_there_must_be_good_even_where_unsigned_files_are_believed(device: Device) -> None:
    put_app_file(device, daily_key("bluezone"))
    (device.folder / "app.json.sig").write_bytes(AUTHORITY.sign(b"something else"))
    trust = PinnedKeys((AUTHORITY.verification_key,), accepts_unsigned=True)
    assert not device.check(key=trust).complete


def test_what_was_believed_stands_when_the_file_is_refused_later(device: Device) -> None:
    today = daily_key("bluezone", days_ago=0)
    put_app_file(device, today)
    device.check(TODAY_S + 60)
    (device.folder / "app.json.sig").rename(device.folder / "kept")
    assert not device.check(TODAY_S + 120).complete
    (before,) = device.store.sources.files(str(device.folder))
    assert (before.fetched_at_s, before.keys, before.verdict) == (TODAY_S + 60, 1, Verdict.REFUSED)
    (device.folder / "kept").rename(device.folder / "app.json.sig")
    device.receive(today, TODAY_S + 3600)
    assert device.check(TODAY_S + 2 * DAY_S).days == (), "it was published when it was first seen"


class NotingSource:
    """Yields one file, and keeps what each visit told it."""

    name = "noting"

    def __init__(self) -> None:
        self.data = signed_zip(export_of(entry()))
        self.notices: list[tuple[bool, dict[str, str]]] = []

    def files(self, visit: Visit) -> Iterator[SourceFile]:
        self.notices.append((visit.known("1.zip"), dict(visit.notes)))
        yield SourceFile("1.zip", self.data, notes={"etag": str(len(self.notices))})


def test_a_source_is_told_its_notes_and_what_is_known_as_long_as_the_last_try_was_good(device: Device) -> None:
    source = NotingSource()
    check = Check(device.store, MODELS[DEFAULT_MODEL], assumed_tx_power_dbm=-25, now_s=NOW_S)
    good = source.data
    for source.data in (good, good[:-9], good, good):
        check.run([PinnedSource(source, AUTHORITY.verification_key)])
    assert source.notices == [(False, {}), (True, {"etag": "1"}), (False, {"etag": "1"}), (True, {"etag": "3"})]
    (file,) = device.store.sources.files("noting")
    assert file.verdict is Verdict.MATCHED


def test_a_verdict_on_every_file_is_kept(device: Device) -> None:
    key = daily_key()
    device.receive(key)
    device.publish("1", key, daily_key(number=2))
    device.publish("2", daily_key("gaen", days_ago=0, number=3))
    (device.folder / "3.zip").write_bytes(b"PK\x03\x04")
    (device.folder / "index.txt").write_text("1.zip\n2.zip\n3.zip\n4.zip\n")
    report = device.check()
    files = device.store.sources.files(str(device.folder))
    assert [(f.name, f.verdict, f.keys, f.matched) for f in files] == [
        ("1.zip", Verdict.MATCHED, 2, 1),
        ("2.zip", Verdict.PENDING, 1, 0),
        ("3.zip", Verdict.REFUSED, 0, 0),
    ]
    (source,) = device.store.sources.all()
    assert [str(files[-1].fault), str(source.fault)] == [str(fault) for fault in report.sources[0].faults]
    assert (source.tried_at_s, source.complete_at_s) == (NOW_S, None)


def test_only_a_check_of_every_source_that_is_complete_counts_as_one(device: Device) -> None:
    good = PinnedSource(open_source(str(device.folder)), AUTHORITY.verification_key)
    gone = PinnedSource(open_source(str(device.folder / "gone")), AUTHORITY.verification_key)
    check = Check(device.store, MODELS[DEFAULT_MODEL], assumed_tx_power_dbm=-25, now_s=NOW_S)
    check.run([good], every=False)
    check.run([good, gone])
    assert device.store.journal.get(Checked) == Checked(NOW_S, complete=False, sources=2)
    assert [(s.name, s.complete_at_s) for s in device.store.sources.all()] == [
        (good.source.name, NOW_S),
        (gone.source.name, None),
    ]
    check.run([good])
    assert device.store.journal.get(Checked) == Checked(NOW_S, complete=True, sources=1, complete_at_s=NOW_S)
    later = Check(device.store, MODELS[DEFAULT_MODEL], assumed_tx_power_dbm=-25, now_s=NOW_S + 9)
    later.run([gone])
    assert device.store.journal.get(Checked) == Checked(NOW_S + 9, complete=False, sources=1, complete_at_s=NOW_S)
    check.run([good])
    assert [s.name for s in device.store.sources.all()] == [good.source.name], "the other is no longer configured"


def test_a_source_that_fails_does_not_stop_the_others(device: Device) -> None:
    key = daily_key()
    device.receive(key)
    device.publish("1", key)
    pinned = [
        PinnedSource(open_source(str(location)), AUTHORITY.verification_key)
        for location in (device.folder / "gone", device.folder)
    ]
    report = Check(device.store, MODELS[DEFAULT_MODEL], assumed_tx_power_dbm=-25, now_s=NOW_S).run(pinned)
    assert report.sources[0].error is not None
    assert (report.matched_keys, report.complete) == (1, False)
    assert device.store.journal.get(Checked) == Checked(NOW_S, complete=False, sources=2)


def test_a_frame_that_states_no_power_is_judged_by_the_assumed_one(device: Device) -> None:
    key = daily_key("bluezone")
    protocol, fold = PROTOCOLS["bluezone"], MinuteFold()
    advertising_data = replace(protocol.encode(key, protocol.identifier_at(key, MET_S), 0), tx_power_dbm=None)
    observed = protocol.decode(advertising_data)
    assert observed is not None
    fold.add(observed, -70, MET_S, trusted=True)
    with device.store.transaction():
        device.store.contacts.add(fold.drain())
    device.publish("1", key)
    assert device.check().days[0].encounters[0].typical_db == pytest.approx(45)


def test_the_owners_own_key_never_matches_also_where_it_is_encrypted(device: Device) -> None:
    """Somebody sends the owner's identifiers back, and the owner has submitted the key."""
    key = daily_key()
    with device.store.transaction():
        device.store.keys.add(key, last_slot_s=key.ends_at_s - 600, exportable=True, closed=True)
    device.store.encrypt("a passphrase")
    device.receive(key)
    device.publish("1", key)
    assert device.check().matched_keys == 0


def test_the_days_of_a_chained_entry_match_one_by_one_as_they_are_over(device: Device) -> None:
    """An entry of the app's own servers, from three days ago to tonight (cases/formats/open_entry.py)."""
    start_s = TODAY_S - 3 * DAY_S
    chained = DailyKey("bluezone", b"\x05" * 32, start_s, TODAY_S + DAY_S, 96)
    device.receive(chained, start_s + DAY_S + 3600, 20)
    device.receive(chained, TODAY_S + 3600, 20)
    device.publish("1", chained, at_s=TODAY_S + 2 * 3600)
    assert [d.received_minutes for d in device.check().days] == [20], "today is not over"
    assert [d.received_minutes for d in device.check(TODAY_S + DAY_S + 3 * 3600).days] == [20, 20]


def test_a_provisional_check_decides_nothing(device: Device) -> None:
    key = daily_key()
    device.receive(key)
    device.publish("1", key)
    source = PinnedSource(open_source(str(device.folder)), AUTHORITY.verification_key)
    rule, then = MODELS[DEFAULT_MODEL], BootTime("boot", 60)
    check = Check(device.store, rule, assumed_tx_power_dbm=-25, now_s=5.0, untrusted_since_boot=then)
    report = check.run([source])
    assert (report.complete, report.matched_keys, report.days, report.new_warnings) == (True, 0, (), ())
    (file,) = device.store.sources.files(str(device.folder))
    assert (file.final, file.fetched_in, dict(file.dropped)) == (False, then, {}), "in 1970 every key is of the future"
    assert device.store.sources.all()[0].complete_at_s is None
    assert device.store.journal.get(Checked) == Checked(5, complete=True, sources=1, clock_trusted=False)
    assert device.exposures() == []
    with device.store.transaction():
        device.store.sources.date("boot", NOW_S - 3600.0, NOW_S)
    (file,) = device.store.sources.files(str(device.folder))
    assert (file.fetched_at_s, file.fetched_in) == (NOW_S - 3540, None)
    assert device.check().matched_keys == 1


def test_keys_newer_than_their_file_keep_it_open_and_are_said(device: Device) -> None:
    device.publish("1", daily_key(), daily_key(number=2, days_ago=0), at_s=TODAY_S - 3600)
    (file,) = device.check().sources[0].files
    assert (file.final, dict(file.dropped)) == (False, {AFTER_PUBLICATION: 1})
    assert device.store.sources.leaves_out_later_keys()
