"""Each layout, from one person's export to another's exposure, and what each does when little is there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import stamina

from bluezone_agent.actions import export_keys
from bluezone_agent.authority import publish
from bluezone_agent.core.diagnosis_keys.signed_index import SIGNED_INDEX_NAME
from bluezone_agent.core.identifiers import ReportType
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.risk import DEFAULT_MODEL, MODELS
from bluezone_agent.errors import ConfigError
from bluezone_agent.exposure_check.check import Check, PinnedSource
from bluezone_agent.exposure_check.report import CheckReport
from bluezone_agent.key_sources import SourceAddress, open_source
from bluezone_agent.ports import SourceFile
from bluezone_agent.stores.store import Store
from tests.diagnosis_keys import AUTHORITY, NOW_S, TODAY_S, daily_key
from tests.key_sources.reading import files_of, visited
from tests.key_sources.server import Answer, Site, serving
from tests.key_sources.tls import Authority
from tests.receiving import receive

TODAY, YESTERDAY = (datetime.fromtimestamp(at_s, UTC).date() for at_s in (TODAY_S, TODAY_S - DAY_S))
CWA = "/version/v1/diagnosis-keys/country/VN/date"
DP3T = "/v2/gaen/exposed"
TAG = str(TODAY_S * 1000)


@pytest.fixture(autouse=True)
def _no_pauses() -> Iterator[None]:
    with stamina.set_testing(True, attempts=1):
        yield


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def site(certificates: Authority) -> Iterator[Site]:
    with serving(certificates.good()) as started:
        yield started


def published(home: Path) -> Path:
    """Let a case export a key that was on the air, and the authority publish it; return the folder."""
    key = daily_key()
    with Store(home / "case") as store:
        with store.transaction():
            store.keys.add(key, last_slot_s=key.ends_at_s - key.slot_s, exportable=True)
        export_keys.end_current_key(store)
        export_keys.write(home / "submission.json", export_keys.exportable(store, 14, NOW_S), None)
    publish.publish(
        [home / "submission.json"],
        AUTHORITY,
        home / "www",
        NOW_S,
        report_type=ReportType.CONFIRMED_TEST,
        minimum=0,
        region="VN",
    )
    return home / "www"


def key_file(folder: Path) -> bytes:
    (path,) = folder.glob("gaen/*.zip")
    return path.read_bytes()


def as_folder(folder: Path, site: Site) -> SourceAddress:
    return SourceAddress(str(folder))


def as_local_file(folder: Path, site: Site) -> SourceAddress:
    return SourceAddress(str(next(folder.glob("gaen/*.zip"))), layout="file")


def as_file(folder: Path, site: Site) -> SourceAddress:
    site.answers["/keys.zip"] = Answer(key_file(folder))
    return SourceAddress(site.url + "keys.zip")


def as_index(folder: Path, site: Site) -> SourceAddress:
    files = (p for p in folder.rglob("*") if p.is_file() and p.name != SIGNED_INDEX_NAME)
    site.answers = {f"/{p.relative_to(folder)}": Answer(p.read_bytes()) for p in files}
    return SourceAddress(site.url)


def as_signed_index(folder: Path, site: Site) -> SourceAddress:
    address = as_index(folder, site)
    site.answers[f"/{SIGNED_INDEX_NAME}"] = Answer((folder / SIGNED_INDEX_NAME).read_bytes())
    return address


def as_cwa_day(folder: Path, site: Site) -> SourceAddress:
    site.answers = {CWA: Answer(json.dumps([f"{YESTERDAY}"]).encode()), f"{CWA}/{YESTERDAY}": Answer(key_file(folder))}
    return SourceAddress(site.url, layout="cwa", regions=("VN",))


def as_cwa_hour(folder: Path, site: Site) -> SourceAddress:
    site.answers = {
        CWA: Answer(b"[]"),
        f"{CWA}/{TODAY}/hour": Answer(b"[7, 8]"),
        f"{CWA}/{TODAY}/hour/8": Answer(key_file(folder)),
    }
    return SourceAddress(site.url, layout="cwa", regions=("VN",))


def as_dp3t(folder: Path, site: Site) -> SourceAddress:
    site.answers = {
        DP3T: Answer(key_file(folder), headers={"x-key-bundle-tag": TAG}),
        f"{DP3T}?lastKeyBundleTag={TAG}": Answer(status=204),
    }
    return SourceAddress(site.url, layout="dp3t")


LAYOUTS: list[Callable[[Path, Site], SourceAddress]] = [
    as_folder,
    as_local_file,
    as_file,
    as_index,
    as_signed_index,
    as_cwa_day,
    as_cwa_hour,
    as_dp3t,
]


def check(store: Store, address: SourceAddress, now_s: float = NOW_S) -> CheckReport:
    pinned = PinnedSource(open_source(address), AUTHORITY.verification_key)
    return Check(store, MODELS[DEFAULT_MODEL], assumed_tx_power_dbm=-25, now_s=now_s).run([pinned])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_from_one_persons_export_to_anothers_exposure(
    tmp_path: Path, site: Site, certificates: Authority, layout: Callable[[Path, Site], SourceAddress]
) -> None:
    address = layout(published(tmp_path), site)
    if address.is_url:
        address = SourceAddress(
            address.location, address.layout, regions=address.regions, ca_file=str(certificates.ca_file)
        )
    with Store(tmp_path / "neighbour") as store:
        receive(store, daily_key())
        report = check(store, address)
        assert report.complete, report
        (day,) = report.new_warnings
        assert day.received_minutes == 20
        state = store.sources.source(report.sources[0].name)
        assert state is not None
        assert (state.issued_at_s is not None) == (layout in {as_folder, as_signed_index})
        again = check(store, address, NOW_S + 60)
        assert (again.complete, again.days, again.sources[0].files) == (True, report.days, [])


# Corona-Warn-App's tree


@pytest.fixture
def http_site() -> Iterator[Site]:
    with serving() as started:
        yield started


def tree(site: Site, *regions: str) -> SourceAddress:
    return SourceAddress(site.url, layout="cwa", regions=regions or ("VN",))


def test_days_come_before_hours_and_only_what_is_not_known(http_site: Site) -> None:
    http_site.answers = {
        CWA: Answer(f'["{YESTERDAY}", "2020-09-20", "2019-01-01"]'.encode()),
        f"{CWA}/2020-09-20": Answer(b"old"),
        f"{CWA}/{YESTERDAY}": Answer(b"day"),
        f"{CWA}/{TODAY}/hour": Answer(b"[9, 0, 99]"),
        f"{CWA}/{TODAY}/hour/0": Answer(b"midnight"),
        f"{CWA}/{TODAY}/hour/9": Answer(b"nine"),
    }
    names = ["VN/2020-09-20.zip", f"VN/{YESTERDAY}.zip", f"VN/{TODAY}/00.zip", f"VN/{TODAY}/09.zip"]
    assert files_of(tree(http_site)) == [
        SourceFile(name, data) for name, data in zip(names, (b"old", b"day", b"midnight", b"nine"), strict=True)
    ]
    http_site.requests.clear()
    assert files_of(tree(http_site), *names[:3]) == [SourceFile(names[3], b"nine")]
    assert http_site.paths == [CWA, f"{CWA}/{TODAY}/hour", f"{CWA}/{TODAY}/hour/9"]


def test_an_empty_slot_that_is_not_there_is_no_fault(http_site: Site) -> None:
    http_site.answers = {CWA: Answer(f'["{YESTERDAY}"]'.encode()), f"{CWA}/{TODAY}/hour": Answer(b"[1]")}
    assert files_of(tree(http_site)) == []
    http_site.answers = {CWA: Answer(b"[]")}
    assert files_of(tree(http_site)) == [], "nor is a day without a list of hours"


def test_each_region_has_its_own_tree(http_site: Site) -> None:
    http_site.answers = {CWA: Answer(b"[]"), CWA.replace("VN", "DE"): Answer(f'["{YESTERDAY}"]'.encode())}
    http_site.answers[f"{CWA.replace('VN', 'DE')}/{YESTERDAY}"] = Answer(b"zip")
    assert [f.name for f in files_of(tree(http_site, "VN", "DE"))] == [f"DE/{YESTERDAY}.zip"]


@pytest.mark.parametrize("body", [b"{}", b'["yesterday"]', b"[1]", b"\xff", b"[" * 5000, b'["2020-09-23/../.."]'])
def test_what_is_no_list_of_dates_is_named(http_site: Site, body: bytes) -> None:
    http_site.answers = {CWA: Answer(body)}
    assert f"{http_site.url[:-1]}{CWA} is not a list of dates or hours: " in str(visited(tree(http_site)).error)


def test_an_unknown_region_is_a_fault(http_site: Site) -> None:
    assert str(visited(tree(http_site)).error) == f"{http_site.url[:-1]}{CWA} answers 404 Not Found"


# DP-3T's bundles


def bundle(tag: str, notes: dict[str, str]) -> SourceFile:
    return SourceFile(f"exposed-{tag}.zip", b"zip", notes=notes, states_publication=False)


@pytest.mark.parametrize("status", [400, 404])
def test_without_a_tag_where_the_server_does_not_know_the_one_that_was_kept(http_site: Site, status: int) -> None:
    http_site.answers = {
        f"{DP3T}?lastKeyBundleTag={TAG}": Answer(status=status),
        DP3T: Answer(b"zip", headers={"x-key-bundle-tag": TAG}),
    }
    found = visited(bundles(http_site), notes={"tag": TAG})
    assert (found.files, found.error) == ([bundle(TAG, {"tag": TAG})], None)
    http_site.requests.clear()
    http_site.answers[DP3T] = Answer(status=status)
    assert f"answers {status}" in str(visited(bundles(http_site), notes={"tag": TAG}).error)
    assert len(http_site.requests) == 2, "once each"


def bundles(site: Site) -> SourceAddress:
    return SourceAddress(site.url, layout="dp3t")


def test_the_tag_of_the_last_bundle_is_sent_and_asked_to_be_kept(http_site: Site) -> None:
    http_site.answers = {f"{DP3T}?lastKeyBundleTag={TAG}": Answer(b"zip", headers={"x-key-bundle-tag": TAG})}
    found = visited(bundles(http_site), notes={"tag": TAG})
    assert found.files == [bundle(TAG, {"tag": TAG})]


@pytest.mark.parametrize(
    "tag",
    [
        "",
        "one",
        "-60000",
        "1600948800001",
        str((NOW_S + 60) // 60 * 60_000),
        str((NOW_S - 15 * DAY_S) // 60 * 60_000),
        "9" * 5000,
        "١٦٠٠٩٠٥٦٠٠٠٠٠",
    ],
)
def test_a_tag_that_could_number_devices_or_skip_keys_is_neither_kept_nor_sent(http_site: Site, tag: str) -> None:
    http_site.answers = {DP3T: Answer(b"zip", headers={"x-key-bundle-tag": tag} if tag.isascii() else {})}
    assert visited(bundles(http_site), notes={"tag": tag}).files == [bundle("latest", {})]


@pytest.mark.parametrize("answer", [Answer(status=204), Answer(b"")])
def test_nothing_new_is_no_file(http_site: Site, answer: Answer) -> None:
    http_site.answers = {DP3T: answer}
    assert files_of(bundles(http_site)) == []


def test_a_tag_is_kept_only_when_its_keys_are_over_and_believed(tmp_path: Path, site: Site, http_site: Site) -> None:
    address = as_dp3t(published(tmp_path), http_site)
    body = http_site.answers[DP3T].body
    with Store(tmp_path / "neighbour") as store:
        http_site.answers[DP3T].body = body[:-4]
        assert not check(store, address).complete
        http_site.answers[DP3T].body = body
        assert check(store, address, daily_key().ends_at_s + 60).complete
        assert [s.notes for s in store.sources.all()] == [{}], "its key may still match"
        assert check(store, address).complete
        assert [s.notes for s in store.sources.all()] == [{"tag": TAG}]


# a single file, and the plain index


def test_a_single_files_etag_is_sent_back_once_the_file_is_known(http_site: Site) -> None:
    http_site.answers = {"/1.zip": Answer(b"zip", headers={"ETag": '"a"'})}
    (file,) = files_of(http_site.url + "1.zip")
    assert file.notes == {"etag": '"a"'}
    http_site.answers = {"/1.zip": Answer(status=304)}
    assert visited(http_site.url + "1.zip", "1.zip", notes={"etag": '"a"'}).files == []
    assert http_site.requests[-1][1]["If-None-Match"] == '"a"'
    assert "answers 304" in str(visited(http_site.url + "1.zip", notes={"etag": '"a"'}).error), "nobody asked for that"
    http_site.answers = {"/1.zip": Answer(b"zip", headers={"ETag": "a" * 200})}
    assert files_of(http_site.url + "1.zip")[0].notes == {}


def test_a_signed_index_that_was_there_before_must_be_there(http_site: Site) -> None:
    http_site.answers = {"/index.txt": Answer(b"1.zip"), "/1.zip": Answer(b"zip")}
    key = AUTHORITY.verification_key
    assert [f.name for f in visited(http_site.url, trust=key).files] == ["1.zip"]
    found = visited(http_site.url, trust=key, notes={"sequence": "7"})
    assert f"{http_site.url}index.signed is missing, although it existed before" in str(found.error)
    assert found.files == []


def test_a_page_for_what_is_not_there_is_no_signed_index_until_one_was_seen(http_site: Site) -> None:
    page = Answer(b"<html>not here</html>")
    http_site.answers = {"/index.txt": Answer(b"1.zip"), "/1.zip": Answer(b"zip"), "/index.signed": page}
    key = AUTHORITY.verification_key
    assert [f.name for f in visited(http_site.url, trust=key).files] == ["1.zip"]
    assert "answers with a web page" in str(visited(http_site.url, trust=key, notes={"sequence": "7"}).error)


# mistakes


@pytest.mark.parametrize(
    ("address", "says"),
    [
        (SourceAddress("https://x/", "tree"), 'layout = "tree" is unknown'),
        (SourceAddress("/srv/keys", "index"), 'layout = "index" needs a URL'),
        (SourceAddress("/srv/keys", "cwa", regions=("VN",)), 'layout = "cwa" needs a URL'),
        (SourceAddress("/srv/keys", "dp3t"), 'layout = "dp3t" needs a URL'),
        (SourceAddress("https://x/", "folder"), 'layout = "folder" needs a path'),
        (SourceAddress("https://x/", "cwa"), 'layout = "cwa" needs regions, not []'),
        (SourceAddress("https://x/", "cwa", regions=("VN", "../DE")), "needs regions, not ['../DE']"),
        (SourceAddress("https://x/", regions=("VN",)), 'layout = "index" takes no regions'),
        (SourceAddress("https://x/1.zip", regions=("VN",)), 'layout = "file" takes no regions'),
        (SourceAddress("https://x/", "dp3t", regions=("VN",)), 'layout = "dp3t" takes no regions'),
        (SourceAddress("https://x/", ca_file="/no/ca.pem"), "can't read the certificates in /no/ca.pem: No such file"),
        (SourceAddress("https://x/", ca_file=__file__), "can't read the certificates in "),
    ],
)
def test_a_mistake_in_a_source_is_named_with_the_way_out(address: SourceAddress, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        open_source(address)
    assert says in str(caught.value)
    assert caught.value.hint


def test_http_is_for_this_machine_or_when_it_is_allowed() -> None:
    with pytest.raises(ConfigError, match="is not https"):
        open_source("http://keys.example.org/")
    assert open_source(SourceAddress("http://keys.example.org/", allow_http=True)).name == "http://keys.example.org/"


def test_a_proxy_is_used_where_it_is_wanted(http_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    http_site.answers = {"http://keys.example.org/index.txt": Answer(b"")}
    monkeypatch.setenv("HTTP_PROXY", http_site.url)
    monkeypatch.setenv("NO_PROXY", "")
    assert files_of(SourceAddress("http://keys.example.org/", allow_http=True, use_proxy=True)) == []
    assert http_site.paths == ["http://keys.example.org/index.txt"]
