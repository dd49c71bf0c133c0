"""Case files in a folder."""

import os
from pathlib import Path

import pytest

from bluezone_agent.errors import ConfigError, KeySourceError
from bluezone_agent.key_sources import SourceAddress, open_source
from bluezone_agent.key_sources.index import MAX_FILE
from bluezone_agent.ports import SourceFile
from tests.key_sources.reading import files_of, visited


def read(path: Path, *known: str) -> list[SourceFile]:
    return files_of(str(path), *known)


def test_without_an_index_case_files_come_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("b.zip", "a.json", "a.json.sig", "notes.txt", "c.json"):
        (tmp_path / name).write_text(name)
    (tmp_path / "folder.zip").mkdir()
    assert read(tmp_path) == [
        SourceFile("a.json", b"a.json", b"a.json.sig"),
        SourceFile("b.zip", b"b.zip"),
        SourceFile("c.json", b"c.json"),
    ]
    assert [f.name for f in read(tmp_path, "b.zip")] == ["a.json", "c.json"]


def test_with_an_index_its_order_holds_and_only_its_files_count(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("sub/2.zip", "1.zip", "unlisted.zip"):
        (tmp_path / name).write_text(name)
    (tmp_path / "index.txt").write_text("sub/2.zip\n1.zip\n")
    assert [f.name for f in read(tmp_path)] == ["sub/2.zip", "1.zip"]


def test_a_single_file_brings_its_signature(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    (tmp_path / "a.json.sig").write_text("signed")
    assert read(tmp_path / "a.json", "a.json") == [SourceFile("a.json", b"{}", b"signed")], "it may have new contents"


def test_an_empty_folder_has_nothing(tmp_path: Path) -> None:
    assert read(tmp_path) == []


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeySourceError, match=f"can't read {tmp_path}/gone: No such file") as caught:
        read(tmp_path / "gone")
    assert "location" in caught.value.hint


def test_a_listed_file_that_is_not_there_does_not_hold_back_the_others(tmp_path: Path) -> None:
    (tmp_path / "2.zip").write_text("zip")
    (tmp_path / "index.txt").write_text("1.zip\n2.zip\n")
    found = visited(str(tmp_path))
    assert [f.name for f in found.files] == ["2.zip"]
    (missing,) = found.missing
    assert str(missing.error) == f"can't read {tmp_path}/1.zip: No such file or directory"


def test_an_index_cannot_lead_out_of_its_folder(tmp_path: Path) -> None:
    (tmp_path / "outside.zip").write_text("zip")
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "index.txt").write_text("../outside.zip\n")
    with pytest.raises(
        KeySourceError, match=r"line 1 of .*/index\.txt is not a path below the location: \.\./outside\.zip"
    ):
        read(tmp_path / "keys")


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "1.zip").open("wb") as file:
        os.truncate(file.fileno(), MAX_FILE + 1)
    (missing,) = visited(str(tmp_path)).missing
    assert "1.zip is larger than" in str(missing.error)


def test_the_home_folder_can_be_written_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert open_source("~/keys").name == f"{tmp_path}/keys"


def test_a_folder_has_no_regions(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match='layout = "folder" takes no regions'):
        open_source(SourceAddress(str(tmp_path), regions=("VN",)))
