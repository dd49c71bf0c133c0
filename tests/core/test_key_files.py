"""Case files of both formats: what is believed, and what is not."""

import json
import re
import tracemalloc
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from bluezone_agent.core.bluezone import Bluezone
from bluezone_agent.core.diagnosis_keys import KeyFault, KeyFile, VerificationKey, read_key_file
from bluezone_agent.core.diagnosis_keys.bluezone_json import write_bluezone_json
from bluezone_agent.core.diagnosis_keys.key_export import HEADER, write_key_export
from bluezone_agent.core.diagnosis_keys.key_export_pb2 import TEKSignatureList
from bluezone_agent.core.diagnosis_keys.signing import SigningKey
from bluezone_agent.core.identifiers import DailyKey, DiagnosisKey, ReportType
from bluezone_agent.core.intervals import DAY_S, ENIN_S
from bluezone_agent.errors import BadSignatureError, ConfigError, KeyFileError
from tests.diagnosis_keys import (
    AUTHORITY,
    NOW_S,
    TODAY_S,
    daily_key,
    diagnosis_keys,
    entry,
    export_of,
    signed_zip,
    signing_key,
    zipped,
)
from tests.shared import shared_file

PINNED = AUTHORITY.verification_key
DOCUMENTATION = Path(__file__).parents[2] / "docs" / "diagnosis-keys.md"
GOOD_ZIP = signed_zip(export_of(entry()))


@dataclass(frozen=True)
class Read:
    """A case file, read as a whole."""

    protocol: str
    digest: str
    published_at_s: int | None
    keys: tuple[DiagnosisKey, ...]
    revoked: tuple[bytes, ...]
    dropped: tuple[tuple[KeyFault, int], ...]


def whole(file: KeyFile) -> Read:
    batch = file.whole()
    return Read(
        file.protocol,
        file.digest,
        file.published_at_s,
        batch.keys,
        tuple(k.key.data for k in batch.revoked),
        tuple(batch.dropped.items()),
    )


def read_zip(data: bytes, key: VerificationKey = PINNED) -> Read:
    return whole(read_key_file("a.zip", data, None, key, NOW_S))


def read_json(data: bytes, signature: bytes | None = None, key: VerificationKey = PINNED) -> Read:
    return whole(read_key_file("a.json", data, AUTHORITY.sign(data) if signature is None else signature, key, NOW_S))


def json_of(*entries: Any, **members: Any) -> bytes:
    return json.dumps({"published_at": NOW_S, "data": entries} | members).encode()


def json_entry(**changes: Any) -> dict[str, Any]:
    start = TODAY_S - DAY_S
    return {"daily_key": "ab" * 32, "time_start": start, "max": 96, "time_end": start + DAY_S - 1} | changes


def gaen_file(keys: list[DiagnosisKey]) -> bytes:
    return write_key_export(keys, AUTHORITY, start_s=NOW_S - DAY_S, end_s=NOW_S, region="VN")


def test_the_two_formats() -> None:
    key = DiagnosisKey(daily_key("gaen"))
    assert read_zip(gaen_file([key])).protocol == "gaen"
    other = DiagnosisKey(daily_key("bluezone"))
    assert read_json(write_bluezone_json([other], published_at_s=NOW_S)).protocol == "bluezone"


@given(diagnosis_keys("gaen"))
def test_a_key_export_reads_as_it_was_written(keys: list[DiagnosisKey]) -> None:
    file = read_zip(gaen_file(keys))
    assert file.keys == tuple(sorted(keys, key=lambda k: k.key.data))
    assert (file.dropped, file.revoked, file.published_at_s) == ((), (), NOW_S)


@given(diagnosis_keys("bluezone"))
def test_a_bluezone_file_reads_as_it_was_written(keys: list[DiagnosisKey]) -> None:
    file = read_json(write_bluezone_json(keys, published_at_s=NOW_S))
    assert file.keys == tuple(sorted(keys, key=lambda k: k.key.data))
    assert (file.dropped, file.revoked, file.published_at_s) == ((), (), NOW_S)


