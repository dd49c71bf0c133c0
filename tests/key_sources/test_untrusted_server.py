"""A check over real TLS against a good server and a misbehaving one: a verdict each, and nothing else changes."""

from __future__ import annotations

import shutil
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import stamina
from msgspec.structs import replace

from bluezone_agent.authority import publish
from bluezone_agent.core.diagnosis_keys.submission import write_submission
from bluezone_agent.core.identifiers import DailyKey, ReportType
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.core.journal import Checked
from bluezone_agent.core.risk import DEFAULT_MODEL, MODELS
from bluezone_agent.errors import CertificateDatesError
from bluezone_agent.exposure_check.check import Check, PinnedSource
from bluezone_agent.exposure_check.report import CheckReport, SourceReport
from bluezone_agent.key_sources import SourceAddress, open_source
from bluezone_agent.key_sources.urls import tls_context
from bluezone_agent.stores.store import Store
from tests.diagnosis_keys import AUTHORITY, NOW_S, daily_key
from tests.key_sources import misbehaving
from tests.key_sources.misbehaving import Behaviour, Server, answers, only_for
from tests.key_sources.tls import Authority
from tests.receiving import receive

SHORT_S = 0.4
"""Of silence; the server trickles faster."""
LATER_S = NOW_S + 3600
WHOLE_DAY = "Retry-After: 86400"


@pytest.fixture(autouse=True)
def _no_pauses() -> Iterator[None]:
    with stamina.set_testing(True, attempts=1):
        yield


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


class World:
    """A device that heard two people, an authority that published the first, and two servers of its folder."""

    def __init__(self, home: Path, store: Store, good: Server, bad: Server, ca_file: Path) -> None:
        self.store, self.good, self.bad = store, good, bad
        self._home, self._ca_file = home, ca_file
        for number in (1, 2):
            receive(store, daily_key(number=number, days_ago=number))
        self.publish(daily_key(number=1, days_ago=1), NOW_S)

    def publish(self, key: DailyKey, now_s: float, *, index_days: float = 3) -> None:
        """Publish in the folders of both servers."""
        inbox = self._home / f"{now_s}.json"
        inbox.write_bytes(write_submission([key], None))
        publish.publish(
            [inbox],
            AUTHORITY,
            self.good.folder,
            now_s,
            report_type=ReportType.CONFIRMED_TEST,
            minimum=0,
            region="VN",
            index_days=index_days,
        )
        shutil.copytree(self.good.folder, self.bad.folder, dirs_exist_ok=True)

    def check(self, *servers: Server, now_s: float = LATER_S, path: str = "") -> CheckReport:
        pinned = [
            PinnedSource(
                open_source(SourceAddress(s.url + path, ca_file=str(self._ca_file), silence_s=SHORT_S, deadline_s=1)),
                AUTHORITY.verification_key,
            )
            for s in servers
        ]
        return Check(self.store, MODELS[DEFAULT_MODEL], assumed_tx_power_dbm=-25, now_s=now_s).run(pinned)

    def accepted_of(self, server: Server, *, with_index: bool = True) -> tuple[object, object, object]:
        """Return what the store believes because of a server; what it says of the last try is left out."""
        source = self.store.sources.source(server.url)
        assert source is not None
        files = [replace(f, tried_at_s=0, fault=None) for f in self.store.sources.files(server.url) if f.digest]
        index = (source.notes, source.issued_at_s, source.expires_at_s) if with_index else None
        return source.complete_at_s, index, files

    def exposures(self) -> list[str]:
        """Return what was found and said so far, row by row."""
        tables = ("exposure", "exposure_minute", "warning")
        return [repr(tuple(row)) for table in tables for row in self.store._db.execute(f"SELECT * FROM {table}")]

    def complete_check(self) -> int | None:
        checked = self.store.journal.get(Checked)
        return checked.complete_at_s if checked else None


@pytest.fixture
def world(tmp_path: Path, certificates: Authority) -> Iterator[World]:
    tls = certificates.good()
    folders = tmp_path / "good", tmp_path / "bad"
    for folder in folders:
        folder.mkdir()
    with (
        misbehaving.serving(folders[0], tls) as good,
        misbehaving.serving(folders[1], tls) as bad,
        Store(tmp_path / "state") as store,
    ):
        yield World(tmp_path, store, good, bad, certificates.ca_file)


