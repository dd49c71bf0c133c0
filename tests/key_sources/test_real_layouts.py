"""Servers as others run them, over HTTPS, to the real command line of a device that met some of the cases."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bluezone_agent.core.diagnosis_keys.key_export_pb2 import TemporaryExposureKey
from tests.diagnosis_keys import AUTHORITY, export_of, signed_zip, zipped
from tests.key_sources.server import Answer, Site, serving
from tests.key_sources.tls import Authority
from tests.planting import DAY_S, bluezone_ids, bluezone_minute, gaen_minutes, plant
from tests.present import today_s
from tests.program import Program

DAYS = range(2, 12)
"""Yesterday's keys are pending until two hours after midnight, whenever this runs."""
KEYS_A_DAY = 10
SEEDS = 20


@dataclass
class World:
    """A device, and the sources that it is configured with."""

    program: Program
    certificates: Authority
    opened: ExitStack
    sources: list[str] = field(default_factory=list)

    def site(self) -> Site:
        return self.opened.enter_context(serving(self.certificates.good()))

    def source(self, location: str, *settings: str) -> None:
        key = AUTHORITY.verification_key
        lines = [f'location = "{location}"', f'ca_file = "{self.certificates.ca_file}"', *settings, "[[source.key]]"]
        pinned = f'id = "{key.key_id}"\nversion = "{key.key_version}"\npublic_key = """\n{key.to_pem()}"""\n'
        self.sources.append("\n".join(["[[source]]", *lines, pinned]))
        self.program.config.write_text("clock_trusted = true\n" + "".join(self.sources))

    def check(self) -> dict[str, Any]:
        done = self.program.run("check", "--json")
        assert "Traceback" not in done.stderr
        assert done.returncode == 0, done.stdout + done.stderr
        return dict(json.loads(done.stdout))


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def world(tmp_path: Path, certificates: Authority) -> Iterator[World]:
    with ExitStack() as opened:
        yield World(Program(tmp_path), certificates, opened)


def key_of(random_: random.Random, start: int, period: int = 144) -> TemporaryExposureKey:
    return TemporaryExposureKey(
        key_data=random_.randbytes(16),
        rolling_start_interval_number=start,
        rolling_period=period,
        report_type="CONFIRMED_TEST",
    )


def meet(world: World, key: TemporaryExposureKey, after: int = 60) -> None:
    """Be near a key's owner for 20 minutes, ``after`` so many intervals of its time."""
    plant(world.program, gaen_minutes(key.key_data, (key.rolling_start_interval_number + after) * 600))