@given(diagnosis_keys("gaen"))
def test_the_order_in_which_keys_are_given_shows_nowhere(keys: list[DiagnosisKey]) -> None:
    export = zipfile_member(gaen_file(keys), "export.bin")
    assert export == zipfile_member(gaen_file(keys[::-1]), "export.bin")


def zipfile_member(data: bytes, name: str) -> bytes:
    with zipfile.ZipFile(BytesIO(data)) as archive:
        return archive.read(name)


def flips(data: bytes) -> list[bytes]:
    """Return ``data`` with each bit flipped in turn."""
    return [data[:i] + bytes([data[i] ^ 1 << bit]) + data[i + 1 :] for i in range(len(data)) for bit in range(8)]


@pytest.mark.slow
def test_every_flipped_bit_of_a_key_export_is_refused() -> None:
    export = export_of(entry())
    signature = AUTHORITY.sign(export)
    mutants = [zipped(("export.bin", e), ("export.sig", signature)) for e in flips(export)]
    mutants += [zipped(("export.bin", export), ("export.sig", s)) for s in flips(signature)]
    assert len(mutants) > 1500
    for mutant in mutants:
        with pytest.raises(KeyFileError):
            read_zip(mutant)


@pytest.mark.slow
def test_every_flipped_bit_of_a_bluezone_file_is_refused() -> None:
    data = write_bluezone_json([DiagnosisKey(daily_key("bluezone"))], published_at_s=NOW_S)
    signature = AUTHORITY.sign(data)
    for mutant in flips(data):
        with pytest.raises(BadSignatureError):
            read_json(mutant, signature)
    for mutant in flips(signature):
        with pytest.raises(KeyFileError):
            read_json(data, mutant)


@given(st.binary(max_size=300))
def test_signed_nonsense_is_refused_or_empty(body: bytes) -> None:
    export = HEADER + body
    with pytest.raises(KeyFileError):
        read_zip(signed_zip(export))
    with pytest.raises(KeyFileError):
        read_json(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.lists(JSON, max_size=5), st.dictionaries(st.sampled_from(sorted(json_entry())), JSON))
def test_signed_json_of_any_shape_costs_only_what_is_wrong_in_it(entries: list[Any], changes: dict[str, Any]) -> None:
    file = read_json(json_of(json_entry(daily_key="cd" * 32), json_entry(**changes), *entries))
    assert bytes.fromhex("cd" * 32) in {k.key.data for k in file.keys}
    assert len(file.keys) + sum(n for _, n in file.dropped) >= 1 + len(entries)


# what is not believed


@pytest.mark.parametrize(
    ("signer", "found"),
    [
        (signing_key(2), None),
        (signing_key(1, "453"), '"453" "v1"'),
        (signing_key(1, "452", "v2"), '"452" "v2"'),
    ],
    ids=["another key", "another id", "another version"],
)
def test_only_the_pinned_key_under_its_id_and_version_is_believed(signer: SigningKey, found: str | None) -> None:
    data = json_of(json_entry())
    reads: list[Callable[[], Read]] = [
        lambda: read_zip(signed_zip(export_of(entry(), key=signer), signer)),
        lambda: read_json(data, signer.sign(data)),
    ]
    for read in reads:
        with pytest.raises(BadSignatureError, match=r"^a\.(zip|json) (is|does not match) ") as caught:
            read()
        assert caught.value.hint
        for text in ("452", "v1", found or ""):
            assert text in str(caught.value)


def test_the_file_cannot_choose_the_algorithm() -> None:
    export = export_of(entry())
    signatures = TEKSignatureList.FromString(AUTHORITY.sign(export))
    signatures.signatures[0].signature_info.signature_algorithm = "none"
    with pytest.raises(BadSignatureError, match='with "none"'):
        read_zip(zipped(("export.bin", export), ("export.sig", signatures.SerializeToString())))


