"""One hostile source among five, through the real command line: the other four's exposures appear, whatever it says."""

from __future__ import annotations

import base64
import json
import os
import random
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from bluezone_agent.core.diagnosis_keys.key_export_pb2 import TEKSignatureList, TemporaryExposureKey
from bluezone_agent.core.diagnosis_keys.signed_index import SIGNED_INDEX_NAME
from bluezone_agent.key_sources.index import MAX_FILE
from tests.diagnosis_keys import AUTHORITY, export_of, signed_zip, zipped
from tests.fuzz.damage import NODES, NUMBERS
from tests.key_sources.server import Answer, serving
from tests.planting import DAY_S, gaen_minutes, plant
from tests.present import today_s
from tests.program import Program

VALUES, LONG_VALUES = 2_400, 12_000
GOOD: Final = 4
TEXTS: Final = ("", "\x1b[2J", "x" * 5000, "\u202e", "../../etc", "{0.__class__}", "1e999", "NaN", "1" * 400, "٣", "%s")
TIMES: Final = (1, 86_400, 2**36, 253_402_300_800, 1_790_000_000_000, 1_790_000_000_000_000)
INTEGERS: Final = (*NUMBERS, *(-n for n in NUMBERS), *TIMES)
LITERALS: Final = (
    "1e999",
    "-1e999",
    "NaN",
    "Infinity",
    "1" * 5000,
    "1.0e10",
    "-0",
    '"\\ud800"',
    "truefalse",
    "[" * 2000,
)


