"""Publishing to a verification server and a key server that check everything that the real ones check."""

import base64
import hmac
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from bluezone_agent.actions import upload_keys
from bluezone_agent.core.identifiers import DailyKey
from bluezone_agent.core.intervals import DAY_S
from bluezone_agent.errors import ConfigError, ExportError, KeyServerError
from bluezone_agent.key_servers import sending
from bluezone_agent.key_servers.google import LONG, SHORT, GoogleKeyServer, mac
from bluezone_agent.stores.store import Store
from tests.diagnosis_keys import NOW_S, TODAY_S, daily_key
from tests.key_servers.google import CODE, Servers


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path) as opened:
        yield opened


def client(servers: Servers) -> GoogleKeyServer:
    return GoogleKeyServer(f"{servers.url}/", servers.url, "API-KEY", "vn.example")


def keep(store: Store, *keys: DailyKey) -> None:
    """Put closed keys into the store."""
    with store.transaction():
        for key in keys:
            store.keys.add(key, last_slot_s=key.ends_at_s - key.slot_s, exportable=True)
            own = store.keys.running()
            assert own is not None
            store.keys.close(own)


def publish(store: Store, servers: Servers, code: str = CODE, onset: date | None = None) -> upload_keys.SubmittedKeys:
    return upload_keys.publish(store, client(servers), code, NOW_S, days=14, onset=onset, traveler=False)


def test_code_token_certificate_publish(store: Store, servers: Servers) -> None:
    older, newer = daily_key(days_ago=3, number=9), daily_key(days_ago=1, number=2)
    keep(store, newer, older, daily_key("bluezone", days_ago=2))
    done = publish(store, servers, onset=date(2020, 9, 20))
    assert (done.sent, done.receipt.inserted, done.receipt.refused) == (2, 2, "")
    assert [path for path, *_ in servers.calls] == ["/api/verify", "/api/certificate", "/v1/publish"]
    (body,) = servers.published
    assert [base64.b64decode(k["key"]) for k in body["temporaryExposureKeys"]] == [older.data, newer.data], (
        "by their days"
    )
    assert [k["rollingStartNumber"] for k in body["temporaryExposureKeys"]] == [
        (TODAY_S - 3 * DAY_S) // 600,
        (TODAY_S - DAY_S) // 600,
    ]
    assert {k["rollingPeriod"] for k in body["temporaryExposureKeys"]} == {144}
    assert body["healthAuthorityID"] == "vn.example"
    assert body["symptomOnsetInterval"] == 1_600_560_000 // 600
    assert body["revisionToken"] == ""


def test_the_api_key_goes_to_the_verification_server_only(store: Store, servers: Servers) -> None:
    keep(store, daily_key())
    publish(store, servers)
    keys = [headers.get("X-API-Key") or headers.get("X-Api-Key") for _, headers, *_ in servers.calls]
    assert keys == ["API-KEY", "API-KEY", None]


def on_the_wire(servers: Servers) -> list[tuple[str, int, int, set[str]]]:
    """Return of each request what somebody who watches can tell: where to, its lengths, and the headers but one."""
    return [
        (
            path,
            length,
            sum(len(name) + len(value) for name, value in headers.items()),
            set(headers) - {"X-Chaff", "X-Plain"},
        )
        for path, headers, _, length in servers.calls
    ]


@pytest.mark.parametrize("count", [1, 14, 20, 30])
def test_a_publication_first_and_second_has_the_requests_and_lengths_of_chaff(
    store: Store, servers: Servers, count: int
) -> None:
    client(servers).send_chaff()
    chaff = on_the_wire(servers)
    servers.certificate, servers.revision_token = "C" * 1_200, "R" * 4_000
    keep(store, *(daily_key(days_ago=1 + n % 13, number=n + 1) for n in range(count)))
    for onset in (None, date(2020, 9, 20)):
        servers.calls.clear()
        assert publish(store, servers, onset=onset).sent == count
        assert on_the_wire(servers) == chaff
    servers.calls.clear()
    servers.answers["/v1/publish"] = (503, b"")
    with pytest.raises(KeyServerError):
        publish(store, servers)
    servers.answers.clear()
    servers.calls.clear()
    publish(store, servers, code="")
    assert on_the_wire(servers) == chaff, "without a code too"
    assert ["X-Chaff" in headers for _, headers, *_ in servers.calls] == [True, False, False]


def test_a_request_that_is_longer_has_a_multiple_of_the_length(store: Store, servers: Servers) -> None:
    servers.certificate = "C" * 20_000
    keep(store, daily_key())
    publish(store, servers)
    assert [length for *_, length in servers.calls] == [SHORT, SHORT, 2 * LONG]


def test_of_any_number_of_keys_every_day_is_published_and_the_rest_is_said(store: Store, servers: Servers) -> None:
    days = [1 + n % 13 for n in range(13)] + [1] * 40
    keep(store, *(daily_key(days_ago=day, number=n + 1) for n, day in enumerate(days)))
    done = publish(store, servers)
    (body,) = servers.published
    starts = [k["rollingStartNumber"] for k in body["temporaryExposureKeys"]]
    assert len(set(starts)) == 13
    assert (done.sent, done.left_out, done.receipt.inserted) == (15, 38, 15)


def test_where_a_key_of_a_day_that_is_over_ended_is_not_told(store: Store, servers: Servers) -> None:
    ended = daily_key(days_ago=2, number=1)
    keep(store, ended._replace(ends_at_s=ended.starts_at_s + 7_200), daily_key(days_ago=2, number=2))
    publish(store, servers)
    (body,) = servers.published
    assert [k["rollingPeriod"] for k in body["temporaryExposureKeys"]] == [144, 144]