def test_a_second_signature_by_another_key_does_no_harm() -> None:
    """A server that changes its key signs with both for a while."""
    new = signing_key(2, "452", "v2")
    export = export_of(entry(), signature_infos=[AUTHORITY.info, new.info])
    both = AUTHORITY.sign(export) + new.sign(export)
    file = zipped(("export.bin", export), ("export.sig", both))
    assert read_zip(file) == read_zip(file, new.verification_key)
    with pytest.raises(BadSignatureError):
        read_zip(zipped(("export.bin", export), ("export.sig", both + both)))


def test_an_unsigned_file_is_refused_by_name() -> None:
    export = export_of(entry())
    reads: list[Callable[[], Read]] = [
        lambda: read_zip(zipped(("export.bin", export))),
        lambda: read_zip(zipped(("export.bin", export), ("export.sig", b""))),
        lambda: whole(read_key_file("a.json", json_of(json_entry()), None, PINNED, NOW_S)),
        lambda: read_json(json_of(json_entry()), b""),
    ]
    for read in reads:
        with pytest.raises(BadSignatureError, match=r"a\.(zip|json) is not signed"):
            read()


def test_a_signature_list_is_not_read_beyond_what_one_needs() -> None:
    data = json_of(json_entry())
    padded = AUTHORITY.sign(data) + b"\x7a" + b"\xff\xff\x00" + bytes(0x3FFF)  # field 15, which nobody knows
    with pytest.raises(BadSignatureError, match=r"a\.json can't be read: 16\d+ bytes, at most 16384 expected"):
        read_json(data, padded)
    small = AUTHORITY.sign(data) + b"\x7a\x03abc"
    assert len(read_json(data, small).keys) == 1


def test_every_truncation_is_refused() -> None:
    data, packed = json_of(json_entry()), signed_zip(export_of(entry()))
    for length in range(len(packed)):
        with pytest.raises(KeyFileError, match=r"a\.zip"):
            read_zip(packed[:length])
    for length in range(len(data)):
        with pytest.raises(BadSignatureError, match=r"a\.json"):
            read_json(data[:length], AUTHORITY.sign(data))