class World:
    """A device that met four cases of four good folders, and a fifth source."""

    def __init__(self, home: Path) -> None:
        self.program, self.hostile = Program(home), home / "hostile"
        self.hostile.mkdir()
        for number in range(GOOD):
            day_s = today_s() - (number + 2) * DAY_S
            data = bytes([number]) * 16
            key = TemporaryExposureKey(key_data=data, rolling_start_interval_number=day_s // 600, rolling_period=144)
            (home / f"good{number}").mkdir()
            export = export_of(key, start_timestamp=day_s, end_timestamp=today_s())
            (home / f"good{number}" / "1.zip").write_bytes(signed_zip(export))
            plant(self.program, gaen_minutes(data, day_s + 36_000))

    def check(self, location: str | Path, *settings: str, **environment: str) -> dict[str, Any]:
        """Check all five sources, the hostile one in the middle; return what is said of that one."""
        pinned = AUTHORITY.verification_key
        key = f'[[source.key]]\nid = "452"\nversion = "v1"\npublic_key = """\n{pinned.to_pem()}"""\n'
        good = [f'[[source]]\nlocation = "{self.program.home}/good{n}"\n{key}' for n in range(GOOD)]
        hostile = "\n".join(["[[source]]", f'location = "{location}"', *settings, key])
        text = "clock_trusted = true\n" + "".join([*good[:2], hostile, *good[2:]])
        self.program.config.write_text(text)
        done = self.program.run("check", "--json", **environment)
        assert "Traceback" not in done.stderr, done.stderr[-3000:]
        assert done.returncode in {0, 1}, done.stderr[-3000:]
        report = json.loads(done.stdout)
        sources = report["sources"]
        assert [s["complete"] for n, s in enumerate(sources) if n != 2] == [True] * GOOD
        assert report["matched_keys"] == len(report["days"]) == GOOD
        return dict(sources[2])

    def look(self) -> None:
        """Have everything shown that the checks left behind."""
        for command in ("keys sources", "status", "exposures"):
            shown = self.program.run(*command.split())
            assert "Traceback" not in shown.stderr, shown.stderr[-3000:]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def integer(random_: random.Random, bits: int, *, signed: bool = True) -> int:
    """Return one of the odd integers, wrapped to what a protocol buffer can hold."""
    size = 1 << bits
    value = random_.choice(INTEGERS) % size
    return value - size if signed and value >= size // 2 else value


def hostile_export(random_: random.Random) -> bytes:
    """Return a signed key export with odd values in one to four of its fields, beside keys that are good."""
    key: dict[str, Any] = {"key_data": random_.randbytes(16), "rolling_start_interval_number": today_s() // 600 - 288}
    header: dict[str, Any] = {"start_timestamp": today_s() - DAY_S, "end_timestamp": today_s()}
    for _ in range(random_.choice((1, 1, 2, 4))):
        match random_.randrange(9):
            case 0:
                key["rolling_start_interval_number"] = integer(random_, 32)
            case 1:
                key["rolling_period"] = integer(random_, 32)
            case 2:
                key["days_since_onset_of_symptoms"] = integer(random_, 32)
            case 3:
                key["transmission_risk_level"] = integer(random_, 32)
            case 4:
                key["key_data"] = random_.randbytes(random_.choice((0, 1, 15, 17, 32, 5000)))
            case 5:
                header["end_timestamp"] = integer(random_, 64, signed=False)
            case 6:
                header["start_timestamp"] = integer(random_, 64, signed=False)
            case 7:
                header[random_.choice(("batch_num", "batch_size"))] = integer(random_, 32)
            case _:
                header["region"] = random_.choice(TEXTS)
    export = export_of(TemporaryExposureKey(**key), **header)
    if random_.random() < 0.2:  # a report type that is none
        body = TemporaryExposureKey(**key).SerializeToString() + b"\x28" + varint(random_.choice(INTEGERS))
        export += b"\x3a" + varint(len(body)) + body
    signatures = TEKSignatureList.FromString(AUTHORITY.sign(export))
    signature = signatures.signatures[0]
    if random_.random() < 0.2:
        signature.batch_num, signature.batch_size = integer(random_, 32), integer(random_, 32)
    if random_.random() < 0.1:
        signature.signature_info.verification_key_id = random_.choice(TEXTS)
    return zipped(("export.bin", export), ("export.sig", signatures.SerializeToString()))


def varint(value: int) -> bytes:
    value %= 2**64
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def literal(random_: random.Random) -> str:
    """Return a JSON value that is odd, or none at all."""
    return random_.choice((random_.choice(LITERALS), json.dumps(random_.choice((*NODES, *TIMES, *TEXTS)))))


def hostile_json(random_: random.Random) -> bytes:
    """Return a Bluezone file with odd values in place of one to three of its own."""
    start_s = today_s() - 2 * DAY_S
    values = {"time_start": start_s, "max": 96, "time_end": start_s + DAY_S - 1, "report_type": '"confirmed_test"'}
    entry: dict[str, object] = {"daily_key": f'"{random_.randbytes(32).hex()}"', **values, "days_since_onset": 0}
    published_at: object = today_s()
    for _ in range(random_.choice((1, 1, 2, 3))):
        name = random_.choice((*entry, "published_at"))
        if name == "published_at":
            published_at = literal(random_)
        else:
            entry[name] = literal(random_)
    text = ", ".join(f'"{name}": {value}' for name, value in entry.items())
    return f'{{"published_at": {published_at}, "data": [{{{text}}}]}}'.encode()


@pytest.mark.slow
def test_thousands_of_hostile_values_in_signed_files(world: World, *, long: bool) -> None:
    random_ = random.Random(17)
    count = LONG_VALUES if long else VALUES
    for number in range(count):
        path = world.hostile / f"{number:05}"
        if number % 2:
            path.with_suffix(".zip").write_bytes(hostile_export(random_))
        else:
            data = hostile_json(random_)
            path.with_suffix(".json").write_bytes(data)
            path.with_suffix(".json.sig").write_bytes(AUTHORITY.sign(data))
    found = world.check(world.hostile)
    verdicts = [file["verdict"] for file in found["files"]]
    assert len(verdicts) == count
    world.look()
    assert min(verdicts.count("matched"), verdicts.count("refused")) > count / 20, "some are odd, some too odd"


def test_the_names_of_files_may_be_anything_that_a_disk_holds(world: World) -> None:
    for name in (b"\xff\xfe.zip", b"\xed\xa0\x80.zip", b"\x1b[2J.json", "\u202e.zip".encode(), b"x" * 250 + b".zip"):
        Path(os.fsdecode(bytes(world.hostile) + b"/" + name)).write_bytes(b"PK\x03\x04")
    found = world.check(world.hostile)
    assert [file["verdict"] for file in found["files"]] == ["refused"] * 5
    with Path(os.fsdecode(bytes(world.hostile) + b"/\xff\xfe.zip")).open("wb") as large:
        large.truncate(MAX_FILE + 1)
    found = world.check(world.hostile)
    assert sorted(file["verdict"] for file in found["files"]) == ["missing", *["refused"] * 4]
    world.look()


@pytest.mark.parametrize(
    "proxy", ["socks5://127.0.0.1:1", "socks4://u:hunter2@x:1", "nonsense://x", "::::", "http://[", "x" * 9]
)
def test_a_proxy_that_cannot_be_used_is_a_fault_of_the_sources_that_want_it(world: World, proxy: str) -> None:
    with serving() as site:
        found = world.check(site.url, "use_proxy = true", ALL_PROXY=proxy, all_proxy=proxy, NO_PROXY="", no_proxy="")
    assert found["error"]
    assert "hunter2" not in found["error"]


# servers


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


HEADERS: Final = (
    {"Content-Type": "text/plain; charset=\udcff"},
    {"ETag": "x" * 9000},
    {"ETag": "\x00"},
    {"Set-Cookie": "a" * 9000},
    {"Content-Encoding": "gzip"},
    {"Content-Encoding": "br, zstd, x"},
    {"Transfer-Encoding": "x"},
    {"Content-Length": "-1"},
    {"Content-Length": "9" * 400},
    {"Content-Length": "1_0"},
    {"Location": "http://["},
    {"Retry-After": "9" * 400},
    {"Retry-After": "-1"},
    {"Retry-After": "\u0663"},
    {"Date": "never"},
    {"X-" + "a" * 9000: "1"},
    {"": "1"},
)
STATUSES: Final = (0, 99, 200, 204, 206, 299, 300, 301, 302, 304, 307, 400, 403, 451, 503, 599, 600, 999, 10**30)


@pytest.mark.slow
def test_hostile_headers_and_numbers_of_an_answer(world: World, opened: ExitStack) -> None:
    site = opened.enter_context(serving())
    cases = [(status, headers) for status in STATUSES for headers in HEADERS[: 3 if status != 200 else None]]
    cases += [(503, headers) for headers in HEADERS[10:14]]
    for number, (status, headers) in enumerate(cases):
        sent = {k: v.encode("utf-8", "surrogateescape").decode("latin-1") for k, v in headers.items()}
        site.answers[f"/{number}.zip"] = Answer(b"PK", status, sent)
    site.answers["/index.txt"] = Answer("\n".join(f"{n}.zip" for n in range(len(cases))).encode())
    assert not world.check(site.url)["complete"]


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["index", "signed", "cwa", "dp3t"])
def test_hostile_lists_and_tags(world: World, opened: ExitStack, layout: str, *, long: bool) -> None:
    """Some odd answers a layout, one check each."""
    random_ = random.Random(layout)
    site = opened.enter_context(serving())
    good = signed_zip(export_of())
    day = datetime.fromtimestamp(today_s() - DAY_S, UTC).date()
    tree = "/version/v1/diagnosis-keys/country/DE/date"
    for _ in range(60 if long else 4):
        odd = literal(random_)
        index = f'{{"sequence": {odd}, "issued_at": {literal(random_)}, "expires_at": {literal(random_)}, "files": []}}'
        match layout:
            case "index":
                lines = [random_.choice((*TEXTS, *map(str, INTEGERS))) for _ in range(3)]
                site.answers = {"/index.txt": Answer("\n".join(lines).encode("utf-8", "surrogateescape"))}
            case "signed":
                signed = {"index": index, "signature": base64_of(AUTHORITY.sign(index.encode()))}
                site.answers = {f"/{SIGNED_INDEX_NAME}": Answer(json.dumps(signed).encode())}
                site.answers["/index.txt"] = Answer(b"")
            case "cwa":
                site.answers = {tree: Answer(f'["{day}", {odd}]'.encode()), f"{tree}/{day}": Answer(good)}
                if random_.random() < 0.5:
                    site.answers |= {tree: Answer(b"[]"), f"{tree}/{day}/hour": Answer(f"[{odd}]".encode())}
            case "dp3t":
                tag = str(random_.choice((*INTEGERS, *TEXTS))).replace("٣", "3")
                site.answers = {"/v2/gaen/exposed": Answer(good, headers={"x-key-bundle-tag": tag})}
        settings = {"cwa": ['layout = "cwa"', 'regions = ["DE"]'], "dp3t": ['layout = "dp3t"']}
        world.check(site.url, *settings.get(layout, []))
    world.look()


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()