def test_a_code_of_any_kind_of_report_is_taken(store: Store, servers: Servers) -> None:
    keep(store, daily_key())
    publish(store, servers)
    assert "accept" not in servers.calls[0][2], "left out it means all, user-report included (pkg/api/api.go)"


def test_a_kind_of_report_that_the_server_does_not_give_is_no_passing_fault(store: Store, servers: Servers) -> None:
    servers.answers["/api/verify"] = (412, {"error": "unsupported test type", "errorCode": "unsupported_test_type"})
    with pytest.raises(KeyServerError, match="412 unsupported_test_type") as caught:
        publish(store, servers)
    assert "for a confirmed test" in caught.value.hint


def test_warnings_of_the_server_are_told(store: Store, servers: Servers) -> None:
    keep(store, daily_key())
    warned = {"insertedExposures": 1, "warnings": ["key 0 symptom onset is too large"]}
    servers.answers["/v1/publish"] = (200, warned)
    assert publish(store, servers).receipt.warnings == ("key 0 symptom onset is too large",)


def test_a_server_that_trickles_is_left_at_the_deadline(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "DEADLINE_S", 1)
    servers.trickles = True
    with pytest.raises(KeyServerError, match="no complete answer within 1 s"):
        client(servers).send_chaff()


def test_the_revision_token_goes_along_the_next_time(store: Store, servers: Servers) -> None:
    keep(store, daily_key(days_ago=2, number=1))
    publish(store, servers)
    keep(store, daily_key(days_ago=1, number=2))
    publish(store, servers)
    assert [body["revisionToken"] for body in servers.published] == ["", "REVISION1"]


def test_a_code_that_was_used_up_before_the_network_failed_is_not_lost(store: Store, servers: Servers) -> None:
    keep(store, daily_key())
    servers.answers["/v1/publish"] = (503, b"<html>busy</html>")
    with pytest.raises(KeyServerError, match=r"/v1/publish answers 503"):
        publish(store, servers)
    servers.answers.clear()
    assert publish(store, servers, code="").receipt.inserted == 1
    codes = [body["code"] for path, _, body, _ in servers.calls if path == "/api/verify"]
    assert codes.count(CODE) == 1
    with pytest.raises(ExportError, match="a code from the health authority is needed"):
        publish(store, servers, code="")


def test_a_wrong_code_costs_nothing(store: Store, servers: Servers) -> None:
    key = daily_key(days_ago=0)
    with store.transaction():
        store.keys.add(key, last_slot_s=NOW_S // 600 * 600, exportable=True)
    with pytest.raises(KeyServerError, match="answers 400 code_invalid: verification code is unknown") as caught:
        publish(store, servers, code="87654321")
    assert "each code can be used only once" in caught.value.hint
    assert store.keys.running() is not None, "the key on the air was not cut"


def test_keys_that_were_not_taken_are_said(store: Store, servers: Servers) -> None:
    keep(store, daily_key())
    partly = {"code": "partial_failure", "error": "key 1: too old", "insertedExposures": 0, "revisionToken": "R"}
    servers.answers["/v1/publish"] = (200, partly)
    receipt = publish(store, servers).receipt
    assert (receipt.inserted, receipt.refused) == (0, "key 1: too old")


def test_with_bluezone_keys_alone_there_is_nothing_to_publish(store: Store, servers: Servers) -> None:
    keep(store, daily_key("bluezone"))
    with pytest.raises(ExportError, match="no Exposure Notification keys") as caught:
        publish(store, servers)
    assert "keys export" in caught.value.hint
    assert servers.published == []


@pytest.mark.parametrize("answer", [b"", b"<html>login</html>", b"[]", b'{"token": 3}', b"x" * 100_000])
def test_what_is_no_answer_is_refused(store: Store, servers: Servers, answer: bytes) -> None:
    servers.answers["/api/verify"] = (200, answer)
    with pytest.raises(KeyServerError, match="/api/verify answers 200"):
        publish(store, servers)


def test_chaff_is_a_publication_that_is_thrown_away(servers: Servers) -> None:
    client(servers).send_chaff()
    assert [path for path, *_ in servers.calls] == ["/api/verify", "/api/certificate", "/v1/publish"]
    assert all(headers["X-Chaff"] == "1" for _, headers, *_ in servers.calls)
    assert servers.published == []


def test_the_mac_is_that_of_the_verification_protocol() -> None:
    """base64(key).start.count, sorted, joined by commas (docs/design/verification_protocol.md)."""
    keys = [daily_key(days_ago=1, number=2), daily_key(days_ago=2, number=1)]
    texts = sorted(f"{base64.b64encode(k.data).decode()}.{k.starts_at_s // 600}.144" for k in keys)
    assert mac(keys, b"secret") == hmac.digest(b"secret", f"{texts[0]},{texts[1]}".encode(), "sha256")


@pytest.mark.parametrize(
    "address", ["http://keys.example.org", "ftp://keys.example.org", "keys", "https://", "http://[::"]
)
def test_keys_never_go_over_http(address: str) -> None:
    with pytest.raises(ConfigError, match="is not the https address of a server"):
        GoogleKeyServer("https://verify.example.org", address, "k", "a")


def test_a_server_that_is_not_there_is_named(store: Store) -> None:
    nobody = GoogleKeyServer("http://127.0.0.1:9", "http://127.0.0.1:9", "k", "a")
    with pytest.raises(KeyServerError, match=r"can't reach http://127\.0\.0\.1:9/api/verify"):
        upload_keys.publish(store, nobody, CODE, NOW_S, days=14, onset=None, traveler=False)


def test_neither_client_nor_error_shows_a_secret(store: Store, servers: Servers) -> None:
    assert "API-KEY" not in repr(client(servers))