@pytest.mark.parametrize(
    "members",
    [
        ["export.sig"],
        ["export.bin", "../export.sig"],
        ["export.bin", "export.bin", "export.sig"],
        ["export.bin", "export.sig", "export.sig"],
        ["export.bin", "export.sig", *map(str, range(15))],
        [],
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_zip_holds_each_of_the_two_members_once_and_few_others(members: list[str]) -> None:
    export = export_of(entry())
    contents = {"export.bin": export, "export.sig": AUTHORITY.sign(export)}
    with pytest.raises(KeyFileError, match=r"a\.zip is (not an Exposure Notification key export|not signed)"):
        read_zip(zipped(*((name, contents.get(name, b"x")) for name in members)))


@pytest.mark.parametrize("others", [["content.sig"], ["../export.bin", "a/export.sig"], list(map(str, range(14)))])
def test_other_members_of_a_zip_are_left_alone(others: list[str]) -> None:
    """A Dutch set has a third member, the signature by the state's certificate."""
    export = export_of(entry())
    members = [("export.bin", export), ("export.sig", AUTHORITY.sign(export)), *((name, b"x") for name in others)]
    for order in (members, members[::-1]):
        assert len(read_zip(zipped(*order)).keys) == 1


@pytest.mark.parametrize("how", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_packers_are_not_let_loose_on_the_file(how: int) -> None:
    export = export_of(entry())
    with pytest.raises(KeyFileError, match=f"export.bin is compressed with method {how}"):
        read_zip(zipped(("export.bin", export), ("export.sig", AUTHORITY.sign(export)), how=how))


@pytest.mark.parametrize(
    ("export", "reason"),
    [
        (b"EK Export v2    " + export_of(entry())[16:], "does not begin with"),
        (export_of(entry(), signature_infos=[]), "does not name the key"),
        (export_of(entry(), signature_infos=[signing_key(1, "453").info]), "does not name the key"),
        (export_of(entry(), batch_num=2, batch_size=2), "batch 2 of 2 is signed as 1 of 1"),
        (export_of(entry(), batch_num=0, batch_size=1), "batch 0 of 1"),
    ],
)
def test_what_is_signed_must_agree_with_its_signature(export: bytes, reason: str) -> None:
    with pytest.raises(KeyFileError, match=reason):
        read_zip(signed_zip(export))


@pytest.mark.slow
@pytest.mark.parametrize("member", ["export.bin", "export.sig"])
def test_a_zip_bomb_is_refused_before_it_is_inflated(member: str) -> None:
    export = export_of(entry())
    contents = {"export.bin": export, "export.sig": AUTHORITY.sign(export)} | {member: bytes(100_000_000)}
    bomb = zipped(*contents.items())
    tracemalloc.start()
    with pytest.raises(KeyFileError, match=f"{member} inflates to more than"):
        read_zip(bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8_000_000


# bad keys in good files

START = (TODAY_S - DAY_S) // ENIN_S


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"key_data": b""}, KeyFault.LENGTH),
        ({"key_data": bytes(15)}, KeyFault.LENGTH),
        ({"key_data": bytes(17)}, KeyFault.LENGTH),
        ({"rolling_period": 0}, KeyFault.SPAN),
        ({"rolling_period": -1}, KeyFault.SPAN),
        ({"rolling_period": 145}, KeyFault.SPAN),
        ({"rolling_period": 2**31 - 1}, KeyFault.SPAN),
        ({"rolling_start_interval_number": -1}, KeyFault.SPAN),
        ({"rolling_start_interval_number": -144}, KeyFault.SPAN),
        ({"rolling_start_interval_number": START + 2 * 144}, KeyFault.FUTURE),
        ({"rolling_start_interval_number": 2**31 - 128}, KeyFault.FUTURE),
        ({"rolling_start_interval_number": 0}, KeyFault.OLD),
        ({"rolling_start_interval_number": START - 14 * 144}, KeyFault.OLD),
    ],
)
def test_a_bad_key_is_dropped_and_the_others_stand(changes: dict[str, Any], fault: KeyFault) -> None:
    good = entry(key_data=b"another good key")
    file = read_zip(signed_zip(export_of(entry(**changes), good)))
    assert [k.key.data for k in file.keys] == [good.key_data]
    assert file.dropped == ((fault, 1),)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"daily_key": "ab" * 31}, KeyFault.LENGTH),
        ({"daily_key": "zz" * 32}, KeyFault.MALFORMED),
        ({"daily_key": None}, KeyFault.MALFORMED),
        ({"time_start": "soon"}, KeyFault.MALFORMED),
        ({"time_start": 1e300}, KeyFault.SPAN),
        ({"max": 0}, KeyFault.SPAN),
        ({"max": -96}, KeyFault.SPAN),
        ({"max": 100_000}, KeyFault.SPAN),
        ({"time_end": TODAY_S - DAY_S - 1}, KeyFault.SPAN),
        ({"time_end": TODAY_S + 30 * DAY_S}, KeyFault.SPAN),
        ({"time_start": -5, "time_end": 5}, KeyFault.SPAN),
        ({"time_start": NOW_S + 1, "time_end": NOW_S + DAY_S}, KeyFault.FUTURE),
        ({"time_start": 0, "time_end": DAY_S}, KeyFault.OLD),
    ],
)
def test_a_bad_entry_is_dropped_and_the_others_stand(changes: dict[str, Any], fault: KeyFault) -> None:
    file = read_json(json_of(json_entry(**changes), json_entry(daily_key="cd" * 32)))
    assert [k.key.data for k in file.keys] == [b"\xcd" * 32]
    assert file.dropped == ((fault, 1),)