def dp3t_bundle(seed: int) -> tuple[list[TemporaryExposureKey], bytes]:
    """Return keys in order and a bundle as dp3t-sdk-backend writes it: shuffled, its times those of its first key."""
    random_ = random.Random(seed)
    keys = [key_of(random_, (today_s() - day * DAY_S) // 600) for day in DAYS for _ in range(KEYS_A_DAY)]
    shuffled = random_.sample(keys, len(keys))
    start_s = shuffled[0].rolling_start_interval_number * 600
    return keys, signed_zip(export_of(*shuffled, start_timestamp=start_s, end_timestamp=start_s + 7200, region="ch"))


@pytest.mark.slow
def test_every_exposure_is_found_however_a_dp3t_server_shuffles(
    tmp_path: Path, certificates: Authority, *, long: bool
) -> None:
    found = []
    for seed in range(SEEDS if long else 3):
        with ExitStack() as opened:
            home = tmp_path / str(seed)
            home.mkdir()
            world = World(Program(home), certificates, opened)
            keys, bundle = dp3t_bundle(seed)
            for key in keys[::KEYS_A_DAY]:
                meet(world, key)
            site, tag = world.site(), str(int(time.time()) // 7200 * 7_200_000)
            site.answers = {"/v2/gaen/exposed": Answer(bundle, headers={"x-key-bundle-tag": tag})}
            site.answers[f"/v2/gaen/exposed?lastKeyBundleTag={tag}"] = Answer(status=204)
            world.source(site.url, 'layout = "dp3t"')
            report = world.check()
            found.append((report["matched_keys"], len(report["days"]), len(report["new_warnings"])))
            assert world.check()["new_warnings"] == []
            assert site.paths[-1].endswith(tag), "what is settled is not asked for again"
    assert found == [(len(DAYS), len(DAYS), len(DAYS))] * len(found)


def google_bucket(world: World, random_: random.Random) -> TemporaryExposureKey:
    """Two levels deep, filled as exposure-notifications-server does."""
    site, key = world.site(), key_of(random_, (today_s() - 2 * DAY_S) // 600)
    name = f"24h/region-VN/{today_s() - DAY_S}-{today_s()}-00001.zip"
    export = export_of(key, start_timestamp=today_s() - DAY_S, end_timestamp=today_s())
    site.answers = {"/24h/region-VN/index.txt": Answer(name.encode()), f"/{name}": Answer(signed_zip(export))}
    world.source(site.url, 'index = "24h/region-VN/index.txt"')
    return key


def cwa_tree(world: World, random_: random.Random) -> TemporaryExposureKey:
    site, key = world.site(), key_of(random_, (today_s() - 3 * DAY_S) // 600)
    day = datetime.fromtimestamp(today_s() - DAY_S, UTC).date()
    tree = "/version/v1/diagnosis-keys/country/DE/date"
    export = export_of(key, start_timestamp=today_s() - DAY_S, end_timestamp=today_s(), region="DE")
    site.answers = {tree: Answer(f'["{day}"]'.encode()), f"{tree}/{day}": Answer(signed_zip(export))}
    world.source(site.url, 'layout = "cwa"', 'regions = ["DE"]')
    return key


def dutch_set(world: World, random_: random.Random) -> TemporaryExposureKey:
    """A zip of three members, by its own address."""
    site, key = world.site(), key_of(random_, (today_s() - 4 * DAY_S) // 600)
    export = export_of(key, start_timestamp=today_s() - DAY_S, end_timestamp=today_s(), region="NL")
    members = (("export.bin", export), ("export.sig", AUTHORITY.sign(export)), ("content.sig", random_.randbytes(3000)))
    site.answers = {"/v5/exposurekeyset.zip": Answer(zipped(*members))}
    world.source(site.url + "v5/exposurekeyset.zip")
    return key


def any_start(world: World, random_: random.Random) -> TemporaryExposureKey:
    """A key that begins at 10:40 UTC and ends a day later."""
    site, key = world.site(), key_of(random_, (today_s() - 6 * DAY_S) // 600 + 64)
    export = export_of(key, start_timestamp=today_s() - DAY_S, end_timestamp=today_s())
    site.answers = {"/index.txt": Answer(b"1.zip"), "/1.zip": Answer(signed_zip(export))}
    world.source(site.url)
    return key


def milliseconds(world: World, random_: random.Random) -> TemporaryExposureKey:
    """A file that states its times in milliseconds."""
    site, key = world.site(), key_of(random_, (today_s() - 8 * DAY_S) // 600)
    export = export_of(key, start_timestamp=(today_s() - DAY_S) * 1000, end_timestamp=today_s() * 1000)
    site.answers = {"/index.txt": Answer(b"1.zip"), "/1.zip": Answer(signed_zip(export))}
    world.source(site.url)
    return key


def test_a_chained_bluezone_entry_whose_slots_do_not_divide_the_day(world: World) -> None:
    """25 days of 1000 identifiers, met on its 23rd day for 16 of them; its numbers are texts, as some JSON has them."""
    begins_s, data = today_s() - 26 * DAY_S, random.Random(5).randbytes(32)
    ids = bluezone_ids(data, 1000, day=22)
    plant(world.program, [bluezone_minute(ids[n], begins_s + 22 * DAY_S + n * 86.4) for n in range(500, 516)])
    entry = {"daily_key": data.hex(), "time_start": str(begins_s), "max": 1000.0, "time_end": begins_s + 25 * DAY_S - 1}
    text = json.dumps({"published_at": today_s(), "data": [entry]}).encode()
    site = world.site()
    site.answers = {"/keys.json": Answer(text), "/keys.json.sig": Answer(AUTHORITY.sign(text))}
    world.source(site.url + "keys.json")
    report = world.check()
    (day,) = report["days"]
    assert (report["matched_keys"], day["received_minutes"] > 14) == (1, True)


def test_every_layout_as_others_serve_it(world: World) -> None:
    random_ = random.Random(7)
    layouts = (google_bucket, cwa_tree, dutch_set, any_start, milliseconds)
    for layout in layouts:
        key = layout(world, random_)
        meet(world, key, after=100 if layout is any_start else 60)
    report = world.check()
    assert [(s["error"], s["dropped"], len(s["files"])) for s in report["sources"]] == [(None, {}, 1)] * len(layouts)
    assert (report["matched_keys"], len(report["new_warnings"])) == (len(layouts), len(layouts))
    assert [day["received_minutes"] for day in report["days"]] == [20] * len(layouts)
    assert world.check()["new_warnings"] == []