def verdict(report: SourceReport) -> str:
    """Return the one thing that is said of an incomplete source; it has a way out, too."""
    assert not report.complete
    (fault,) = [fault for fault in (report.error, *report.faults) if fault is not None]
    assert fault.hint
    return str(fault)


def not_accepting(server: Server) -> None:
    server.accepting.clear()
    assert server.paused.wait(5)


def behaving(behaviour: Behaviour) -> Callable[[Server], None]:
    def tell(server: Server) -> None:
        server.behave = behaviour

    return tell


FAULTS: dict[str, tuple[Callable[[Server], None], str]] = {
    "does not accept": (not_accepting, "can't fetch {url}index.signed: "),
    "stalls in the handshake": (behaving(misbehaving.stalls_in_the_handshake), "can't fetch {url}index.signed: "),
    "stalls before the headers": (behaving(misbehaving.stalls_before_the_headers), "can't fetch {url}index.signed: "),
    "stalls in the headers": (behaving(misbehaving.stalls_in_the_headers), "can't fetch {url}index.signed: "),
    "stalls in the body": (behaving(misbehaving.stalls_in_the_body), "can't fetch {url}index.signed: "),
    "a byte now and then": (behaving(misbehaving.trickles), "{url}index.signed was not fully received within 1 s"),
    "resets": (behaving(misbehaving.resets), "can't fetch {url}index.signed: "),
    "announces more": (behaving(only_for(".zip", misbehaving.announces_more)), "can't fetch {url}gaen/"),
    "announces less": (
        behaving(only_for(".zip", misbehaving.announces_less)),
        "differs from the file listed in the signed",
    ),
    "truncates": (
        behaving(only_for(".zip", misbehaving.truncates)),
        "differs from the file listed in the signed index",
    ),
    "truncates the index": (
        behaving(only_for(".signed", misbehaving.truncates)),
        "index.signed is not a signed index: ",
    ),
    "304 unasked": (behaving(answers("304 Not Modified")), "{url}index.signed answers 304 Not Modified"),
    "404": (behaving(answers("404 Not Found")), "{url}index.signed is missing, although it existed before"),
    "410": (behaving(answers("410 Gone")), "{url}index.signed is missing, although it existed before"),
    "a file's 404": (behaving(only_for(".zip", misbehaving.is_missing)), ".zip answers 404 Not Found"),
    "429": (
        behaving(answers("429 Too Many Requests", b"", WHOLE_DAY)),
        "{url}index.signed answers 429 Too Many Requests",
    ),
    "503": (behaving(answers("503 Service Unavailable", b"", WHOLE_DAY)), "{url}index.signed answers 503 Service"),
    "a login page": (
        behaving(only_for("", misbehaving.is_a_page)),
        "{url}index.signed answers with a web page",
    ),
    "a page for a file": (behaving(only_for(".zip", misbehaving.is_a_page)), ".zip answers with a web page"),
    "redirects to http": (
        behaving(answers("302 Found", b"", "Location: http://127.0.0.1:1/")),
        "{url}index.signed redirects elsewhere, to http://127.0.0.1:1/",
    ),
    "redirects to another host": (
        behaving(answers("301 Moved", b"", "Location: https://keys.example.org/index.signed?you")),
        "{url}index.signed redirects elsewhere, to https://keys.example.org/index.signed",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_misbehaving_server_gets_its_verdict_and_the_other_goes_on(world: World, fault: str) -> None:
    assert world.check(world.bad, now_s=NOW_S).complete
    found, complete_at = world.exposures(), world.complete_check()
    before = {with_index: world.accepted_of(world.bad, with_index=with_index) for with_index in (True, False)}
    world.publish(daily_key(number=2, days_ago=2), LATER_S - 60)
    misbehave, says = FAULTS[fault]
    misbehave(world.bad)
    first = world.check(world.bad)
    assert says.format(url=world.bad.url) in verdict(first.sources[0])
    with_index = first.sources[0].index is None  # a good one is news of its own, whatever becomes of its files
    assert world.accepted_of(world.bad, with_index=with_index) == before[with_index]
    assert (world.exposures(), world.complete_check()) == (found, complete_at)
    both = world.check(world.bad, world.good)
    assert [s.complete for s in both.sources] == [False, True]
    assert both.matched_keys == 2
    assert world.complete_check() == complete_at
    world.bad.behave = misbehaving.honest
    world.bad.accepting.set()
    assert world.check(world.bad, world.good).complete, "it is believed again when it behaves"


@pytest.mark.parametrize(
    ("certificate", "says"),
    [
        ("expired", "certificate has expired"),
        ("not_yet_valid", "certificate is not yet valid"),
        ("for_another_host", "IP address mismatch"),
        ("self_signed", "self-signed certificate"),
        ("outdated", "PROTOCOL_VERSION"),
    ],
)
def test_a_server_that_cannot_prove_who_it_is_is_not_asked(
    world: World, certificates: Authority, certificate: str, says: str
) -> None:
    world.bad.tls = getattr(certificates, certificate)()
    with stamina.set_testing(True, attempts=3):
        report = world.check(world.bad, world.good)
    said = verdict(report.sources[0])
    assert said.startswith(f"no secure connection to {world.bad.url}index.signed: ")
    assert says in said
    by_dates = certificate in {"expired", "not_yet_valid"}
    assert isinstance(report.sources[0].error, CertificateDatesError) == by_dates
    kept = world.store.sources.source(report.sources[0].name)
    assert kept is not None
    assert isinstance(kept.fault, CertificateDatesError) == by_dates
    assert (world.bad.connections, world.bad.requests) == (1, []), "nothing was sent, nor is it tried again"
    assert (report.sources[1].complete, report.matched_keys) == (True, 1)


def test_tls_is_1_2_at_least_and_judged_by_the_named_authority_alone(certificates: Authority) -> None:
    for address in (
        SourceAddress("https://keys.example.org/"),
        SourceAddress("https://x/", ca_file=str(certificates.ca_file)),
    ):
        context = tls_context(address)
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2
        assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert len(context.get_ca_certs()) == 1


def test_an_older_index_is_refused_and_nothing_goes_back(world: World, tmp_path: Path) -> None:
    shutil.copytree(world.bad.folder, tmp_path / "old")
    world.publish(daily_key(number=2, days_ago=2), NOW_S + 60)
    assert world.check(world.bad).matched_keys == 2
    before, found = world.accepted_of(world.bad), world.exposures()
    world.bad.folder = tmp_path / "old"
    report = world.check(world.bad, world.good)
    assert "is an old index: its sequence number is" in verdict(report.sources[0])
    assert (world.accepted_of(world.bad), world.exposures()) == (before, found)
    assert report.sources[1].complete


def test_a_frozen_index_expires(world: World) -> None:
    assert world.check(world.bad, now_s=NOW_S + 3 * DAY_S - 1).complete
    report = world.check(world.bad, now_s=NOW_S + 3 * DAY_S)
    assert "index.signed has expired: newer files may be held back" in verdict(report.sources[0])
    world.publish(daily_key(number=2, days_ago=2), NOW_S + 3 * DAY_S)
    assert world.check(world.bad, now_s=NOW_S + 3 * DAY_S + 60).complete


def test_an_index_that_somebody_changed_is_refused(world: World) -> None:
    path = world.bad.folder / "index.signed"
    path.write_bytes(path.read_bytes().replace(b"gaen/", b"gean/", 1))
    assert "does not match its signature by key 452 v1" in verdict(world.check(world.bad).sources[0])


def test_a_304_that_lies_about_a_single_file_changes_nothing(world: World) -> None:
    (file,) = world.bad.folder.glob("gaen/*.zip")
    path = str(file.relative_to(world.bad.folder))

    def tagged(secure: ssl.SSLSocket, body: bytes) -> None:
        misbehaving.answer(secure, body, "200 OK", 'ETag: "1"')

    world.bad.behave = only_for(".zip", tagged)
    assert world.check(world.bad, path=path).complete
    found = world.exposures()
    files = world.store.sources.files(world.bad.url + path)
    world.bad.behave = answers("304 Not Modified")
    report = world.check(world.bad, path=path)
    assert (report.complete, report.sources[0].files) == (True, [])
    assert (world.exposures(), world.store.sources.files(world.bad.url + path)) == (found, files)