def test_an_entry_that_is_no_object_costs_itself_only() -> None:
    file = read_json(json_of(None, [], "key", json_entry()))
    assert (len(file.keys), file.dropped) == (1, ((KeyFault.MALFORMED, 3),))


def test_a_key_of_two_weeks_ago_still_counts() -> None:
    file = read_zip(signed_zip(export_of(entry(rolling_start_interval_number=START - 13 * 144))))
    assert len(file.keys) == 1


@pytest.mark.parametrize("onset", [-15, 15, 2**31 - 1, -(2**31)])
def test_an_impossible_onset_costs_the_onset_only(onset: int) -> None:
    (key,) = read_zip(signed_zip(export_of(entry(days_since_onset_of_symptoms=onset)))).keys
    assert key.days_since_onset is None
    (key,) = read_json(json_of(json_entry(days_since_onset=onset))).keys
    assert key.days_since_onset is None


@pytest.mark.parametrize("onset", [-14, -1, 0, 14])
def test_an_onset_is_read_with_its_sign(onset: int) -> None:
    (key,) = read_zip(signed_zip(export_of(entry(days_since_onset_of_symptoms=onset)))).keys
    assert key.days_since_onset == onset


@pytest.mark.parametrize(
    ("stated", "read"),
    [("recursive", ReportType.RECURSIVE), ("guesswork", ReportType.UNKNOWN), (7, ReportType.UNKNOWN), ([], 0)],
)
def test_an_unknown_report_type_costs_the_type_only(stated: object, read: ReportType) -> None:
    (key,) = read_json(json_of(json_entry(report_type=stated))).keys
    assert key.report_type == read


def test_an_unknown_report_type_of_a_key_export_costs_the_type_only() -> None:
    # field 5, varint 9: no report type has this number
    raw = entry()
    raw.ClearField("report_type")
    body = raw.SerializeToString() + b"\x28\x09"
    export = export_of() + b"\x3a" + bytes([len(body)]) + body
    (key,) = read_zip(signed_zip(export)).keys
    assert key.report_type is ReportType.UNKNOWN


def test_an_apps_own_entry_is_a_case() -> None:
    (key,) = read_json(json_of(json_entry())).keys
    assert (key.report_type, key.days_since_onset) == (ReportType.CONFIRMED_TEST, None)


def test_a_revoked_key_does_not_match() -> None:
    gone, stays = entry(), entry(key_data=b"another good key")
    for export in (
        export_of(gone, stays, revised_keys=[entry(report_type=5)]),
        export_of(entry(report_type=5), stays, gone),
    ):
        file = read_zip(signed_zip(export))
        assert [k.key.data for k in file.keys] == [stays.key_data]
        assert file.revoked == (gone.key_data,)
    file = read_json(json_of(json_entry(), json_entry(report_type="revoked"), json_entry(daily_key="cd" * 32)))
    assert [k.key.data for k in file.keys] == [b"\xcd" * 32]
    assert file.revoked == (b"\xab" * 32,)


def test_a_revised_key_replaces_the_first() -> None:
    file = read_zip(signed_zip(export_of(entry(report_type=2), revised_keys=[entry(report_type=1)])))
    assert [k.report_type for k in file.keys] == [ReportType.CONFIRMED_TEST]


def test_a_rolling_period_left_out_is_a_day() -> None:
    whole = entry()
    whole.ClearField("rolling_period")
    (key,) = read_zip(signed_zip(export_of(whole))).keys
    assert key.key.ends_at_s - key.key.starts_at_s == DAY_S


# when it was published


def test_a_file_says_itself_when_it_was_published() -> None:
    assert read_zip(signed_zip(export_of(end_timestamp=NOW_S - 5))).published_at_s == NOW_S - 5
    assert read_json(json_of(published_at=NOW_S - 5)).published_at_s == NOW_S - 5


