"""Google's two addresses: an index that lies deeper than the base from which its lines begin."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest
import stamina

from bluezone_agent.core.diagnosis_keys.signed_index import (
    SIGNED_INDEX_NAME,
    ListedFile,
    SignedIndex,
    write_signed_index,
)
from bluezone_agent.errors import ConfigError
from bluezone_agent.key_sources import SourceAddress, open_source
from bluezone_agent.key_sources.index import LONGEST_PATH
from tests.diagnosis_keys import AUTHORITY, NOW_S
from tests.key_sources.reading import files_of, visited
from tests.key_sources.server import Answer, Site, serving

FILE = "1593633600-1593633900-00001.zip"


@pytest.fixture(autouse=True)
def _no_pauses() -> Iterator[None]:
    with stamina.set_testing(True, attempts=1):
        yield


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as started:
        yield started


def bucket(site: Site, *folders: str, above: str = "") -> None:
    """Fill a bucket as the key server does: index and files in one folder, whose whole path each line begins with."""
    root = "/".join(folders)
    site.answers = {
        f"/{above}{root}/index.txt": Answer(f"{root}/{FILE}\n{root}/2.zip".encode()),
        f"/{above}{root}/{FILE}": Answer(b"one"),
        f"/{above}{root}/2.zip": Answer(b"two"),
    }


@pytest.mark.parametrize("folders", [("region-VN",), ("24h", "region"), ("keys", "keys")])
@pytest.mark.parametrize("above", ["", "bucket/", "keys/"])
def test_the_lines_begin_at_the_location_where_the_index_is_named(
    site: Site, folders: tuple[str, ...], above: str
) -> None:
    bucket(site, *folders, above=above)
    root = "/".join(folders)
    address = SourceAddress(site.url + above, index=f"{root}/index.txt")
    assert [(f.name, f.data) for f in files_of(address)] == [(f"{root}/{FILE}", b"one"), (f"{root}/2.zip", b"two")]
    assert len(site.requests) == 3
    assert open_source(address).name == f"{site.url}{above}{root}/index.txt", "each region of a bucket is a source"


@pytest.mark.parametrize("folders", [("region-VN",), ("24h", "region"), ("keys", "keys")])
@pytest.mark.parametrize("above", ["", "bucket/", "keys/"])
def test_the_folder_of_the_index_will_do_as_location(site: Site, folders: tuple[str, ...], above: str) -> None:
    bucket(site, *folders, above=above)
    root = "/".join(folders)
    found = files_of(f"{site.url}{above}{root}/")
    assert [(f.name, f.data) for f in found] == [(f"{root}/{FILE}", b"one"), (f"{root}/2.zip", b"two")]
    assert len(site.requests) <= 1 + 3 + 1, "the base is found once"


def test_a_signed_index_beside_the_named_one_lists_its_own_folder(site: Site) -> None:
    """It is our format, whose paths begin at its own folder wherever that is served."""
    index = SignedIndex(1, NOW_S, NOW_S + 9, (ListedFile("gaen/1.zip", hashlib.sha256(b"zip").hexdigest()),), 2, "VN/x")
    site.answers = {
        "/r/index.txt": Answer(b"elsewhere.zip"),
        f"/r/{SIGNED_INDEX_NAME}": Answer(write_signed_index(index, AUTHORITY)),
        "/r/gaen/1.zip": Answer(b"zip"),
    }
    found = visited(SourceAddress(site.url, index="r/index.txt"), trust=AUTHORITY.verification_key)
    assert (found.index, [f.data for f in found.files], found.missing) == (index, [b"zip"], [])


def test_lines_below_the_index_are_tried_first(site: Site) -> None:
    """Our own folder, served as /gaen/, lists gaen/1.zip as well."""
    site.answers = {"/gaen/index.txt": Answer(b"gaen/1.zip"), "/gaen/gaen/1.zip": Answer(b"right")}
    site.answers["/gaen/1.zip"] = Answer(b"wrong")
    assert [f.data for f in files_of(site.url + "gaen/")] == [b"right"]


def test_a_file_that_is_nowhere_is_missing_where_it_should_be(site: Site) -> None:
    bucket(site, "region-VN")
    site.answers = {"/region-VN/index.txt": Answer(b"region-VN/1.zip")}
    (missing,) = visited(SourceAddress(site.url, index="region-VN/index.txt")).missing
    assert str(missing.error) == f"{site.url}region-VN/1.zip answers 404 Not Found"


@pytest.mark.parametrize("line", ["../1.zip", "/1.zip", "https://elsewhere/1.zip", "a//b.zip", "a b.zip"])
def test_a_line_outside_the_base_is_named_with_the_way_out(site: Site, line: str) -> None:
    site.answers = {"/r/index.txt": Answer(f"r/1.zip\n{line}".encode())}
    error = visited(SourceAddress(site.url, index="r/index.txt")).error
    assert str(error) == f"line 2 of {site.url}r/index.txt is not a path below the location: {line}"
    assert error is not None
    assert "the location and the index in [[source]]" in error.hint


def test_a_name_of_any_length_is_not_kept(site: Site) -> None:
    name = "a" * LONGEST_PATH
    site.answers = {"/index.txt": Answer(name.encode()), f"/{name}": Answer(b"zip")}
    assert len(files_of(site.url)) == 1
    site.answers["/index.txt"] = Answer(f"{name}a".encode())
    error = str(visited(site.url).error)
    assert f"line 1 of {site.url}index.txt has 201 characters; at most 200 are allowed: aaa" in error


@pytest.mark.parametrize("index", ["/index.txt", "../index.txt", "a/./index.txt", "https://x/index.txt", "a?b", "a b"])
def test_an_index_that_is_not_below_the_location_is_a_mistake(index: str) -> None:
    with pytest.raises(ConfigError, match="is not a path below the location") as caught:
        open_source(SourceAddress("https://x/", index=index))
    assert "region-VN/index.txt" in caught.value.hint


@pytest.mark.parametrize(
    ("location", "layout"), [("/srv/keys", "folder"), ("https://x/1.zip", "file"), ("https://x/", "dp3t")]
)
def test_other_layouts_have_no_index_to_name(location: str, layout: str) -> None:
    with pytest.raises(ConfigError, match=f'layout = "{layout}" takes no index'):
        open_source(SourceAddress(location, layout if layout == "dp3t" else "", index="index.txt"))