def test_a_file_that_does_not_say_is_judged_by_the_present() -> None:
    export = export_of(entry(), entry(key_data=bytes(16), rolling_start_interval_number=START + 2 * 144))
    without = HEADER + b"".join([export[16 + 9 : 16 + 9], export[16 + 18 :]])  # fields 1 and 2 take 9 bytes each
    app = json.dumps({"data": [json_entry(), json_entry(daily_key="00" * 32, time_start=NOW_S + 1)]}).encode()
    app_tomorrow = json.loads(app)
    app_tomorrow["data"][1]["time_end"] = NOW_S + 2
    for file in (read_zip(signed_zip(without)), read_json(json.dumps(app_tomorrow).encode())):
        assert file.published_at_s is None
        assert (len(file.keys), file.dropped) == (1, ((KeyFault.FUTURE, 1),))


def test_the_chained_entry_of_the_app_is_walked_over_its_whole_range() -> None:
    trace = json.loads(shared_file("vectors/bluezone.json").read_text())["trace"]
    data = json.dumps({"data": [{name: trace[name] for name in ("daily_key", "time_start", "max", "time_end")}]})
    (found,) = read_json(data.encode()).keys
    walked = [[s.identifier.hex(), s.starts_at_s, s.ends_at_s] for s in Bluezone().slots(found.key)]
    assert len(walked) == trace["slots_checked"]
    assert [walked[0], walked[96], walked[-1]] == [trace["first"], trace["slot_96"], trace["last"]]


def test_our_bluezone_file_covers_the_slots_of_a_cut_key_and_no_more() -> None:
    whole = daily_key("bluezone")
    truncated = DailyKey("bluezone", whole.data, whole.starts_at_s, whole.starts_at_s + 5 * 900, 96)
    (raw,) = json.loads(write_bluezone_json([DiagnosisKey(truncated)], published_at_s=NOW_S))["data"]
    app_slots = [s for s in range(raw["time_start"], raw["time_start"] + DAY_S, 900) if s <= raw["time_end"]]
    assert len(app_slots) == 5
    assert len(list(Bluezone().slots(read_json(json_of(raw)).keys[0].key))) == 5


def test_the_example_in_the_documentation_is_a_case_file() -> None:
    (text, *_) = re.findall(r"```json\n(.*?)```", DOCUMENTATION.read_text(), re.DOTALL)
    file = read_json(text.encode())
    assert (len(file.keys), file.dropped) == (1, ())
    assert write_bluezone_json(file.keys, published_at_s=file.published_at_s or 0) == text.encode()


# keys of authorities


def test_a_public_key_comes_back_from_its_pem() -> None:
    again = VerificationKey.from_pem("452", "v1", PINNED.to_pem())
    assert again.verify("x", b"data", AUTHORITY.sign(b"data"))[:2] == (1, 1)


@pytest.mark.parametrize("pem", ["", "nonsense", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"])
def test_a_broken_public_key_is_named(pem: str) -> None:
    with pytest.raises(ConfigError, match="the public_key of 452 v1 can't be read") as caught:
        VerificationKey.from_pem("452", "v1", pem)
    assert "[[source.key]]" in caught.value.hint


@pytest.mark.parametrize("curve", [ec.SECP384R1(), ec.SECP256K1(), None], ids=["P-384", "secp256k1", "RSA"])
def test_only_p256_is_a_public_key(curve: ec.EllipticCurve | None) -> None:
    private = ec.generate_private_key(curve) if curve else rsa.generate_private_key(65537, 2048)
    pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    with pytest.raises(ConfigError, match="not a P-256 key"):
        VerificationKey.from_pem("452", "v1", pem)


def test_a_signing_key_shows_nothing_of_itself() -> None:
    assert repr(AUTHORITY) == "SigningKey(452, v1, <secret>)"
    again = SigningKey.from_pem("452", "v1", AUTHORITY.to_pem())
    assert PINNED.verify("x", b"data", again.sign(b"data"))[:2] == (1, 1)
